"""A vocabulary's columns, memory-mapped: all processes of a machine share one copy, however many millions of entities it has."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import pyarrow as pa

from components.pretrain.data.vocabulary import COLUMNS, training_entities


class Texts(Sequence[str]):
    """A column of texts."""

    def __init__(self, column: pa.Array) -> None:
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Texts": ...
    def __getitem__(self, place: int | slice) -> "str | Texts":
        """One text, or a column of some."""
        if isinstance(place, slice):
            return Texts(self.column[place])
        text: str = self.column[place].as_py()
        return text


def write_columns(vocabulary: Path, file: Path) -> None:
    """The training entities of `vocabulary.parquet`, in file order, as an Arrow file for `columns`.

    Raises:
        InputError: as `training_entities` does.
    """
    table = training_entities(vocabulary)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def columns(file: Path) -> tuple[Texts, Texts, Texts]:
    """Q-ids, names and descriptions, as `write_columns` left them."""
    with pa.memory_map(str(file)) as source:
        table = pa.ipc.open_file(source).read_all()
    ids, labels, descriptions = (Texts(table[name].chunk(0)) for name in COLUMNS)
    return ids, labels, descriptions
