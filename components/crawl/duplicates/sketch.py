"""What is compared of a picture: its bytes' hash, and for near-copies its perceptual hash and colours, sorted to lie side by side.

Hashes that differ in at most b bits agree in one of b + 1 bands of theirs. So all pictures are sorted once for each band: by the
band's bits, then by how bright they are altogether, then by a mix of everything else.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.crawl.duplicates.pointers import Group, Keys, write_pointers
from components.crawl.duplicates.runs import PIECE, Places, Rows, write_run
from components.execution.shard_map import Outcome
from components.images.fingerprint import COLOURS
from components.shards.format import DUPLICATE_REASONS, SUCCESS, shard_name
from components.splitmix64 import splitmix64

SKETCH = np.dtype([("key", "<i8"), ("phash", "<u8"), ("colours", "u1", (COLOURS,))])
DIGEST = np.dtype([("key", "<i8"), ("sha256", "<u8", (4,))])
DIGESTS = "digests"
# A place holds 16 bits of the band, 16 of the brightness (the sum of all colours), and 32 of the mix.
BRIGHTNESS = 32
_BAND, _MIX = 48, 32
_LEAST_BANDS, _HASH_BITS = 4, 64
_COLUMNS = ["key", "status", "error_message", "sha256", "phash", "colours"]


def bands_of(near_bits: int) -> int:
    """How many bands hashes are cut into, so that two that differ in `near_bits` bits agree in one; none is wider than 16 bits."""
    return max(_LEAST_BANDS, near_bits + 1)


def band_kind(band: int) -> str:
    """The kind of the runs that are sorted by this band."""
    return f"band{band}"


def write_sketches(shards: Path, bands: int, group: Group, number: int, out: Path) -> Outcome:
    """Reads the indexes of a group of shards and writes its runs: digests, sketches by each band, and pointers within the group.

    Of pictures that are equal (in bytes, or in hash and colours) the first alone goes on; the others point to it. So a placeholder
    that a site shows a million times is one row in every run.
    """
    digests, sketches = _read(shards, group)
    pictures, name = len(digests), f"{number:05d}"
    digests, places, equal = without_equal(digests, digests["sha256"][:, 0])
    write_run(out, name, DIGESTS, places, digests)
    del digests, places
    sketches, mixes, alike = without_equal(sketches, _mixed(sketches))
    write_pointers(out, name, [(*equal, True), (*alike, False)])
    for band in range(bands):
        write_run(out, name, band_kind(band), _places(sketches, mixes, band, bands), sketches)
    return Outcome({"pictures": pictures}, attempted=pictures)


def _read(shards: Path, group: Group) -> tuple[Rows, Rows]:
    """Digests and sketches of a group's pictures, in the order of their keys; indexes are read one after the other."""
    indexes = [shards / f"{shard_name(shard)}.parquet" for shard in group.shards]
    most = sum(pq.read_metadata(index).num_rows for index in indexes)
    digests, sketches = np.empty(most, dtype=DIGEST), np.empty(most, dtype=SKETCH)
    filled = 0
    for index in indexes:
        table = _pictures(index)
        piece = slice(filled, filled := filled + len(table))
        digests["key"][piece] = sketches["key"][piece] = table["key"].cast(pa.int64()).to_numpy()
        digests["sha256"][piece] = np.frombuffer(bytes.fromhex(_bytes(table["sha256"]).decode()), "<u8").reshape(-1, 4)
        sketches["phash"][piece] = table["phash"].to_numpy()
        sketches["colours"][piece] = np.frombuffer(_bytes(table["colours"]), np.uint8).reshape(-1, COLOURS)
    return digests[:filled], sketches[:filled]


def _pictures(index: Path) -> pa.Table:
    """Those that the crawl has or had: a run that went on after a kill may have taken copies out already."""
    table = pq.read_table(index, columns=_COLUMNS)
    dropped = pc.is_in(table["error_message"], pa.array(DUPLICATE_REASONS))
    return table.filter(pc.or_(pc.equal(table["status"], SUCCESS), dropped))


def _bytes(column: pa.ChunkedArray) -> bytes:
    """All values, one after the other."""
    return b"".join(column.cast(pa.large_binary()).to_pylist())


def without_equal(rows: Rows, places: Places) -> tuple[Rows, Places, tuple[Keys, Keys]]:
    """Of rows that are equal but for their keys the first (by key) stays; equal rows have one place, and the order is by place.

    Returns the rows that stay, their places, and the keys of all others beside those of the rows that they are equal to.
    """
    order = np.lexsort((rows["key"], places))
    places = places[order]
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = places[1:] != places[:-1]
    neighbours = np.flatnonzero(~new)  # one place, so most likely equal
    for begin in range(0, len(neighbours), PIECE):
        piece = neighbours[begin : begin + PIECE]
        new[piece] = _differ(rows[order[piece]], rows[order[piece - 1]])
    keys = rows["key"][order]
    firsts = np.flatnonzero(new)
    first_of_each = keys[firsts[np.cumsum(new) - 1]] if len(rows) else keys
    return rows[order[new]], places[new], (keys[~new], first_of_each[~new])


def _differ(rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Which rows differ in anything but their keys."""
    differ = np.zeros(len(rows), dtype=np.bool_)
    for name in (rows.dtype.names or ())[1:]:
        unlike = rows[name] != others[name]
        differ |= unlike.any(axis=1) if unlike.ndim > 1 else unlike
    return differ


def _places(sketches: Rows, mixes: Places, band: int, bands: int) -> Places:
    begin, end = _HASH_BITS * band // bands, _HASH_BITS * (band + 1) // bands
    bits = (sketches["phash"] >> np.uint64(_HASH_BITS - end)) & np.uint64((1 << (end - begin)) - 1)
    brightness = sketches["colours"].sum(axis=1, dtype=np.uint64)
    places: Places = (bits << np.uint64(_BAND)) | (brightness << np.uint64(BRIGHTNESS)) | (mixes >> np.uint64(_MIX))
    return places


def _mixed(sketches: Rows) -> Places:
    """A hash of hash and colours."""
    mixed = sketches["phash"].copy()
    for word in np.ascontiguousarray(sketches["colours"]).view(np.uint64).T:
        mixed = splitmix64(mixed ^ word, np.uint64(1))
    return mixed
