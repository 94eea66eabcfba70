"""Shuffled labels, and the list of ablations."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.pretrain.ablations import ablations, shuffle_labels
from components.label.format import LABELS_SCHEMA


def write(path: Path, first: int, named: list[list[str]]) -> None:
    rows = [
        {"key": f"{first + n:09d}", "entities": entities, "decisions": [], "source": "alt"}
        for n, entities in enumerate(named)
    ]
    pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), path)


def read(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_labels_are_shuffled_among_labelled_pictures(tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    write(labels / "00000.parquet", 0, [[f"Q{n}"] if n % 3 else [] for n in range(30)])
    write(labels / "00001.parquet", 30, [[f"Q{n}", "Q7"] for n in range(30, 50)])
    shuffle_labels(labels, tmp_path / "out")
    before, after = read(labels), read(tmp_path / "out")
    assert [row["key"] for row in after] == [row["key"] for row in before]
    assert [bool(row["entities"]) for row in after] == [bool(row["entities"]) for row in before]
    assert Counter(map(str, (row["entities"] for row in after))) == Counter(
        map(str, (row["entities"] for row in before))
    )
    stayed = sum(a["entities"] == b["entities"] for a, b in zip(after, before, strict=True) if b["entities"])
    assert stayed <= 4


def test_every_ablation_has_an_unchanged_partner() -> None:
    found = ablations()
    unchanged = {a.recipe for a in found if a.name == "as it is"}
    assert {a.recipe for a in found} == unchanged
    assert len({(a.recipe, a.name) for a in found}) == len(found)
