"""Sketches of pictures: digests for exact copies, hashes and colours for near ones.

Hashes that differ in at most b bits agree in one of b + 1 bands. So all pictures are sorted once
per band: by the band's bits, then by total brightness, then by a hash of everything else.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.crawl.duplicates.pointers import Group, Keys, write_pointers
from components.crawl.duplicates.runs import PIECE, Rows, SortKeys, write_run
from components.execution.shard_map import Outcome
from components.images.fingerprint import COLOURS
from components.shards.format import DUPLICATE_REASONS, SUCCESS, shard_name
from components.splitmix64 import splitmix64

SKETCH = np.dtype([("key", "<i8"), ("phash", "<u8"), ("colours", "u1", (COLOURS,))])
DIGEST = np.dtype([("key", "<i8"), ("sha256", "<u8", (4,))])
DIGESTS = "digests"
# A sort key has 16 bits of the band, 16 of the brightness (the sum of all colours) and 32 of the
# mix.
BRIGHTNESS = 32
_BAND, _MIX = 48, 32
_LEAST_BANDS, _HASH_BITS = 4, 64
_COLUMNS = ["key", "status", "error_message", "sha256", "phash", "colours"]


def bands_of(near_bits: int) -> int:
    """The number of bands for `near_bits` differing bits; none has over 16 bits."""
    return max(_LEAST_BANDS, near_bits + 1)


def band_kind(band: int) -> str:
    """The kind of runs that are sorted by this band."""
    return f"band{band}"


def write_sketches(shards: Path, bands: int, group: Group, number: int, out: Path) -> Outcome:
    """Writes the runs of a group: digests, sketches per band, and pointers within it.

    Of equal pictures (in bytes, or in hash and colours) only the first is kept, and the others
    point to it. So a placeholder that a site shows a million times is one row per run.
    """
    digests, sketches = _read(shards, group)
    pictures, name = len(digests), f"{number:05d}"
    digests, sort_keys, equal = without_equal(digests, digests["sha256"][:, 0])
    write_run(out, name, DIGESTS, sort_keys, digests)
    del digests, sort_keys
    sketches, mixes, alike = without_equal(sketches, _mixed(sketches))
    write_pointers(out, name, [(*equal, True), (*alike, False)])
    for band in range(bands):
        write_run(out, name, band_kind(band), _sort_keys(sketches, mixes, band, bands), sketches)
    return Outcome({"pictures": pictures}, attempted=pictures)


def _read(shards: Path, group: Group) -> tuple[Rows, Rows]:
    """Digests and sketches of a group's pictures in key order, read one index at a time."""
    indexes = [shards / f"{shard_name(shard)}.parquet" for shard in group.shards]
    total = sum(pq.read_metadata(index).num_rows for index in indexes)
    digests, sketches = np.empty(total, dtype=DIGEST), np.empty(total, dtype=SKETCH)
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
    """Stored pictures and dropped duplicates: a killed run may have dropped some already."""
    table = pq.read_table(index, columns=_COLUMNS)
    dropped = pc.is_in(table["error_message"], pa.array(DUPLICATE_REASONS))
    return table.filter(pc.or_(pc.equal(table["status"], SUCCESS), dropped))


def _bytes(column: pa.ChunkedArray) -> bytes:
    """All values, concatenated."""
    return b"".join(column.cast(pa.large_binary()).to_pylist())


def without_equal(rows: Rows, sort_keys: SortKeys) -> tuple[Rows, SortKeys, tuple[Keys, Keys]]:
    """Keeps the first of rows that are equal but for their keys, ordered by sort key.

    Equal rows have equal sort keys. Returns the kept rows, their sort keys, and the keys of the
    other rows with the keys of the rows that they equal.
    """
    order = np.lexsort((rows["key"], sort_keys))
    sort_keys = sort_keys[order]
    is_new = np.ones(len(rows), dtype=np.bool_)
    is_new[1:] = sort_keys[1:] != sort_keys[:-1]
    neighbours = np.flatnonzero(~is_new)  # the same sort key, so most likely equal
    for start in range(0, len(neighbours), PIECE):
        piece = neighbours[start : start + PIECE]
        is_new[piece] = _differ(rows[order[piece]], rows[order[piece - 1]])
    keys = rows["key"][order]
    firsts = np.flatnonzero(is_new)
    first_of_each = keys[firsts[np.cumsum(is_new) - 1]] if len(rows) else keys
    return rows[order[is_new]], sort_keys[is_new], (keys[~is_new], first_of_each[~is_new])


def _differ(rows: Rows, others: Rows) -> npt.NDArray[np.bool_]:
    """Which rows differ in any field but the key."""
    differ = np.zeros(len(rows), dtype=np.bool_)
    for name in (rows.dtype.names or ())[1:]:
        unlike = rows[name] != others[name]
        differ |= unlike.any(axis=1) if unlike.ndim > 1 else unlike
    return differ


def _sort_keys(sketches: Rows, mixes: SortKeys, band: int, bands: int) -> SortKeys:
    start, end = _HASH_BITS * band // bands, _HASH_BITS * (band + 1) // bands
    bits = (sketches["phash"] >> np.uint64(_HASH_BITS - end)) & np.uint64((1 << (end - start)) - 1)
    brightness = sketches["colours"].sum(axis=1, dtype=np.uint64)
    sort_keys: SortKeys = (
        (bits << np.uint64(_BAND)) | (brightness << np.uint64(BRIGHTNESS)) | (mixes >> np.uint64(_MIX))
    )
    return sort_keys


def _mixed(sketches: Rows) -> SortKeys:
    """A hash of the perceptual hash and the colours."""
    mixed = sketches["phash"].copy()
    for word in np.ascontiguousarray(sketches["colours"]).view(np.uint64).T:
        mixed = splitmix64(mixed ^ word, np.uint64(1))
    return mixed
