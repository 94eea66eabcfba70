"""A copy of what lies under a prefix of a real S3 endpoint: whole, and made once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.errors import InputError
from components.storage.mirror import Mirror, file_names, local
from components.storage.s3 import Prefix, _client
from tests.endpoint import BUCKET, Endpoint

OBJECTS = {"table": b"abc", "names/00000": b"0", "names/00001": b"1"}


@pytest.fixture
def prefix(s3: Endpoint, request: pytest.FixtureRequest) -> Prefix:
    """One with some objects, two of them in a folder below it."""
    prefix = Prefix.of(f"s3://{BUCKET}/{request.node.name}")
    for name, data in OBJECTS.items():
        prefix.write(name, data)
    return prefix


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each object was downloaded."""
    counts, get = Counter[str](), Prefix.get

    def counted(self: Prefix, name: str, file: Path) -> None:
        counts[name] += 1
        get(self, name, file)

    monkeypatch.setattr(Prefix, "get", counted)
    return counts


def look(prefix: Prefix, cache: Path) -> Mirror:
    return Mirror.of(prefix, holds="table", fix="make one", cache=cache)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def copies(cache: Path) -> list[Path]:
    return [path for path in cache.glob("*/*") if path.is_dir()]


def test_a_copy_holds_all_objects_under_their_names(prefix: Prefix, tmp_path: Path) -> None:
    assert contents(look(prefix, tmp_path).folder()) == OBJECTS


def test_a_copy_that_is_there_is_used_without_a_question(
    prefix: Prefix, tmp_path: Path, fetched: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = look(prefix, tmp_path)
    first = mirror.folder()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nobody answers
    _client.cache_clear()
    assert mirror.folder() == first
    assert fetched == dict.fromkeys(OBJECTS, 1)


def test_of_many_that_ask_at_once_one_makes_the_copy(prefix: Prefix, tmp_path: Path, fetched: Counter[str]) -> None:
    mirror = look(prefix, tmp_path)
    with ThreadPoolExecutor(8) as threads:
        assert len({*threads.map(lambda _: mirror.folder(), range(8))}) == 1
    assert fetched == dict.fromkeys(OBJECTS, 1)


def test_what_a_killed_process_left_is_no_part_of_the_copy(prefix: Prefix, tmp_path: Path) -> None:
    mirror = look(prefix, tmp_path)
    left = mirror.folder().rename(tmp_path / "left")
    (left / "table").write_bytes(b"a")
    (left / "more").touch()
    (cache,) = tmp_path.glob("*/lock")
    left.rename(cache.with_name("unfinished"))
    assert contents(mirror.folder()) == OBJECTS
    assert copies(tmp_path) == [mirror.folder()]


@pytest.mark.parametrize(("name", "data"), [("table", b"xyz"), ("names/00002", b""), ("table", b"longer")])
def test_another_object_is_noticed_and_gives_another_copy_in_the_place_of_the_first(
    prefix: Prefix, tmp_path: Path, name: str, data: bytes
) -> None:
    first = look(prefix, tmp_path)
    old = first.folder()
    prefix.write(name, data)
    with pytest.raises(InputError, match=r"s3://.*/ has changed since this run began to read it; wait"):
        first.check_unchanged()
    second = look(prefix, tmp_path)
    assert contents(second.folder()) == OBJECTS | {name: data}
    assert copies(tmp_path) == [second.folder()] != [old]


def test_a_worker_takes_no_other_objects_than_the_stage_saw(prefix: Prefix, tmp_path: Path) -> None:
    mirror = look(prefix, tmp_path)
    prefix.delete(["names/00001"])
    with pytest.raises(InputError, match=r"s3://.*/ has changed since this run began to read it"):
        mirror.folder()
    assert not any((path / "table").exists() for path in copies(tmp_path) if path.name == mirror.mark)


def test_the_same_objects_under_another_prefix_have_the_same_mark(prefix: Prefix, tmp_path: Path) -> None:
    other = Prefix(BUCKET, f"{prefix.folder}names/again/")
    first = look(prefix, tmp_path).mark
    for name, data in OBJECTS.items():
        other.write(name, data)
    assert look(other, tmp_path).mark == first


def test_a_machine_may_name_a_folder_of_its_own_for_copies(
    prefix: Prefix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOFI_MIRROR", str(tmp_path / "own"))
    assert look(prefix, tmp_path / "shared").folder().is_relative_to(tmp_path / "own")
    assert not (tmp_path / "shared").exists()


def test_a_prefix_without_the_file_that_is_looked_for_is_named_with_the_mend(prefix: Prefix, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s3://.*/ holds no base; build one, and check the bucket and the prefix"):
        Mirror.of(prefix, holds="base", fix="build one", cache=tmp_path)


def test_a_folder_of_this_machine_is_used_where_it_lies(tmp_path: Path) -> None:
    assert local(tmp_path) == tmp_path


def test_objects_that_stand_for_folders_are_left_out() -> None:
    assert file_names(["a", "names/", "names/b"], "s3://bucket/") == ["a", "names/b"]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_no_object_becomes_a_file_outside_the_copy(name: str) -> None:
    with pytest.raises(InputError, match=r"s3://bucket/.*x is not a file of a folder"):
        file_names(["a", name], "s3://bucket/")
