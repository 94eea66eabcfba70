"""A real disk with any room from none to enough: old result or new, and with room the new one."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shards.format import SUCCESS
from components.shards.writer import Row, write_shard
from components.storage.arrays import new_array, save_array
from components.storage.atomic import new_file, new_folder, publish_folder
from components.storage.json_files import write_json
from tests.small_disk import can_mount, trials

SIZE = 20_000  # bytes: five pages


def _fill(folder: Path, word: str) -> None:
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.txt").write_bytes(word.encode().ljust(SIZE))


def published(disk: Path, _: Path, word: str) -> None:
    shutil.rmtree(disk / "work", ignore_errors=True)
    _fill(disk / "work", word)
    publish_folder(disk / "work", disk / "out")


def published_from_another_disk(disk: Path, elsewhere: Path, word: str) -> None:
    shutil.rmtree(elsewhere / "work", ignore_errors=True)
    _fill(elsewhere / "work", word)
    publish_folder(elsewhere / "work", disk / "out")


def new_one(disk: Path, _: Path, word: str) -> None:
    with new_folder(disk / "out") as folder:
        _fill(folder / "in", word)


def file(disk: Path, _: Path, word: str) -> None:
    with new_file(disk / "out.txt") as partial:
        partial.write_bytes(word.encode().ljust(SIZE))


def numbers(disk: Path, _: Path, word: str) -> None:
    write_json(disk / "out.json", [word] * 4000)


def arrays(disk: Path, _: Path, word: str) -> None:
    with new_folder(disk / "out") as folder:
        save_array(folder / "kept.npy", np.full(SIZE, ord(word[0]), np.uint8))
        new_array(folder / "mapped.npy", np.uint8, (SIZE,))[:] = ord(word[0])


def table(disk: Path, _: Path, word: str) -> None:
    numbers = np.random.default_rng(ord(word[0])).random(SIZE // 8)
    with new_folder(disk / "out") as folder:
        pq.write_table(pa.table({"number": numbers}), folder / "table.parquet")


def shard(disk: Path, _: Path, word: str) -> None:
    picture = np.random.default_rng(ord(word[0])).bytes(SIZE)
    record = {"key": "000000000", "status": SUCCESS, "url": "http://a.example/1.png", "caption": word}
    with new_folder(disk / "out") as folder:
        write_shard(folder, 0, [Row(record, picture, "png")])


STORES = (published, published_from_another_disk, new_one, file, numbers, arrays, table, shard)


@pytest.mark.skipif(not can_mount(), reason="nothing can be mounted here")
@pytest.mark.parametrize("store", STORES, ids=lambda store: store.__name__)
def test_a_disk_with_any_room_keeps_the_old_result_until_the_new_one_is_whole(store: object) -> None:
    found = trials(f"{__name__}:{getattr(store, '__name__', '')}")
    *failed, done = found
    assert done.end == "done"
    assert failed
    new = done.after
    assert done.kept == new != done.old
    for trial in failed:
        assert trial.end == "full" or trial.end.startswith("sentence: "), trial
        assert trial.kept in (trial.old, new), trial
        assert trial.after == new, trial
