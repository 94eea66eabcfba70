"""The page and the table of what the image filter overruled."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.label.image_filter.calibration import UNCALIBRATED
from components.label.image_filter.chart import calibration_chart
from components.report.audit_page import OVERRULED_SCHEMA, write_audit
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from components.storage.json_files import write_json
from tests.curate.conftest import painted
from tests.evaluate.test_label_quality import decision
from tests.label.conftest import knowledge  # noqa: F401

TEXT = "a <i>turkey</i> on a plate"


def on_turkey(entity: str, reason: str, score: float) -> dict[str, Any]:
    return decision(entity, reason, score=score) | {"start": TEXT.index("turkey"), "end": TEXT.index("turkey") + 6}


SWAPPED = [on_turkey("Q1", "image_rival", 0.6), on_turkey("Q2", "kept", 0.4)]
DROPPED = [on_turkey("Q1", "image_threshold", 0.9)]
KEPT = [on_turkey("Q1", "kept", 0.9)]


def world(folder: Path, decided: list[list[dict[str, Any]]], images: list[bytes]) -> tuple[Path, Path]:
    """Labels and crawl."""
    records = [
        {
            "key": picture_key(0, n),
            "url": f"http://x/{n}.png",
            "page_url": "http://x/",
            "status": "success",
            "caption": TEXT,
            "context": f"{TEXT}, says the caption",
        }
        for n in range(len(decided))
    ]
    write_shard(folder / "crawl", 0, [Row(r, image) for r, image in zip(records, images, strict=True)])
    labels = folder / "labels"
    rows = [
        {"key": picture_key(0, n), "entities": [], "decisions": decisions, "source": "alt"}
        for n, decisions in enumerate(decided)
    ]
    labels.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), labels / "00000.parquet")
    write_json(labels / "calibration.json", vars(UNCALIBRATED))
    (labels / "calibration.svg").write_text(calibration_chart([], [], UNCALIBRATED), encoding="utf-8")
    return labels, folder / "crawl"


@pytest.fixture
def page(tmp_path: Path, knowledge: Path) -> str:  # noqa: F811
    labels, crawl = world(tmp_path, [SWAPPED, DROPPED, KEPT], [painted(0), b"no picture", painted(2)])
    write_audit(labels, crawl, knowledge, tmp_path / "audit.html", 10)
    return (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_text_s_and_picture_s_choice_stand_beside_each_other(page: str) -> None:
    said = re.sub(r"<[^>]+>", "", page)
    assert "Text: turkey (Q1, large farm bird, an animal with feathers)" in said
    assert "Picture: Turkey (Q2, country of the world in Asia and Europe)" in said
    assert "Picture: none the score lies below the threshold" in said


def test_the_mention_is_marked_and_words_of_the_web_are_escaped(page: str) -> None:
    assert "“a &lt;i&gt;<mark>turkey</mark>&lt;/i&gt; on a plate”" in page
    assert "<i>" not in page


def test_a_picture_that_cannot_be_read_is_said_to_be(page: str) -> None:
    assert page.count("data:image/webp") == 1
    assert page.count("unreadable") == 1


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "<script" not in page


def test_the_table_holds_all_that_were_overruled(tmp_path: Path, knowledge: Path) -> None:  # noqa: F811
    labels, crawl = world(tmp_path, [SWAPPED, DROPPED, KEPT], [painted(n) for n in range(3)])
    write_audit(labels, crawl, knowledge, tmp_path / "audit.parquet", 1)
    table = pq.read_table(tmp_path / "audit.parquet")
    assert table.schema.equals(OVERRULED_SCHEMA)
    assert table.select(["key", "outcome", "entity_id", "instead"]).to_pylist() == [
        {"key": "000000000", "outcome": "swapped", "entity_id": "Q1", "instead": "Q2"},
        {"key": "000000001", "outcome": "dropped", "entity_id": "Q1", "instead": None},
    ]


def test_labels_that_nothing_overruled_have_a_page_that_says_so(tmp_path: Path, knowledge: Path) -> None:  # noqa: F811
    labels, crawl = world(tmp_path, [KEPT], [painted(0)])
    write_audit(labels, crawl, knowledge, tmp_path / "audit.html", 10)
    assert "overruled no text: its CLIP does not tell" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_another_crawl_s_labels_are_refused(tmp_path: Path, knowledge: Path) -> None:  # noqa: F811
    labels, crawl = world(tmp_path, [DROPPED], [painted(0)])
    (crawl / "00000.parquet").unlink()
    with pytest.raises(InputError, match=r"00000\.parquet is missing.*--crawl"):
        write_audit(labels, crawl, knowledge, tmp_path / "audit.html", 10)


def test_an_ending_that_is_neither_page_nor_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in '\.txt'; name a file that ends in \.html or \.parquet"):
        write_audit(tmp_path, tmp_path, tmp_path, tmp_path / "audit.txt", 10)
