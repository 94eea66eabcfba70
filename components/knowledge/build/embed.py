"""Embeds entities, one range at a time; tasks of the shard map."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.execution.shard_map import Outcome
from components.knowledge.base.embedder import TextEmbedder
from components.knowledge.base.entity import Entity
from components.knowledge.base.format import ENTITY_SCHEMA, IDS
from components.knowledge.base.knowledge_base import open_entities
from components.knowledge.parameters import KnowledgeParameters
from components.storage.arrays import save_array

_BATCH = 20_000


@dataclass(frozen=True)
class EmbedJob:
    """`base` holds the table of all entities, `fitted` the embedder."""

    base: Path
    fitted: Path
    parameters: KnowledgeParameters


def fit(job: EmbedJob, _: None, __: int, out: Path) -> Outcome:
    """Fits the embedder on a sample of the entities; writes its files."""
    parameters = job.parameters
    table = open_entities(job.base)
    size = min(parameters.embedding_sample, table.num_rows)
    rng = np.random.default_rng(parameters.seed)
    chosen = np.sort(rng.choice(table.num_rows, size, replace=False, shuffle=False))
    sample = list(_texts(table.take(pa.array(chosen)), job.base))
    TextEmbedder.fit(sample, parameters.embedding_size, parameters.seed).save(out)
    return Outcome({"sample": size})


def embed(job: EmbedJob, span: tuple[int, int], number: int, out: Path) -> Outcome:
    """Writes `NUMBER.npy`, float16 [rows, d], of entity rows `span[0]` to `span[1]` (exclusive)."""
    embedder = _embedder(job.fitted)
    table = open_entities(job.base).slice(span[0], span[1] - span[0])
    vectors = np.empty((len(table), embedder.projection.shape[1]), dtype=np.float16)
    embedder.embed_all(_texts(table, job.base), vectors)
    save_array(out / f"{number:05d}.npy", vectors)
    return Outcome({"embedded": len(vectors)})


@lru_cache(maxsize=1)
def _embedder(folder: Path) -> TextEmbedder:
    return TextEmbedder.load(folder)


def _texts(table: pa.Table, base: Path) -> Iterator[str]:
    labels = _class_labels(table, base)
    for batch in table.to_batches(max_chunksize=_BATCH):
        for values in zip(*(batch.column(name).to_pylist() for name in ENTITY_SCHEMA.names), strict=True):
            yield describe(Entity(*values), labels)


def _class_labels(table: pa.Table, base: Path) -> dict[str, str]:
    """Q-id → label of the classes of a table's entities."""
    named = pa.chunked_array(
        [pc.list_flatten(c) for n in ("instance_of", "subclass_of") for c in table.column(n).chunks]
    )
    if not len(named):
        return {}
    classes = pc.unique(named)
    wanted = np.asarray(pc.cast(pc.utf8_slice_codeunits(classes, 1), pa.int64()))
    numbers = np.load(base / IDS, mmap_mode="r")
    rows = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    rows = np.unique(rows[numbers[rows] == wanted])
    entities = open_entities(base).select(["entity_id", "label"]).take(pa.array(rows))
    return dict(zip(entities.column(0).to_pylist(), entities.column(1).to_pylist(), strict=True))


def describe(item: Entity, labels: dict[str, str]) -> str:
    """The text that is embedded for an entity: names, description, names of its classes."""
    classes = [labels[q] for q in (*item.instance_of, *item.subclass_of) if q in labels]
    return ". ".join([item.label, *item.aliases, item.description, *classes])
