"""Ranges of sorted digests and sketches → pointers from duplicates to earlier pictures.

In the order of a band, a picture is compared with its successors while the band's bits are equal
and the brightness can still match, but with at most `NEIGHBOURS` of them. This bounds the
comparisons per picture and band, however many pictures look alike. A pair that is missed has that
many others in between that are closer in brightness, and further bands to be found in.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.crawl.duplicates.pointers import Keys, write_pointers
from components.crawl.duplicates.runs import Range, Rows, SortKeys, find_runs, read_range, sort_keys_after
from components.crawl.duplicates.sketch import BRIGHTNESS, DIGESTS, band_kind, without_equal
from components.execution.shard_map import Outcome
from components.images.fingerprint import COLOURS

NEIGHBOURS = 500
# Pairs whose colours are compared in one batch.
_PAIRS = 20_000
_ALL_BRIGHTNESS, _SORT_KEYS_END = 0xFFFF, 1 << 64


@dataclass(frozen=True)
class NearThresholds:
    """The largest differences of near pictures: hash `bits`, and `colours` in grey levels."""

    bits: int
    colours: int


def find_exact(sketches: Path, wanted: Range, number: int, out: Path) -> Outcome:
    """Writes pointers from pictures to the first with equal bytes, for a range of digests."""
    sort_keys, digests = read_range(find_runs(sketches, DIGESTS), wanted)
    *_, (copies, originals) = without_equal(digests, sort_keys)
    write_pointers(out, f"{number:05d}", [(copies, originals, True)])
    return Outcome()


def find_near(sketches: Path, thresholds: NearThresholds, item: tuple[int, Range], number: int, out: Path) -> Outcome:
    """Writes pointers from pictures to the smallest near one within a range of a band."""
    band, wanted = item
    runs = find_runs(sketches, band_kind(band))
    sort_keys, rows = read_range(runs, wanted)
    if wanted.end is not None and len(sort_keys):
        # The pictures after the range that its last one is compared with.
        after = sort_keys_after(runs, wanted.end, NEIGHBOURS, int(_reach(sort_keys.max(keepdims=True), thresholds)[0]))
        if len(after):
            end = int(after[-1]) + 1
            more = read_range(runs, Range(wanted.end, end if end < _SORT_KEYS_END else None))
            sort_keys, rows = np.concatenate([sort_keys, more[0]]), np.concatenate([rows, more[1]])
    rows, sort_keys, equal = without_equal(rows, sort_keys)
    owned = len(sort_keys) if wanted.end is None else int(np.searchsorted(sort_keys, np.uint64(wanted.end)))
    near = _near(rows, sort_keys, owned, thresholds)
    write_pointers(out, f"{number:05d}", [(*equal, False), (*near, False)])
    return Outcome()


def _near(rows: Rows, sort_keys: SortKeys, owned: int, thresholds: NearThresholds) -> tuple[Keys, Keys]:
    """Pictures near to one with a smaller key, and the smallest such key.

    One picture of a pair is among the first `owned` rows.
    """
    keys, hashes, colours = rows["key"], rows["phash"], rows["colours"]
    least = keys.copy()
    ends = np.searchsorted(sort_keys, _reach(sort_keys[:owned], thresholds), side="right")
    reach = np.minimum(ends - np.arange(owned) - 1, NEIGHBOURS)
    active = np.arange(owned)
    for step in range(1, NEIGHBOURS + 1):
        active = active[reach[active] >= step]
        if not len(active):
            break
        alike = active[np.bitwise_count(hashes[active] ^ hashes[active + step]) <= thresholds.bits]
        for start in range(0, len(alike), _PAIRS):
            one = alike[start : start + _PAIRS]
            other = one + step
            near = _largest_difference(colours[one], colours[other]) <= thresholds.colours
            one, other = one[near], other[near]
            small, large = np.minimum(keys[one], keys[other]), np.where(keys[one] < keys[other], other, one)
            np.minimum.at(least, large, small)
    found = least < keys
    return keys[found], least[found]


def _reach(sort_keys: SortKeys, thresholds: NearThresholds) -> SortKeys:
    """The last sort keys that can be near: the same band, at the largest brightness."""
    heads = sort_keys >> np.uint64(BRIGHTNESS)
    brightness = heads & np.uint64(_ALL_BRIGHTNESS)
    brightest = np.minimum(brightness + np.uint64(thresholds.colours * COLOURS), np.uint64(_ALL_BRIGHTNESS))
    last: SortKeys = ((heads - brightness + brightest) << np.uint64(BRIGHTNESS)) | np.uint64((1 << BRIGHTNESS) - 1)
    return last


def _largest_difference(colours: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Grey levels, uint8 [n, 192] and [n, 192] → [n]."""
    return np.asarray((np.maximum(colours, others) - np.minimum(colours, others)).max(axis=1), dtype=np.uint8)
