"""What is noted about the labelled pictures of one shard."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.curate.survey import survey
from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.shards.format import INDEX_SCHEMA
from tests.curate.conftest import Inputs, Made, painted, write_inputs


@pytest.fixture
def one_shard(tmp_path: Path) -> Inputs:
    made = [Made(1, ("Q7", "Q3"), candidates=3), Made(2), Made(3, ("Q3",), kind="WEBP")]
    return write_inputs(tmp_path / "in", [made], tmp_path)


def surveyed(inputs: Inputs, out: Path) -> list[dict]:
    survey(inputs.crawl, inputs.labels, 0, 0, out)
    return pq.read_table(out / "00000.parquet").to_pylist()


def relabel(inputs: Inputs, **changes: object) -> None:
    """Changes the first label row."""
    path = inputs.labels / "00000.parquet"
    rows = pq.read_table(path).to_pylist()
    pq.write_table(pa.Table.from_pylist([rows[0] | changes, *rows[1:]], LABELS_SCHEMA), path)


def reindex(inputs: Inputs, column: str, value: object) -> None:
    """Changes one column of the last index row."""
    path = inputs.crawl / "00000.parquet"
    rows = pq.read_table(path).to_pylist()
    pq.write_table(pa.Table.from_pylist([*rows[:-1], rows[-1] | {column: value}], INDEX_SCHEMA), path)


def test_labelled_pictures_are_noted_with_their_row_bytes_and_entities(one_shard: Inputs, tmp_path: Path) -> None:
    rows = surveyed(one_shard, tmp_path)
    assert [row["row"] for row in rows] == [1, 3]
    assert [row["entities"] for row in rows] == [[7, 3], [3]]
    assert [row["extension"] for row in rows] == ["png", "webp"]
    assert rows[0]["sha256"] == hashlib.sha256(painted(1)).digest()


def test_pictures_are_counted(one_shard: Inputs, tmp_path: Path) -> None:
    outcome = survey(one_shard.crawl, one_shard.labels, 0, 0, tmp_path)
    assert outcome.counts == {"crawled": 3, "labelled": 2, "unlabelled": 1}


def test_the_candidates_of_each_entitys_mention_are_counted(one_shard: Inputs, tmp_path: Path) -> None:
    assert [row["candidates"] for row in surveyed(one_shard, tmp_path)] == [[3, 3], [1]]


def test_labels_without_a_record_of_their_linking_are_no_error(one_shard: Inputs, tmp_path: Path) -> None:
    relabel(one_shard, decisions=None)
    assert surveyed(one_shard, tmp_path)[0]["candidates"] == [0, 0]


def test_a_picture_that_overruled_the_text_is_noted(one_shard: Inputs, tmp_path: Path) -> None:
    decisions = pq.read_table(one_shard.labels / "00000.parquet")["decisions"][0].as_py()
    relabel(one_shard, decisions=[decisions[0], decisions[1] | {"reason": "image_rival"}, *decisions[2:]])
    assert surveyed(one_shard, tmp_path)[0]["overruled"] == [True, False]


def test_an_entity_that_is_no_q_id_is_an_error(one_shard: Inputs, tmp_path: Path) -> None:
    relabel(one_shard, entities=["P31"])
    with pytest.raises(InputError, match="'P31'; an entity is a Q-id"):
        survey(one_shard.crawl, one_shard.labels, 0, 0, tmp_path)


def test_a_picture_without_a_hash_is_an_error(one_shard: Inputs, tmp_path: Path) -> None:
    reindex(one_shard, "sha256", None)
    with pytest.raises(InputError, match="no sha256 for 000000003"):
        survey(one_shard.crawl, one_shard.labels, 0, 0, tmp_path)


def test_a_picture_that_the_tar_lacks_is_an_error(one_shard: Inputs, tmp_path: Path) -> None:
    reindex(one_shard, "key", "000000009")
    relabel(one_shard)
    path = one_shard.labels / "00000.parquet"
    rows = pq.read_table(path).to_pylist()
    pq.write_table(pa.Table.from_pylist([*rows[:-1], rows[-1] | {"key": "000000009"}], LABELS_SCHEMA), path)
    with pytest.raises(InputError, match="lacks the picture 000000009 of its index"):
        survey(one_shard.crawl, one_shard.labels, 0, 0, tmp_path)


def test_a_truncated_tar_is_an_error(one_shard: Inputs, tmp_path: Path) -> None:
    tar = one_shard.crawl / "00000.tar"
    tar.write_bytes(tar.read_bytes()[:700])
    with pytest.raises(InputError, match="is no whole tar"):
        survey(one_shard.crawl, one_shard.labels, 0, 0, tmp_path)
