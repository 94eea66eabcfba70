"""The vocabulary: the training entities, and whether shards are labelled with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.errors import InputError
from components.storage.foreign.tables import read_table

COLUMNS = ("entity_id", "label", "description")
_SCHEMA = pa.schema(
    [pa.field(name, pa.string(), nullable=name in ("label", "description")) for name in (*COLUMNS, "split")]
)


@dataclass(frozen=True)
class Vocabulary:
    """The training entities in class order: Q-ids, names and descriptions of equal length."""

    entity_ids: Sequence[str]
    labels: Sequence[str]
    descriptions: Sequence[str]

    def __len__(self) -> int:
        return len(self.entity_ids)


def read_vocabulary(path: Path) -> Vocabulary:
    """The training entities of `vocabulary.parquet`.

    Raises:
        InputError: as `training_entities` does.
    """
    return Vocabulary(*(column.to_pylist() for column in training_entities(path).columns))


def training_entities(path: Path) -> pa.Table:
    """The rows of `vocabulary.parquet` with split `train`, in file order: `COLUMNS`, as strings.

    A missing name is replaced by the Q-id, a missing description by an empty string.

    Raises:
        InputError: if the file is missing or not a vocabulary, has no training entity, or lists an
            entity twice.
    """
    table = _read(path)
    table = table.filter(pc.equal(table["split"], "train"))
    if not len(table):
        raise InputError(f"{path} has no training entity; lower curate's minimum of pictures, or crawl more")
    ids, labels, descriptions = (table[name].cast(pa.string()) for name in COLUMNS)
    _check_unique(path, ids)
    labels = pc.if_else(pc.equal(pc.fill_null(labels, ""), ""), ids, labels)
    return pa.table([ids, labels, pc.fill_null(descriptions, "")], names=list(COLUMNS)).combine_chunks()


def _read(path: Path) -> pa.Table:
    return read_table(path, _SCHEMA, "run `mofi curate` again")


def _check_unique(path: Path, ids: pa.ChunkedArray) -> None:
    counted = pc.value_counts(ids)
    duplicates = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    if len(duplicates):
        raise InputError(f"{path} has {duplicates[0]} more than once; run `mofi curate` again")


def check_labels(without_class: int, pictures: int, max_error_share: float, example: str = "") -> None:
    """Checks that shards and vocabulary belong together.

    Args:
        without_class: pictures that show no training entity.
        pictures: all pictures.
        max_error_share: largest allowed share without a class.
        example: what one of them shows, in brackets.

    Raises:
        InputError: if too many pictures have no class.
    """
    if without_class > max_error_share * pictures:
        raise InputError(
            f"{without_class} of {pictures} pictures show no training entity of the vocabulary{example}; shards and "
            "vocabulary.parquet are not from one run of `mofi curate`: run it again, or raise pretrain.max_error_share"
        )
