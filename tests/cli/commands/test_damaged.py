"""Each command with each of its inputs damaged: exit code 3 and a sentence that names the file."""

import io
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.cli import main
from components.knowledge.base.fingerprint import read_fingerprint
from components.label import workers
from components.label.crawl_statistics import write_made_from
from components.label.linking.page_profiles import PAGES, SUMS_SCHEMA
from components.shards.format import LABELLED_INDEX_SCHEMA, picture_key
from components.shards.writer import Row, write_shard
from tests import ROOT
from tests.curate.conftest import knowledge, web, write_inputs  # noqa: F401 - a fixture
from tests.evaluate.conftest import benchmark_folder, encoded, painted  # noqa: F401 - a fixture
from tests.registry.conftest import make_model

GOLD = {"text": "a thing 1", "labels": [{"span": [2, 9], "entity_id": "Q1"}]}
SLICES = {"all": 0.5, "emoji": 0.5}
MODEL = {"retrieval": {"query_excluded": SLICES, "query_included": SLICES, "across_foundries": SLICES}, "knn": SLICES}
EVALUATED = {
    "benchmark": {"pictures": 16, "categories": 4, "domains": {"animals": {"pictures": 8, "categories": 2}}},
    "models": {"clip": MODEL, "multitask": MODEL},
    "best": "clip",
    "labels": {"precision": 0.9, "recall": 0.8, "pictures": 1, "linkable": 1, "labels": 1},
}
PROMOTED = {
    "promoted": False,
    "recipe": "clip",
    "metric": "knn.all",
    "value": 0.5,
    "sha256": "0",
    "reasons": ["it is weak"],
    "gates": {"knn.all": {"value": 0.5, "least": 0.6}},
}
CURATED = {"pictures": 3, "dropped": {"pictures": {"duplicate": 1}}}

