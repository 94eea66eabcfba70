"""What a tar of another program holds is taken or counted, whatever it is."""

import bz2
import gzip
import lzma
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.crawl.pictures import adopt
from components.crawl.pictures.job import DownloadJob
from components.crawl.source_files import SourceFile
from components.errors import InputError
from components.execution.shard_map import Outcome
from components.shards import compressed
from components.shards.format import PICTURES, SUCCESS
from components.shards.tar_writer import TarWriter
from tests.crawl.conftest import drawing, encoded, knobs
from tests.shards.foreign import write_foreign

_CASES = Path(__file__).parents[3].parent / "shared" / "data" / "cases" / "05-foreign-tar"


def picture(drawn: random.Random) -> bytes:
    kind = drawn.choice(["JPEG", "PNG", "GIF", "WEBP"])
    return drawn.choice([encoded(drawing(drawn.randrange(999)), kind), b"no picture", b""])


def first(tmp_path: Path, tar: Path, shard: int = 0, **changes: object) -> Outcome:
    (tmp_path / "shards").mkdir(exist_ok=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    job = DownloadJob(knobs(**changes), tmp_path / "shards")
    return adopt.adopt_first(job, shard, SourceFile("img2dataset", str(tar)), 0, tmp_path / "out")


def index(tmp_path: Path) -> list[dict[str, object]]:
    return [row for path in sorted((tmp_path / "shards").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("seed", range(12))
def test_the_counts_are_what_the_tar_holds(tmp_path: Path, seed: int) -> None:
    tar = write_foreign(tmp_path / "foreign.tar", random.Random(seed), picture)
    outcome = first(tmp_path, tar.path, min_text=4)
    counts = Counter(outcome.counts)
    assert outcome.attempted == counts.total() == len(tar.samples) + tar.refused.total()
    assert counts & tar.refused == tar.refused
    rows = index(tmp_path)
    assert len(rows) == len(tar.samples)
    assert sum(row["status"] == SUCCESS for row in rows) == counts[SUCCESS]


@pytest.mark.parametrize("name", ["dots", "gif"])
def test_keys_with_dots_and_gifs_are_taken(tmp_path: Path, name: str) -> None:
    with TarWriter(tmp_path / "t.tar") as tar:
        for n in range(3):
            key, kind = (f"v1.{n}", "jpg") if name == "dots" else (f"{n}", "gif")
            tar.add(f"{key}.{kind}", encoded(drawing(n), "JPEG" if kind == "jpg" else "GIF"))
            tar.add(f"{key}.txt", b"a red crab on the beach")
    assert first(tmp_path, tmp_path / "t.tar").counts == {SUCCESS: 3}
    assert [row["caption"] for row in index(tmp_path)] == ["a red crab on the beach"] * 3


@pytest.mark.skipif(not _CASES.is_dir(), reason=f"{_CASES} is not here")
@pytest.mark.parametrize("name", ["dots", "gif"])
def test_tars_that_others_met_are_taken_whole(tmp_path: Path, name: str) -> None:
    assert first(tmp_path, _CASES / f"{name}.tar").counts == {SUCCESS: 3}


# More pictures than a shard has keys for


def large(path: Path, pictures: int) -> Path:
    """A tar of pictures without text, but for the last."""
    with TarWriter(path) as tar:
        for n in range(pictures - 1):
            tar.add(f"{n}.jpg", b"x")
        tar.add("last.jpg", encoded(drawing(7), "JPEG"))
        tar.add("last.txt", b"a red crab")
    return path


@pytest.mark.parametrize(("pictures", "shards"), [(1, 1), (39, 1), (40, 1), (41, 2), (80, 2), (123, 4)])
def test_a_large_tar_becomes_several_shards_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: int, shards: int
) -> None:
    monkeypatch.setattr(adopt, "PICTURES", 40)  # of 10,000 each it takes seconds
    tar = large(tmp_path / "large.tar", pictures)
    counts = Counter(first(tmp_path, tar, min_text=3).counts)
    for rest in adopt.rests_of(tmp_path / "out", [SourceFile("img2dataset", str(tar))], 1):
        assert (rest.first_shard, rest.shards) == (1, shards - 1)
        job = DownloadJob(knobs(min_text=3), tmp_path / "shards")
        counts.update(adopt.adopt_rest(job, rest, 0, tmp_path / "out").counts)
    assert counts == Counter({"too_short": pictures - 1, SUCCESS: 1}) - Counter({"too_short": 0})
    rows = index(tmp_path)
    assert [row["key"] for row in rows] == [f"{n // 40:05d}{n % 40:04d}" for n in range(pictures)]
    assert rows[-1]["caption"] == "a red crab"


def test_further_shards_of_several_files_are_numbered_behind_all_first_ones(tmp_path: Path) -> None:
    files = [SourceFile("img2dataset", f"{n}.tar") for n in range(4)]
    for number, pictures in ((0, 1), (2, 2 * PICTURES), (3, 2 * PICTURES + 1)):
        (tmp_path / f"{number:05d}_rest.json").write_text(f'{{"pictures": {pictures}}}')
    found = [(rest.file.location, rest.first_shard, rest.shards) for rest in adopt.rests_of(tmp_path, files, 10)]
    assert found == [("0.tar", 10, 1), ("2.tar", 11, 2), ("3.tar", 13, 3)]


# Tars that are compressed as a whole


def arrow(kind: str) -> Callable[[bytes], bytes]:
    return lambda data: pa.compress(data, codec=kind, asbytes=True)


def lz4_frame(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACKERS = {
    "gz": gzip.compress,
    "two members of gz": lambda data: gzip.compress(data[:3000]) + gzip.compress(data[3000:]),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": arrow("zstd"),
    "lz4": lz4_frame,
}


def small(path: Path) -> bytes:
    with TarWriter(path) as tar:
        for n in range(5):
            tar.add(f"{n}.jpg", encoded(drawing(n), "JPEG"))
            tar.add(f"{n}.txt", b"a red crab")
    return path.read_bytes()


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_compressed_tar_is_read_whatever_its_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = tmp_path / "packed.tar"
    packed.write_bytes(pack(small(tmp_path / "t.tar")))
    assert first(tmp_path, packed).counts == {SUCCESS: 5}
    assert not list((tmp_path / "out").iterdir())


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_of_a_compressed_tar_that_breaks_off_the_break_is_counted(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    packed = tmp_path / "packed.tar"
    packed.write_bytes(cut(pack(small(tmp_path / "t.tar"))))
    counts = Counter(first(tmp_path, packed).counts)
    assert counts["broken_shard"] == 1
    assert counts[SUCCESS] < 5
    assert set(counts) <= {SUCCESS, "broken_shard", "cut_off"}


def test_a_damaged_header_costs_what_lies_next_to_it(tmp_path: Path) -> None:
    data = bytearray(small(tmp_path / "t.tar"))
    place = data.index(b"2.jpg")
    data[place : place + 512] = b"\xff" * 512
    (tmp_path / "t.tar").write_bytes(data)
    # The picture before the damage may lack a text, the one behind it has lost its picture.
    expected = {SUCCESS: 3, "damaged_part": 1, "cut_off": 1, "no_picture": 1}
    outcome = first(tmp_path, tmp_path / "t.tar")
    assert (outcome.counts, outcome.attempted, outcome.errors) == (expected, 6, 2)


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "_SPARE", 1 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(30_000_000)))
    unpacked = compressed.unpacked(tmp_path / "bomb.gz", tmp_path)
    with pytest.raises(InputError, match="unfolds to more than 100 times its size"), unpacked as copy:
        assert copy.stat().st_size < 10_000_000


# What is no tar


@pytest.mark.parametrize("content", [b"", b"PAR1 no tar", bytes(10240)], ids=["empty", "parquet", "zeros"])
def test_what_is_no_tar_or_holds_nothing_is_said(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "t.tar").write_bytes(content)
    outcome = first(tmp_path, tmp_path / "t.tar")
    assert outcome.counts == ({} if content == bytes(10240) else {"broken_shard": 1})
    assert str(tmp_path / "t.tar") in caplog.text


def test_more_shards_than_there_are_numbers_is_an_error_not_a_broken_tar(tmp_path: Path) -> None:
    small(tmp_path / "t.tar")
    with pytest.raises(InputError, match="has no key"):
        first(tmp_path, tmp_path / "t.tar", shard=100_000)
