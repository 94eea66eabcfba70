"""Which shards a folder holds, whether it is whole, and what its mark counts, also in a bucket."""

import shutil
from pathlib import Path

import pytest

from components.errors import InputError
from components.shards.folder import ShardFolder
from components.shards.writer import Row, write_shard
from components.storage.s3 import Prefix
from tests.endpoint import BUCKET, Endpoint


def write(folder: Path, shards: int, caption: str = "a crab") -> Path:
    for number in range(shards):
        record = {"key": f"{number:05d}0000", "status": "success", "caption": caption}
        write_shard(folder, number, [Row(record, b"bytes of a picture")])
    return folder


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    return write(tmp_path / "crawl", 3)


@pytest.fixture
def bucket(request: pytest.FixtureRequest, s3: Endpoint, crawl: Path) -> Prefix:
    """The shards under a prefix of their own for every test."""
    prefix = Prefix.of(f"s3://{BUCKET}/{request.node.name}")
    for path in crawl.iterdir():
        prefix.put(path, path.name)
    return prefix


def test_a_folder_is_the_same_however_it_is_named(crawl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(crawl.parent)
    assert ShardFolder.at("crawl") == ShardFolder.at(Path("crawl/")) == ShardFolder.at(crawl.as_uri())
    assert ShardFolder.at("s3://b/crawl/") == ShardFolder.at("s3://b/crawl")


def test_shards_are_numbered_from_0(crawl: Path, bucket: Prefix) -> None:
    assert ShardFolder.at(crawl).numbers() == ShardFolder.at(str(bucket)).numbers() == [0, 1, 2]


def test_tars_come_in_order(crawl: Path) -> None:
    assert ShardFolder.at(crawl).local_tars() == [crawl / f"0000{number}.tar" for number in range(3)]


def test_the_tars_of_a_bucket_are_nowhere_on_this_machine(bucket: Prefix) -> None:
    with pytest.raises(InputError, match="is in a bucket; copy it to a folder of this machine"):
        ShardFolder.at(str(bucket)).local_tars()


def test_what_is_no_shard_is_not_looked_at(crawl: Path, bucket: Prefix) -> None:
    for shards in (ShardFolder.at(crawl), ShardFolder.at(str(bucket))):
        numbers, mark = shards.numbers(), shards.mark()
        if isinstance(shards.folder, Path):
            (crawl / "vocabulary.parquet").write_bytes(b"x")
        else:
            bucket.write("vocabulary.parquet")
        assert (shards.numbers(), shards.mark()) == (numbers, mark)


def test_a_folder_without_shards_says_so(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.parquet").write_bytes(b"x")
    for folder in (tmp_path, tmp_path / "missing"):
        assert not ShardFolder.at(folder).has_shards()
        for ask in (ShardFolder.numbers, ShardFolder.mark):
            with pytest.raises(InputError, match=r"holds no shard \(00000.parquet, …\); run the stage"):
                ask(ShardFolder.at(folder))


@pytest.mark.parametrize("missing", ["00001.tar", "00001.parquet", "00002.parquet", "00000.tar"])
def test_a_missing_file_is_named(crawl: Path, bucket: Prefix, missing: str) -> None:
    (crawl / missing).unlink()
    bucket.delete([missing])
    for location in (str(crawl), str(bucket)):
        with pytest.raises(InputError, match=rf"lacks {missing}, though there is shard 00002; run the stage"):
            ShardFolder.at(location).numbers()


def test_a_copy_has_the_same_mark(crawl: Path, tmp_path: Path) -> None:
    shutil.copytree(crawl, tmp_path / "copy")
    assert ShardFolder.at(tmp_path / "copy").mark() == ShardFolder.at(crawl).mark()


def test_another_text_or_another_shard_is_another_mark(crawl: Path, tmp_path: Path) -> None:
    mark = ShardFolder.at(crawl).mark()
    assert ShardFolder.at(write(tmp_path / "text", 3, "a newt")).mark() != mark
    assert ShardFolder.at(write(tmp_path / "more", 4)).mark() != mark


@pytest.mark.parametrize("name", ["00001.tar", "00001.parquet"])
def test_a_change_during_a_run_is_noticed(crawl: Path, bucket: Prefix, name: str) -> None:
    for shards in (ShardFolder.at(crawl), ShardFolder.at(str(bucket))):
        mark = shards.mark()
        shards.check_unchanged(mark)
        if isinstance(shards.folder, Path):
            (crawl / name).write_bytes(b"other")
        else:
            bucket.write(name, b"other")
        with pytest.raises(InputError, match="has changed since this run began to read it; wait until nobody writes"):
            shards.check_unchanged(mark)


def test_a_file_of_this_machine_is_read_where_it_lies_and_one_of_a_bucket_is_copied(
    crawl: Path, bucket: Prefix, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    for location, expected in ((str(crawl), crawl / "00001.tar"), (str(bucket), copy)):
        shards = ShardFolder.at(location)
        assert shards.fetch("00001.tar", shards.versions()["00001.tar"], copy) == expected
    assert copy.read_bytes() == (crawl / "00001.tar").read_bytes()


def test_a_file_of_another_version_is_refused(crawl: Path, bucket: Prefix, tmp_path: Path) -> None:
    for location in (str(crawl), str(bucket)):
        with pytest.raises(InputError, match=r"00001.tar has changed since this run began"):
            ShardFolder.at(location).fetch("00001.tar", 7, tmp_path / "copy")


def test_a_tar_that_breaks_off_is_named(crawl: Path, bucket: Prefix) -> None:
    data = (crawl / "00001.tar").read_bytes().rstrip(b"\0")
    (crawl / "00001.tar").write_bytes(data)
    bucket.write("00001.tar", data)
    for location in (str(crawl), str(bucket)):
        ShardFolder.at(location).check_tar_end("00000.tar")
        with pytest.raises(InputError, match=r"00001.tar is no whole tar: it is truncated; run the stage"):
            ShardFolder.at(location).check_tar_end("00001.tar")