# Each command with the files that it cannot do without.
COMMANDS = {
    "knowledge lookup thing --base data/knowledge": [
        "data/knowledge/entities.arrow",
        "data/knowledge/ids.npy",
        "data/knowledge/embeddings.npy",
        "data/knowledge/names/00000.marisa",
        "data/knowledge/names/00000_starts.npy",
        "data/knowledge/names/00000_records.npy",
    ],
    "label explain thing": [
        "data/knowledge/embedder_idf.npy",
        "data/knowledge/embedder_rows.npy",
        "data/knowledge/embedder_projection.npy",
    ],
    "label explain --key 000000001": ["data/crawl/00000.parquet", "data/labels/00000.parquet"],
    "label audit --out audit.parquet": ["data/labels/00000.parquet"],
    "label evaluate gold.jsonl": ["gold.jsonl"],
    "label fit gold.jsonl": ["gold.jsonl"],
    "evaluate --out scores": [
        "data/sample/benchmark/images.parquet",
        "data/sample/benchmark/images/0000_first.jpg",
        "data/sample/truth.parquet",
        "data/sample/planted.parquet",
        "data/crawl/00000.parquet",
        "data/labels/00000.parquet",
    ],
    "evaluate-model models/clip": [
        "data/sample/benchmark/images.parquet",
        "models/clip/open_clip_config.json",
        "models/clip/open_clip_model.safetensors",
    ],
    "export models/clip --to hf --out exported": ["models/clip/open_clip_model.safetensors"],
    "promote": ["metrics/evaluate.json"],
    "query": ["metrics/promote.json"],
    "search q.png --model models/clip": ["q.png", "data/i2e/train/00000.tar"],
    "report": [
        "data/crawl/00000_stats.json",
        "data/i2e/train/00000.parquet",
        "data/sample/benchmark/images.parquet",
    ],
    "cost": ["params.yaml"],
}
# Inputs that may be missing, as their stage may not have run.
OPTIONAL = {
    "search q.png --model models/clip": ["data/i2e/vocabulary.parquet"],
    "label explain thing": ["data/labels/words.json", "data/labels/cases.json", "data/labels/named.npy"],
    "report": [
        "metrics/evaluate.json",
        "data/labels/00000.parquet",
        "metrics/promote.json",
        "metrics/seconds/crawl.json",
        "data/i2e/stats.json",
        "data/i2e/vocabulary.parquet",
        "data/evaluation/map.parquet",
        "data/evaluation/retrieval_examples.parquet",
    ],
}
TABLE = [(command, file) for command, files in COMMANDS.items() for file in files]
DAMAGES = ("empty", "truncated", "garbage", "other content", "other values")


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def whole(knowledge: Path, benchmark_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A project with a small output of each stage."""
    place = tmp_path_factory.mktemp("whole")
    shutil.copy(ROOT / "params.yaml", place)
    (place / "gold.jsonl").write_text(json.dumps(GOLD))
    (place / "q.png").write_bytes(encoded(painted(1)))
    write_inputs(place / "data", web(3, 2, 1), knowledge)
    shutil.copytree(knowledge, place / "data" / "knowledge")
    shutil.copytree(benchmark_folder, place / "data" / "sample" / "benchmark")
    pq.write_table(
        pa.table({"url": ["u"], "concept": ["c"], "domain": ["d"], "entity_id": ["Q1"]}),
        place / "data/sample/truth.parquet",
    )
    pq.write_table(pa.table({"url": ["u"], "file": ["f"]}), place / "data/sample/planted.parquet")
    make_model(place / "models" / "clip", "clip", seed=1)
    for part in ("train", "validation"):
        rows = [
            Row(
                {"key": picture_key(0, n), "url": "u", "status": "success", "caption": "c", "entities": ["Q1"]},
                encoded(painted(n)),
            )
            for n in range(3)
        ]
        write_shard(place / "data" / "i2e" / part, 0, rows, LABELLED_INDEX_SCHEMA)
    vocabulary = {"entity_id": ["Q1"], "label": ["one"], "description": [""], "images": [3], "split": ["train"]}
    pq.write_table(pa.table(vocabulary), place / "data/i2e/vocabulary.parquet")
    write_json(place / "data/i2e/stats.json", CURATED)
    write_json(place / "data/labels/words.json", {"alt a": {"texts": 3, "words": {"thing": 3}}})
    write_json(place / "data/labels/cases.json", {"small": {"thing": 3}, "capital": {}})
    np.save(place / "data/labels/named.npy", np.array([(0, 1)], dtype=[("number", "<i8"), ("pictures", "<u8")]))
    pq.write_table(SUMS_SCHEMA.empty_table(), place / "data/labels" / PAGES)
    write_made_from(place / "data/labels", read_fingerprint(place / "data/knowledge"))
    (place / "data/evaluation").mkdir()
    points = {"file": ["0000_first.jpg"], "domain": ["animals"], "x": [0.5], "y": [0.5]}
    pq.write_table(pa.table(points), place / "data/evaluation/map.parquet")
    hits = {"model": ["clip"], "query": ["0000_first.jpg"], "file": ["0000_third.jpg"], "right": [True]}
    hits |= {"domain": ["animals"], "rank": [1], "cosine": [0.5]}
    pq.write_table(pa.table(hits), place / "data/evaluation/retrieval_examples.parquet")
    write_json(place / "metrics/evaluate.json", EVALUATED)
    write_json(place / "metrics/promote.json", PROMOTED)
    write_json(place / "metrics/seconds/crawl.json", {"seconds": 1.5})
    return place


@pytest.fixture(autouse=True)
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it that a test may damage."""
    shutil.copytree(whole, tmp_path / "p")
    monkeypatch.chdir(tmp_path / "p")
    yield tmp_path / "p"
    for cached in (workers.knowledge_base, workers.mention_finder):
        cached.cache_clear()


def other(path: Path, values: bool) -> bytes:
    """A file of the same format with other columns or keys, or with values of other types."""
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        names = pq.read_schema(path).names
        table = pa.table({name: [{"x": 1}] for name in names} if values else {"other": [1, 2]})
        pq.write_table(table, buffer)
    elif path.suffix == ".npy":
        np.save(buffer, np.array(["x"] * 3) if values else np.zeros((1, 1, 1)))
    elif path.suffix == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        buffer.write(json.dumps({name: [None] for name in content} if values else [1]).encode())
    elif path.suffix == ".yaml":
        buffer.write(b"crawl: 5\n" if values else b"- 1\n")
    else:
        buffer.write(b'{"text": 5, "labels": "none"}\n' if values else b"<!doctype html>\n" * 60)
    return buffer.getvalue()


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    contents = {
        "empty": lambda: b"",
        "truncated": lambda: data[: len(data) // 2],
        "garbage": lambda: random.Random(1).randbytes(3000),
        "other content": lambda: other(path, values=False),
        "other values": lambda: other(path, values=True),
    }
    path.write_bytes(contents[how]())


def refusal(command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    """What `mofi COMMAND` says of why it ends with exit code 3."""
    monkeypatch.setattr("sys.argv", ["mofi", *command.split()])
    with pytest.raises(SystemExit) as ended:
        main.main()
    said = capfd.readouterr().err
    assert ended.value.code == main.USER_ERROR, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("mofi: ")]
    assert lines, said
    return " ".join(lines)


@pytest.mark.parametrize(("command", "file"), TABLE)
def test_a_missing_input_is_a_sentence_that_names_it(
    command: str, file: str, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (place / file).unlink()
    said = refusal(command, monkeypatch, capfd)
    assert Path(file).name in said or str(Path(file).parent) in said


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    ("command", "file"), TABLE + [(command, file) for command, files in OPTIONAL.items() for file in files]
)
def test_a_damaged_input_is_a_sentence_that_names_it(
    command: str, file: str, how: str, place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(place / file, how)
    assert Path(file).name.partition(".")[0] in refusal(command, monkeypatch, capfd)
