"""Dump → the files of a knowledge base."""

import logging
import math
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import marisa_trie
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.knowledge.base import ENTITY_SCHEMA, NAME_FORMAT
from components.knowledge.dump import read_items
from components.knowledge.embedder import TextEmbedder
from components.knowledge.entity import Entity
from components.knowledge.names import normalise
from components.knowledge.parameters import KnowledgeParameters
from components.shard_map import drop, publish
from components.stage import write_json

logger = logging.getLogger(__name__)


def build(dump: Path, out: Path, parameters: KnowledgeParameters, work: Path) -> dict[str, Any]:
    """Writes the knowledge base of `dump` to `out` (by way of `work`); returns its counts.

    Raises:
        InputError: if the dump cannot be used.
    """
    counts: Counter[str] = Counter()
    items = _unique(read_items(dump, parameters, counts), counts)
    if not items:
        raise InputError(
            f"{dump} holds no item with a label in {parameters.language!r} ({dict(counts)}); check knowledge.language"
        )
    logger.info("%d of %d items kept", len(items), counts["lines"])
    folder = work / "knowledge"
    if folder.exists():  # what a killed run left
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    pq.write_table(_table(items), folder / "entities.parquet", compression="zstd")
    names = _names(items, parameters.max_name_length)
    _write_names(names, items, parameters.prior_smoothing, folder / "names.marisa")
    _write_embeddings(items, parameters, folder)
    ambiguous = sum(len(rows) > 1 for rows in names.values())
    measures = {
        "items": len(items),
        "names": len(names),
        "ambiguous_names": ambiguous,
        "lines": dict(sorted(counts.items())),
    }
    write_json(folder / "stats.json", measures)
    publish(folder, out)
    drop(work)
    return measures


def _unique(read: Iterable[Entity], counts: Counter[str]) -> list[Entity]:
    """Items by numeric Q-id; of an item that stands twice, the first."""
    items: dict[int, Entity] = {}
    for item in read:
        items.setdefault(int(item.entity_id[1:]), item)
    if twice := counts["kept"] - len(items):
        counts.update(kept=-twice, duplicate=twice)
    return [items[number] for number in sorted(items)]


def _table(items: list[Entity]) -> pa.Table:
    columns = {name: [getattr(item, name) for item in items] for name in ENTITY_SCHEMA.names}
    return pa.table(columns, schema=ENTITY_SCHEMA)


def _names(items: list[Entity], max_length: int) -> dict[str, list[int]]:
    """Normalised name → rows of the items that bear it, in order."""
    names: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(items):
        for name in dict.fromkeys(normalise(n) for n in (item.label, *item.aliases)):
            if 0 < len(name) <= max_length:
                names[name].append(row)
    return names


def _write_names(names: dict[str, list[int]], items: list[Entity], smoothing: float, path: Path) -> None:
    """Prior = (log(1 + sitelinks) + smoothing), normalised per name (MOFI, candidates)."""
    weight = [math.log1p(item.sitelinks) + smoothing for item in items]

    def records() -> Iterator[tuple[str, tuple[int, float]]]:
        for name, rows in sorted(names.items()):
            total = sum(weight[row] for row in rows)
            for row in rows:
                yield name, (row, weight[row] / total)

    marisa_trie.RecordTrie(NAME_FORMAT, records()).save(str(path))


def _write_embeddings(items: list[Entity], parameters: KnowledgeParameters, folder: Path) -> None:
    labels = {item.entity_id: item.label for item in items}

    def texts() -> Iterator[str]:
        return (describe(item, labels) for item in items)

    choice = np.random.default_rng(parameters.seed).permutation(len(items))[: parameters.embedding_sample]
    chosen = set(choice.tolist())
    sample = [text for row, text in enumerate(texts()) if row in chosen]
    embedder = TextEmbedder.fit(sample, parameters.embedding_size, parameters.seed)
    embedder.save(folder)
    shape = (len(items), embedder.projection.shape[1])
    embeddings = np.lib.format.open_memmap(folder / "embeddings.npy", mode="w+", dtype=np.float32, shape=shape)
    embedder.embed_all(texts(), embeddings)
    embeddings.flush()


def describe(item: Entity, labels: dict[str, str]) -> str:
    """What an entity's embedding is made of: its names, its description, the names of its classes."""
    classes = [labels[q] for q in (*item.instance_of, *item.subclass_of) if q in labels]
    return ". ".join([item.label, *item.aliases, item.description, *classes])
