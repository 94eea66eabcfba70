"""Index, search, and the smoke query."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.evaluate.baselines import centred_pixels
from components.images.decode import decode
from components.serve.embed import model_at
from components.serve.parameters import QueryParameters
from components.serve.query import query
from components.serve.search import Entry, Hit, build, entity_scores, read_labels
from components.shards.format import LABELLED_INDEX_SCHEMA, picture_key
from components.shards.writer import Row, write_shard
from tests.evaluate.conftest import benchmark_folder, encoded, painted  # noqa: F401 - a fixture
from tests.registry.conftest import make_model


def embed(pictures: Sequence[bytes]) -> np.ndarray:
    """Raw pixels: a real, small encoder."""
    return centred_pixels(np.stack([decode(data, 64) for data in pictures]), 8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "i2e"
    for part, number in (("train", 0), ("validation", 1)):
        rows = []
        for position in range(6):
            key, entity = picture_key(number, position), f"Q{number * 6 + position + 1}"
            record = {"key": key, "url": "u", "status": "success", "caption": f"alt {entity}", "entities": [entity]}
            rows.append(Row(record, encoded(painted(50 + number * 6 + position))))
        write_shard(folder / part, 0, rows, LABELLED_INDEX_SCHEMA)
    vocabulary = [{"entity_id": f"Q{n}", "label": f"thing {n}"} for n in range(1, 13)]
    pq.write_table(pa.Table.from_pylist(vocabulary), folder / "vocabulary.parquet")
    return folder


def test_both_splits_are_indexed_and_every_picture_finds_itself(data: Path) -> None:
    index = build(data, embed)
    assert [entry.entities[0] for entry in index.entries] == [f"Q{n}" for n in range(1, 13)]
    for number, entry in enumerate(index.entries):
        hit = index.search(embed([encoded(painted(50 + number))]), 1)[0][0]
        assert hit.entry == entry
        assert hit.cosine == pytest.approx(1, abs=1e-5)


def test_hits_come_best_first_and_no_more_than_there_are(data: Path) -> None:
    hits = build(data, embed).search(embed([encoded(painted(3))]), 100)[0]
    assert len(hits) == 12
    assert [hit.cosine for hit in hits] == sorted((hit.cosine for hit in hits), reverse=True)


def test_an_empty_data_set_is_an_error_that_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run"):
        build(tmp_path, embed)


def test_entities_of_near_pictures_weigh_more() -> None:
    def hit(entity: str, cosine: float) -> Hit:
        return Hit(Entry("k", Path("s"), "", (entity,)), cosine)

    scores = entity_scores([hit("Q1", 0.99), hit("Q2", 0.5), hit("Q2", 0.5)])
    assert scores[0][0] == "Q1"
    assert sum(share for _, share in scores) == pytest.approx(1)


def test_the_smoke_query_writes_what_it_found(data: Path, benchmark_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    found = query(embed, data, benchmark_folder, QueryParameters(pictures=3, top=4, seed=1), tmp_path / "out")
    assert found["indexed"] == 12
    assert found["queries"] == 3
    assert found["finds_itself"]
    rows = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [row["rank"] for row in rows] == [1, 2, 3, 4] * 3
    assert all(row["label"] == f"thing {row['entity_id'][1:]}" for row in rows)
    assert decode(rows[0]["thumbnail"], 32).shape == (32, 32, 3)


def test_a_model_that_forgets_what_it_indexed_is_an_error(data: Path, benchmark_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    def changing(pictures: Sequence[bytes]) -> np.ndarray:
        x = embed(pictures)
        return x if len(x) > 3 else -x

    with pytest.raises(InputError, match="does not find itself"):
        query(changing, data, benchmark_folder, QueryParameters(pictures=3, top=4, seed=1), tmp_path / "out")


def test_embeddings_that_are_not_finite_are_an_error(data: Path, benchmark_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    def broken(pictures: Sequence[bytes]) -> np.ndarray:
        return np.full_like(embed(pictures), np.nan)

    with pytest.raises(InputError, match="not finite"):
        query(broken, data, benchmark_folder, QueryParameters(pictures=1, top=1, seed=1), tmp_path / "out")


def test_labels_of_a_data_set_without_vocabulary_are_unknown(tmp_path: Path) -> None:
    assert read_labels(tmp_path) == {}


def test_any_model_that_can_be_named_can_search(data: Path, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "clip", "clip", seed=1)
    by_path, by_url = (build(data, model_at(location)) for location in (str(folder), folder.as_uri()))
    query = model_at(str(folder))([encoded(painted(52))])
    assert by_path.search(query, 1)[0][0].entry.entities == ("Q3",)
    assert by_url.search(query, 3) == by_path.search(query, 3)
