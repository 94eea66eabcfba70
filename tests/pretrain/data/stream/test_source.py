"""The pictures and texts of a step, and the substitutes of bad pictures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from components.errors import InputError
from components.images.decode import decode
from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.picture_cache import KEPT_CACHES
from components.pretrain.data.stream.catalogue import load
from components.pretrain.data.stream.shard_cache import ShardCache
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from components.storage.mirror import CACHE_VARIABLE
from tests.pretrain.conftest import drawing
from tests.pretrain.data.stream.conftest import build_catalogue, source, write

BAD = {(0, 1): b"no picture", (0, 3): drawing(0, 3)[:60], (2, 0): b""}


def test_a_picture_comes_with_its_own_text(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [5, 3, 4]), tmp_path / "c")
    drawn = source(catalogued, tmp_path / "s", BatchPartition(12)).read(0)
    assert sorted(drawn.alt_texts) == [f"text {s} {p}" for s, size in enumerate([5, 3, 4]) for p in range(size)]
    for picture, text in zip(drawn.pictures, drawn.alt_texts, strict=True):
        shard, place = map(int, text.split()[1:])
        np.testing.assert_array_equal(picture, decode(drawing(shard, place), 32, quick=True))
    assert drawn.classes is None
    assert not drawn.skipped


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_workers_together_draw_every_picture_once_an_epoch(tmp_path: Path, workers: int) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [7, 12, 5, 0, 12]), tmp_path / "c")
    texts: Counter[str] = Counter()
    for rank in range(workers):
        own = source(catalogued, tmp_path / "s", BatchPartition(12, rank, workers))
        for step in range(3):
            texts.update(own.read(step).alt_texts)
    assert texts == {f"text {s} {p}": 1 for s, size in enumerate([7, 12, 5, 0, 12]) for p in range(size)}


def test_workers_together_have_what_one_worker_has(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [7, 12, 5], BAD), tmp_path / "c")
    for step in range(4):
        whole = source(catalogued, tmp_path / "s", BatchPartition(8)).read(step)
        parts = [source(catalogued, tmp_path / "s", BatchPartition(8, rank, 2)).read(step) for rank in range(2)]
        np.testing.assert_array_equal(np.concatenate([part.pictures for part in parts]), whole.pictures)
        assert [text for part in parts for text in part.alt_texts] == whole.alt_texts


def test_a_bad_picture_is_counted_and_another_of_its_window_stands_in(tmp_path: Path) -> None:
    good = build_catalogue(write(tmp_path / "good", [5, 3, 4]), tmp_path / "g")
    some = build_catalogue(write(tmp_path / "some", [5, 3, 4], BAD), tmp_path / "c")
    partition = BatchPartition(12)
    expected = source(good, tmp_path / "sg", partition, window=3).read(0)
    drawn = source(some, tmp_path / "s", partition, window=3).read(0)
    assert drawn.skipped >= 3
    replaced = [i for i, text in enumerate(expected.alt_texts) if drawn.alt_texts[i] != text]
    assert {expected.alt_texts[i] for i in replaced} == {"text 0 1", "text 0 3", "text 2 0"}
    for i in replaced:
        shard, place = map(int, drawn.alt_texts[i].split()[1:])
        assert (shard, place) not in BAD
        np.testing.assert_array_equal(drawn.pictures[i], decode(drawing(shard, place), 32, quick=True))


def test_a_window_without_a_good_picture_is_an_error(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [3], {(0, p): b"bad" for p in range(3)}), tmp_path / "c")
    with pytest.raises(InputError, match=r"shards: none of 3 pictures of a window can be decoded"):
        source(catalogued, tmp_path / "s", BatchPartition(2)).read(0)


def test_a_folder_named_by_url_is_read_without_copies(tmp_path: Path) -> None:
    folder = write(tmp_path / "shards", [5, 3])
    own = source(build_catalogue(f"file://{folder}", tmp_path / "c"), tmp_path / "s", BatchPartition(8))
    assert len(set(own.read(0).alt_texts)) == 8
    assert not list((tmp_path / "s").glob("*.tar"))


def test_scratch_space_does_not_grow_with_the_data(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [2] * 24), tmp_path / "c")
    own = source(catalogued, tmp_path / "s", BatchPartition(4), window=2)
    for step in range(24):
        own.read(step)
        assert len(list((tmp_path / "s").glob("*.arrow"))) <= 6
    assert len({path.name for path in (tmp_path / "s").iterdir()}) <= 12, "nothing else is left lying about"


def test_scratch_space_is_for_what_the_machine_s_own_workers_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", [8] * 48), tmp_path / "c")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    own = source(catalogued, tmp_path / "s", BatchPartition(48, 5, 12), window=24)
    for step in range(16):
        own.read(step)
    assert len(list((tmp_path / "s").glob("*.arrow"))) <= 3 * 2 * (24 // 12 + 2), "of 3 windows of 24 shards"


def test_a_machine_s_own_folder_keeps_shards_of_a_few_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mirror"))
    write(tmp_path / "shards", [3, 3])
    sources = []
    for number in range(KEPT_CACHES + 2):
        sources.append(
            source(build_catalogue(tmp_path / "shards", tmp_path / f"c{number}"), tmp_path / "s", BatchPartition(6))
        )
        sources[-1].read(0)
        folders = {path.name for path in (tmp_path / "mirror" / "shards").iterdir()}
        assert f"c{number}" in folders
        assert len(folders) <= KEPT_CACHES
    assert not (tmp_path / "s").exists()
    assert "c0" not in folders
    assert len(sources[0].read(1).alt_texts) == 6, "a source whose folder was deleted still works"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process maps")
def test_a_process_closes_shards_that_another_one_evicted(tmp_path: Path) -> None:
    catalogue = load(build_catalogue(write(tmp_path / "shards", [2] * 8), tmp_path / "c"))
    scratch = tmp_path / "s"
    one, other = (ShardCache(catalogue, scratch, 3) for _ in range(2))
    for shard in range(3):
        one.open(shard)
    for shard in range(3, 7):
        other.open(shard)
    del other
    assert removed_but_mapped(scratch) == 3
    one.open(7)
    assert removed_but_mapped(scratch) == 0


def removed_but_mapped(folder: Path) -> int:
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return sum(str(folder) in line and line.endswith("(deleted)") for line in lines)


def test_classes_are_those_of_the_vocabulary_padded_to_the_most_of_any_picture(data: Path, tmp_path: Path) -> None:
    vocabulary = data / "i2e" / "vocabulary.parquet"
    catalogued = build_catalogue(data / "i2e" / "train", tmp_path / "c", vocabulary)
    drawn = source(catalogued, tmp_path / "s", BatchPartition(48)).read(0)
    assert drawn.classes is not None
    names = ["crab", "whale", "mango", "diesel", "turkey", "crane"]
    assert [names[number] for number in drawn.classes[:, 0]] == [text.split()[0] for text in drawn.alt_texts]


def test_pictures_that_a_recipe_cannot_use_are_left_out(data: Path, tmp_path: Path) -> None:
    write(tmp_path / "shards", [4, 3], text=" ")
    rows = [
        Row({"key": picture_key(1, p), "status": "success", "caption": ["", "  ", "x"][p]}, drawing(1, p))
        for p in range(3)
    ]
    write_shard(tmp_path / "shards", 1, rows)
    own = source(build_catalogue(tmp_path / "shards", tmp_path / "c"), tmp_path / "s", BatchPartition(5))
    assert own.catalogue.dropped == {"no_alt_text": 2}
    assert len(own.order) == 5
    assert own.read(0).alt_texts.count("x") == 1
