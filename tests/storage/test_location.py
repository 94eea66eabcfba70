import bz2
import gzip
import lzma
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from components.errors import InputError
from components.storage import location as location_module
from components.storage.location import base_of, canonical, expand, folder_at, local_copy
from components.storage.s3 import Prefix
from tests.endpoint import BUCKET, SECRET, Endpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.txt", "a.txt", "c.csv"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    """The folder behind an HTTP server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def names(locations: list[str]) -> list[str]:
    return [location.rpartition("/")[2] for location in locations]


def test_a_path_a_pattern_and_a_url_of_files(folder: Path) -> None:
    assert expand(f"{folder}/c.csv") == [f"{folder}/c.csv"]
    assert expand(f"{folder}/*.txt") == [f"{folder}/a.txt", f"{folder}/b.txt"]
    assert expand(f"file://{folder}/?.csv") == [f"file://{folder}/c.csv"]


@pytest.mark.parametrize("location", ["nowhere.csv", "no*.csv", "file:///no/where"])
def test_what_matches_nothing_is_an_error_that_says_so(location: str) -> None:
    with pytest.raises(InputError, match="matches no file"):
        expand(location)


def test_an_unknown_kind_of_storage_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match="gopher://x/y cannot be looked up"):
        expand("gopher://x/y")


def test_a_list_names_files_beside_it(folder: Path) -> None:
    (folder / "all.paths.gz").write_bytes(gzip.compress(b"b.txt\n\n/other/x.txt\ns3://bucket/y.txt\n"))
    assert expand(f"@{folder}/all.paths.gz") == [f"{folder}/b.txt", "/other/x.txt", "s3://bucket/y.txt"]


def test_a_list_on_a_server_names_files_from_its_root(folder: Path, site: str) -> None:
    (folder / "deep").mkdir()
    (folder / "deep/all.paths").write_text("a.txt\n")
    assert expand(f"@{site}/deep/all.paths") == [f"{site}/a.txt"]


