"""One model, wherever it comes from, on the benchmark."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from components.cli.main import app
from components.errors import InputError
from components.evaluate.benchmark import read_benchmark
from components.evaluate.evaluate import embed
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
