"""Parts of a dump → ranges of entities, sorted by Q-id, each once, with their names.

Instances of excluded classes are left out. An external sort: items are split into ranges of Q-id
numbers that fit into memory, and a task of the shard map gathers one range from the parts that
reach into it.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.execution.shard_map import Outcome
from components.knowledge.base.format import NAME_SCHEMA, PART_SCHEMA, PREFIX, open_arrow, partition_of, write_arrow
from components.knowledge.base.names import normalise
from components.knowledge.build.item import EXCLUDED
from components.knowledge.parameters import KnowledgeParameters
from components.knowledge.qid import number_of, numbers_of, qid_of

logger = logging.getLogger(__name__)

_BITS = 10  # a bucket of the histogram from which ranges are cut is 1,024 numbers wide
_WIDEST = 1 << 62

Integers = npt.NDArray[np.int64]
NameRow = tuple[str, int, float, int, bool, bool]  # of `NAME_SCHEMA`


@dataclass(frozen=True)
class Range:
    """Q-id numbers from `low` to below `high`, and the parts that hold some of them, in order."""

    low: int
    high: int
    parts: tuple[int, ...]


def split_ranges(parts: Path, most: int) -> list[Range]:
    """Splits the parts in a folder into ranges of about `most` items each; at least one."""
    buckets: Counter[int] = Counter()
    spans: list[tuple[int, int, int]] = []
    for path in sorted(parts.glob("*.arrow")):
        with open_arrow(path) as reader:
            numbers = _numbers(reader.read_all())
            if len(numbers):
                spans.append((int(path.stem), int(numbers[0]), int(numbers[-1])))
                found, counts = np.unique(numbers >> _BITS, return_counts=True)
                buckets.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
    bounds, held = [0], 0
    for bucket in sorted(buckets):
        if held and held + buckets[bucket] > most:
            bounds.append(bucket << _BITS)
            held = 0
        held += buckets[bucket]
    return [
        Range(low, high, tuple(part for part, first, last in spans if first < high and last >= low))
        for low, high in zip(bounds, [*bounds[1:], _WIDEST], strict=True)
    ]


def _numbers(table: pa.Table) -> Integers:
    return np.asarray(table.column("number").to_numpy(), dtype=np.int64)


def with_subclasses(parts: Path, excluded: Sequence[str]) -> list[str]:
    """Q-ids of classes and of all their direct and indirect subclasses among the parts."""
    if not excluded:
        return []
    children: list[Integers] = []
    parents: list[Integers] = []
    for path in sorted(parts.glob("*.arrow")):
        with open_arrow(path) as reader:
            table = reader.read_all()
            above = table.column("subclass_of").combine_chunks()
            children.append(_numbers(table)[np.asarray(pc.list_parent_indices(above))])
            parents.append(numbers_of(pc.list_flatten(above)))
    child, parent = (
        np.concatenate([np.zeros(0, np.int64), *children]),
        np.concatenate([np.zeros(0, np.int64), *parents]),
    )
    found = frontier = np.unique(np.array([number_of(q) for q in excluded], dtype=np.int64))
    while len(frontier):
        frontier = np.setdiff1d(child[np.isin(parent, frontier)], found)
        found = np.union1d(found, frontier)
    return [qid_of(number) for number in found.tolist()]


@dataclass(frozen=True)
class MergeJob:
    """`parts`: folder of the parsed blocks; `excluded`: Q-ids of classes to leave out."""

    parts: Path
    excluded: tuple[str, ...]
    partitions: int
    parameters: KnowledgeParameters


def merge(job: MergeJob, span: Range, number: int, out: Path) -> Outcome:
    """Writes `NUMBER.arrow` (`PART_SCHEMA`, sorted) and `NUMBER_names.arrow`.

    The second has a batch for each partition (`NAME_SCHEMA`).
    """
    gathered = pa.concat_tables([PART_SCHEMA.empty_table(), *(_slice(job.parts, part, span) for part in span.parts)])
    numbers = _numbers(gathered)
    order = np.argsort(numbers, kind="stable")  # of duplicate items the first is kept
    numbers = numbers[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = numbers[1:] != numbers[:-1]
    table = gathered.take(pa.array(order[first]))
    allowed = table.filter(pa.array(~_instances(table, job.excluded)))
    write_arrow(allowed, out / f"{number:05d}.arrow")
    _write_names(allowed, job, out / f"{number:05d}_names.arrow")
    duplicate, excluded = len(order) - len(table), len(table) - len(allowed)
    counts = {"kept": -duplicate - excluded, "duplicate": duplicate, EXCLUDED: excluded}
    return Outcome({name: count for name, count in counts.items() if count} | {"items": len(allowed)})


def _slice(parts: Path, part: int, span: Range) -> pa.Table:
    with open_arrow(parts / f"{part:05d}.arrow") as reader:
        table = reader.read_all()
        low, high = np.searchsorted(_numbers(table), [span.low, span.high])
        return table.slice(low, high - low)


def _instances(table: pa.Table, classes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which items are instances of one of the classes."""
    among = np.zeros(len(table), dtype=bool)
    kinds = table.column("instance_of").combine_chunks()
    named = np.asarray(pc.is_in(pc.list_flatten(kinds), value_set=pa.array(classes, pa.string())), dtype=bool)
    among[np.asarray(pc.list_parent_indices(kinds))[named]] = True
    return among


def _write_names(table: pa.Table, job: MergeJob, path: Path) -> None:
    weights = (np.log1p(table.column("sitelinks").to_numpy()) + job.parameters.prior_smoothing).tolist()
    labels, aliases = table.column("label").to_pylist(), table.column("aliases").to_pylist()
    rows: list[list[NameRow]] = [[] for _ in range(job.partitions)]
    prefixes: set[str] = set()
    for row, (label, others, weight) in enumerate(zip(labels, aliases, weights, strict=True)):
        written: dict[str, bool] = {}
        for spelling in (label, *others):
            name = normalise(spelling)
            written[name] = written.get(name, False) or not spelling[0].isupper()
        for name, small in written.items():
            if 0 < len(name) <= job.parameters.max_name_length:
                rows[partition_of(name, job.partitions)].append((name, row, weight, 0, True, small))
                first, blank, _ = name.partition(" ")
                if blank:
                    prefixes.add(first)
    for word in sorted(prefixes):
        rows[partition_of(word, job.partitions)].append((word + " ", PREFIX, 0.0, 0, True, False))
    write_partitions(rows, path)


def write_partitions(rows: Sequence[Sequence[NameRow]], path: Path) -> None:
    """An Arrow file (`NAME_SCHEMA`) with a batch for each partition."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, NAME_SCHEMA) as writer:
        for partition in rows:
            columns = list(zip(*partition, strict=True)) if partition else [()] * len(NAME_SCHEMA)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, NAME_SCHEMA, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=NAME_SCHEMA))
