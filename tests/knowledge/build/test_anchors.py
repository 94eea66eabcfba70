"""Links of the web sharpen the priors of the names that a base knows."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.build.build import build
from components.knowledge.parameters import KnowledgeParameters
from tests.knowledge.conftest import built, item, lines_of

ANCHORS = {
    "name": ["Turkey", "turkey", "Turkey", "here", "Big Bird", None, "Turkey", "turkey"],
    "entity_id": ["Q1", "Q2", "Q3", "Q1", "Q2", "Q1", "Q99", "nonsense"],
    "count": [10, 80, 20, 1000, 5, 3, 7, 7],
}
BIRDS = [
    item("Q1", "Turkey", "country", sitelinks=400),
    item("Q2", "turkey", "bird", sitelinks=90),
    item("Q3", "Turkey Creek", "river", ["big bird"]),
]


def anchored(table: Any, folder: Path, knobs: KnowledgeParameters, ending: str = ".parquet") -> KnowledgeBase:
    (folder / "dump.json").write_bytes(lines_of(BIRDS))
    path = folder / f"anchors{ending}"
    if ending == ".parquet":
        pq.write_table(pa.table(table), path)
    else:
        separator = "," if ending == ".csv" else "\t"
        rows = zip(*table.values(), strict=True)
        lines = [separator.join("" if v is None else str(v) for v in row) for row in [tuple(table), *rows]]
        path.write_text("\n".join(lines) + "\n")
    build(folder / "dump.json", folder / "base", knobs, folder / "work", path)
    return KnowledgeBase.open(folder / "base")


@pytest.fixture
def lenient(knobs: KnowledgeParameters) -> KnowledgeParameters:
    return knobs.model_copy(update={"max_error_share": 0.5})


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv"])
def test_anchor_counts_sharpen_priors(tmp_path: Path, lenient: KnowledgeParameters, ending: str) -> None:
    found = {c.entity_id: c.prior for c in anchored(ANCHORS, tmp_path, lenient, ending).candidates("turkey")}
    weight = np.log1p([400, 90, 0]) + 1
    expected = (np.array([10, 80, 20]) + 10 * weight / weight.sum()) / (110 + 10)
    assert [found[q] for q in ("Q1", "Q2", "Q3")] == pytest.approx(expected.tolist())


def test_links_give_known_names_new_meanings_but_no_new_names(tmp_path: Path, lenient: KnowledgeParameters) -> None:
    base = anchored(ANCHORS, tmp_path, lenient)
    assert base.candidates("here") == []
    assert {c.entity_id for c in base.candidates("big bird")} == {"Q2", "Q3"}


def test_without_anchors_for_a_name_its_priors_stay(tmp_path: Path, lenient: KnowledgeParameters) -> None:
    with_anchors = anchored({"name": ["x"], "entity_id": ["Q1"], "count": [1]}, tmp_path, lenient)
    without = built(BIRDS, tmp_path, lenient)
    assert with_anchors.candidates("turkey") == without.candidates("turkey")


@pytest.mark.parametrize(
    ("table", "ending", "message"),
    [
        (
            {"name": ["x"], "entity_id": ["Q1"]},
            ".parquet",
            "lacks the column 'count'; it must have name, entity_id and count",
        ),
        ({"name": ["x"], "count": [1]}, ".csv", "name, entity_id, count"),
        ({"name": ["x"], "entity_id": ["Q1"], "count": ["many"]}, ".csv", "name, entity_id, count"),
        ({"name": ["x"], "entity_id": ["Q1"], "count": [1]}, ".txt", r"ends in '\.txt'"),
        (
            {"name": ["x"] * 100, "entity_id": ["?"] * 100, "count": [1] * 100},
            ".csv",
            "100 of 100 items failed.*bad_row",
        ),
    ],
)
def test_a_table_of_another_kind_is_reported_with_the_fix(
    tmp_path: Path, knobs: KnowledgeParameters, table: Any, ending: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        anchored(table, tmp_path, knobs, ending)


def test_a_missing_table_of_anchors_is_named(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    (tmp_path / "dump.json").write_bytes(lines_of(BIRDS))
    with pytest.raises(InputError, match=r"no\.csv is missing; name a table of anchor counts with --anchors"):
        build(tmp_path / "dump.json", tmp_path / "base", knobs, tmp_path / "work", tmp_path / "no.csv")
