"""One model, wherever it comes from, on the benchmark."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from components.cli.main import app
from components.errors import InputError
from components.evaluate.benchmark import read_benchmark
from components.evaluate.evaluate import embed, score_of
from components.evaluate.measure import measure
from components.evaluate.one_model import evaluate_one
from components.evaluate.parameters import EvaluateParameters
from components.models.encoder import load_encoder
from components.storage.json_files import read_json
from tests.registry.conftest import make_model


def test_a_model_is_measured_with_nothing_but_the_benchmark(
    tmp_path: Path, benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    model, benchmark = make_model(tmp_path / "model", "clip", 1), read_benchmark(benchmark_folder)
    figures = evaluate_one(str(model), benchmark_folder, parameters)
    expected = measure(embed(load_encoder(model), benchmark), benchmark, parameters)
    assert {name: figures[name] for name in expected} == expected
    assert figures["preprocess"]["mean"] == [0.5, 0.5, 0.5]


def test_pictures_are_resized_without_antialiasing_where_that_is_asked_for(
    tmp_path: Path, benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    model = str(make_model(tmp_path / "model", "clip", 1))
    own, without = (evaluate_one(model, benchmark_folder, parameters, antialias=said) for said in (None, False))
    assert without["preprocess"] == own["preprocess"] | {"antialias": False}


def test_the_command_prints_the_figures_and_writes_them(tmp_path: Path, benchmark_folder: Path) -> None:
    model, out = make_model(tmp_path / "model", "clip", 1), tmp_path / "figures.json"
    arguments = ["evaluate-model", str(model), "--benchmark", str(benchmark_folder), "--out", str(out)]
    printed = CliRunner().invoke(app, arguments, catch_exceptions=False).output
    assert f"mAP, query excluded: {read_json(out)['retrieval']['query_excluded']['all']:.4f}" in printed


def test_a_model_that_is_not_there_is_an_error(benchmark_folder: Path, parameters: EvaluateParameters) -> None:
    with pytest.raises(InputError, match="neither a model folder"):
        evaluate_one("nowhere", benchmark_folder, parameters)


def test_benchmark_pictures_come_as_the_encoder_prepares_them(benchmark_folder: Path) -> None:
    benchmark = read_benchmark(benchmark_folder)
    (lengths,) = benchmark.prepared(lambda data: np.array([len(data)]))
    assert lengths.tolist() == [[len(benchmark.bytes_of(n))] for n in range(len(benchmark))]


def with_column(benchmark: Path, out: Path, **columns: Callable[[int], object]) -> Path:
    """A copy of a benchmark with other values, by row."""
    shutil.copytree(benchmark, out)
    rows = pq.read_table(out / "images.parquet").to_pylist()
    changed = [row | {name: value(n) for name, value in columns.items()} for n, row in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(changed, pq.read_schema(out / "images.parquet")), out / "images.parquet")
    return out


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"foundry": lambda n: "one"}, {"mAP, across foundries: – (no picture has another of its category from another"}),
        (
            {"category": lambda n: n},
            {
                "mAP, query excluded: – (no category has two pictures)",
                "mAP, across foundries: – (no picture has another of its category from another",
            },
        ),
    ],
    ids=["one foundry", "one picture a category"],
)  # fmt: skip
def test_the_command_says_what_a_benchmark_cannot_measure(
    tmp_path: Path, benchmark_folder: Path, columns: dict[str, Callable[[int], object]], missing: set[str]
) -> None:
    model = make_model(tmp_path / "model", "clip", 1)
    benchmark = with_column(benchmark_folder, tmp_path / "benchmark", **columns)
    result = CliRunner().invoke(app, ["evaluate-model", str(model), "--benchmark", str(benchmark)])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len([line for line in lines if line.startswith(("mAP, ", "kNN: "))]) == 4
    assert {line for line in lines for start in missing if line.startswith(start)} == {
        line for line in lines if "–" in line
    }
    assert all(any(line.startswith(start) for line in lines) for start in missing)


def test_a_benchmark_without_two_pictures_of_a_category_cannot_choose_the_best_model(
    tmp_path: Path, benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    alone = with_column(benchmark_folder, tmp_path / "benchmark", category=lambda n: n)
    make_model(tmp_path / "models" / "clip", "clip", 1)
    benchmark = read_benchmark(alone)
    figures = measure(np.eye(len(benchmark), dtype=np.float32), benchmark, parameters)
    with pytest.raises(InputError, match=r"images.parquet: no category has two pictures"):
        score_of(figures, benchmark)
