"""Batches straight from shards: exact resume, in any process, from a disk and from a bucket."""

import multiprocessing
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch

from components.errors import InputError
from components.pretrain.data.batch import Batch, BatchPartition
from components.shards.format import shard_name
from components.storage.s3 import Prefix
from tests import ROOT
from tests.endpoint import BUCKET, Endpoint
from tests.pretrain.data.stream.conftest import build_catalogue, loader, write
from tests.pretrain.data.test_loader import length_tokens, words

SIZES = [7, 12, 5, 8]


def the_tokenizer(tokenizer: object) -> object:
    return tokenizer


@pytest.fixture
def labelled(data: Path, tmp_path: Path) -> Path:
    return build_catalogue(data / "i2e" / "train", tmp_path / "c", data / "i2e" / "vocabulary.parquet")


def assert_equal(one: Batch, two: Batch) -> None:
    assert one.step == two.step
    assert torch.equal(one.pictures, two.pictures)
    assert words(one) == words(two)
    assert one.target is not None and two.target is not None and torch.equal(one.target, two.target)
    assert one.entities is not None and two.entities is not None and torch.equal(one.entities, two.entities)


def test_batches_are_the_same_from_any_step_and_in_any_processes(labelled: Path, tmp_path: Path) -> None:
    tokenizer = partial(the_tokenizer, length_tokens)
    own = loader(labelled, tmp_path / "s", BatchPartition(8), tokenizer=tokenizer)
    straight = list(own.batches(0, 14))
    assert [batch.step for batch in straight] == list(range(14))
    for batch, step in zip(own.batches(5, 8), range(5, 8), strict=True):
        assert_equal(batch, straight[step])
    others = loader(labelled, tmp_path / "other", BatchPartition(8), decoders=2, tokenizer=tokenizer)
    made = list(others.batches(3, 14))
    assert len(made) == 11
    for batch in made:
        assert_equal(batch, straight[batch.step])
    assert not [p for p in multiprocessing.active_children() if p.name.startswith("Process") and p.exitcode is None]


_ENDLESS = """
import sys
from pathlib import Path
from components.pretrain.data.batch import BatchPartition
from tests.pretrain.data.stream.conftest import loader

if __name__ == "__main__":
    for number, _ in enumerate(loader(Path(sys.argv[1]), Path(sys.argv[2]), BatchPartition(8), decoders=2).batches(0, 10**6)):
        if number == 3:
            print("running", flush=True)
            sys.stdin.read()
"""


def test_a_trainer_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", SIZES), tmp_path / "c")
    (tmp_path / "endless.py").write_text(_ENDLESS, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "endless.py"), str(catalogued), str(tmp_path / "s")]
    paths = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | paths
    ) as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == "running\n"
        children = psutil.Process(trainer.pid).children(recursive=True)
        assert len(children) >= 3
        trainer.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    for process in alive:
        process.kill()
    assert not alive


def test_errors_of_other_processes_come_out_as_they_are(tmp_path: Path) -> None:
    catalogued = build_catalogue(write(tmp_path / "shards", SIZES), tmp_path / "c")
    own = loader(catalogued, tmp_path / "s", BatchPartition(8), decoders=1)
    for tar in (tmp_path / "shards").glob("*.tar"):
        tar.unlink()
    with pytest.raises(InputError, match=r"^\S+\.tar is missing; it was there when the run began\. Put it back"):
        list(own.batches(0, 4))


def test_too_many_bad_pictures_stop_the_training(tmp_path: Path) -> None:
    bad = {(0, place): b"bad" for place in range(0, 120, 3)}
    catalogued = build_catalogue(write(tmp_path / "shards", [120], bad), tmp_path / "c")
    with pytest.raises(
        InputError,
        match=r"of \d+ pictures of \S+ cannot be decoded, more than pretrain.max_error_share = 0.1",
    ):
        list(loader(catalogued, tmp_path / "s", BatchPartition(8)).batches(0, 40))
    batches = list(loader(catalogued, tmp_path / "s", BatchPartition(8), max_error_share=0.9).batches(0, 15))
    assert sum(batch.skipped for batch in batches) >= 40


def upload(folder: Path, prefix: Prefix) -> None:
    for path in sorted(folder.iterdir()):
        prefix.put(path, path.name)


def test_a_bucket_gives_what_a_folder_does_and_leaves_only_a_few_shards_on_disk(s3: Endpoint, tmp_path: Path) -> None:
    sizes = [6] * 10
    prefix = Prefix.of(f"s3://{BUCKET}/stream")
    upload(write(tmp_path / "shards", sizes), prefix)
    here = loader(build_catalogue(tmp_path / "shards", tmp_path / "c"), tmp_path / "s", BatchPartition(12))
    there = loader(build_catalogue(str(prefix).rstrip("/"), tmp_path / "c3"), tmp_path / "s3", BatchPartition(12))
    for one, two in zip(here.batches(0, 12), there.batches(0, 12), strict=True):
        assert torch.equal(one.pictures, two.pictures)
        assert len(list((tmp_path / "s3").glob("*.tar"))) <= 3 * 2 + 4, "three windows, and what is being fetched"
    assert len(list((tmp_path / "s3").glob("*.tar"))) <= 3 * 2


def test_objects_that_change_end_the_run(s3: Endpoint, tmp_path: Path) -> None:
    prefix = Prefix.of(f"s3://{BUCKET}/changing")
    upload(write(tmp_path / "shards", SIZES), prefix)
    there = loader(build_catalogue(str(prefix).rstrip("/"), tmp_path / "c"), tmp_path / "s", BatchPartition(8))
    for number in range(len(SIZES)):
        data = bytearray((tmp_path / "shards" / f"{shard_name(number)}.tar").read_bytes())
        data[600] ^= 1  # as many bytes as before
        prefix.write(f"{shard_name(number)}.tar", bytes(data))
    with pytest.raises(InputError, match=r"s3://crawls/changing/0000\d.tar has changed since this run began"):
        list(there.batches(0, 4))


def test_a_cut_object_is_found_before_training(s3: Endpoint, tmp_path: Path) -> None:
    prefix = Prefix.of(f"s3://{BUCKET}/cut")
    upload(write(tmp_path / "shards", SIZES), prefix)
    prefix.write("00002.tar", (tmp_path / "shards" / "00002.tar").read_bytes().rstrip(b"\0")[:-512])
    with pytest.raises(InputError, match=r"s3://crawls/cut/00002.tar is no whole tar"):
        build_catalogue(str(prefix).rstrip("/"), tmp_path / "c")
