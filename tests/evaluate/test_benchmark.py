"""A benchmark's index names pictures of the benchmark, and no other files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.evaluate.benchmark import read_benchmark


def index(folder: Path, file: str | None) -> Path:
    row = {"file": file, "category": 0, "domain": "d", "art_set": "a", "foundry": "f", "concept": "emoji:x"}
    pq.write_table(pa.Table.from_pylist([row | {"file": "0/a.png"}, row]), folder / "images.parquet")
    return folder


def test_names_below_the_folder_are_taken(tmp_path: Path) -> None:
    assert read_benchmark(index(tmp_path, "1/..b.png")).files == ("0/a.png", "1/..b.png")


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.png", "a/../../../x.png", "..", None])
def test_a_name_outside_of_the_folder_is_refused(tmp_path: Path, name: str | None) -> None:
    with pytest.raises(InputError, match=r"images\.parquet names .*no file below images"):
        read_benchmark(index(tmp_path, name))
