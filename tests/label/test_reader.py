"""Label files as every stage after the label stage reads them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.label.reader import label_rows, read_labels


def write_labels(folder: Path, number: int, *keys: str) -> Path:
    rows = [{"key": key, "entities": ["Q1"], "decisions": [], "source": "alt"} for key in keys]
    path = folder / f"{number:05d}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), path)
    return path


def test_a_shards_labels_have_the_documented_columns(tmp_path: Path) -> None:
    write_labels(tmp_path, 0, "a", "b")
    assert read_labels(tmp_path, 0).schema.equals(LABELS_SCHEMA)


def test_only_the_columns_that_are_asked_for_are_read_in_that_order(tmp_path: Path) -> None:
    write_labels(tmp_path, 0, "a", "b")
    assert read_labels(tmp_path, 0, ["entities", "key"]).column_names == ["entities", "key"]


def test_rows_come_shard_by_shard_with_its_number(tmp_path: Path) -> None:
    write_labels(tmp_path, 2, "c")
    write_labels(tmp_path, 0, "a", "b")
    found = [(number, row["key"]) for number, row in label_rows(tmp_path, ["key"])]
    assert found == [(0, "a"), (0, "b"), (2, "c")]


def test_what_else_the_stage_writes_there_is_no_label_file(tmp_path: Path) -> None:
    write_labels(tmp_path, 0, "a")
    pq.write_table(pa.table({"matched": [0.5]}), tmp_path / "calibration.parquet")
    assert len(list(label_rows(tmp_path))) == 1


def test_a_missing_file_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"00001\.parquet is missing; run `mofi label run`"):
        read_labels(tmp_path, 1)


@pytest.mark.parametrize("content", [b"", b"PAR1 no table"])
def test_a_damaged_file_is_named_with_the_fix(tmp_path: Path, content: bytes) -> None:
    write_labels(tmp_path, 0, "a").write_bytes(content)
    with pytest.raises(InputError, match=r"00000\.parquet is not a file of labels .*run `mofi label run`"):
        list(label_rows(tmp_path))


def test_a_file_that_lacks_a_column_is_named_with_the_fix(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "00000.parquet")
    with pytest.raises(InputError, match=r"00000\.parquet is not a file of labels .*entities"):
        read_labels(tmp_path, 0, ["key", "entities"])
