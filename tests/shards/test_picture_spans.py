"""Where pictures lie in a tar: those that the shard reader finds, in any tar dialect."""

import io
import tarfile
from pathlib import Path

import pytest

from components.errors import InputError
from components.shards.reader import picture_spans, read_shard
from components.shards.tar_writer import TarWriter
from tests.pretrain.data.stream.conftest import write


def read(path: Path) -> dict[str, bytes]:
    data = path.read_bytes()
    return {key: data[p.offset : p.offset + p.size] for key, p in picture_spans(path).items()}


def test_they_are_those_that_the_reader_of_shards_finds(tmp_path: Path) -> None:
    tar = write(tmp_path, [9]) / "00000.tar"
    assert read(tar) == {picture.key: picture.image for picture in read_shard(tar)}


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_other_programs_tars_are_read_too(tmp_path: Path, dialect: int) -> None:
    names = [
        "./a/b.c/000.jpg",
        "001.PNG",
        "001.txt",
        "folder/002.seg.png",
        f"{'long/' * 25}003.webp",
        "äö.jpeg",
        ".png",
    ]
    if dialect == tarfile.USTAR_FORMAT:
        names.remove("äö.jpeg")
    path = tmp_path / "t.tar"
    with tarfile.open(path, "w", format=dialect) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name.encode()) * 100
            tar.addfile(info, io.BytesIO(name.encode() * 100))
    expected = {picture.key: picture.image for picture in read_shard(path)}
    assert len(expected) == len(names) - 2
    assert read(path) == expected


def test_of_two_pictures_of_a_key_it_is_the_one_that_the_reader_of_shards_takes(tmp_path: Path) -> None:
    with TarWriter(tmp_path / "t.tar") as tar:
        for name in ("0.jpg", "0.txt", "0.png", "1.webp", "1.jpeg"):
            tar.add(name, name.encode())
    assert read(tmp_path / "t.tar") == {"0": b"0.png", "1": b"1.jpeg"}
    assert {picture.key: picture.image for picture in read_shard(tmp_path / "t.tar")} == read(tmp_path / "t.tar")


@pytest.mark.parametrize("kept", [0, 100, 700, 1500, 0.5, 0.9])
def test_a_tar_that_breaks_off_is_an_error(tmp_path: Path, kept: float) -> None:
    tar = write(tmp_path, [9]) / "00000.tar"
    data = tar.read_bytes().rstrip(b"\0")
    tar.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(InputError, match=r"00000.tar is no whole tar .*delete it and run its stage again"):
        picture_spans(tar)


def test_a_damaged_header_is_an_error(tmp_path: Path) -> None:
    tar = write(tmp_path, [9]) / "00000.tar"
    data = bytearray(tar.read_bytes())
    data[124:136] = b"not a number"
    tar.write_bytes(data)
    with pytest.raises(InputError, match=r"00000.tar is no whole tar"):
        picture_spans(tar)


def test_a_missing_tar_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        picture_spans(tmp_path / "none.tar")
