"""Sorted runs and the search in them, compared with brute force."""

from pathlib import Path

import numpy as np
import pytest

from components.crawl.duplicates import search
from components.crawl.duplicates.pointers import POINTERS, Group
from components.crawl.duplicates.runs import Range, find_runs, read_range, sort_keys_after, split, write_run
from components.crawl.duplicates.search import NearThresholds, find_near
from components.crawl.duplicates.sketch import band_kind, bands_of, write_sketches
from components.images.fingerprint import COLOURS
from components.shards.format import INDEX_SCHEMA
from components.shards.index import write_index

PICTURES = 600


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """Two shards of synthetic hashes and colours, in families with small differences."""
    chance = np.random.default_rng(4)
    family = chance.integers(0, 60, PICTURES)
    hashes = chance.integers(0, 1 << 63, 60, np.uint64)[family]
    for _ in range(8):
        flip = chance.random(PICTURES) < 0.2
        hashes[flip] ^= np.uint64(1) << chance.integers(0, 64, int(flip.sum()), np.uint64)
    middles = chance.integers(40, 200, (60, COLOURS))[family]
    colours = (middles + chance.integers(-6, 7, (PICTURES, 1)) + chance.integers(-1, 2, (PICTURES, COLOURS))).astype(
        np.uint8
    )
    folder = tmp_path_factory.mktemp("index")
    for shard in (0, 1):
        sort_keys = range(shard * PICTURES // 2, (shard + 1) * PICTURES // 2)
        rows = [
            {
                "key": f"{shard:05d}{n % (PICTURES // 2):04d}",
                "status": "success",
                "sha256": f"{n:064x}",
                "phash": int(hashes[n]),
                "colours": colours[n].tobytes(),
            }
            for n in sort_keys
        ]
        write_index(folder / f"{shard:05d}.parquet", rows, INDEX_SCHEMA)
    return folder, hashes, colours


def everything_with_everything(hashes: np.ndarray, colours: np.ndarray, thresholds: NearThresholds) -> dict[int, int]:
    """The smallest near picture of each, by position."""
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None])
    levels = np.abs(colours[:, None].astype(np.int16) - colours[None]).max(-1)
    near = (bits <= thresholds.bits) & (levels <= thresholds.colours)
    return {n: int(np.flatnonzero(near[n])[0]) for n in range(len(hashes)) if near[n, :n].any()}


@pytest.mark.parametrize("bits", [0, 3, 4, 8])
@pytest.mark.parametrize("most", [40, 10_000])
def test_exactly_the_near_pairs_are_found(
    index: tuple[Path, np.ndarray, np.ndarray], bits: int, most: int, tmp_path: Path
) -> None:
    folder, hashes, colours = index
    thresholds, bands = NearThresholds(bits, 5), bands_of(bits)
    sketches, near = tmp_path / "sketches", tmp_path / "near"
    for number in (0, 1):
        (out := sketches).mkdir(exist_ok=True)
        write_sketches(folder, bands, Group((number,), number * 10_000, (number + 1) * 10_000), number, out)
    near.mkdir()
    items = [(band, part) for band in range(bands) for part in split(find_runs(sketches, band_kind(band)), most)]
    assert len(items) > 12 * bands or most > PICTURES
    for number, item in enumerate(items):
        find_near(sketches, thresholds, item, number, near)
    sort_keys, pointers = read_range(find_runs(near, POINTERS), Range())
    found: dict[int, int] = {}
    for key, to in zip(sort_keys.tolist(), pointers["to"].tolist(), strict=True):
        found[_position(key)] = min(found.get(_position(key), PICTURES), _position(to))
    expected = everything_with_everything(hashes, colours, thresholds)
    assert found == expected
    assert len(expected) > 10


def _position(key: int) -> int:
    return key // 10_000 * (PICTURES // 2) + key % 10_000


def test_no_picture_is_compared_with_more_than_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "NEIGHBOURS", 2)
    # Of one hash and growing brightness: all are near to each other, but only two apart are
    # compared.
    rows = [
        {
            "key": f"{n:09d}",
            "status": "success",
            "sha256": f"{n:064x}",
            "phash": 7,
            "colours": bytes([100 + n]) * COLOURS,
        }
        for n in range(6)
    ]
    write_index(tmp_path / "00000.parquet", rows)
    write_sketches(tmp_path, 4, Group((0,), 0, 10_000), 0, tmp_path)
    (tmp_path / "near").mkdir()
    find_near(tmp_path, NearThresholds(4, 10), (0, Range()), 0, tmp_path / "near")
    sort_keys, pointers = read_range(find_runs(tmp_path / "near", POINTERS), Range())
    assert dict(zip(sort_keys.tolist(), pointers["to"].tolist(), strict=True)) == {1: 0, 2: 0, 3: 1, 4: 2, 5: 3}


def test_ranges_cover_every_row_once_and_have_similar_sizes(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    written = np.concatenate([chance.integers(0, 50, 2000), chance.integers(0, 1 << 63, 3000)]).astype(np.uint64)
    chance.shuffle(written)
    for number, part in enumerate(np.split(written, 5)):
        write_run(tmp_path, f"{number:05d}", "row", part, part.copy())
    runs = find_runs(tmp_path, "row")
    ranges = split(runs, 500)
    read = [read_range(runs, part)[1] for part in ranges]
    assert np.array_equal(np.sort(np.concatenate(read)), np.sort(written))
    assert max(len(part) for part in read) < 750


def test_the_sort_keys_after_a_range_are_those_of_all_runs(tmp_path: Path) -> None:
    for number in range(3):
        sort_keys = np.arange(number, 30, 3, dtype=np.uint64)
        write_run(tmp_path, f"{number:05d}", "row", sort_keys, sort_keys)
    runs = find_runs(tmp_path, "row")
    assert np.array_equal(sort_keys_after(runs, 10, 5, 100), [10, 11, 12, 13, 14])
    assert np.array_equal(sort_keys_after(runs, 10, 5, 12), [10, 11, 12])
    assert not len(sort_keys_after(runs, 40, 5, 100))


def test_an_empty_run_is_not_written(tmp_path: Path) -> None:
    write_run(tmp_path, "00000", "row", np.empty(0, np.uint64), np.empty(0, np.int64))
    assert not any(tmp_path.iterdir())
    assert split(find_runs(tmp_path, "row"), 10) == []