def test_an_empty_list_is_an_error(folder: Path) -> None:
    (folder / "empty").write_text("\n")
    with pytest.raises(InputError, match="lists no file"):
        expand(f"@{folder}/empty")


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("line", [b"a.txt\n", b"a"], ids=["lines", "one line"])
def test_a_list_that_unfolds_without_end_is_an_error(
    folder: Path, site: str, monkeypatch: pytest.MonkeyPatch, ending: str, pack: Callable[[bytes], bytes], line: bytes
) -> None:
    monkeypatch.setattr(location_module, "_LONGEST_LIST", 1 << 20)
    (folder / f"all.paths{ending}").write_bytes(pack(line * (8_000_000 // len(line))))
    for place in (str(folder), site):
        with pytest.raises(InputError, match=f"all.paths{ending} unfolds to more than 1 MiB"):
            expand(f"@{place}/all.paths{ending}")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("all.gz", gzip.compress(b"a.txt\n" * 9)[:-9]),
        ("all.gz", b"a.txt\n"),
        ("all.xz", b"\xfd7z"),
        ("all", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
    ],
    ids=["cut", "no gzip", "no xz", "a picture"],
)
def test_a_list_that_is_damaged_or_none_is_an_error_that_names_it(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        expand(f"@{folder}/{name}")


def test_a_list_may_end_its_lines_in_any_way_and_have_a_byte_order_mark(folder: Path) -> None:
    (folder / "all").write_bytes(b"\xef\xbb\xbfa.txt\r\nb.txt\rc.csv")
    assert names(expand(f"@{folder}/all")) == ["a.txt", "b.txt", "c.csv"]


def test_a_local_file_is_its_own_copy(folder: Path) -> None:
    with local_copy(f"{folder}/a.txt") as path:
        assert path == folder / "a.txt"


def test_a_remote_file_is_copied_and_the_copy_deleted(
    folder: Path, site: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("copies")
    with local_copy(f"{site}/a.txt", place) as path:
        assert path.read_text() == "a.txt"
    assert not list(place.iterdir())


def test_a_file_that_is_not_there_is_an_error_that_names_it(folder: Path, site: str) -> None:
    for location in (f"{folder}/z.txt", f"{site}/z.txt"):
        with pytest.raises(InputError, match=r"z\.txt"), local_copy(location):
            pass


def test_a_server_that_does_not_answer_is_asked_again_and_then_named(
    monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(InputError, match="cannot be read after 4 attempts"), local_copy("http://127.0.0.1:9/x.txt"):
        pass
    assert pauses == [1, 2, 4]


# Where results go


def test_a_place_is_a_folder_or_a_prefix_of_a_bucket() -> None:
    assert folder_at("data/crawl") == folder_at(Path("data/crawl")) == Path("data/crawl")
    assert folder_at("file:///data/crawl") == Path("/data/crawl")
    assert folder_at("s3://bucket/a/b") == Prefix("bucket", "a/b/")


def test_a_folder_is_named_by_its_path_however_it_was_written_and_a_bucket_by_its_url() -> None:
    assert canonical("data/crawl") == canonical(Path("data/crawl")) == Path("data/crawl")
    assert canonical("file:///data/crawl") == Path("/data/crawl")
    assert canonical("s3://bucket/crawl") == "s3://bucket/crawl"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_list_may_be_in_any_encoding(folder: Path, encoding: str) -> None:
    (folder / "all.paths").write_bytes("été/b.txt\r\nc.csv\r\n".encode(encoding))
    assert expand(f"@{folder}/all.paths") == [f"{folder}/été/b.txt", f"{folder}/c.csv"]


@pytest.mark.parametrize("name", ["cut.gz", "cut.bz2", "cut.xz", "cut.zip", "cut.zst"])
def test_a_list_that_cannot_be_unpacked_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(gzip.compress(b"b.txt\n")[:-9])
    with pytest.raises(InputError, match=rf"the list .*{name} cannot be unpacked"):
        expand(f"@{folder}/{name}")


@pytest.mark.parametrize("location", ["http://host/x", "gs://bucket/x", "://x"])
def test_a_place_that_cannot_be_a_folder_is_an_error_that_says_what_can(location: str) -> None:
    with pytest.raises(InputError, match=r"cannot be used as a folder; name a path, file:// or s3://BUCKET/PREFIX"):
        folder_at(location)


# S3


@pytest.fixture
def bucket(s3: Endpoint, request: pytest.FixtureRequest) -> str:
    """A prefix with two files and a list."""
    prefix = Prefix.of(f"s3://{BUCKET}/{request.node.name}")
    for name in ("b.txt", "a.txt"):
        prefix.write(name, name.encode())
    prefix.write("all.paths", f"{request.node.name}/a.txt\n".encode())
    return str(prefix)


def test_a_bucket_is_looked_up_by_name_by_pattern_and_by_list(bucket: str) -> None:
    assert expand(f"{bucket}a.txt") == [f"{bucket}a.txt"]
    assert expand(f"{bucket}*.txt") == [f"{bucket}a.txt", f"{bucket}b.txt"]
    assert expand(f"@{bucket}all.paths") == [f"{bucket}a.txt"]


def test_a_bucket_is_looked_up_anew_each_time(bucket: str) -> None:
    assert len(expand(f"{bucket}*.txt")) == 2
    Prefix.of(bucket).write("c.txt")
    assert len(expand(f"{bucket}*.txt")) == 3


def test_an_object_is_copied_and_one_that_is_not_there_is_named(bucket: str, tmp_path: Path) -> None:
    with local_copy(f"{bucket}a.txt", tmp_path) as path:
        assert path.read_text() == "a.txt"
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"s3://.*/z\.txt does not exist"), local_copy(f"{bucket}z.txt"):
        pass
    with pytest.raises(InputError, match=r"s3://.*/z\*\.txt matches no file"):
        expand(f"{bucket}z*.txt")


def test_wrong_credentials_are_reported_at_once_with_the_fix(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    monkeypatch.setattr(time, "sleep", _must_not_wait)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    S3FileSystem.clear_instance_cache()
    for action in (lambda: expand(f"{bucket}*.txt"), lambda: local_copy(f"{bucket}a.txt").__enter__()):
        with pytest.raises(
            InputError, match=r"s3://.*(looked up|cannot be read after 1 attempt): .*AWS_ENDPOINT_URL"
        ) as raised:
            action()
        assert SECRET not in str(raised.value)


def _must_not_wait(_: float) -> None:
    raise AssertionError("a refusal was tried again")


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("data/crawl/00000.tar", Path("data/crawl/00000.tar")),
        ("data/crawl/*.tar", Path("data/crawl")),
        ("data/*/0[01].tar", Path("data")),
        ("@lists/warc.paths.gz", Path("lists/warc.paths.gz")),
        ("file:///data/crawl/*.tar", Path("/data/crawl")),
        ("s3://bucket/crawl/*.tar", None),
        ("https://example.org/a.tar", None),
        ("@s3://bucket/warc.paths", None),
    ],
)
def test_a_location_lies_in_a_file_or_folder_of_this_machine_or_elsewhere(location: str, base: Path | None) -> None:
    assert base_of(location) == base
