"""The stage from end to end: what stands in the data set, and what its readers see."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.curate.curate import build_data_set
from components.curate.format import VOCABULARY_SCHEMA
from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.pretrain.data.vocabulary import read_vocabulary
from components.report.report import _gallery
from components.serve.search import read_labels
from components.shards.folder import ShardFolder
from components.shards.format import LABELLED_INDEX_SCHEMA, shard_numbers
from components.shards.index import read_index
from components.shards.reader import read_shard
from tests.curate.conftest import Inputs, Made, Parameters, web, write_inputs

pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture(autouse=True)
def _stand_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def build(inputs: Inputs, parameters: object, out: Path = Path("i2e")) -> dict:
    return build_data_set(inputs.crawl, inputs.labels, inputs.knowledge, out, parameters)


def pictures(folder: Path) -> list:
    return [p for number in shard_numbers(folder) for p in read_shard(folder / f"{number:05d}.tar")]


def test_every_labelled_picture_is_in_one_split_with_its_bytes_and_record(inputs: Inputs, knobs: Parameters) -> None:
    measures = build(inputs, knobs())
    crawled = {p.key: p for p in pictures(inputs.crawl)}
    found = [p for split in ("train", "validation") for p in pictures(Path("i2e") / split)]
    assert measures["pictures"] == len(found) == 60
    assert len({p.record["crawl_key"] for p in found}) == 60
    for picture in found:
        original = crawled[picture.record["crawl_key"]]
        assert picture.image == original.image
        assert picture.extension == original.extension
        assert picture.caption == original.caption
        assert picture.record["sha256"] == hashlib.sha256(picture.image).hexdigest()
        changed = {"key", "entities", "crawl_key"}
        assert {k: v for k, v in picture.record.items() if k not in changed} == {
            k: v for k, v in original.record.items() if k != "key"
        }


def test_the_index_has_the_documented_columns_and_says_what_the_tars_say(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs())
    index = read_index(Path("i2e/train"))
    assert index.schema == LABELLED_INDEX_SCHEMA
    in_tars = [(p.key, p.record["entities"], p.caption) for p in pictures(Path("i2e/train"))]
    assert in_tars == [(row["key"], row["entities"], row["caption"]) for row in index.to_pylist()]
    in_shard = [p.key for p in read_shard(Path("i2e/train/00001.tar"))]
    assert in_shard == [f"00001{n:04d}" for n in range(len(in_shard))]


def test_the_vocabulary_is_sorted_by_q_id_and_counts_pictures(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs())
    table = pq.read_table("i2e/vocabulary.parquet")
    assert table.schema == VOCABULARY_SCHEMA
    rows = table.to_pylist()
    assert [row["entity_id"] for row in rows] == [f"Q{n}" for n in range(1, 11)]
    assert {row["images"] for row in rows} == {6}
    assert rows[2]["label"] == "thing 3"
    assert rows[2]["description"] == "the 3. thing | of <many>"


def test_splits_share_no_entity(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs())
    split_of = {row["entity_id"]: row["split"] for row in pq.read_table("i2e/vocabulary.parquet").to_pylist()}
    assert set(split_of.values()) == {"train", "validation"}
    for split in ("train", "validation"):
        entities = {e for p in pictures(Path("i2e") / split) for e in p.record["entities"]}
        assert entities == {e for e, s in split_of.items() if s == split}


def test_crawled_pictures_are_kept_or_dropped_for_one_reason(
    tmp_path: Path, knowledge: Path, knobs: Parameters
) -> None:
    shards = web()
    shards[0] += [Made(100, ("Q1",)), Made(5000, ("Q20",)), Made(6000, ("Q1",)), Made(6000, ("Q2",))]
    shards[1] += [Made(7000 + n, (f"Q{n}", f"Q{n + 1}")) for n in range(1, 10)]
    measures = build(write_inputs(tmp_path / "more", shards, knowledge), knobs())
    dropped = measures["dropped"]["pictures"]
    assert measures["crawled"] == sum(map(len, shards)) == measures["pictures"] + sum(dropped.values())
    assert measures["labelled"] == measures["crawled"] - 3
    mixed = dropped.pop("both_splits")
    assert mixed >= 1
    assert dropped == {"unlabelled": 3, "duplicate": 2, "contradicted": 1, "rare_entities": 1, "surplus": 0}
    assert measures["dropped"]["entities"] == {"too_few_pictures": 1, "lost_pictures": 0}


def test_shards_are_mixed(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs(shard_size=20))
    first = [p.record for p in read_shard(Path("i2e/train/00000.tar"))]
    assert len({record["crawl_key"][:5] for record in first}) == 3
    assert [record["crawl_key"] for record in first] != sorted(record["crawl_key"] for record in first)
    sizes = Counter(p.key[:5] for p in pictures(Path("i2e/train"))).values()
    assert max(sizes) <= 20
    assert max(sizes) - min(sizes) <= 1


def test_the_readers_of_the_data_set_can_read_it(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs())
    vocabulary = read_vocabulary(Path("i2e/vocabulary.parquet"))
    held = pq.read_table("i2e/vocabulary.parquet").to_pandas().query("split == 'validation'")
    assert len(vocabulary) == 10 - len(held)
    assert read_labels(Path("i2e"))["Q7"] == "thing 7"
    assert len(_gallery(Path("i2e"))) == len(vocabulary)
    assert ShardFolder.at("i2e/train").mark() != ShardFolder.at("i2e/validation").mark()
    assert pd.read_parquet("i2e/train/00000.parquet")["entities"].str[0].isin(vocabulary.entity_ids).all()


def test_without_a_validation_share_there_is_no_validation_folder(inputs: Inputs, knobs: Parameters) -> None:
    measures = build(inputs, knobs(validation_share=0))
    assert not Path("i2e/validation").exists()
    assert measures["validation"] == {"pictures": 0, "entities": 0, "shards": 0}


def test_the_data_set_replaces_an_earlier_one_and_leaves_no_work_behind(inputs: Inputs, knobs: Parameters) -> None:
    build(inputs, knobs(shard_size=5))
    build(inputs, knobs(shard_size=50))
    assert shard_numbers(Path("i2e/train")) == [0]
    assert sorted(p.name for p in Path("i2e").iterdir()) == [
        "card.md",
        "images_per_entity.svg",
        "stats.json",
        "train",
        "validation",
        "vocabulary.parquet",
    ]
    assert not list(Path(".work/curate").iterdir())


def test_statistics_hold_the_measures_and_more(inputs: Inputs, knobs: Parameters) -> None:
    measures = build(inputs, knobs())
    stats = json.loads(Path("i2e/stats.json").read_text())
    assert measures.items() <= stats.items()
    assert stats["formats"] == {"png": 30, "webp": 30}
    assert stats["ambiguity"]["ambiguous_share"] == 0.5
    assert stats["entity_types"][0] == {"class": "Q100", "label": "odd thing", "entities": 5, "images": 30}
    assert stats["short_side"]["median"] == 16
    assert stats["parameters"]["min_images"] == 2


def test_an_empty_vocabulary_is_an_error_that_names_the_knob(inputs: Inputs, knobs: Parameters) -> None:
    with pytest.raises(InputError, match=r"the most frequent, Q1, has 6 and curate.min_images asks for 7. Lower"):
        build(inputs, knobs(min_images=7))


def test_a_crawl_without_any_label_is_an_error_that_says_where_to_look(
    tmp_path: Path, knowledge: Path, knobs: Parameters
) -> None:
    with pytest.raises(InputError, match="0 distinct labelled pictures"):
        build(write_inputs(tmp_path / "none", [[Made(1), Made(2)]], knowledge), knobs())


def test_labels_of_fewer_shards_are_an_error(inputs: Inputs, knobs: Parameters) -> None:
    (inputs.labels / "00001.parquet").unlink()
    with pytest.raises(InputError, match=r"lacks the labels of .*00001.parquet; run `mofi label run`"):
        build(inputs, knobs())


def test_labels_of_more_shards_are_an_error(inputs: Inputs, knobs: Parameters) -> None:
    (inputs.labels / "00003.parquet").write_bytes((inputs.labels / "00002.parquet").read_bytes())
    with pytest.raises(InputError, match=r"00003.parquet has no shard"):
        build(inputs, knobs())


@pytest.mark.parametrize("change", ["row", "key"])
def test_labels_of_another_crawl_are_an_error(inputs: Inputs, knobs: Parameters, change: str) -> None:
    path = inputs.labels / "00001.parquet"
    rows = pq.read_table(path).to_pylist()
    rows = rows[1:] if change == "row" else [{**rows[0], "key": "000990000"}, *rows[1:]]
    pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), path)
    with pytest.raises(InputError, match="another crawl; run `mofi label run` again"):
        build(inputs, knobs())


def test_a_missing_knowledge_base_is_an_error(inputs: Inputs, knobs: Parameters) -> None:
    with pytest.raises(InputError, match="holds no knowledge base; `mofi knowledge build` makes one"):
        build_data_set(inputs.crawl, inputs.labels, Path("nowhere"), Path("i2e"), knobs())


def test_labels_of_another_knowledge_base_are_an_error(tmp_path: Path, knowledge: Path, knobs: Parameters) -> None:
    shards = [[Made(n, ("Q777",)) for n in range(4)]]
    with pytest.raises(InputError, match=r"name Q777, which .* lacks"):
        build(write_inputs(tmp_path / "other", shards, knowledge), knobs())


def test_a_missing_tar_is_an_error(inputs: Inputs, knobs: Parameters) -> None:
    (inputs.crawl / "00001.tar").unlink()
    with pytest.raises(InputError, match=r"lacks 00001.tar, though there is shard"):
        build(inputs, knobs())
