"""The benchmark as files, and everything that is measured on it."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.evaluate import baselines, figures
from components.evaluate.benchmark import read_benchmark
from components.evaluate.measure import measure
from components.evaluate.parameters import EvaluateParameters


def raw(folder: Path) -> np.ndarray:
    return np.concatenate([baselines.centred_pixels(batch, 8) for batch in read_benchmark(folder).batches(64)])


def test_pictures_that_differ_only_by_noise_are_found_by_raw_pixels(
    benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    found = measure(raw(benchmark_folder), read_benchmark(benchmark_folder), parameters)
    assert found["retrieval"]["query_excluded"]["all"] == 1
    assert found["retrieval"]["across_foundries"]["flags"] == 1
    assert found["knn"]["all"] == 1


def test_every_domain_is_measured_and_emoji_together(benchmark_folder: Path, parameters: EvaluateParameters) -> None:
    found = measure(raw(benchmark_folder), read_benchmark(benchmark_folder), parameters)
    assert set(found["retrieval"]["query_included"]) == {"all", "emoji", "animals", "brands", "flags"}


def test_collapsed_embeddings_score_low_everywhere(benchmark_folder: Path, parameters: EvaluateParameters) -> None:
    found = measure(np.ones((16, 4), np.float32), read_benchmark(benchmark_folder), parameters)
    assert found["retrieval"]["query_excluded"]["all"] < 0.2
    assert found["knn"]["all"] < 0.5


def test_a_damaged_benchmark_picture_is_an_error_that_names_it(benchmark_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(benchmark_folder, tmp_path / "copy")
    (copy / "images" / "0001_first.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"0001_first\.jpg"):
        list(read_benchmark(copy).batches(32))


def test_examples_are_drawn_from_every_domain_and_do_not_hold_the_query(
    benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    rows = figures.nearest("m", raw(benchmark_folder), read_benchmark(benchmark_folder), parameters).to_pylist()
    assert {row["domain"] for row in rows} == {"animals", "brands", "flags"}
    assert all(row["query"] != row["file"] for row in rows)
    assert all(row["right"] == (row["query"][:4] == row["file"][:4]) for row in rows)


def test_the_map_is_the_same_twice_and_lies_in_the_unit_square(
    benchmark_folder: Path, parameters: EvaluateParameters
) -> None:
    maps = [figures.plane(raw(benchmark_folder), read_benchmark(benchmark_folder), parameters) for _ in range(2)]
    assert maps[0].equals(maps[1])
    assert len(maps[0]) == parameters.map_pictures
    for axis in ("x", "y"):
        values = maps[0][axis].to_pylist()
        assert (min(values), max(values)) == (0, 1)


def test_the_sample_s_own_index_is_read(benchmark_folder: Path) -> None:
    assert pq.read_table(benchmark_folder / "images.parquet").num_rows == len(read_benchmark(benchmark_folder)) == 16
