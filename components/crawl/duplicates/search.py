"""Ranges of sorted digests and sketches → pointers from copies to earlier pictures.

In the order of a band, a picture is compared with those that follow it: while the band's bits are the same, the brightness can
still fit, and at most `NEIGHBOURS` of them. So the work is at most so many comparisons a picture and band, however many pictures
look alike; what is passed over has that many others between that are more like it in brightness, and other bands to be found by.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.crawl.duplicates.pointers import Keys, write_pointers
from components.crawl.duplicates.runs import Places, Range, Rows, find_runs, places_after, read_range
from components.crawl.duplicates.sketch import BRIGHTNESS, DIGESTS, band_kind, without_equal
from components.execution.shard_map import Outcome
from components.images.fingerprint import COLOURS

NEIGHBOURS = 500
# Pairs whose colours are compared at once.
_PAIRS = 20_000
_ALL_BRIGHTNESS, _PLACES = 0xFFFF, 1 << 64


@dataclass(frozen=True)
class Nearness:
    """What makes two pictures near: hashes that differ in at most `bits`, and colours by at most so many grey levels anywhere."""

    bits: int
    colours: int


def find_exact(sketches: Path, wanted: Range, number: int, out: Path) -> Outcome:
    """Writes pointers from pictures to the first of the same bytes, for digests in a range."""
    places, digests = read_range(find_runs(sketches, DIGESTS), wanted)
    *_, (copies, originals) = without_equal(digests, places)
    write_pointers(out, f"{number:05d}", [(copies, originals, True)])
    return Outcome()


def find_near(sketches: Path, nearness: Nearness, item: tuple[int, Range], number: int, out: Path) -> Outcome:
    """Writes pointers from pictures to the smallest that they are near to, as far as a range of a band's order shows it."""
    band, wanted = item
    runs = find_runs(sketches, band_kind(band))
    places, rows = read_range(runs, wanted)
    if wanted.end is not None and len(places):
        # Those behind the range that its last picture is to be compared with.
        after = places_after(runs, wanted.end, NEIGHBOURS, int(_reach(places.max(keepdims=True), nearness)[0]))
        if len(after):
            end = int(after[-1]) + 1
            more = read_range(runs, Range(wanted.end, end if end < _PLACES else None))
            places, rows = np.concatenate([places, more[0]]), np.concatenate([rows, more[1]])
    rows, places, equal = without_equal(rows, places)
    owned = len(places) if wanted.end is None else int(np.searchsorted(places, np.uint64(wanted.end)))
    near = _near(rows, places, owned, nearness)
    write_pointers(out, f"{number:05d}", [(*equal, False), (*near, False)])
    return Outcome()


def _near(rows: Rows, places: Places, owned: int, nearness: Nearness) -> tuple[Keys, Keys]:
    """Pictures that are near to one with a smaller key, and the smallest such; one of a pair is among the first `owned` rows."""
    keys, hashes, colours = rows["key"], rows["phash"], rows["colours"]
    least = keys.copy()
    ends = np.searchsorted(places, _reach(places[:owned], nearness), side="right")
    reach = np.minimum(ends - np.arange(owned) - 1, NEIGHBOURS)
    active = np.arange(owned)
    for step in range(1, NEIGHBOURS + 1):
        active = active[reach[active] >= step]
        if not len(active):
            break
        alike = active[np.bitwise_count(hashes[active] ^ hashes[active + step]) <= nearness.bits]
        for begin in range(0, len(alike), _PAIRS):
            one = alike[begin : begin + _PAIRS]
            other = one + step
            near = _largest_difference(colours[one], colours[other]) <= nearness.colours
            one, other = one[near], other[near]
            small, large = np.minimum(keys[one], keys[other]), np.where(keys[one] < keys[other], other, one)
            np.minimum.at(least, large, small)
    found = least < keys
    return keys[found], least[found]


def _reach(places: Places, nearness: Nearness) -> Places:
    """The last places that can hold something near: of the same band, and as bright as the colours may make it."""
    heads = places >> np.uint64(BRIGHTNESS)
    brightness = heads & np.uint64(_ALL_BRIGHTNESS)
    brightest = np.minimum(brightness + np.uint64(nearness.colours * COLOURS), np.uint64(_ALL_BRIGHTNESS))
    last: Places = ((heads - brightness + brightest) << np.uint64(BRIGHTNESS)) | np.uint64((1 << BRIGHTNESS) - 1)
    return last


def _largest_difference(colours: npt.NDArray[np.uint8], others: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Grey levels, uint8 [n, 192] and [n, 192] → [n]."""
    return np.asarray((np.maximum(colours, others) - np.minimum(colours, others)).max(axis=1), dtype=np.uint8)
