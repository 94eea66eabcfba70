"""Inputs of the label stage, in folders and in a bucket: missing ones and changes are reported."""

import re
from pathlib import Path

import pytest

from components.errors import InputError
from components.knowledge.base.fingerprint import FINGERPRINT, read_fingerprint
from components.label.inputs import Inputs
from components.label.label import label_pictures
from components.storage.mirror import CACHE_VARIABLE
from components.storage.s3 import Prefix, _client
from components.storage.work import fingerprint
from tests.endpoint import BUCKET, SECRET, Endpoint
from tests.label.conftest import Parameters, small_web, upload, write_crawl


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crawl(tmp_path_factory.mktemp("web") / "crawl", small_web(), 10)


@pytest.fixture
def bucket(request: pytest.FixtureRequest, s3: Endpoint, crawl: Path, knowledge: Path, clip: Path) -> Prefix:
    """A prefix of its own for every test, with the three inputs under it."""
    prefix = Prefix.of(f"s3://{BUCKET}/{request.node.name}")
    for name, folder in {"crawl": crawl, "knowledge": knowledge, "model": clip}.items():
        upload(folder, Prefix.of(f"{prefix}{name}"))
    return prefix


def find(bucket: Prefix) -> Inputs:
    return Inputs.find(f"{bucket}crawl", f"{bucket}knowledge", f"{bucket}model")


def test_a_file_url_is_the_folder_that_it_names(crawl: Path, knowledge: Path, clip: Path) -> None:
    urls = (crawl.as_uri(), knowledge.as_uri(), clip.as_uri())
    assert Inputs.find(*urls) == Inputs.find(crawl, knowledge, str(clip))


def test_a_crawl_in_a_bucket_has_the_shards_of_the_folder(bucket: Prefix, crawl: Path, knowledge: Path) -> None:
    assert find(bucket).crawl.numbers == Inputs.find(crawl, knowledge, "ViT-B-32").crawl.numbers == [0, 1, 2]


def test_a_crawl_whose_upload_may_be_unfinished_is_warned_about(
    bucket: Prefix, caplog: pytest.LogCaptureFixture
) -> None:
    find(bucket)
    assert "crawl/ has no _SUCCESS; if a crawl still writes there, wait for it" in caplog.text
    caplog.clear()
    Prefix.of(f"{bucket}crawl").write("_SUCCESS")
    find(bucket)
    assert not caplog.text


@pytest.mark.parametrize("built", ["now", "before there were fingerprints"])
def test_a_base_in_a_bucket_has_the_fingerprint_of_the_folder(
    bucket: Prefix, knowledge: Path, built: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if built != "now":
        Prefix.of(f"{bucket}knowledge").delete([FINGERPRINT])
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert find(bucket).knowledge_fingerprint() == read_fingerprint(knowledge)
    assert bool(list(tmp_path.iterdir())) == (built != "now")


def test_a_shard_that_a_bucket_lacks_is_named(bucket: Prefix) -> None:
    Prefix.of(f"{bucket}crawl").delete(["00001.parquet"])
    with pytest.raises(
        InputError, match=r"s3://.*/crawl/ lacks 00001.parquet, though there is shard 00002; run the stage"
    ):
        find(bucket)


@pytest.mark.parametrize("name", ["crawl/00001.tar", "crawl/00003.parquet", "knowledge/stats.json", "model/mofi.json"])
def test_an_object_that_is_replaced_or_added_is_noticed(bucket: Prefix, name: str) -> None:
    before = find(bucket)
    before.check_unchanged()
    for one in {name, name.replace(".parquet", ".tar")}:
        bucket.write(one, b"other")
    with pytest.raises(InputError, match=rf"/{name.partition('/')[0]}/ has changed since this run began"):
        before.check_unchanged()
    assert fingerprint(*find(bucket).mark) != fingerprint(*before.mark)


def test_other_objects_next_to_a_crawl_may_change(bucket: Prefix) -> None:
    before = find(bucket)
    bucket.write("crawl/notes.txt")
    before.check_unchanged()
    assert find(bucket).mark == before.mark


@pytest.mark.parametrize(
    ("option", "location", "message"),
    [
        ("crawl", "s3://no-such-bucket/crawl", "s3://no-such-bucket/crawl/ cannot be listed"),
        ("crawl", f"s3://{BUCKET}/nowhere", f"s3://{BUCKET}/nowhere/ holds no shard"),
        ("crawl", "gs://bucket/crawl", "gs://bucket/crawl cannot be used as a folder; name a path, file:// or s3://"),
        ("knowledge", f"s3://{BUCKET}/nowhere", "nowhere/ holds no entities.parquet; `mofi knowledge build`"),
        ("model", f"s3://{BUCKET}/nowhere", "nowhere/ holds no open_clip_config.json; upload a model folder"),
        ("model", "file:///nowhere", "file:///nowhere is not a folder; name a model folder"),
        ("out", "s3://no-such-bucket/labels", "s3://no-such-bucket/labels/_writable cannot be written"),
    ],
)
def test_a_missing_input_is_reported_first(
    s3: Endpoint,
    crawl: Path,
    knowledge: Path,
    clip: Path,
    knobs: Parameters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    location: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {"crawl": str(crawl), "knowledge": str(knowledge), "model": str(clip), "out": "labels"}
    with pytest.raises(InputError, match=re.escape(message)):
        label_pictures(**folders | {option: location}, parameters=knobs())
    assert not list(tmp_path.iterdir())


def test_wrong_credentials_are_reported_with_the_fix(bucket: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    _client.cache_clear()
    with pytest.raises(InputError, match=r"crawl/ cannot be listed: .*AWS_SECRET_ACCESS_KEY") as caught:
        find(bucket)
    assert SECRET not in str(caught.value)
