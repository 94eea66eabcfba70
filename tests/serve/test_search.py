"""Index, search, and the smoke query."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from components.cli.commands.serve import nearest
from components.errors import InputError
from components.evaluate.baselines import centred_pixels
from components.images.decode import decode
from components.serve.embed import model_at
from components.serve.parameters import QueryParameters
from components.serve.query import query
from components.serve.search import Entry, Hit, Index, build, entity_scores, read_labels
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


def test_a_picture_that_cannot_be_decoded_is_counted_and_the_others_are_indexed(tmp_path: Path) -> None:
    images = [encoded(painted(n)) for n in range(5)]
    images[2] = b"no picture"
    rows = [
        Row({"key": picture_key(0, n), "url": "u", "status": "success", "caption": ""}, data)
        for n, data in enumerate(images)
    ]
    write_shard(tmp_path / "i2e", 0, rows, LABELLED_INDEX_SCHEMA)
    index = build(tmp_path / "i2e", embed)
    assert [entry.key[-1] for entry in index.entries] == ["0", "1", "3", "4"]
    assert index.left_out == {"undecodable": 1}


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def index_of(embeddings: np.ndarray) -> Index:
    index = Index(embeddings.shape[1])
    for part in np.array_split(embeddings, 3):
        index.add(part, [Entry(str(n), Path("s"), "", ()) for n in range(len(part))])
    return index


@pytest.mark.parametrize("pictures", [20, 100, 700])
def test_what_is_usual_is_how_near_the_index_s_own_pictures_are_to_each_other(pictures: int) -> None:
    chance = np.random.default_rng(1)
    embeddings = unit(np.eye(8)[np.arange(pictures) % 8] + 0.05 * chance.normal(size=(pictures, 8)))
    usual = index_of(embeddings).usual_cosine()
    cosines = embeddings @ embeddings.T - 2 * np.eye(pictures)
    assert usual == pytest.approx(np.quantile(cosines.max(1), 0.05), abs=0.01)
    stranger = unit(np.ones((1, 8)))
    assert (embeddings @ stranger[0]).max() < usual
    assert (embeddings @ unit(np.eye(8)[:1])[0]).max() > usual


def test_copies_are_near_each_other_and_a_few_pictures_say_nothing() -> None:
    twice = unit(np.repeat(np.random.default_rng(2).normal(size=(20, 8)), 2, axis=0))
    assert index_of(twice).usual_cosine() == pytest.approx(1, abs=1e-5)
    assert index_of(twice[:19]).usual_cosine() is None


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_key_is_cut_off_in_a_narrow_terminal(width: int) -> None:
    keys = ["000120345", "a/very/long/key/of/another/program/000120345"]
    found = [Hit(Entry(key, Path("/data/i2e/train/00012.tar"), "a crab [red]" * 9, ("Q1",)), 0.5) for key in keys]
    console = Console(width=width)
    with console.capture() as capture:
        console.print(nearest(found, {}))
    lines = capture.get().splitlines()
    column = "".join(line.split("│")[2].strip() for line in lines if line.startswith("│"))
    assert "".join(keys) == column
    assert any(keys[0] in line for line in lines)
    assert "…" not in capture.get()


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    found = [Hit(Entry("[/k]", Path("/data/[b]/t.tar"), "[/c]", ("Q1",)), 0.5)]
    console = Console(width=200)
    with console.capture() as capture:
        console.print(nearest(found, {"Q1": "a label [/l]"}))
    assert all(name in capture.get() for name in ("[/k]", "[b]/t.tar", "[/c]", "a label [/l]"))


def test_the_command_doubts_what_the_data_set_does_not_show(tmp_path: Path) -> None:
    from components.cli.main import app

    rows = [
        Row(
            {"key": picture_key(0, n), "status": "success", "caption": "x", "entities": ["Q1"]},
            encoded(painted(n % 3)),
        )
        for n in range(24)
    ]
    write_shard(tmp_path / "i2e", 0, rows, LABELLED_INDEX_SCHEMA)
    model = make_model(tmp_path / "clip", "clip", seed=1)
    answers = {}
    for name, image in (("known", painted(1)), ("strange", painted(77))):
        (tmp_path / f"{name}.png").write_bytes(encoded(image))
        command = ["search", str(tmp_path / f"{name}.png"), "--data", str(tmp_path / "i2e"), "--model", str(model)]
        answers[name] = CliRunner().invoke(app, command).output
    assert "000000001" in answers["known"] and "Doubtful" not in answers["known"]
    assert "Doubtful: the nearest picture has a cosine of" in answers["strange"]


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
