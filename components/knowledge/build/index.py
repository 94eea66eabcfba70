"""Writes the partitions of the name index."""

from collections.abc import Sequence
from pathlib import Path

import marisa_trie
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.execution.shard_map import Outcome
from components.knowledge.base.format import NAME_SCHEMA, PREFIX, RECORD, open_arrow
from components.knowledge.base.index import _RECORDS, _STARTS, _TRIE
from components.storage.arrays import save_array, written_by


def write_partition(
    sources: Sequence[tuple[Path, int]], ids: Path, smoothing: float, number: int, out: Path
) -> Outcome:
    """Writes partition `number` of the index; a task of the shard map.

    For an item with s sitelinks and n anchors of the name that link to it, and with
    w = log(1 + s) + `prior_smoothing`, the prior is (n + k w / sum w) / (sum n + k), with sums over
    the name's items (MOFI paper, candidates); the pseudo-count k is `smoothing`.

    Args:
        sources: files of names (`NAME_SCHEMA`, a batch per partition) and their first rows.
        ids: file of the Q-id numbers by entity row (`IDS`).
        smoothing: pseudo-count `anchor_smoothing`.
        number: of the partition.
        out: folder for the files.
    """
    table = pa.concat_tables([NAME_SCHEMA.empty_table(), *(_batch(path, number, row) for path, row in sources)])
    prefixes = pc.unique(table.filter(pc.equal(table.column("row"), PREFIX)).column("name")).sort().to_pylist()
    table = table.filter(pc.not_equal(table.column("row"), PREFIX))
    table = table.group_by(["name", "row"]).aggregate(
        [("weight", "max"), ("anchors", "sum"), ("borne", "any"), ("small", "any")]
    )
    names, name_index = _encoded(table.column("name"))
    row, weight, anchors, borne, small = (
        table.column(c).to_numpy() for c in ("row", "weight_max", "anchors_sum", "borne_any", "small_any")
    )
    if not borne.all():
        known = (np.bincount(name_index, weights=borne, minlength=len(names)) > 0)[name_index]
        names, name_index = _encoded(table.column("name").filter(pa.array(known)))
        row, weight, anchors, small = row[known], weight[known], anchors[known], small[known]
    prior = anchors + smoothing * weight / np.bincount(name_index, weights=weight, minlength=len(names))[name_index]
    prior /= (np.bincount(name_index, weights=anchors, minlength=len(names)) + smoothing)[name_index]
    records = np.empty(len(row), dtype=RECORD)
    records["row"], records["prior"], records["small"] = row, prior, small
    records["number"] = np.load(ids, mmap_mode="r")[row]
    _write([*names, *prefixes], name_index, records, number, out)
    candidates = np.bincount(name_index, minlength=len(names))
    return Outcome({"names": len(names), "ambiguous_names": int((candidates > 1).sum())})


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct names, sorted, and the index of each row's name among them."""
    encoded = column.combine_chunks().dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)).to_pylist(), ranks[np.asarray(encoded.indices)]


def _batch(path: Path, partition: int, row: int) -> pa.Table:
    with open_arrow(path) as reader:
        table = pa.Table.from_batches([reader.get_batch(partition)])
    rows = table.column("row").to_numpy()
    return table.set_column(1, "row", pa.array(np.where(rows == PREFIX, PREFIX, rows + row)))


def _write(
    names: list[str],
    name_index: npt.NDArray[np.int64],
    records: npt.NDArray[np.void],
    number: int,
    out: Path,
) -> None:
    trie = marisa_trie.Trie(names)
    keys = np.fromiter((trie[name] for name in names), dtype=np.int64, count=len(names))[name_index]
    order = np.lexsort((records["row"], -records["prior"], keys))
    starts = np.zeros(len(names) + 1, dtype=np.uint32)
    np.cumsum(np.bincount(keys, minlength=len(names)), out=starts[1:])
    path = out / _TRIE.format(number)
    with written_by("marisa", path):
        trie.save(str(path))
    save_array(out / _STARTS.format(number), starts)
    save_array(out / _RECORDS.format(number), records[order])
