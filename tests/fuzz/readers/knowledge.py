"""Dumps of Wikidata, tables of anchors, gold files."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from components.errors import InputError
from components.knowledge.base.entity import Entity
from components.knowledge.base.format import ENTITIES, ENTITY_SCHEMA, IDS, write_arrow
from components.knowledge.build.anchors import AnchorJob, read_anchors, resolve_anchors
from components.knowledge.build.dump import blocks
from components.knowledge.build.parse import parse
from components.knowledge.parameters import KnowledgeParameters
from components.label.gold.file import read_gold
from tests.fuzz import table_seeds
from tests.fuzz.change import GENERAL, multiply, recoded
from tests.fuzz.reader import Reader, chance_of, folder_of

_BLOCK = 8 << 20
_MAGICS = {b"BZh": "json.bz2", b"\x1f\x8b": "json.gz", b"\x28\xb5\x2f\xfd": "json.zst"}
_REASONS = ("kept", "no_label", "excluded_class", "no_item", "invalid_json", "no_entity")


def read_dump(data: bytes) -> Iterable[str]:
    """A dump, packed or not → items: every line is kept or counted by reason."""
    ending = next((ending for magic, ending in _MAGICS.items() if data.startswith(magic)), "json")
    path = folder_of(**{f"dump__{ending}": data}) / f"dump.{ending}"
    counts: Counter[str] = Counter()
    try:
        for number, block in enumerate(blocks(str(path), _BLOCK)):
            outcome = parse(_knobs(), block, number, path.parent)
            assert outcome.attempted == outcome.counts["lines"]
            counts.update(outcome.counts)
    except InputError as error:
        assert path.name in str(error), error
        return ["unreadable"]
    assert counts["lines"] == sum(counts[reason] for reason in _REASONS), counts
    return ["items" if counts["kept"] else "no items"]


def read_anchor_table(data: bytes) -> Iterable[str]:
    """A table of anchors → names of items: every row is placed or counted by reason."""
    ending = "parquet" if data.startswith(b"PAR1") else chance_of(data).choice(("csv", "tsv"))
    path = folder_of(**{f"anchors__{ending}": data}) / f"anchors.{ending}"
    placed = rows = 0
    try:
        for number, batch in enumerate(read_anchors(path)):
            outcome = resolve_anchors(AnchorJob(_base(), 2, _knobs()), batch, number, path.parent)
            assert sum(outcome.counts.values()) == outcome.attempted == len(batch), outcome
            placed, rows = placed + outcome.counts["placed"], rows + len(batch)
    except InputError as error:
        assert path.name in str(error), error
        return ["unreadable"]
    return ["placed" if placed else "rows" if rows else "empty"]


def read_gold_file(data: bytes) -> Iterable[str]:
    """A gold file → texts and bad lines: every line that is not blank is one of them."""
    path = folder_of(gold__jsonl=data) / "gold.jsonl"
    try:
        gold = read_gold(path, max_left_out=1.0)
    except InputError as error:
        assert "gold.jsonl" in str(error), error
        return ["unreadable"]
    lines = sum(bool(line.strip()) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    assert len(gold.texts) + len(gold.bad) == lines
    for text in gold.texts:
        assert all(text.start <= one.start < one.end <= text.end for one in text.labels)
    return ["texts"]


@cache
def _knobs() -> KnowledgeParameters:
    return KnowledgeParameters(
        languages=["en", "mul"],
        exclude_classes=["Q4167410"],
        max_name_length=40,
        prior_smoothing=1.0,
        anchor_smoothing=10.0,
        max_error_share=0.01,
        embedding_size=6,
        embedding_sample=1000,
        seed=7,
    )


@cache
def _base() -> Path:
    """A knowledge base as far as anchors need one."""
    folder = Path(_folder().name)
    items = [Entity(f"Q{n}", f"item {n}", "", (), (), (), n, "") for n in (1, 2, 43)]
    write_arrow(pa.Table.from_pylist([one._asdict() for one in items], schema=ENTITY_SCHEMA), folder / ENTITIES)
    np.save(folder / IDS, np.array([1, 2, 43]))
    return folder


@cache
def _folder() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="mofi-fuzz-base-")


READERS = {
    "dump": Reader(read_dump, table_seeds.dumps, (*GENERAL, multiply, recoded)),
    "anchors": Reader(read_anchor_table, table_seeds.anchors, (*GENERAL, multiply)),
    "gold": Reader(read_gold_file, table_seeds.gold, (*GENERAL, multiply, recoded)),
}
