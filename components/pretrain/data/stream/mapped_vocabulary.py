"""A memory-mapped vocabulary: all processes of a machine share one copy, however large it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import overload

import pyarrow as pa

from components.pretrain.data.vocabulary import COLUMNS, training_entities


class StringColumn(Sequence[str]):
    """An Arrow column of strings as a sequence."""

    def __init__(self, column: pa.Array) -> None:
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> "StringColumn": ...
    def __getitem__(self, index: int | slice) -> "str | StringColumn":
        """One text, or a column of some."""
        if isinstance(index, slice):
            return StringColumn(self.column[index])
        text: str = self.column[index].as_py()
        return text


def write_columns(vocabulary: Path, file: Path) -> None:
    """Writes the training entities of `vocabulary.parquet` as an Arrow file for `read_columns`.

    Raises:
        InputError: as `training_entities` does.
    """
    table = training_entities(vocabulary)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_columns(file: Path) -> tuple[StringColumn, StringColumn, StringColumn]:
    """Q-ids, names and descriptions, as `write_columns` wrote them."""
    with pa.memory_map(str(file)) as source:
        table = pa.ipc.open_file(source).read_all()
    ids, labels, descriptions = (StringColumn(table[name].chunk(0)) for name in COLUMNS)
    return ids, labels, descriptions
