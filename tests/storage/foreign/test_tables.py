"""Tables and arrays of others: what fits is read, all else is a sentence with the file."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.storage.foreign.tables import read_array, read_table

WANTED = pa.schema([pa.field("key", pa.string(), nullable=False), ("size", pa.int32()), ("of", pa.list_(pa.string()))])
ROWS: dict[str, Any] = {"key": ["a", "b"], "size": [1, None], "of": [["Q1"], None]}
FIX = "write it again"


def read(path: Path, table: pa.Table) -> pa.Table:
    pq.write_table(table, path)
    return read_table(path, WANTED, FIX)


@pytest.mark.parametrize(
    "types",
    [
        {"key": pa.large_string(), "of": pa.large_list(pa.large_string())},
        {"key": pa.dictionary(pa.int8(), pa.string()), "size": pa.uint64()},
        {"key": pa.string_view(), "size": pa.int8()},
    ],
)
def test_types_of_one_kind_are_alike(tmp_path: Path, types: dict[str, pa.DataType]) -> None:
    kinds = {"key": pa.string(), "size": pa.int32(), "of": pa.list_(pa.string())} | types
    table = read(tmp_path / "t.parquet", pa.table({name: pa.array(ROWS[name], kinds[name]) for name in kinds}))
    assert table.to_pydict() == ROWS
    assert table.schema.types == WANTED.types


def test_further_columns_are_left_out_and_the_order_is_the_schema_s(tmp_path: Path) -> None:
    table = pa.table({"more": [1, 2], **{name: ROWS[name] for name in reversed(ROWS)}})
    assert read(tmp_path / "t.parquet", table).column_names == WANTED.names


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": [1, 2]}, "the column key holds int64, not string"),
        ({"size": ["1", "2"]}, "the column size holds string, not int32"),
        ({"size": [1.5, 2.0]}, "the column size holds double, not int32"),
        ({"of": ["Q1", "Q2"]}, "the column of holds string, not list"),
        ({"of": [[1], [2]]}, r"the column of holds list<.*int64>, not list"),
        ({"key": ["a", None]}, "row 1 has no key"),
        ({"size": [1, 2**40]}, "is not a Parquet table, or damaged"),
    ],
)
def test_another_type_or_a_lacking_value_is_named(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=rf"t\.parquet.*{says}.*; {FIX}$"):
        read(tmp_path / "t.parquet", pa.table(ROWS | change))


def test_a_lacking_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"t\.parquet has no column size, of; {FIX}"):
        read(tmp_path / "t.parquet", pa.table({"key": ["a"]}))


def damaged(whole: bytes) -> list[bytes]:
    """Empty, cut anywhere, noise, and single bytes that are wrong."""
    chance = random.Random(1)
    cut = [whole[: len(whole) * n // 8] for n in range(8)]
    flipped = []
    for _ in range(60):
        copy = bytearray(whole)
        copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
        flipped.append(bytes(copy))
    return [*cut, chance.randbytes(2000), b"PAR1" * 3, *flipped]


def test_a_damaged_table_is_a_sentence_whatever_the_damage(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(ROWS), path)
    failed = 0
    for content in damaged(path.read_bytes()):
        path.write_bytes(content)
        try:
            read_table(path, WANTED, FIX)
        except InputError as error:
            failed += 1
            assert str(path) in str(error)
            assert "\n" not in str(error)
    assert failed >= 10


def test_what_is_missing_or_a_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"none\.parquet is missing; {FIX}"):
        read_table(tmp_path / "none.parquet", WANTED, FIX)
    with pytest.raises(InputError, match=FIX):
        read_table(tmp_path, WANTED, FIX)


@pytest.mark.parametrize("mapped", [False, True])
def test_an_array_is_of_the_kind_that_is_asked_for(tmp_path: Path, mapped: bool) -> None:
    path = tmp_path / "a.npy"
    for array in (np.array(["x"]), np.array(1.0), np.zeros((2, 2)), np.zeros(2, complex)):
        np.save(path, array)
        with pytest.raises(InputError, match=r"a\.npy holds .* dimensions, which is another array"):
            read_array(path, "f", 1, FIX, mapped=mapped)
    np.save(path, np.arange(3.0))
    assert read_array(path, "f", 1, FIX, mapped=mapped).tolist() == [0, 1, 2]
    for content in (b"", path.read_bytes()[:100], path.read_bytes()[:-1], b"no array" * 40):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.npy"):
            read_array(path, "f", 1, FIX, mapped=mapped)


@pytest.mark.parametrize("text", ["marked", "name"])
def test_text_that_is_not_utf_8_is_refused_when_it_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "0.parquet"
    pq.write_table(pa.table({"name": ["marked"]}), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(text.encode(), b"\xff" * len(text)))
    with pytest.raises(InputError, match=r"0\.parquet"):
        read_table(path, pa.schema([("name", pa.string())]), "make it again")
