"""What the knowledge base says about the vocabulary, read in one pass over its table."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.curate.vocabulary import Vocabulary
from components.errors import InputError
from components.knowledge.base.format import ENTITY_SCHEMA, FIX, entity_table
from components.knowledge.qid import qid_of
from components.storage.foreign.tables import check_columns, columns_of, naming


@dataclass(frozen=True)
class Facts:
    """An entity's name, description, and classes (Q-ids: instance of, or else subclass of)."""

    label: str
    description: str
    classes: tuple[str, ...]


def read_facts(knowledge: Path, vocabulary: Vocabulary) -> list[Facts]:
    """Facts of each entity of the vocabulary, in its order.

    Raises:
        InputError: if the knowledge base lacks one.
    """
    wanted = [qid_of(number) for number in vocabulary.ids.tolist()]
    columns = ["entity_id", "label", "description", "instance_of", "subclass_of"]
    found = {
        row["entity_id"]: Facts(
            row["label"] or "", row["description"] or "", tuple(row["instance_of"] or row["subclass_of"] or ())
        )
        for batch in _rows(entity_table(knowledge), wanted, columns)
        for row in batch.to_pylist()
    }
    for entity in wanted:
        if entity not in found:
            raise InputError(f"the labels name {entity}, which {knowledge} lacks; label again with this knowledge base")
    return [found[entity] for entity in wanted]


def read_labels(knowledge: Path, entities: Collection[str]) -> dict[str, str]:
    """Q-id → label, of those that the knowledge base has."""
    labels: dict[str, str] = {}
    for batch in _rows(entity_table(knowledge), sorted(entities), ["entity_id", "label"]):
        labels |= dict(zip(batch["entity_id"].to_pylist(), batch["label"].to_pylist(), strict=True))
    return labels


def _rows(path: Path, entities: list[str], columns: list[str]) -> Iterator[pa.RecordBatch]:
    wanted = pa.array(entities, pa.string())
    with naming(path, "an entity table", FIX), pq.ParquetFile(path) as table:
        check_columns(path, table.schema_arrow, columns_of(ENTITY_SCHEMA, columns), FIX)
        for batch in table.iter_batches(columns=columns):
            yield batch.filter(pc.is_in(batch["entity_id"], value_set=wanted))
