"""How often the picture overruled the text, how often rightly, and for whom."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.evaluate.filter_audit import audit, by_frequency, interval, overruled, truth_by_key, verdicts
from components.label.format import LABELS_SCHEMA
from tests.evaluate.test_label_quality import decision

KEPT = [decision("Q1", "kept")]
DROPPED = [decision("Q1", "image_threshold")]
SWAPPED = [decision("Q1", "image_rival", score=0.6), decision("Q2", "kept", score=0.4)]
DROPPED_FOR_A_RIVAL = [decision("Q1", "image_rival", score=0.6), decision("Q2", "image_threshold", score=0.4)]
BY_TEXT_ALONE = [decision("Q1", "unlikely", score=0.4), decision("Q2", "rival", score=0.3)]


def write(folder: Path, pictures: list[list[dict[str, Any]]]) -> Path:
    rows = [
        {"key": f"{n:09d}", "entities": [d["entity_id"] for d in decisions if d["kept"]], "decisions": decisions}
        for n, decisions in enumerate(pictures)
    ]
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist([row | {"source": "alt"} for row in rows], LABELS_SCHEMA)
    pq.write_table(table, folder / "00000.parquet")
    return folder


def figures(folder: Path, pictures: list[list[dict[str, Any]]], shown: list[str | None]) -> dict[str, Any]:
    return audit(write(folder, pictures), {f"{n:09d}": entity for n, entity in enumerate(shown)})


@pytest.mark.parametrize(
    ("decisions", "outcome", "instead"),
    [
        (KEPT, "agreed", None),
        (DROPPED, "dropped", None),
        (SWAPPED, "swapped", "Q2"),
        (DROPPED_FOR_A_RIVAL, "dropped", None),
        ([decision("Q1", "image_unlikely")], "dropped", None),
        ([decision("Q1", "surplus")], "agreed", None),
    ],
)
def test_what_became_of_the_text_s_choice(decisions: list[dict[str, Any]], outcome: str, instead: str | None) -> None:
    (verdict,) = verdicts(decisions)
    assert (verdict.chosen, verdict.outcome, verdict.instead) == ("Q1", outcome, instead)


def test_a_candidate_that_its_case_ruled_out_is_no_rival() -> None:
    (alone,) = verdicts([*KEPT, decision("Q5", "common_word", score=0.0)])
    (between,) = verdicts([*SWAPPED, decision("Q5", "common_word", score=0.0)])
    assert (alone.contested, between.contested) == (False, True)


def test_the_picture_has_no_say_where_the_text_chose_nothing() -> None:
    assert verdicts([*BY_TEXT_ALONE, decision("Q3", "modifier", start=9)]) == []


def test_dropping_a_wrong_choice_is_right_and_dropping_a_right_one_loses_it(tmp_path: Path) -> None:
    found = figures(tmp_path, [DROPPED, DROPPED, DROPPED, KEPT], ["Q9", None, "Q1", "Q1"])["all"]
    assert (found["mentions"], found["dropped"], found["overruled_share"]) == (4, 3, 0.75)
    assert found["overruled_right"] == pytest.approx(2 / 3, abs=1e-4)
    assert (found["lost"], found["lost_share"]) == (1, 0.5)


def test_a_swap_is_right_only_if_it_ends_at_the_right_entity(tmp_path: Path) -> None:
    found = figures(tmp_path, [SWAPPED, SWAPPED, SWAPPED], ["Q2", "Q1", "Q9"])["all"]
    assert found["swapped_right"] == found["overruled_right"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["lost"] == 1


def test_dropping_blindly_is_right_as_often_as_the_text_is_wrong(tmp_path: Path) -> None:
    found = figures(tmp_path, [DROPPED, KEPT, KEPT, KEPT], ["Q1", "Q9", "Q1", "Q1"])["all"]
    assert found["overruled_right_by_chance"] == 0.25
    assert found["agreed_right"] == pytest.approx(2 / 3, abs=1e-4)


def test_contested_mentions_are_counted_apart(tmp_path: Path) -> None:
    assert figures(tmp_path, [SWAPPED, KEPT], ["Q2", "Q1"])["contested"]["mentions"] == 1


def test_pictures_outside_the_truth_table_do_not_count(tmp_path: Path) -> None:
    assert audit(write(tmp_path, [KEPT, KEPT]), {"000000001": "Q1"})["all"]["mentions"] == 1


def test_without_a_truth_nothing_is_called_right(tmp_path: Path) -> None:
    found = audit(write(tmp_path, [DROPPED, KEPT]))
    assert found["all"]["overruled_share"] == 0.5
    assert not [name for name in found["all"] if "right" in name or "lost" in name]


def test_labels_without_any_mention_have_an_audit_without_shares(tmp_path: Path) -> None:
    found = audit(write(tmp_path, [[], []]), {})
    assert found["all"]["overruled_share"] is None
    assert found["tail"] | {"entities": 0, "least": None, "most": None} == found["tail"]


def test_groups_hold_a_third_of_the_pictures_each() -> None:
    groups = by_frequency({"Q1": 6, "Q2": 3, "Q3": 3} | {f"Q{n}": 1 for n in range(4, 10)})
    assert [groups[name] for name in ("Q1", "Q2", "Q3", "Q4", "Q9")] == ["head", "middle", "middle", "tail", "tail"]


def test_equally_frequent_entities_are_of_one_group() -> None:
    assert set(by_frequency({f"Q{n}": 5 for n in range(30)}).values()) == {"middle"}


def test_an_entity_that_is_always_dropped_is_as_frequent_as_the_text_has_it(tmp_path: Path) -> None:
    rare = [[decision("Q2", "kept")]]
    found = audit(write(tmp_path, [DROPPED] * 8 + rare))
    assert (found["head"]["entities"], found["middle"]["entities"], found["tail"]["entities"]) == (0, 1, 1)
    assert found["middle"]["dropped"] == 8


def test_the_interval_of_a_share_is_wilson_s() -> None:
    low, high = interval(8, 10) or (0, 0)
    assert (low, high) == (pytest.approx(0.490, abs=1e-3), pytest.approx(0.943, abs=1e-3))
    assert interval(0, 0) is None


def test_a_sample_of_the_overruled_is_drawn_from_each_group_and_is_the_same_every_time(tmp_path: Path) -> None:
    rare = [[decision(f"Q{n}", "image_threshold")] for n in range(10, 34)]
    labels = write(tmp_path, [DROPPED] * 12 + [KEPT] * 12 + rare)
    drawn = overruled(labels, 4)
    assert drawn == overruled(labels, 4)
    assert [one.group for one in drawn] == ["head"] * 4 + ["tail"] * 4
    assert len({one.key for one in drawn}) == 8
    assert len(overruled(labels)) == 36


def test_the_truth_is_joined_by_url() -> None:
    index = pa.table({"key": ["1", "2", "3"], "url": ["a", "b", "c"]})
    truth = pa.table({"url": ["a", "c"], "entity_id": ["Q1", None]})
    assert truth_by_key(index, truth) == {"1": "Q1", "3": None}
