"""The quick reader of tars finds what Python's finds, or fails where it fails."""

import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shards.tar_reader import Tar
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


def members(path: Path, refused: Counter[str] | None = None) -> Iterator[tuple[str, bytes]]:
    with Tar(path, 4096) as tar:
        for name, offset, size in tar.spans(refused):
            yield name, tar.read(offset, size)


def theirs(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r|") as tar:
        for member in tar:
            stream = None if member.issparse() else tar.extractfile(member)
            if stream is not None:
                name = member.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                yield name, stream.read()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_s_files_are_found_whatever_their_names(tmp_path: Path, kind: int) -> None:
    assert list(members(tar_of(tmp_path / "0.tar", FILES, kind))) == FILES


@pytest.mark.parametrize("kind", FORMATS)
def test_places_are_where_the_contents_lie(tmp_path: Path, kind: int) -> None:
    path = tar_of(tmp_path / "0.tar", FILES, kind)
    data = path.read_bytes()
    with Tar(path) as tar:
        assert [(name, data[offset : offset + size]) for name, offset, size in tar.spans()] == FILES


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "tar_link"),
        (tarfile.LNKTYPE, "tar_link"),
        (tarfile.CHRTYPE, "tar_special"),
        (tarfile.BLKTYPE, "tar_special"),
        (tarfile.FIFOTYPE, "tar_special"),
        (tarfile.GNUTYPE_SPARSE, "tar_sparse"),
    ],
)
def test_what_has_no_bytes_of_its_own_is_counted_and_what_follows_is_read(
    tmp_path: Path, kind: bytes, reason: str
) -> None:
    odd = tarfile.TarInfo("b.jpg")
    odd.type, odd.linkname = kind, "a.jpg" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    path = tar_of(tmp_path / "0.tar", [("a.jpg", b"a")], tarfile.GNU_FORMAT)
    rest = tar_of(tmp_path / "1.tar", [("c.jpg", b"c")], tarfile.GNU_FORMAT).read_bytes()
    plain = path.read_bytes().rstrip(b"\0")
    path.write_bytes(plain + bytes(-len(plain) % 512) + odd.tobuf(tarfile.GNU_FORMAT) + rest)
    refused: Counter[str] = Counter()
    assert list(members(path, refused)) == [("a.jpg", b"a"), ("c.jpg", b"c")]
    assert refused == {reason: 1}


def test_folders_are_not_counted(tmp_path: Path) -> None:
    refused: Counter[str] = Counter()
    assert len(list(members(tar_of(tmp_path / "0.tar", FILES, tarfile.GNU_FORMAT), refused))) == len(FILES)
    assert refused == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_tars_joined_by_cat_are_read_to_the_end_of_the_last(tmp_path: Path, kind: int) -> None:
    tars = [tar_of(tmp_path / f"{n}.tar", FILES, kind).read_bytes() for n in range(2)]
    (tmp_path / "both.tar").write_bytes(b"".join(tars))
    assert list(members(tmp_path / "both.tar")) == FILES + FILES


@pytest.mark.parametrize("behind", [b"", b"junk", bytes(5000) + b"junk" * 300], ids=["nothing", "junk", "later"])
def test_what_is_no_tar_behind_the_end_is_left_alone(tmp_path: Path, behind: bytes) -> None:
    path = tar_of(tmp_path / "0.tar", FILES, tarfile.GNU_FORMAT)
    path.write_bytes(path.read_bytes() + behind)
    assert list(members(path)) == FILES


def _header(size: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A header whose size field is `size`, with the right checksum."""
    info = tarfile.TarInfo("a.jpg")
    info.type = kind
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize(
    "content",
    [
        _header(b"\xff" * 11 + b"\0") + bytes(1024),  # -256 bytes: back into the header
        _header(b"\xff" * 10 + b"\xfc\0") + bytes(1024),
        _header(b"\x80" + b"\x7f" * 11) + bytes(1024),
        _header(b"00000000000\0", tarfile.GNUTYPE_LONGNAME) * 3000 + bytes(1024),
        _header(b"00000001000\0", tarfile.XHDTYPE) + b"30 path=\xff" + bytes(1024),
        _header(b"00000000034\0", tarfile.XHDTYPE) + b"28 GNU.sparse.map=1,2,x,4,5\n".ljust(512, b"\0")
        + _header(b"00000000000\0") + bytes(1024),
    ],
    ids=["back", "far back", "huge", "3000 names", "bad pax", "bad sparse map"],
)  # fmt: skip
def test_crafted_headers_are_an_error_or_read_but_never_an_endless_loop(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.tar").write_bytes(content)
    try:
        found = list(members(tmp_path / "0.tar"))
    except tarfile.TarError:
        return
    assert len(found) <= 1


def test_names_in_another_encoding_can_be_written(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        tar.addfile(tarfile.TarInfo("naß.jpg"))
    assert [name for name, _ in members(tmp_path / "0.tar")] == ["na\\xdf.jpg"]


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
