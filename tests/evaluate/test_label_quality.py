from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.evaluate.label_quality import before_image_filter, measure
from components.label.format import LABELS_SCHEMA

TRUTH = {"crab": "Q3", "turkey": "Q1", "ghost": None}


def decision(entity: str, reason: str, start: int = 0, score: float = 0.9) -> dict[str, Any]:
    return {
        "mention": "name",
        "start": start,
        "end": start + 4,
        "entity_id": entity,
        "text_score": score,
        "image_score": 0.0,
        "kept": reason == "kept",
        "reason": reason,
    }


Measure = Callable[[Sequence[tuple[str, list[dict[str, Any]]]]], dict[str, Any]]


@pytest.fixture
def measured(tmp_path: Path) -> Measure:
    """From (concept shown, decisions) per picture."""

    def run(pictures: Sequence[tuple[str, list[dict[str, Any]]]]) -> dict[str, Any]:
        labels = [
            {
                "key": str(n),
                "entities": [d["entity_id"] for d in decisions if d["kept"]],
                "decisions": decisions,
                "source": "alt",
            }
            for n, (_, decisions) in enumerate(pictures)
        ]
        pq.write_table(pa.Table.from_pylist(labels, LABELS_SCHEMA), tmp_path / "00000.parquet")
        index = pa.table(
            {"key": [str(n) for n in range(len(pictures))], "url": [f"u{n}" for n in range(len(pictures))]}
        )
        truth = [
            {"url": f"u{n}", "concept": shown, "domain": shown[0], "entity_id": TRUTH[shown]}
            for n, (shown, _) in enumerate(pictures)
            if shown in TRUTH
        ]
        schema = pa.schema([(name, pa.string()) for name in ("url", "concept", "domain", "entity_id")])
        return measure(tmp_path, index, pa.Table.from_pylist(truth, schema))

    return run


def test_precision_counts_labels_and_recall_counts_linkable_pictures(measured):
    figures = measured(
        [
            ("crab", [decision("Q3", "kept")]),
            ("crab", [decision("Q4", "kept")]),
            ("crab", []),
            ("ghost", [decision("Q5", "kept")]),
        ]
    )
    assert (figures["pictures"], figures["linkable"], figures["labels"]) == (4, 3, 3)
    assert figures["precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["recall"] == pytest.approx(1 / 3, abs=1e-4)


def test_a_second_wrong_label_costs_precision_but_no_recall(measured):
    figures = measured([("crab", [decision("Q3", "kept"), decision("Q4", "kept", start=9)])])
    assert (figures["precision"], figures["recall"]) == (0.5, 1.0)


def test_a_picture_outside_the_truth_table_does_not_count(measured):
    assert measured([("spacer", [decision("Q3", "kept")])])["pictures"] == 0


def test_without_labels_there_is_no_precision(measured):
    figures = measured([("crab", [])])
    assert (figures["precision"], figures["recall"]) == (None, 0.0)


def test_the_effect_of_the_image_filter_is_seen(measured):
    figures = measured([("crab", [decision("Q3", "image_threshold")]), ("ghost", [decision("Q5", "image_unlikely")])])
    assert figures["labels"] == 0
    assert figures["before_image_filter"]["precision"] == 0.5
    assert figures["before_image_filter"]["recall"] == 1.0


def test_figures_by_domain(measured):
    figures = measured([("crab", [decision("Q3", "kept")]), ("turkey", [decision("Q2", "kept")])])
    assert figures["domains"]["c"]["precision"] == 1.0
    assert figures["domains"]["t"]["precision"] == 0.0


def test_ambiguous_pictures_are_those_whose_name_means_the_right_entity_and_others(measured):
    right = [decision("Q1", "kept"), decision("Q2", "rival", score=0.1)]
    wrong = [decision("Q2", "kept"), decision("Q1", "rival", score=0.1)]
    hopeless = [decision("Q2", "kept"), decision("Q9", "rival", score=0.1)]
    figures = measured([("turkey", right), ("turkey", wrong), ("turkey", hopeless), ("crab", [decision("Q3", "kept")])])
    assert figures["ambiguous"] == {"pictures": 2, "accuracy": 0.5}


def test_confusions_are_counted_most_frequent_first(measured):
    figures = measured([("ghost", [decision("Q5", "kept")])] * 2 + [("crab", [decision("Q4", "kept")])])
    assert figures["confusions"] == [
        {"concept": "ghost", "truth": None, "label": "Q5", "count": 2},
        {"concept": "crab", "truth": "Q3", "label": "Q4", "count": 1},
    ]


def test_before_the_image_filter_the_likeliest_by_text_was_kept():
    overruled = [decision("Q1", "kept", score=0.3), decision("Q2", "image_rival", score=0.7)]
    assert before_image_filter(overruled) == ["Q2"]
    assert before_image_filter([decision("Q3", "modifier")]) == []
