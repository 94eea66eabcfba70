"""A benchmark that cannot be used is named with what helps: only the sample's is built."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.evaluate.benchmark import read_benchmark

COLUMNS = {"file": "a.png", "category": 0, "domain": "d", "art_set": "s", "foundry": 0, "concept": "emoji:x"}


def index(folder: Path, **columns: object) -> None:
    pq.write_table(pa.table({name: [value] for name, value in columns.items()}), folder / "images.parquet")


def missing(folder: Path) -> None:
    """No index at all."""


def garbage(folder: Path) -> None:
    (folder / "images.parquet").write_bytes(b"no table")


def another_table(folder: Path) -> None:
    index(folder, **{name: value for name, value in COLUMNS.items() if name != "foundry"})


def empty(folder: Path) -> None:
    pq.write_table(pa.table({name: [value] for name, value in COLUMNS.items()}).slice(0, 0), folder / "images.parquet")


def without_its_picture(folder: Path) -> None:
    index(folder, **COLUMNS)


@pytest.mark.parametrize("is_sample", [True, False])
@pytest.mark.parametrize("break_it", [missing, garbage, another_table, empty, without_its_picture])
def test_only_the_sample_s_benchmark_is_to_be_built(
    break_it: Callable[[Path], None], is_sample: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("data/sample/benchmark" if is_sample else "mine")
    folder.mkdir(parents=True)
    break_it(folder)
    with pytest.raises(InputError, match=str(folder)) as caught:
        read_benchmark(folder).bytes_of(0)
    assert ("mofi sample build" in str(caught.value)) is is_sample


def test_the_sample_s_benchmark_is_known_wherever_it_was_built(tmp_path: Path) -> None:
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "planted.parquet").touch()
    with pytest.raises(InputError, match="mofi sample build"):
        read_benchmark(tmp_path / "benchmark")


def listing(folder: Path, file: str | None) -> Path:
    row = {"file": file, "category": 0, "domain": "d", "art_set": "a", "foundry": "f", "concept": "emoji:x"}
    pq.write_table(pa.Table.from_pylist([row | {"file": "0/a.png"}, row]), folder / "images.parquet")
    return folder


def test_names_below_the_folder_are_taken(tmp_path: Path) -> None:
    assert read_benchmark(listing(tmp_path, "1/..b.png")).files == ("0/a.png", "1/..b.png")


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.png", "a/../../../x.png", "..", ".", ""])
def test_a_name_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"images\.parquet names .*no file below images"):
        read_benchmark(listing(tmp_path, name))


def test_a_row_without_a_file_and_one_that_is_listed_twice_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images\.parquet: row 1 has no file"):
        read_benchmark(listing(tmp_path, None))
    with pytest.raises(InputError, match=r"images\.parquet lists '0/a\.png' more than once"):
        read_benchmark(listing(tmp_path, "0/a.png"))
