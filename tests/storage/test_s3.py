"""A real S3 endpoint: objects come and go whole; a refusal is reported at once with its fix."""

import random
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from components.errors import InputError, SetupError
from components.storage.s3 import Prefix, _client
from tests.endpoint import BUCKET, KEY, SECRET, Endpoint


@pytest.fixture
def prefix(s3: Endpoint, request: pytest.FixtureRequest) -> Prefix:
    """One that nobody else uses."""
    return Prefix.of(f"s3://{BUCKET}/{request.node.name}")


@pytest.mark.parametrize(
    ("location", "bucket", "folder"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/c", "b", "c/"),
        ("s3://b/c/d/", "b", "c/d/"),
    ],
)
def test_a_prefix_is_a_bucket_and_a_folder(location: str, bucket: str, folder: str) -> None:
    assert Prefix.of(location) == Prefix(bucket, folder)
    assert str(Prefix.of(location)) == f"s3://{bucket}/{folder}"


@pytest.mark.parametrize("location", ["s3://", "s3:///x", "bucket/x", "gs://bucket/x"])
def test_a_location_without_a_bucket_is_an_error(location: str) -> None:
    with pytest.raises(InputError, match=r"names no bucket; write s3://BUCKET/PREFIX"):
        Prefix.of(location)


@pytest.mark.parametrize("size", [0, 100, 40 * 2**20 + 1], ids=["empty", "small", "in-pieces"])
def test_a_file_becomes_an_object_and_replaces_one_of_its_name(
    prefix: Prefix, s3: Endpoint, tmp_path: Path, size: int
) -> None:
    (tmp_path / "x").write_bytes(random.Random(1).randbytes(size))
    prefix.write("x.tar", b"older, longer than nothing")
    prefix.put(tmp_path / "x", "x.tar")
    assert (s3.folder / BUCKET / prefix.folder / "x.tar").read_bytes() == (tmp_path / "x").read_bytes()


def test_names_are_those_directly_under_the_prefix(prefix: Prefix) -> None:
    assert prefix.names() == set()
    for name in ("a", "b.txt", "deeper/c"):
        prefix.write(name)
    assert prefix.names() == {"a", "b.txt"}


def test_versions_are_of_all_objects_under_the_prefix_and_tell_equal_contents_from_others(prefix: Prefix) -> None:
    for name, data in {"a": b"one", "deeper/b": b"one", "deeper/c": b"two"}.items():
        prefix.write(name, data)
    versions = prefix.versions()
    assert sorted(versions) == ["a", "deeper/b", "deeper/c"]
    assert versions["a"] == versions["deeper/b"] != versions["deeper/c"]
    assert {version.size for version in versions.values()} == {3}


@pytest.mark.parametrize("size", [0, 100, 40 * 2**20 + 1], ids=["empty", "small", "in-pieces"])
def test_an_object_becomes_a_file(prefix: Prefix, tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(random.Random(1).randbytes(size))
    prefix.put(tmp_path / "x", "deeper/x")
    prefix.get("deeper/x", tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == (tmp_path / "x").read_bytes()


def test_an_object_that_is_not_there_is_named(prefix: Prefix, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s3://.*/nothing cannot be read: "):
        prefix.get("nothing", tmp_path / "y")


def test_objects_are_deleted_whether_they_are_there_or_not_in_several_requests(
    prefix: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.storage.s3._AT_ONCE", 10)
    for n in range(25):
        prefix.write(f"{n}")
    prefix.delete([*(f"{n}" for n in range(1, 25)), "never there"])
    assert prefix.names() == {"0"}
    prefix.delete([])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_ACCESS_KEY_ID", "wrong", "Access Key Id you provided does not exist"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "signature"),
        ("AWS_ACCESS_KEY_ID", None, "credentials"),
        ("AWS_ENDPOINT_URL", "nonsense", "Invalid endpoint: nonsense"),
    ],
    ids=["key", "secret", "none", "endpoint"],
)
def test_wrong_credentials_are_reported_at_once_with_the_fix(
    prefix: Prefix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, said: str
) -> None:
    monkeypatch.setattr(time, "sleep", _must_not_wait)
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    _client.cache_clear()
    (tmp_path / "x").touch()
    for action, what in (
        (lambda: prefix.put(tmp_path / "x", "x.tar"), "x.tar cannot be written"),
        (lambda: prefix.write("x.tar"), "x.tar cannot be written"),
        (lambda: prefix.delete(["x.tar", "y"]), "x.tar and 1 more cannot be deleted"),
        (prefix.names, "/ cannot be listed"),
        (prefix.versions, "/ cannot be listed"),
    ):
        with pytest.raises(InputError) as caught:
            action()
        assert f"s3://{BUCKET}/" in str(caught.value)
        assert what in str(caught.value)
        assert said in str(caught.value)
        assert "AWS_ENDPOINT_URL" in str(caught.value)
        assert SECRET not in str(caught.value)
        assert KEY not in str(caught.value)


def test_a_download_with_wrong_credentials_is_reported_at_once_with_the_fix(
    prefix: Prefix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix.write("x.tar")
    monkeypatch.setattr(time, "sleep", _must_not_wait)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    _client.cache_clear()
    with pytest.raises(InputError, match=r"x\.tar cannot be read: .*\(403\).*; check the bucket, the credentials"):
        prefix.get("x.tar", tmp_path / "y")


def test_a_bucket_that_is_not_there_is_named(s3: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"s3://no-such-bucket/a/x cannot be written: .*bucket does not exist; check the"
    ):
        Prefix.of("s3://no-such-bucket/a").write("x")


def test_a_server_that_does_not_answer_is_asked_again_and_then_named(
    prefix: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    _client.cache_clear()
    with pytest.raises(SetupError, match=r"x cannot be written after 7 attempts: .*127\.0\.0\.1:9.*AWS_ENDPOINT_URL"):
        prefix.write("x")
    assert [pause for pause in pauses if pause in (1, 2, 4, 8, 16, 32)] == [1, 2, 4, 8, 16, 32]


def test_an_upload_that_fails_once_is_tried_again_with_the_whole_file(
    prefix: Prefix, s3: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    (tmp_path / "x").write_bytes(b"whole")
    client = _client()
    real, failures = client.upload_fileobj, [503]

    def fails_once(stream: object, *arguments: object, **options: object) -> None:
        if failures:
            stream.read(3)  # type: ignore[attr-defined]
            answer = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": failures.pop()}}
            raise ClientError(answer, "PutObject")
        real(stream, *arguments, **options)

    monkeypatch.setattr(client, "upload_fileobj", fails_once)
    prefix.put(tmp_path / "x", "x")
    assert not failures
    assert s3.objects(prefix.folder) == {"x": b"whole"}


def test_a_refusal_inside_an_answer_to_a_deletion_is_an_error(prefix: Prefix, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"Errors": [{"Key": "x", "Code": "AccessDenied", "Message": "no"}]}
    monkeypatch.setattr(_client(), "delete_objects", lambda **_: refused)
    with pytest.raises(InputError, match=r"x cannot be deleted: .*AccessDenied.* no; check the bucket"):
        prefix.delete(["x"])


def _must_not_wait(_: float) -> None:
    raise AssertionError("a refusal was tried again")
