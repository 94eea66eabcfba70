"""Behind a damaged header a foreign tar is read on; what is lost is counted."""

import io
import random
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.shards.reader import read_shard
from components.shards.tar_reader import GAP, Tar
from tests.shards.foreign import write_foreign

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
PICTURES = 9


def written(path: Path, kind: int = tarfile.USTAR_FORMAT, folder: str = "") -> list[int]:
    """A tar of pictures with texts; where the headers of the pictures lie."""
    headers = []
    with tarfile.open(path, "w", format=kind) as tar:
        for n in range(PICTURES):
            headers.append(tar.offset)
            for name, data in ((f"{folder}{n}.jpg", bytes([n]) * (600 * n + 1)), (f"{folder}{n}.txt", b"a crab")):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return headers


def change(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(at)
        stream.write(data)


def keys(path: Path, refused: Counter[str]) -> str:
    return "".join(picture.key[-1] for picture in read_shard(path, refused, foreign=True) if picture.caption)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("folder", ["", "f" * 120 + "/"], ids=["plain", "long names"])
@pytest.mark.parametrize("damage", [b"\xff" * 512, bytes(512), b"\0", b"x", bytes(range(256)) * 2], ids=len)
def test_the_pictures_behind_a_damaged_header_are_read(
    tmp_path: Path, kind: int, folder: str, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    headers = written(tmp_path / "0.tar", kind, folder)
    change(tmp_path / "0.tar", headers[4], damage)
    refused: Counter[str] = Counter()
    # The one before may lack a text, of the one behind the picture is lost.
    assert keys(tmp_path / "0.tar", refused) == "0125678"
    assert refused["damaged_part"] == 1
    assert set(refused) <= {"damaged_part", "cut_off", "no_picture", "no_extension"}
    assert f"bytes from byte {headers[4]} on are not read" in caplog.text


def test_what_remains_next_to_damage_is_not_put_together(tmp_path: Path) -> None:
    """A mask and a text without their picture would become a sample."""
    places = {}
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for name in ("1.jpg", "1.txt", "2.jpg", "2.seg.png", "2.txt", "3.jpg", "3.txt"):
            places[name] = tar.offset
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    change(tmp_path / "0.tar", places["2.jpg"], b"\xff" * 512)
    refused: Counter[str] = Counter()
    assert keys(tmp_path / "0.tar", refused) == "3"
    assert refused == {"damaged_part": 1, "cut_off": 2}


@pytest.mark.parametrize("lost", [1, 511, 512, 700])
def test_headers_that_moved_are_found(tmp_path: Path, lost: int) -> None:
    headers = written(tmp_path / "0.tar")
    data = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(data[: headers[4] + 600] + data[headers[4] + 600 + lost :])
    refused: Counter[str] = Counter()
    assert keys(tmp_path / "0.tar", refused).endswith("678")
    assert refused["damaged_part"] == 1


def test_our_own_shards_are_not_read_past_damage(tmp_path: Path) -> None:
    headers = written(tmp_path / "0.tar")
    change(tmp_path / "0.tar", headers[4], b"\xff" * 512)
    with pytest.raises(InputError, match="is no whole tar"):
        list(read_shard(tmp_path / "0.tar"))


def test_damage_without_a_header_behind_it_says_how_much_is_not_read(tmp_path: Path) -> None:
    headers = written(tmp_path / "0.tar")
    size = (tmp_path / "0.tar").stat().st_size
    change(tmp_path / "0.tar", headers[4], b"\xff" * (size - headers[4]))
    with pytest.raises(InputError, match=f"at byte {headers[4]}; {size - headers[4]} bytes are not read"):
        list(read_shard(tmp_path / "0.tar", foreign=True))


def test_what_is_no_tar_is_not_searched_for_one(tmp_path: Path) -> None:
    written(tmp_path / "0.tar")
    data = (tmp_path / "0.tar").read_bytes()
    (tmp_path / "0.tar").write_bytes(b"PAR1".ljust(1024, b"x") + data)
    with pytest.raises(InputError):
        list(read_shard(tmp_path / "0.tar", foreign=True))


def test_only_so_much_damage_is_passed_over(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a.jpg")
    block = info.tobuf(tarfile.USTAR_FORMAT)
    (tmp_path / "0.tar").write_bytes((block + b"\xff" * 512) * 2000)
    with Tar(tmp_path / "0.tar") as tar, pytest.raises(tarfile.ReadError):
        for number, _ in enumerate(tar.spans(resume=True)):
            assert number < 300


@given(st.integers(0, 2**20), st.integers(0, 30_000), st.binary(min_size=1, max_size=600))
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_the_files_elsewhere_are_taken_or_counted(
    tmp_path_factory: pytest.TempPathFactory, seed: int, place: int, patch: bytes
) -> None:
    path = tmp_path_factory.mktemp("tar") / "0.tar"
    made = write_foreign(path, random.Random(seed))
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(patch)] = patch
    path.write_bytes(data)
    refused: Counter[str] = Counter()
    found = []
    try:
        found = [(one.key, one.image) for one in read_shard(path, refused, foreign=True)]
    except InputError:
        refused["broken_shard"] += 1
    whole = [(key, image) for key, image, _ in made.samples]
    if found != whole or +refused != +made.refused:
        lost = len(set(whole) - set(found))
        # Without damage to a header only names and contents change.
        assert lost <= 3 or refused["damaged_part"] + refused["broken_shard"] > 0


def test_a_gap_is_no_file(tmp_path: Path) -> None:
    headers = written(tmp_path / "0.tar")
    change(tmp_path / "0.tar", headers[4], b"\xff" * 512)
    with Tar(tmp_path / "0.tar") as tar:
        spans = list(tar.spans(resume=True))
    assert [span[1:] for span in spans if span[0] == GAP] == [(headers[4], 512 + 2560)]
