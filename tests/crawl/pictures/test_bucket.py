"""A crawl's destination in a bucket, at a real S3 endpoint."""

from pathlib import Path

import pytest

from components.crawl.pictures.bucket import WHOLE, begin_upload, check_bucket, finish_upload
from components.crawl.source_files import SourceFile
from components.errors import InputError
from components.shards.format import ENDINGS, shard_name
from components.storage.s3 import Prefix
from tests.endpoint import BUCKET, Endpoint


@pytest.fixture
def bucket(s3: Endpoint, request: pytest.FixtureRequest) -> Prefix:
    """Two shards and an unrelated file."""
    bucket = Prefix.of(f"s3://{BUCKET}/{request.node.name}")
    for name in (*files(0), *files(1), "notes.txt"):
        bucket.write(name, name.encode())
    return bucket


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Markers of two finished shards and of their shard maps."""
    for marker in ("shards/00000_stats.json", "shards/00001_stats.json", "maps/downloaded/markers/00000.json"):
        (tmp_path / marker).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / marker).touch()
    return tmp_path


def files(shard: int) -> list[str]:
    return [f"{shard_name(shard)}{ending}" for ending in ENDINGS]


def test_a_check_leaves_nothing_behind(bucket: Prefix) -> None:
    before = bucket.names()
    check_bucket(bucket, [])
    assert bucket.names() == before


def test_a_failed_check_names_the_object(s3: Endpoint) -> None:
    with pytest.raises(InputError, match=r"s3://nowhere/x/_writable cannot be written"):
        check_bucket(Prefix.of("s3://nowhere/x"), [])


def test_shards_are_not_read_from_the_destination(bucket: Prefix) -> None:
    with pytest.raises(
        InputError, match=r"00000.tar would be overwritten while it is read; write to another prefix than"
    ):
        check_bucket(bucket, [SourceFile("img2dataset", f"{bucket}00000.tar")])
    check_bucket(
        bucket, [SourceFile("urls", f"{bucket}list.csv"), SourceFile("img2dataset", f"s3://{BUCKET}/other/00000.tar")]
    )


def test_beginning_deletes_the_completion_marker_and_keeps_finished_shards(bucket: Prefix, work: Path) -> None:
    bucket.write(WHOLE)
    begin_upload(bucket, work / "shards", work / "maps")
    assert bucket.names() == {*files(0), *files(1), "notes.txt"}
    assert len(list(work.rglob("*.json"))) == 3


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_finished_shard_whose_object_is_gone_is_redone(bucket: Prefix, work: Path, ending: str) -> None:
    bucket.delete([f"00001{ending}"])
    begin_upload(bucket, work / "shards", work / "maps")
    assert [path.name for path in work.rglob("*.json")] == ["00000_stats.json"]


def test_a_new_crawl_begins_without_work(bucket: Prefix, tmp_path: Path) -> None:
    begin_upload(bucket, tmp_path / "shards", tmp_path / "maps")
    assert not list(tmp_path.iterdir())


def test_finishing_deletes_shards_of_a_longer_crawl_and_writes_the_marker(bucket: Prefix) -> None:
    finish_upload(bucket, 1)
    assert bucket.names() == {*files(0), "notes.txt", WHOLE}


def test_a_crawl_with_a_missing_shard_cannot_finish(bucket: Prefix) -> None:
    bucket.delete(["00000.parquet"])
    with pytest.raises(
        InputError, match=r"00000.parquet was uploaded but is missing \(4 objects are missing\).*run it again"
    ):
        finish_upload(bucket, 3)
    assert WHOLE not in bucket.names()
    assert set(files(1)) <= bucket.names()
