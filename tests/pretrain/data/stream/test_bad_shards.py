"""Missing, broken, foreign shards, or ones that change meanwhile, are named, with the fix."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.stream.catalogue import build, load
from components.pretrain.data.stream.shard_cache import ShardCache
from components.shards.folder import ShardFolder
from tests.pretrain.data.stream.conftest import build_catalogue, source, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "shards", [6, 6, 6])


VOCABULARY_ROW = {"label": "crab", "description": "", "images": 5, "split": "train"}


@pytest.mark.parametrize("cut", [1, 512, 5000, 10240])
def test_a_cut_tar_is_found_before_training(folder: Path, tmp_path: Path, cut: int) -> None:
    tar = folder / "00001.tar"
    tar.write_bytes(tar.read_bytes().rstrip(b"\0")[:-cut])
    with pytest.raises(InputError, match=r"00001.tar is no whole tar: it is truncated; run the stage"):
        build_catalogue(folder, tmp_path / "c")


def test_a_damaged_tar_is_named_when_it_is_read(folder: Path, tmp_path: Path) -> None:
    tar = folder / "00001.tar"
    data = bytearray(tar.read_bytes())
    data[:600] = bytes(600)
    tar.write_bytes(data)
    own = source(build_catalogue(folder, tmp_path / "c"), tmp_path / "s", BatchPartition(6), window=3)
    with pytest.raises(InputError, match=r"00001.tar"):
        for step in range(3):
            own.read(step)


def test_an_index_of_another_layout_names_the_column(folder: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "text": ["x"]}), folder / "00001.parquet")
    with pytest.raises(InputError, match=r"00001.parquet is not an index of pictures: it lacks the column key"):
        build_catalogue(folder, tmp_path / "c")


def test_an_index_that_is_no_parquet_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "00001.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"00001.parquet is not an index"):
        build_catalogue(folder, tmp_path / "c")


def test_shards_without_labels_are_named(folder: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lacks the column entities; `mofi curate` writes labelled shards"):
        build_catalogue(folder, tmp_path / "c", data / "i2e" / "vocabulary.parquet")


def test_an_entity_that_is_twice_in_the_vocabulary_is_named(data: Path, tmp_path: Path) -> None:
    twice = [VOCABULARY_ROW | {"entity_id": entity} for entity in ("Q1", "Q2", "Q1")]
    pq.write_table(pa.Table.from_pylist(twice), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v.parquet has Q1 more than once; run `mofi curate` again"):
        build_catalogue(data / "i2e" / "train", tmp_path / "c", tmp_path / "v.parquet")


def test_a_vocabulary_that_is_no_parquet_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "v.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"v.parquet is not a Parquet table, or damaged \(.*run `mofi curate` again"):
        build_catalogue(data / "i2e" / "train", tmp_path / "c", tmp_path / "v.parquet")


@pytest.mark.usefixtures("ray_cluster")
def test_a_vocabulary_of_another_data_set_is_an_error_each_time(data: Path, tmp_path: Path) -> None:
    other = [VOCABULARY_ROW | {"entity_id": entity} for entity in ("Q1", "Q99")]
    pq.write_table(pa.Table.from_pylist(other), tmp_path / "v.parquet")
    shards = ShardFolder.at(data / "i2e" / "train")
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"^40 of 48 pictures show no training entity .*not from one run of `mofi cur"
        ):
            build(shards, tmp_path / "v.parquet", tmp_path / "work", 0.8)
    assert load(build(shards, tmp_path / "v.parquet", tmp_path / "work", 0.9)).dropped == {"no_class": 40}


def test_a_tar_of_another_index_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "00000.tar", folder / "00001.tar")
    own = source(build_catalogue(folder, tmp_path / "c"), tmp_path / "s", BatchPartition(6), window=3)
    with pytest.raises(InputError, match=r"00001.tar holds no picture '00001\d{4}', which its index lists"):
        for step in range(3):
            own.read(step)


@pytest.mark.parametrize("ending", [".tar", ".parquet"])
def test_a_shard_that_changes_while_the_run_goes_on_ends_it(folder: Path, tmp_path: Path, ending: str) -> None:
    own = source(build_catalogue(folder, tmp_path / "c"), tmp_path / "s", BatchPartition(6), window=1)
    own.read(0)
    for other in range(3):
        write(tmp_path / "other", [6, 6, 6, 6, 6, 9], text="another text than before")
        shutil.copy(tmp_path / "other" / f"00005{ending}", folder / f"0000{other}{ending}")
    with pytest.raises(InputError, match=rf"0000\d{ending} has changed since this run began to read it; wait until"):
        own.read(1)


def test_a_shard_that_goes_while_the_run_goes_on_is_named(folder: Path, tmp_path: Path) -> None:
    own = source(build_catalogue(folder, tmp_path / "c"), tmp_path / "s", BatchPartition(6), window=1)
    own.read(0)
    for tar in folder.glob("*.tar"):
        tar.unlink()
    with pytest.raises(InputError, match=r"\d.tar is missing; it was there when the run began"):
        own.read(1)


def test_a_tar_that_goes_or_changes_after_its_table_was_made_is_named(folder: Path, tmp_path: Path) -> None:
    catalogue = load(build_catalogue(folder, tmp_path / "c"))
    ShardCache(catalogue, tmp_path / "s", 6).open(0)
    tar = folder / "00000.tar"
    tar.write_bytes(tar.read_bytes() + bytes(512))
    with pytest.raises(InputError, match=r"00000.tar has changed since this run began to read it; wait until"):
        ShardCache(catalogue, tmp_path / "s", 6).open(0)
    tar.unlink()
    with pytest.raises(InputError, match=r"00000.tar is missing; it was there when the run began. Put it back"):
        ShardCache(catalogue, tmp_path / "s", 6).open(0)
