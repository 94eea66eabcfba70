"""The quick reader of tars finds what Python's finds, or fails where it fails."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shards.tar_reader import file_spans, members
from components.shards.tar_writer import TarWriter

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
NAMES = ["000000000.jpg", "./a/b.jpg", "n" * 99, "n" * 100, "f" * 90 + "/" + "n" * 90, "Krabbe – naß.jpg", "x.y.z"]
FILES = [(name, bytes([n]) * (511 * n)) for n, name in enumerate(NAMES)]


def tar_of(path: Path, files: list[tuple[str, bytes]], kind: int) -> Path:
    with tarfile.open(path, "w", format=kind) as tar:
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5
            tar.addfile(info, io.BytesIO(data))
    return path


def theirs(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r|") as tar:
        for member in tar:
            stream = tar.extractfile(member)
            if stream is not None:
                yield member.name, stream.read()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_s_files_are_found_whatever_their_names(tmp_path: Path, kind: int) -> None:
    assert list(members(tar_of(tmp_path / "0.tar", FILES, kind))) == FILES


@pytest.mark.parametrize("kind", FORMATS)
def test_places_are_where_the_contents_lie(tmp_path: Path, kind: int) -> None:
    path = tar_of(tmp_path / "0.tar", FILES, kind)
    data = path.read_bytes()
    assert [(name, data[offset : offset + size]) for name, offset, size in file_spans(path)] == FILES


def test_a_file_with_holes_is_named_and_a_link_is_left_out(tmp_path: Path) -> None:
    link, holes = tarfile.TarInfo("b.jpg"), tarfile.TarInfo("c.jpg")
    link.type, link.linkname, holes.type = tarfile.SYMTYPE, "a.jpg", tarfile.GNUTYPE_SPARSE
    header = holes.tobuf(tarfile.GNU_FORMAT)
    tar_of(tmp_path / "0.tar", [("a.jpg", b"a")], tarfile.GNU_FORMAT)
    plain = (tmp_path / "0.tar").read_bytes().rstrip(b"\0")
    plain += bytes(-len(plain) % 512) + link.tobuf()
    (tmp_path / "0.tar").write_bytes(plain + bytes(1024))
    assert list(members(tmp_path / "0.tar")) == [("a.jpg", b"a")]
    (tmp_path / "0.tar").write_bytes(plain + header + bytes(1024))
    with pytest.raises(tarfile.ReadError, match=r"c.jpg is a sparse file; write the tar without --sparse"):
        list(members(tmp_path / "0.tar"))


def test_a_tar_that_is_cut_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "0.tar", [(f"{n}.jpg", bytes(1 << 20)) for n in range(4)], tarfile.GNU_FORMAT)
    found = members(path)
    next(found)
    with path.open("r+b") as stream:
        stream.truncate((2 << 20) + 100)
    with pytest.raises(tarfile.ReadError, match="unexpected end of data"):
        list(found)


def test_plain_files_are_read_without_python_s_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [(name, data) for name, data in FILES if name.isascii() and len(name) < 100]
    with TarWriter(tmp_path / "0.tar") as tar:
        for name, data in plain:
            tar.add(name, data)
    monkeypatch.setattr(tarfile, "open", None)
    assert list(members(tmp_path / "0.tar")) == plain


def test_a_file_that_claims_more_than_the_tar_holds_is_an_error_before_memory_is_taken(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.jpg")
    info.size = 8**11 - 1
    (tmp_path / "0.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(2048))
    with pytest.raises(tarfile.ReadError, match="unexpected end of data"):
        list(members(tmp_path / "0.tar"))


@given(st.sampled_from(FORMATS), st.integers(0, 12_000), st.binary(min_size=1, max_size=30))
@settings(max_examples=300, deadline=None)
def test_damage_is_an_error_or_read_as_python_reads_it(
    tmp_path_factory: pytest.TempPathFactory, kind: int, place: int, patch: bytes
) -> None:
    path = tar_of(tmp_path_factory.mktemp("tar") / "0.tar", FILES, kind)
    data = bytearray(path.read_bytes())
    data[place : place + len(patch)] = patch
    path.write_bytes(data)
    try:
        found = list(members(path))
    except tarfile.TarError:
        return
    assert found == list(theirs(path))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_cut_tar_is_an_error_wherever_it_is_cut(tmp_path: Path, kind: int) -> None:
    path = tar_of(tmp_path / "0.tar", FILES, kind)
    data = path.read_bytes()
    for length in range(0, len(data.rstrip(b"\0")), 509):
        path.write_bytes(data[:length])
        with pytest.raises(tarfile.TarError):
            list(members(path))
