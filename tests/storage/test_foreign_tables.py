"""Parquet files whose values are not of the types that they say."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.storage.foreign_tables import read_table


def write(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False)
    return path


def test_the_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "0.parquet", a=[1], b=["é"], c=[2.0])
    assert read_table(path, ["b", "a"]).to_pydict() == {"b": ["é"], "a": [1]}
    assert read_table(path).column_names == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["marked", "name"])
def test_text_that_is_not_utf_8_is_refused_when_it_is_read(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "0.parquet", name=["marked"])
    path.write_bytes(path.read_bytes().replace(text.encode(), b"\xff" * len(text)))
    with pytest.raises((pa.ArrowInvalid, OSError)):
        read_table(path, ["name"])


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="b, c"):
        read_table(write(tmp_path / "0.parquet", a=[1]), ["a", "b", "c"])
