"""The page and the summary, of whatever has been run so far."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.curate.reasons import TITLES
from components.curate.vocabulary import picture_filters
from components.evaluate import baselines, figures
from components.evaluate.benchmark import read_benchmark
from components.evaluate.format import PIXEL_SIDES
from components.evaluate.measure import measure
from components.evaluate.parameters import EvaluateParameters
from components.label.format import LABELS_SCHEMA
from components.report import charts, report
from components.shards.format import INDEX_SCHEMA, LABELLED_INDEX_SCHEMA
from components.shards.writer import Row, write_shard
from components.storage.json_files import write_json
from tests.evaluate.conftest import encoded, painted


def record(key: str, status: str = "success", why: str | None = None, **more: object) -> dict[str, object]:
    return {
        "key": key,
        "url": f"http://x/{key}",
        "status": status,
        "error_message": why,
        "caption": "a <b>crab</b>",
        **more,
    }


@pytest.fixture
def world(tmp_path: Path, benchmark_folder: Path, parameters: EvaluateParameters) -> Path:
    """Two crawled pictures of three, one of them labelled; raw pixels as the only models."""
    data, metrics = tmp_path / "data", tmp_path / "metrics"
    picture = encoded(painted(1))
    rows = [Row(record("000000000"), picture), Row(record("000000001"), picture)]
    write_shard(data / "crawl", 0, [*rows, Row(record("000000002", "failed_to_download", "HTTP 404"))], INDEX_SCHEMA)
    labels = [
        {"key": "000000000", "entities": ["Q7"], "decisions": [], "source": "alt"},
        {"key": "000000001", "entities": [], "decisions": [], "source": "alt"},
    ]
    (data / "labels").mkdir()
    pq.write_table(pa.Table.from_pylist(labels, schema=LABELS_SCHEMA), data / "labels" / "00000.parquet")
    labelled = [Row(record("000000000", entities=["Q7"]), picture)]
    write_shard(data / "i2e" / "train", 0, labelled, LABELLED_INDEX_SCHEMA)
    vocabulary = [{"entity_id": "Q7", "label": "crab", "description": "animal", "images": 1, "split": "train"}]
    pq.write_table(pa.Table.from_pylist(vocabulary), data / "i2e" / "vocabulary.parquet")
    write_json(data / "i2e" / "stats.json", {"pictures": 1, "dropped": {"pictures": {"unlabelled": 1, "duplicate": 0}}})
    (data / "sample").mkdir()
    (data / "sample" / "benchmark").symlink_to(benchmark_folder)
    benchmark = read_benchmark(benchmark_folder)
    pixels = {n: np.concatenate([baselines.pixels(b, n) for b in benchmark.batches(64)]) for n in PIXEL_SIDES}
    models = {f"raw_pixels_{n}": measure(x, benchmark, parameters) for n, x in pixels.items()}
    models["supervised"] = models["raw_pixels_8"]
    (data / "evaluation").mkdir()
    pq.write_table(figures.plane(pixels[8], benchmark, parameters), data / "evaluation" / "map.parquet")
    examples = figures.nearest("supervised", pixels[8], benchmark, parameters)
    pq.write_table(examples, data / "evaluation" / "retrieval_examples.parquet")
    described = {
        "pictures": 16,
        "categories": 4,
        "domains": {name: {"pictures": 4} for name in ("animals", "brands", "flags")},
    }
    write_json(
        metrics / "evaluate.json",
        {"benchmark": described, "models": models, "best": "supervised", "labels": {"precision": 0.9, "recall": 0.8}},
    )
    write_json(metrics / "seconds" / "crawl.json", {"seconds": 12.5})
    (metrics / "curves").mkdir()
    (metrics / "curves" / "supervised.csv").write_text("step,images_seen,loss\n1,10,3.0\n2,20,2.0\n", encoding="utf-8")
    return tmp_path


def written(world: Path) -> tuple[str, dict[str, object]]:
    path = report.write_report(world / "data", world / "metrics", world / "reports")
    return path.read_text(encoding="utf-8"), json.loads(
        (world / "reports" / "summary.json").read_text(encoding="utf-8")
    )


def test_the_summary_counts_what_the_files_hold(world: Path) -> None:
    summary = written(world)[1]
    assert summary["pictures_crawled"] == 2
    assert summary["pictures_labelled"] == 1
    assert summary["entities"] == 1
    assert (summary["label_precision"], summary["label_recall"]) == (0.9, 0.8)
    assert summary["seconds"] == {"crawl": 12.5}


def test_raw_pixels_of_the_summary_are_the_better_of_both_sizes(world: Path) -> None:
    content = json.loads((world / "metrics" / "evaluate.json").read_text(encoding="utf-8"))
    content["models"]["raw_pixels_8"]["retrieval"]["query_excluded"]["all"] = 0.25
    content["models"]["raw_pixels_32"]["retrieval"]["query_excluded"]["all"] = 0.5
    write_json(world / "metrics" / "evaluate.json", content)
    assert written(world)[1]["retrieval_map"]["raw_pixels"] == 0.5  # type: ignore[index]


def test_the_page_asks_for_nothing_from_outside(world: Path) -> None:
    page = written(world)[0]
    assert re.findall(r'(?:src|href)="(?!data:|#|crawl\.html")[^"]*"', page) == []
    assert "url(" not in page
    assert "<script" not in page


def test_words_of_the_web_are_escaped(world: Path) -> None:
    page = written(world)[0]
    assert "a &lt;b&gt;crab" in page
    assert "a <b>crab" not in page


def test_the_page_says_what_was_dropped_and_why(world: Path) -> None:
    page = written(world)[0]
    assert "HTTP 404" in page
    assert "no entity was kept for it" in page


@pytest.mark.parametrize(
    ("crawl", "curate", "shown"),
    [
        ("not_a_picture", "rare_entities", ("no picture", "entities with too few pictures")),
        ("http_404", "contradicted", ("not found (404)", "copies that are labelled differently")),
        ("near_copy_of_hold_out", "both_splits", ("in the benchmark", "entities of both splits")),
        ("some_new_reason", "my_filter", ("some new reason", "my filter")),
    ],
)
def test_reasons_are_shown_in_words(world: Path, crawl: str, curate: str, shown: tuple[str, str]) -> None:
    counts = {"status_dict": {"success": 2, crawl: 7}}
    write_json(world / "data" / "crawl" / "00000_stats.json", counts)
    write_json(world / "data" / "i2e" / "stats.json", {"pictures": 1, "dropped": {"pictures": {curate: 9}}})
    page = written(world)[0]
    assert f"− 7 {shown[0]}</li>" in page
    assert f"− 9 {shown[1]}</li>" in page
    assert crawl not in page
    assert curate not in page


def test_every_filter_of_the_curation_has_words() -> None:
    assert picture_filters().keys() <= TITLES.keys()


def test_right_and_wrong_differ_in_words_and_marks(world: Path) -> None:
    path = world / "data" / "evaluation" / "retrieval_examples.parquet"
    rows = pq.read_table(path).to_pylist()
    both = [row | {"right": n % 2 == 0} for n, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(both, schema=figures.EXAMPLES_SCHEMA), path)
    page = written(world)[0]
    for verdict, mark in (("right", "✓"), ("wrong", "✗")):
        assert f'<span class="hit {verdict}" title="{verdict}: ' in page
        assert re.search(rf'<img src="[^"]+" alt="{verdict}: ', page)
        assert f'.hit.{verdict}::after {{ content: "{mark}"' in page


def test_every_table_can_be_scrolled_sideways_with_the_keyboard(world: Path) -> None:
    page = written(world)[0]
    assert page.count("<table>") == len(
        re.findall(r'<div class="wide" tabindex="0"><table>', page.replace(">\n<", "><"))
    )


def test_a_promotion_names_the_floor_that_no_gate_asks_for(world: Path) -> None:
    floor = {"name": "centred_pixels_8", "value": 0.279, "ratio": 1.2574}
    promoted = {"promoted": True, "recipe": "supervised", "reasons": [], "gates": {}, "stronger_floor": floor}
    write_json(world / "metrics" / "promote.json", promoted)
    assert "strongest floor, centred pixels, 8 × 8 (0.279): the ratio to it is 1.26." in written(world)[0]


def test_the_same_inputs_give_the_same_bytes(world: Path) -> None:
    assert written(world) == written(world)


def test_a_report_before_any_stage_has_run_is_a_page_without_figures(tmp_path: Path) -> None:
    page, summary = written(tmp_path)
    assert "</html>" in page
    assert summary["pictures_crawled"] is None
    assert summary["retrieval_map"] == {}


def test_a_refused_promotion_stands_on_the_page_with_its_reason(world: Path) -> None:
    refused = {"promoted": False, "recipe": "supervised", "reasons": ["its ratio to clip is 0.9"], "gates": {}}
    write_json(world / "metrics" / "promote.json", refused)
    page, summary = written(world)
    assert "was not promoted: its ratio to clip is 0.9" in page
    assert summary["champion"] is None


def test_a_curve_s_ends_touch_the_ends_of_its_axes() -> None:
    chart = charts.lines({"loss": [(0, 4), (10, 2)]}, "images seen", width=100, height=100)
    assert 'points="46.0,12.0 88.0,39.0"' in chart


def test_thumbnails_of_the_map_do_not_crowd() -> None:
    assert report.spread([(0.1, 0.1), (0.1001, 0.1), (0.9, 0.9)], 10) == {0, 2}
