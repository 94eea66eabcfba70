"""Duplicates over all shards of a folder: which are found, and what is written."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from components.crawl.duplicates.find import mark_duplicates
from components.shards.index import read_index
from components.shards.reader import read_shard
from components.shards.writer import write_shard
from components.storage.json_files import read_json
from tests.crawl.conftest import drawing, encoded, knobs
from tests.crawl.duplicates.conftest import Shards, content, jpeg, marks, rescaled, write_crawl
from tests.killing import killed_in_call

pytestmark = pytest.mark.usefixtures("ray_cluster")

FIRST, SECOND = "000000000", "000010000"


def png(seed: int, side: int = 96) -> bytes:
    return encoded(drawing(seed, side))


def mixed(shards: int = 4, drawings: int = 12) -> Shards:
    """Drawings in several sizes and compressions, spread randomly over shards."""
    made = []
    for seed in range(drawings):
        original = drawing(seed, 160)
        made += [
            encoded(original),
            encoded(original),
            jpeg(original),
            jpeg(rescaled(original, 0.6), 95),
            png(1000 + seed),
        ]
    Random(5).shuffle(made)
    return [made[n::shards] for n in range(shards)]


def test_equal_bytes_anywhere_are_exact_copies_of_the_first(tmp_path: Path) -> None:
    shards = write_crawl(tmp_path / "shards", [[png(1), png(2), png(1)], [png(3), png(1)], [png(2)]])
    assert mark_duplicates(shards, knobs(), tmp_path / "work") == {"exact": 3}
    assert marks(shards) == {
        "000000002": ("000000000", "exact"),
        "000010001": ("000000000", "exact"),
        "000020000": ("000000001", "exact"),
    }


@pytest.mark.parametrize(
    "copy",
    [
        encoded(rescaled(drawing(1, 256), 0.5)),
        encoded(rescaled(drawing(1, 256), 0.9)),
        jpeg(drawing(1, 256), 70),
        encoded(drawing(1, 256), "WEBP", quality=80),
    ],
    ids=["half the size", "nine tenths of the size", "JPEG", "WebP"],
)
def test_a_picture_in_another_size_or_compression_is_a_near_copy(copy: bytes, tmp_path: Path) -> None:
    shards = write_crawl(tmp_path / "shards", [[png(1, 256), png(2)], [copy]])
    assert mark_duplicates(shards, knobs(), tmp_path / "work") == {"near": 1}
    assert marks(shards) == {SECOND: (FIRST, "near")}


def test_other_colours_make_another_picture_though_the_hash_is_the_same(tmp_path: Path) -> None:
    # Red and green of one brightness: the grey picture, and so the hash, is the same.
    flags = []
    for stripe in ((200, 0, 0), (0, 102, 0)):
        flag = Image.new("RGB", (96, 64), "white")
        flag.paste(stripe, (0, 0, 48, 64))
        flags.append(encoded(flag))
    shards = write_crawl(tmp_path / "shards", [flags])
    hashes = read_index(shards)["phash"].to_pylist()
    assert hashes[0] == hashes[1] != 0
    assert mark_duplicates(shards, knobs(), tmp_path / "work") == {}
    assert mark_duplicates(shards, knobs(near_colours=64), tmp_path / "other") == {}


def test_the_near_thresholds_are_parameters(tmp_path: Path) -> None:
    shards = write_crawl(tmp_path / "shards", [[png(1, 256), jpeg(drawing(1, 256), 40)]])
    assert mark_duplicates(shards, knobs(near_colours=0), tmp_path / "strict") == {}
    assert mark_duplicates(shards, knobs(near_bits=8, near_colours=40), tmp_path / "loose") == {"near": 1}


def test_a_copy_of_a_copy_is_marked_with_the_first_picture(tmp_path: Path) -> None:
    # Each is near to the next; the first and the last are not near.
    shades = [encoded(Image.new("RGB", (64, 64), (level, level, level))) for level in (100, 108, 116, 124)]
    shards = write_crawl(tmp_path / "shards", [[shades[0], shades[1]], [shades[2], shades[3], shades[1]]])
    assert mark_duplicates(shards, knobs(), tmp_path / "work") == {"near": 4}
    assert {original for original, _ in marks(shards).values()} == {FIRST}


def test_the_kind_is_what_a_copy_is_to_the_picture_it_names(tmp_path: Path) -> None:
    small = encoded(rescaled(drawing(1, 256), 0.5))
    shards = write_crawl(tmp_path / "shards", [[png(1, 256), small], [small, png(1, 256)]])
    assert mark_duplicates(shards, knobs(), tmp_path / "work") == {"near": 2, "exact": 1}
    kinds = {key: kind for key, (_, kind) in marks(shards).items()}
    assert kinds == {"000000001": "near", "000010000": "near", "000010001": "exact"}


def test_pictures_are_marked_and_stay(tmp_path: Path) -> None:
    pictures = [[png(1), png(2)], [png(1)]]
    untouched, shards = (write_crawl(tmp_path / name, pictures) for name in ("untouched", "shards"))
    mark_duplicates(shards, knobs(), tmp_path / "work")
    before, after = content(untouched), content(shards)
    assert {name for name in before if before[name] != after[name]} == {"00001.parquet"}
    rows = read_index(shards).to_pylist()
    assert rows[3]["duplicate_of"] == FIRST
    unmarked = {"duplicate_of": None, "duplicate_kind": None}
    assert [row | unmarked for row in rows] == read_index(untouched).to_pylist()


def test_dropped_copies_leave_the_tar_and_their_rows_say_why(tmp_path: Path) -> None:
    near = jpeg(rescaled(drawing(2, 256), 0.5), 95)
    shards = write_crawl(tmp_path / "shards", [[png(1), png(2, 256)], [png(1), png(3), near]])
    assert mark_duplicates(shards, knobs(duplicates="drop"), tmp_path / "work") == {"exact": 1, "near": 1}
    assert [picture.key for picture in read_shard(shards / "00001.tar")] == ["000010001"]
    rows = {row["key"]: row for row in read_index(shards).to_pylist()}
    assert [rows[f"00001000{n}"]["error_message"] for n in range(4)] == [
        "duplicate_exact",
        None,
        "duplicate_near",
        "http_404",
    ]
    assert rows["000010000"]["status"] == "failed_to_resize"
    assert rows["000010000"]["duplicate_of"] == FIRST
    assert read_json(shards / "00001_stats.json") == {
        "count": 4,
        "successes": 1,
        "failed_to_download": 1,
        "failed_to_resize": 2,
        "status_dict": {"duplicate_exact": 1, "duplicate_near": 1, "http_404": 1, "success": 1},
    }


def test_what_is_left_after_a_drop_is_byte_for_byte_what_was_there(tmp_path: Path) -> None:
    pictures = [[png(1)], [png(2), png(1), png(3)]]
    untouched, shards = (write_crawl(tmp_path / name, pictures) for name in ("untouched", "shards"))
    mark_duplicates(shards, knobs(duplicates="drop"), tmp_path / "work")
    assert (shards / "00000.tar").read_bytes() == (untouched / "00000.tar").read_bytes()
    before = {picture.key: picture for picture in read_shard(untouched / "00001.tar")}
    assert list(read_shard(shards / "00001.tar")) == [before["000010000"], before["000010002"]]


@pytest.mark.parametrize("duplicates", ["mark", "drop"])
def test_the_result_does_not_depend_on_the_size_of_tasks(duplicates: str, tmp_path: Path) -> None:
    whole, cut = (write_crawl(tmp_path / name, mixed(), shard_size=100) for name in ("whole", "cut"))
    parameters = knobs(duplicates=duplicates)
    found = mark_duplicates(whole, parameters, tmp_path / "work")
    assert mark_duplicates(cut, parameters, tmp_path / "cut work", rows=7) == found
    assert len(list((tmp_path / "cut work" / "near" / "markers").iterdir())) > 20
    assert content(cut) == content(whole)


def test_each_drawing_of_a_mixed_crawl_has_one_original(tmp_path: Path) -> None:
    shards = write_crawl(tmp_path / "shards", mixed())
    found = mark_duplicates(shards, knobs(), tmp_path / "work", rows=10)
    assert found.total() == 36
    copies = marks(shards)
    assert len({original for original, _ in copies.values()}) == 12
    assert not copies.keys() & {original for original, _ in copies.values()}
    assert all(original < copy for copy, (original, _) in copies.items())


def test_deduplication_is_idempotent(tmp_path: Path) -> None:
    shards = write_crawl(tmp_path / "shards", mixed())
    found = mark_duplicates(shards, knobs(duplicates="drop"), tmp_path / "work")
    once = content(shards)
    assert mark_duplicates(shards, knobs(duplicates="drop"), tmp_path / "again") == found
    assert content(shards) == once


def test_shards_without_pictures_and_no_shards_have_no_copies(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert mark_duplicates(tmp_path / "none", knobs(), tmp_path / "work") == {}
    empty = write_crawl(tmp_path / "empty", [[], [b"no picture"]])
    write_shard(empty, 2, [])
    before = content(empty)
    assert mark_duplicates(empty, knobs(duplicates="drop"), tmp_path / "other work") == {}
    assert content(empty) == before


def _mark(shards: Path, work: Path, duplicates: Any) -> None:
    mark_duplicates(shards, knobs(duplicates=duplicates), work, rows=15)


@pytest.mark.parametrize(
    ("duplicates", "call"),
    [
        ("drop", 20),
        *(
            pytest.param(*kill, marks=pytest.mark.slow)
            for kill in (("drop", 2), ("drop", 8), ("mark", 8), ("mark", 20))
        ),
    ],
)
def test_a_kill_at_any_step_does_not_change_the_result(duplicates: str, call: int, tmp_path: Path) -> None:
    whole, killed = (write_crawl(tmp_path / name, mixed()) for name in ("whole", "killed"))
    _mark(whole, tmp_path / "work", duplicates)
    work = tmp_path / "killed work"
    assert killed_in_call(
        "components.execution.shard_map._stop_if_bad", call, tmp_path, _mark, killed, work, duplicates
    )
    _mark(killed, work, duplicates)
    assert content(killed) == content(whole)
