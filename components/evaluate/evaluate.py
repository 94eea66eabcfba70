"""Every model and floor on the benchmark, the labels against the truth, and the report's data."""

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.evaluate import baselines, figures
from components.evaluate.benchmark import Benchmark, read_benchmark
from components.evaluate.filter_audit import audit, truth_by_key
from components.evaluate.label_quality import measure as measure_labels
from components.evaluate.parameters import EvaluateParameters
from components.evaluate.protocols import EXCLUDED, measure
from components.models.encoder import Encoder, load_encoder
from components.shards.folder import ShardFolder
from components.shards.format import SUCCESS
from components.shards.reader import read_index

logger = logging.getLogger(__name__)

UNTRAINED = "untrained"


@dataclass(frozen=True)
class Inputs:
    """What is judged, and by what."""

    models: Path
    benchmark: Path
    truth: Path
    planted: Path
    crawl: Path
    labels: Path


def evaluate(inputs: Inputs, parameters: EvaluateParameters, out: Path) -> dict[str, Any]:
    """Writes `out` (embeddings, retrieval examples, map); returns `metrics/evaluate.json`.

    Raises:
        InputError: if an input is missing or damaged, or the crawl lacks a shard.
    """
    benchmark = read_benchmark(inputs.benchmark)
    folders = model_folders(inputs.models)
    shutil.rmtree(out, ignore_errors=True)
    (out / "embeddings").mkdir(parents=True)
    measures: dict[str, Any] = {}
    examples: list[pa.Table] = []
    best: tuple[float, str, npt.NDArray[np.float32]] | None = None
    for name, embeddings in _embedded(folders, benchmark):
        measures[name] = measure(embeddings, benchmark, parameters)
        np.save(out / "embeddings" / f"{name}.npy", embeddings, allow_pickle=False)
        score = float(measures[name]["retrieval"][EXCLUDED]["all"])
        logger.info("%s: mAP %.4f (query excluded)", name, score)
        if name in folders:
            examples.append(figures.nearest(name, embeddings, benchmark, parameters))
            best = max(best or (score, name, embeddings), (score, name, embeddings), key=lambda entry: entry[0])
    assert best is not None
    pq.write_table(pa.concat_tables(examples), out / "retrieval_examples.parquet")
    pq.write_table(figures.plane(best[2], benchmark, parameters), out / "map.parquet")
    return {
        "benchmark": _describe(benchmark),
        "models": measures,
        "best": best[1],
        "labels": _labels(inputs),
        "planted": _planted(inputs),
    }


def model_folders(models: Path) -> dict[str, Path]:
    """The model folders below `models`, by name.

    Raises:
        InputError: if there is none.
    """
    found = {path.parent.name: path.parent for path in sorted(models.glob("*/open_clip_config.json"))}
    if not found:
        raise InputError(f"{models} holds no model folder; run `mofi pretrain RECIPE`, or name another with --models")
    return found


def _embedded(folders: dict[str, Path], benchmark: Benchmark) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    yield from baselines.all_pixels(benchmark).items()
    yield UNTRAINED, embed(baselines.untrained(next(iter(folders.values()))), benchmark)
    for name, folder in folders.items():
        yield name, embed(load_encoder(folder), benchmark)


def embed(encoder: Encoder, benchmark: Benchmark) -> npt.NDArray[np.float32]:
    """All benchmark pictures, prepared as the model wants them → float32 [n, d]."""
    return np.concatenate([encoder.images(batch) for batch in benchmark.prepared(encoder.prepare)])


def _describe(benchmark: Benchmark) -> dict[str, Any]:
    domains = np.array(benchmark.domains)
    return {
        "pictures": len(benchmark),
        "categories": len(np.unique(benchmark.categories)),
        "domains": {
            str(domain): {
                "pictures": int((domains == domain).sum()),
                "categories": len(np.unique(benchmark.categories[domains == domain])),
            }
            for domain in np.unique(domains)
        },
    }


def _index(crawl: Path) -> pa.Table:
    ShardFolder.at(crawl).numbers()  # a lost shard would count as pictures that were never crawled
    return read_index(crawl)


def _labels(inputs: Inputs) -> dict[str, Any]:
    if not inputs.truth.is_file():
        raise InputError(f"{inputs.truth} is missing; run `mofi sample build`, or name a truth table with --truth")
    index, truth = _index(inputs.crawl), pq.read_table(inputs.truth)
    audited = audit(inputs.labels, truth_by_key(index, truth))
    return {**measure_labels(inputs.labels, index, truth), "image_filter": audited}


def _planted(inputs: Inputs) -> dict[str, int]:
    """How many near-copies of benchmark pictures the web has, and how many the crawl left out."""
    if not inputs.planted.is_file():
        raise InputError(f"{inputs.planted} is missing; run `mofi sample build`, or name the table with --planted")
    planted = set(pq.read_table(inputs.planted)["url"].to_pylist())
    index = _index(inputs.crawl)
    crawled = {
        url
        for url, status in zip(index["url"].to_pylist(), index["status"].to_pylist(), strict=True)
        if status == SUCCESS
    }
    return {"near_copies": len(planted), "left_out": len(planted - crawled)}
