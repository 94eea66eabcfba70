"""Label files as every stage after the label stage reads them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.label.reader import check_crawl, label_rows, made_for, pictures_digest, read_labels

PICTURES = [
    {"key": f"00000000{n}", "status": "success", "sha256": f"{n}" * 64, "caption": f"picture {n}"} for n in range(3)
]


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
    with pytest.raises(InputError, match=r"00000\.parquet is not a Parquet table.*run `mofi label run`"):
        list(label_rows(tmp_path))


def test_a_file_that_lacks_a_column_is_named_with_the_fix(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "00000.parquet")
    with pytest.raises(InputError, match=r"00000\.parquet has no column entities"):
        read_labels(tmp_path, 0, ["key", "entities"])


def world(
    folder: Path, crawled: list[dict[str, str | None]], labelled: list[dict[str, str | None]]
) -> tuple[Path, Path]:
    """Labels of some pictures, and a crawl of others."""
    labels, crawl = folder / "labels", folder / "crawl"
    for one in (labels, crawl):
        one.mkdir()
    path = write_labels(labels, 0, *(row["key"] or "" for row in labelled))
    pq.write_table(made_for(pq.read_table(path), pictures_digest(labelled)), path)
    schema = pa.schema([(name, pa.string()) for name in PICTURES[0]])
    pq.write_table(pa.Table.from_pylist(crawled, schema), crawl / "00000.parquet")
    return labels, crawl


@pytest.mark.parametrize("rows", [PICTURES, PICTURES[::-1], [{**PICTURES[0], "sha256": None, "caption": None}]])
def test_labels_fit_the_crawl_that_they_were_made_from(tmp_path: Path, rows: list[dict[str, str | None]]) -> None:
    check_crawl(*world(tmp_path, rows, rows))


def test_pictures_that_were_not_had_do_not_count(tmp_path: Path) -> None:
    check_crawl(*world(tmp_path, [*PICTURES, {**PICTURES[0], "key": "9", "status": "failed_to_download"}], [*PICTURES]))


@pytest.mark.parametrize("change", [{"sha256": "f" * 64}, {"caption": "another text"}, {"sha256": None}])
def test_labels_of_another_crawl_are_refused_though_the_keys_fit(tmp_path: Path, change: dict[str, str | None]) -> None:
    labels, crawl = world(tmp_path, [{**PICTURES[0], **change}, *PICTURES[1:]], [*PICTURES])
    with pytest.raises(InputError, match=r"labels/00000\.parquet is not of the pictures .* of another crawl; name"):
        check_crawl(labels, crawl)


def test_labels_that_do_not_say_what_they_are_of_are_taken(tmp_path: Path) -> None:
    labels, crawl = world(tmp_path, [*PICTURES], [*PICTURES])
    write_labels(labels, 0, "000000000")
    check_crawl(labels, crawl)


def test_a_shard_that_the_crawl_lacks_is_named(tmp_path: Path) -> None:
    labels, crawl = world(tmp_path, [*PICTURES], [*PICTURES])
    (crawl / "00000.parquet").unlink()
    with pytest.raises(InputError, match=r"crawl/00000\.parquet is missing; name the crawl that .*labels was made"):
        check_crawl(labels, crawl)
