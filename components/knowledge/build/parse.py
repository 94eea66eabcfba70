"""A block of a dump's lines → the items to keep, as a sorted Arrow file; for the shard map."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.execution.shard_map import Outcome
from components.knowledge.base.entity import Entity
from components.knowledge.base.format import ENTITY_SCHEMA, PART_SCHEMA, write_arrow
from components.knowledge.build.item import INVALID, NO_ENTITY, ItemReader
from components.knowledge.parameters import KnowledgeParameters
from components.knowledge.qid import number_of


def parse(parameters: KnowledgeParameters, block: bytes, number: int, out: Path) -> Outcome:
    """Writes `NUMBER.arrow` (`PART_SCHEMA`, sorted by the number of the Q-id).

    Every line is counted as `kept`, `no_label`, `excluded_class`, `no_item` (a property, a lexeme),
    or as bad: `invalid_json`, `no_entity` (JSON, but nothing of Wikidata).
    """
    counts: Counter[str] = Counter()
    with _without_collection():
        items = read_items(block, parameters, counts)
        table = part_table(items)
    write_arrow(table, out / f"{number:05d}.arrow")
    return Outcome(counts, attempted=counts["lines"], errors=counts[INVALID] + counts[NO_ENTITY])


def read_items(block: bytes, parameters: KnowledgeParameters, counts: Counter[str]) -> list[Entity]:
    """The items worth keeping, in their order; everything is counted by reason in `counts`."""
    read = _reader(tuple(parameters.languages), tuple(parameters.exclude_classes)).read
    lines = [text for line in block.split(b"\n") if (text := line.strip().rstrip(b",")) not in (b"[", b"]", b"")]
    found = [read(text) for text in lines]
    kept = [item for item in found if isinstance(item, Entity)]
    reasons = Counter(reason for reason in found if isinstance(reason, str)) if len(kept) < len(found) else Counter()
    counts.update(Counter(lines=len(lines), kept=len(kept)) + reasons)
    return kept


@lru_cache(maxsize=4)
def _reader(languages: tuple[str, ...], excluded: tuple[str, ...]) -> ItemReader:
    return ItemReader(languages, excluded)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Without the garbage collector, which would scan thousands of live objects repeatedly."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def part_table(items: list[Entity]) -> pa.Table:
    """As `PART_SCHEMA`, sorted by number; items of one number in their order."""
    columns = list(zip(*items, strict=True)) if items else [()] * len(ENTITY_SCHEMA)
    numbers = np.array([number_of(qid) for qid in columns[0]], dtype=np.int64)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, ENTITY_SCHEMA, strict=True)]
    table = pa.Table.from_arrays([pa.array(numbers), *arrays], schema=PART_SCHEMA)
    if (numbers[1:] < numbers[:-1]).any():
        table = table.take(pa.array(np.argsort(numbers, kind="stable")))
    return table
