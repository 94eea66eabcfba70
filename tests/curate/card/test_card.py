"""The data card, its figures and its chart."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import resvg_py
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.curate.card.card import number, plain, render, verbatim
from components.curate.card.chart import HEIGHT, WIDTH, rank_frequency
from components.curate.card.figures import EXAMPLES, Figures, quantiles
from components.curate.card.statistics import Counts, statistics
from components.curate.entities import Facts
from components.curate.vocabulary import Vocabulary
from tests.curate.conftest import Parameters

RECORD = {
    "key": "000000000",
    "caption": "<script>|`crab`\n\u202ebarc",
    "page_title": None,
    "site": None,
    "width": 64,
    "height": 128,
    "entities": ["Q1"],
}


@pytest.fixture
def stats(knowledge: Path, knobs: Parameters) -> dict:
    figures = Figures()
    for n in range(6):
        entity = f"Q{1 + n // 3}"
        figures.add(RECORD | {"key": f"{n:09d}", "entities": [entity]}, 1000, "png", n // 3 + 1, n == 5)
    vocabulary = Vocabulary(np.array([1, 2]), np.array([3, 3]), np.array([False, True]))
    facts = [Facts("a|b", "x < y", ("Q100", "Q99")), Facts("two", "", ())]
    counts = Counts(
        crawled=9,
        labelled=8,
        named=3,
        pictures={"train": 3, "validation": 3},
        shards={"train": 1, "validation": 1},
        dropped_pictures={"unlabelled": 1, "duplicate": 2},
        dropped_entities={"too_few_pictures": 1, "lost_pictures": 0},
    )
    return statistics(counts, vocabulary, facts, figures, knowledge, knobs(max_images=3), {"crawl": "abc"}, True)


def test_the_card_begins_with_metadata_that_a_hub_can_read(stats: dict) -> None:
    metadata = yaml.safe_load(render(stats).split("---\n")[1])
    assert metadata["size_categories"] == ["n<1K"]
    assert metadata["configs"][0]["data_files"][1] == {"split": "validation", "path": "validation/*.tar"}


@pytest.mark.parametrize(
    ("has_say", "words"),
    [
        (True, ("a CLIP model checked each entity", "CLIP preferred", "CLIP model that filtered them")),
        (False, ("No entity was checked against its picture", "The text alone decided", "No model compared them")),
        (None, ("is not on record",)),
    ],
)
def test_the_card_says_that_clip_checked_the_entities_only_where_it_did(
    stats: dict, has_say: bool | None, words: tuple[str, ...]
) -> None:
    card = render(stats | {"image_filter": {"has_say": has_say}})
    for claim in words:
        assert claim in " ".join(card.split())
    assert ("a CLIP model checked each entity against its picture (" in " ".join(card.split())) == bool(has_say)


def test_every_row_of_a_table_has_as_many_cells_as_its_head(stats: dict) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", render(stats), re.MULTILINE)
    assert len(tables) >= 10
    for table in tables:
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert len(set(cells)) == 1, table


def test_texts_of_the_web_cannot_change_the_card(stats: dict) -> None:
    card = render(stats)
    assert "`<script>\\|'crab' barc`" in card
    assert "a\\|b" in card
    assert "x &lt; y" in card
    assert "\u202e" not in card


def test_the_card_gives_counts_reasons_and_the_cap(stats: dict) -> None:
    card = render(stats)
    assert "| – exact copy of another | 2 |" in card
    assert "A picture's best entity may have 3 pictures" in card
    assert "| odd thing (Q100) | 1 | 3 |" in card
    assert "| no name known (Q99) | 1 | 3 |" in card
    assert "| no class known | 1 | 3 |" in card
    assert "3 (50.0 %) have their best entity from a name" in card


def test_statistics_are_json_that_reads_back_the_same(stats: dict) -> None:
    assert json.loads(json.dumps(stats)) == stats


def test_figures_of_shards_add_up(tmp_path: Path) -> None:
    for n, caption in enumerate(("four", "eleven char")):
        figures = Figures()
        figures.add(RECORD | {"caption": caption, "entities": [f"Q{n}", "Q7"], "site": "a"}, 1025, "png", 2, True)
        figures.write(tmp_path / f"{n}.json")
    total = Figures.sum([tmp_path / "0.json", tmp_path / "1.json"])
    assert total.caption_lengths == {4: 1, 11: 1}
    assert total.sites == {"a": 2}
    assert total.sizes == {2048: 2}
    assert total.overruled == 2
    assert [example["entities"][0] for example in total.examples] == ["Q0", "Q1"]


def test_examples_are_few_and_of_different_entities() -> None:
    figures = Figures()
    for n in range(100):
        figures.add(RECORD | {"entities": [f"Q{n // 2}"]}, 10, "png", 1, False)
    assert [example["entities"][0] for example in figures.examples] == [f"Q{n}" for n in range(EXAMPLES)]


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1))
def test_quantiles_are_those_of_the_sorted_list(values: list[int]) -> None:
    found = quantiles(Counter(values))
    for name, percent in (("p10", 10), ("median", 50), ("p90", 90)):
        at_most = [sum(other <= value for other in values) for value in sorted(values)]
        enough = [
            value for value, count in zip(sorted(values), at_most, strict=True) if 100 * count >= percent * len(values)
        ]
        assert found[name] == enough[0]
    assert (found["min"], found["max"]) == (min(values), max(values))


@settings(deadline=None)
@given(st.text())
def test_a_text_stays_on_one_line_of_bounded_length(text: str) -> None:
    for shown in (plain(text), verbatim(text)):
        assert len(shown.splitlines()) <= 1
        assert len(shown) <= 600
        assert "|" not in re.sub(r"\\\|", "", shown)


def test_numbers_are_for_people() -> None:
    assert [number(value) for value in (12345, 2.5, 3.0, None)] == ["12,345", "2.5", "3", "–"]


@pytest.mark.parametrize("images", [[1], [5, 5, 5], [1000, 10, 1], list(range(1, 2000))])
def test_the_chart_can_be_drawn(images: list[int]) -> None:
    svg = rank_frequency(images, 5)
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg))))
    assert drawn.size == (WIDTH, HEIGHT)
    for x, y in re.findall(r"([\d.]+),([\d.]+)", re.findall(r'points="(.*?)"', svg)[0]):
        assert 0 < float(x) < WIDTH
        assert 0 < float(y) < HEIGHT


def test_runs_of_equal_counts_cost_the_chart_two_points() -> None:
    svg = rank_frequency([9] * 1000 + [3] * 100_000, 3)
    assert len(re.findall(r'points="(.*?)"', svg)[0].split()) == 4
