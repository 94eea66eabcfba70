import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from components.errors import InputError, MofiError
from components.label.crawl_statistics import check_made_from
from components.label.explain import explain_picture, table
from components.label.format import LABELS_SCHEMA, PAIRS_SCHEMA
from components.label.label import label_pictures
from components.label.reader import check_crawl
from components.shards.index import read_index
from components.shards.reader import read_shard
from components.shards.writer import Row, write_shard
from tests.label.conftest import Shown, small_web, write_crawl

pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture
def run(tmp_path, monkeypatch, knowledge, clip, knobs):
    """Labels a web in an empty folder; returns the measures."""
    monkeypatch.chdir(tmp_path)

    def labelled(crawl: Path, out: str = "labels", model: Path | str = clip, **changes: Any) -> dict[str, Any]:
        return label_pictures(crawl, knowledge, str(model), Path(out), knobs(**changes))

    return labelled


@pytest.fixture(scope="module")
def crawl(tmp_path_factory) -> Path:
    return write_crawl(tmp_path_factory.mktemp("web") / "crawl", small_web(), 10)


def by_url(crawl: Path, labels: Path) -> dict[str, dict[str, Any]]:
    index = read_index(crawl)
    urls = dict(zip(index.column("key").to_pylist(), index.column("url").to_pylist(), strict=True))
    rows = [row for part in sorted(labels.glob("0*.parquet")) for row in pq.read_table(part).to_pylist()]
    return {urls[row["key"]]: row for row in rows}


def test_every_crawled_picture_has_a_row_in_the_documented_format(run, crawl):
    run(crawl)
    parts = [pq.read_table(f"labels/0000{n}.parquet") for n in range(3)]
    assert all(part.schema.equals(LABELS_SCHEMA) for part in parts)
    assert [part.column("key").to_pylist() for part in parts] == [
        pq.read_table(crawl / f"0000{n}.parquet").column("key").to_pylist() for n in range(3)
    ]


def test_the_page_decides_what_an_ambiguous_name_means(run, crawl):
    run(crawl)
    found = by_url(crawl, Path("labels"))
    web = {f"http://site.localhost/{picture.seed}.png": picture for picture in small_web()}
    turkeys = {web[url].page: row["entities"] for url, row in found.items() if "turkey" in web[url].alt.lower()}
    assert turkeys == {"animals": ["Q1"], "countries": ["Q2"]}


def test_offsets_point_into_the_alt_text(run, crawl):
    run(crawl)
    captions = dict(zip(read_index(crawl)["url"].to_pylist(), read_index(crawl)["caption"].to_pylist(), strict=True))
    for url, row in by_url(crawl, Path("labels")).items():
        assert all(captions[url][d["start"] : d["end"]] == d["mention"] for d in row["decisions"])


def test_an_untrained_clip_changes_nothing(run, crawl):
    measures = run(crawl)
    assert measures["image_filter"]["auc"] == pytest.approx(0.5, abs=0.3)
    assert not {"image_rival", "image_unlikely", "image_threshold"} & measures["decisions"].keys()


def test_the_measures_add_up(run, crawl):
    measures = run(crawl)
    decisions = [d for row in by_url(crawl, Path("labels")).values() for d in row["decisions"]]
    assert measures["pictures"] == 28
    assert sum(measures["decisions"].values()) == measures["candidates"] == len(decisions)
    assert measures["labelled"] == sum(bool(row["entities"]) for row in by_url(crawl, Path("labels")).values())
    counted = [json.loads(Path(f"labels/0000{n}_stats.json").read_text()) for n in range(3)]
    assert sum(part["kept"] for part in counted) == measures["decisions"]["kept"]


def test_picture_embeddings_lie_beside_the_labels(run, crawl):
    run(crawl)
    images = np.load("labels/00000_images.npy")
    assert images.dtype == np.float16
    assert np.linalg.norm(images.astype(np.float32), axis=1) == pytest.approx(1, abs=1e-2)


def test_what_the_filter_was_calibrated_on_lies_beside_the_labels(run, crawl):
    measures = run(crawl)
    pairs = pq.read_table("labels/calibration.parquet")
    assert pairs.schema.equals(PAIRS_SCHEMA)
    assert len(pairs) == measures["image_filter"]["pairs"] > 10
    assert f"AUC {measures['image_filter']['auc']:.3f}" in Path("labels/calibration.svg").read_text(encoding="utf-8")


def test_how_the_crawl_is_cut_into_shards_plays_no_part(run, crawl, tmp_path):
    run(crawl, "one")
    other = write_crawl(tmp_path / "other", small_web()[::-1], 7)
    run(other, "two")
    one, two = by_url(crawl, Path("one")), by_url(other, Path("two"))
    assert one.keys() == two.keys()
    for url, row in one.items():
        assert row["entities"] == two[url]["entities"]
        for mine, theirs in zip(row["decisions"], two[url]["decisions"], strict=True):
            assert mine["image_score"] == pytest.approx(theirs["image_score"], abs=0.02)
            assert mine["text_score"] == pytest.approx(theirs["text_score"], abs=1e-5)
            assert {**mine, "image_score": 0, "text_score": 0} == {**theirs, "image_score": 0, "text_score": 0}


