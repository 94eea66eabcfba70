"""The name index: normalised name → candidates with priors, in partitions that are mapped into memory.

A partition is a trie of names (their numbers are its own), where each name's candidates begin, and the candidates, best first.
Names that begin with the same two words are in one partition. That longer names begin with a word is an entry of its own ("the "),
so that a search for the longest match asks one partition at a time.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import marisa_trie
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.errors import InputError
from components.execution.shard_map import Outcome
from components.knowledge.format import BEGUN, NAME_SCHEMA, RECORD, open_arrow, partition_of

_RECORD = struct.Struct("<Iqf?")  # `RECORD`
_TRIE, _STARTS, _RECORDS = "{:05d}.marisa", "{:05d}_starts.npy", "{:05d}_records.npy"


class NameIndex:
    """Opened by `NameIndex.open`; read-only, and shared by all processes of a machine."""

    def __init__(self, tries: Sequence[Any], starts: Sequence[Any], records: Sequence[Any]) -> None:
        self._tries, self._starts, self._records = tries, starts, records  # records: bytes of `RECORD`s

    @classmethod
    def open(cls, folder: Path) -> "NameIndex":
        """Maps the files of `folder`.

        Raises:
            InputError: if they do not fit together.
            OSError, ValueError, RuntimeError: if one is missing or damaged.
        """
        count = len(list(folder.glob("*.marisa")))
        if not count:
            raise InputError(f"{folder} holds no name index")
        tries = [marisa_trie.Trie().mmap(str(folder / _TRIE.format(n))) for n in range(count)]
        starts = [np.load(folder / _STARTS.format(n), mmap_mode="r") for n in range(count)]
        records = [np.load(folder / _RECORDS.format(n), mmap_mode="r") for n in range(count)]
        for n, (trie, start, record) in enumerate(zip(tries, starts, records, strict=True)):
            if len(start) != len(trie) + 1 or int(start[-1]) != len(record):
                raise InputError(f"the files of partition {n} of {folder} do not belong together")
        # An item of a plain view costs half of one of a memmap; records from bytes a third of numpy's.
        return cls(tries, [start.view(np.ndarray) for start in starts], [memoryview(r.view(np.uint8)) for r in records])

    def __contains__(self, name: str) -> bool:
        return name in self._tries[partition_of(name, len(self._tries))]

    def goes_on(self, words: str) -> bool:
        """Whether a longer name begins with these whole words."""
        trie = self._tries[partition_of(words, len(self._tries))]
        return words + " " in trie if " " not in words else bool(trie.has_keys_with_prefix(words + " "))

    def records(self, name: str, most: int | None = None) -> list[tuple[int, int, float, bool]]:
        """(entity row, number of its Q-id, prior, whether written small) for a normalised name, at most `most`.

        They are in order of priors, best first, ties in order of rows.
        """
        partition = partition_of(name, len(self._tries))
        key = self._tries[partition].get(name)
        if key is None:
            return []
        starts = self._starts[partition]
        first, last = starts.item(key), starts.item(key + 1)
        if most is not None:
            last = min(last, first + most)
        return list(_RECORD.iter_unpack(self._records[partition][first * _RECORD.size : last * _RECORD.size]))


def write_partition(
    sources: Sequence[tuple[Path, int]], ids: Path, smoothing: float, number: int, out: Path
) -> Outcome:
    """Writes partition `number` of the index; a task of the shard map.

    With sitelinks s of an item and n anchors of the name that link to it, and with w = log(1 + s) + `prior_smoothing`, the prior is
    (n + k w / sum w) / (sum n + k), with sums over the name's items (MOFI.md, candidates); k is `smoothing`, a pseudo-count.

    Args:
        sources: files of names (`NAME_SCHEMA`, a batch for each partition), and the entity row that the rows of each count from.
        ids: the numbers of the entities' Q-ids, by row (`IDS`).
        smoothing: `anchor_smoothing`.
        number: of the partition.
        out: folder for the files.
    """
    table = pa.concat_tables([NAME_SCHEMA.empty_table(), *(_batch(path, number, row) for path, row in sources)])
    begins = pc.unique(table.filter(pc.equal(table.column("row"), BEGUN)).column("name")).sort().to_pylist()
    table = table.filter(pc.not_equal(table.column("row"), BEGUN))
    table = table.group_by(["name", "row"]).aggregate(
        [("weight", "max"), ("anchors", "sum"), ("borne", "any"), ("small", "any")]
    )
    names, place = _encoded(table.column("name"))
    row, weight, anchors, borne, small = (
        table.column(c).to_numpy() for c in ("row", "weight_max", "anchors_sum", "borne_any", "small_any")
    )
    if not borne.all():
        known = (np.bincount(place, weights=borne, minlength=len(names)) > 0)[place]
        names, place = _encoded(table.column("name").filter(pa.array(known)))
        row, weight, anchors, small = row[known], weight[known], anchors[known], small[known]
    prior = anchors + smoothing * weight / np.bincount(place, weights=weight, minlength=len(names))[place]
    prior /= (np.bincount(place, weights=anchors, minlength=len(names)) + smoothing)[place]
    records = np.empty(len(row), dtype=RECORD)
    records["row"], records["prior"], records["small"] = row, prior, small
    records["number"] = np.load(ids, mmap_mode="r")[row]
    _write([*names, *begins], place, records, number, out)
    candidates = np.bincount(place, minlength=len(names))
    return Outcome({"names": len(names), "ambiguous_names": int((candidates > 1).sum())})


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The different names, sorted, and each row's place among them."""
    encoded = column.combine_chunks().dictionary_encode()
    order = np.asarray(pc.sort_indices(encoded.dictionary))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)).to_pylist(), places[np.asarray(encoded.indices)]


def _batch(path: Path, partition: int, row: int) -> pa.Table:
    with open_arrow(path) as reader:
        table = pa.Table.from_batches([reader.get_batch(partition)])
    rows = table.column("row").to_numpy()
    return table.set_column(1, "row", pa.array(np.where(rows == BEGUN, BEGUN, rows + row)))


def _write(
    names: list[str],
    place: npt.NDArray[np.int64],
    records: npt.NDArray[np.void],
    number: int,
    out: Path,
) -> None:
    trie = marisa_trie.Trie(names)
    keys = np.fromiter((trie[name] for name in names), dtype=np.int64, count=len(names))[place]
    order = np.lexsort((records["row"], -records["prior"], keys))
    starts = np.zeros(len(names) + 1, dtype=np.uint32)
    np.cumsum(np.bincount(keys, minlength=len(names)), out=starts[1:])
    trie.save(str(out / _TRIE.format(number)))
    np.save(out / _STARTS.format(number), starts)
    np.save(out / _RECORDS.format(number), records[order])