def test_a_picture_s_explanation_has_the_scores_of_the_run(run, crawl, knowledge, knobs):
    run(crawl)
    for key in read_index(crawl)["key"].to_pylist():
        explained = explain_picture(key, crawl, knowledge, Path("labels"), knobs())
        assert explained.decided is not None
        scores = {(d.start, d.entity_id): d.text_score for d in explained.label.decisions}
        assert scores == pytest.approx({(d.start, d.entity_id): d.text_score for d in explained.decided}, abs=1e-5)
        console = Console(width=80)
        with console.capture() as capture:
            console.print(table(explained, knowledge))
        assert all(f"{d.entity_id}: {d.reason} (text" in capture.get() for d in explained.decided)


@pytest.mark.parametrize(("key", "said"), [("999999999", "has no picture 999999999"), ("000000000", "was not had")])
def test_a_picture_that_was_not_labelled_cannot_be_explained(tmp_path, knowledge, knobs, key, said):
    write_shard(tmp_path, 0, [Row({"key": "000000000", "status": "failed_to_download"})])
    with pytest.raises(InputError, match=said):
        explain_picture(key, tmp_path, knowledge, tmp_path / "labels", knobs())


def test_the_labels_of_another_crawl_explain_no_picture(run, crawl, knowledge, knobs, tmp_path):
    run(crawl)
    other = write_crawl(tmp_path / "other", small_web()[::-1], 10)
    with pytest.raises(InputError, match=r"00000\.parquet is not of the pictures .* of another crawl"):
        explain_picture("000000003", other, knowledge, Path("labels"), knobs())


def test_labels_say_which_base_and_which_pictures_they_are_of(run, crawl, knowledge, tmp_path):
    run(crawl)
    check_made_from(Path("labels"), knowledge)
    check_crawl(Path("labels"), crawl)
    with pytest.raises(InputError, match="of another crawl"):
        check_crawl(Path("labels"), write_crawl(tmp_path / "other", small_web()[::-1], 10))


def test_nothing_unfinished_remains(run, crawl):
    run(crawl)
    assert not list(Path(".work/label").glob("*/*"))


def test_a_picture_that_cannot_be_read_is_counted_and_still_linked(run, tmp_path):
    crawl = write_crawl(tmp_path / "crawl", small_web(), 28)
    tar = crawl / "00000.tar"
    rows = pq.read_table(crawl / "00000.parquet").to_pylist()
    images = [picture.image for picture in read_shard(tar)]
    write_shard(crawl, 0, [Row(row, b"no picture" if n == 0 else images[n]) for n, row in enumerate(rows)])
    measures = run(crawl)
    assert (measures["unreadable"], measures["left_out"]) == (1, {"undecodable": 1})
    assert not np.load("labels/00000_images.npy")[0].any()
    assert pq.read_table("labels/00000.parquet").to_pylist()[0]["entities"] == ["Q3"]


def test_a_missing_shard_is_named(run, tmp_path):
    crawl = write_crawl(tmp_path / "crawl", small_web(), 10)
    (crawl / "00001.parquet").unlink()
    with pytest.raises(InputError, match=r"lacks 00001\.parquet, though there is shard 00002"):
        run(crawl)


def test_a_missing_tar_is_named(run, tmp_path):
    crawl = write_crawl(tmp_path / "crawl", small_web(), 10)
    (crawl / "00001.tar").unlink()
    with pytest.raises(InputError, match=r"lacks 00001\.tar, though there is shard 00002"):
        run(crawl)


def test_an_empty_crawl_is_named(run, tmp_path):
    (tmp_path / "crawl").mkdir()
    with pytest.raises(InputError, match="holds no shard"):
        run(tmp_path / "crawl")


def test_a_crawl_without_success_is_named(run, tmp_path):
    write_shard(tmp_path / "crawl", 0, [Row({"key": "000000000", "status": "failed_to_download"})])
    with pytest.raises(InputError, match="no picture that was crawled with success"):
        run(tmp_path / "crawl")


def test_a_missing_knowledge_base_is_named(crawl, clip, knobs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="mofi knowledge build"):
        label_pictures(crawl, tmp_path / "nowhere", str(clip), Path("labels"), knobs())


def test_a_missing_model_is_named(run, crawl):
    with pytest.raises(MofiError, match="models/nowhere is neither a model folder"):
        run(crawl, model="models/nowhere")


def test_after_an_error_the_old_labels_are_still_there(run, crawl):
    run(crawl)
    before = Path("labels/00000.parquet").read_bytes()
    with pytest.raises(MofiError):
        run(crawl, model="models/nowhere")
    assert Path("labels/00000.parquet").read_bytes() == before


def test_texts_of_every_kind_are_labelled(run, tmp_path):
    odd = [
        "",
        " ",
        "🦀",
        "\u202ecrab\u202c",
        "crab\x00\x07",
        "crab " * 20_000,
        "<b>crab</b>",
        "Ｃｒａｂ",
        "e\u0301" * 50,
    ]
    crawl = write_crawl(tmp_path / "crawl", [Shown(n, alt) for n, alt in enumerate(odd)], 9)
    assert run(crawl)["pictures"] == len(odd)


def test_a_picture_that_only_the_tar_has_is_left_out(run, tmp_path):
    crawl = write_crawl(tmp_path / "crawl", [Shown(1, "crab"), Shown(2, "goat")], 10)
    index = pq.read_table(crawl / "00000.parquet")
    pq.write_table(index.slice(0, 1), crawl / "00000.parquet")
    assert run(crawl)["pictures"] == 1
    assert len(pq.read_table("labels/00000.parquet")) == 1
