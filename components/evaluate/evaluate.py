"""Models and baselines on the benchmark, labels against the truth, and what the report draws."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.evaluate import baselines, figures
from components.evaluate.benchmark import Benchmark, read_benchmark
from components.evaluate.format import EXCLUDED, UNTRAINED
from components.evaluate.measure import describe, measure, measure_data
from components.evaluate.parameters import EvaluateParameters
from components.evaluate.tasks import Inputs
from components.models.encoder import Encoder, load_encoder
from components.storage.arrays import save_array
from components.storage.atomic import new_folder
from components.storage.layout import Layout

logger = logging.getLogger(__name__)

LAYOUT = Layout("mofi evaluate", ("retrieval_examples.parquet", "embeddings"), column="rank")


def evaluate(inputs: Inputs, parameters: EvaluateParameters, out: Path) -> dict[str, Any]:
    """Replaces `out` (embeddings, retrieval examples, map).

    Returns:
        The content of `metrics/evaluate.json`.

    Raises:
        InputError: if an input is missing or damaged, or the crawl lacks a shard.
    """
    benchmark = read_benchmark(inputs.benchmark)
    folders = model_folders(inputs.models)
    data = measure_data(inputs, parameters)  # first, as it is quick where an input is missing
    logger.info("evaluate: %s", describe(data))
    with new_folder(out) as folder:
        measures, best = _measure(folders, benchmark, parameters, folder)
    return {"benchmark": _describe(benchmark), "models": measures, "best": best, **data}


def _measure(
    folders: dict[str, Path], benchmark: Benchmark, parameters: EvaluateParameters, out: Path
) -> tuple[dict[str, Any], str]:
    """Fills `out`; returns the figures of each model, and the name of the best."""
    (out / "embeddings").mkdir()
    measures: dict[str, Any] = {}
    examples: list[pa.Table] = []
    best: tuple[float, str, npt.NDArray[np.float32]] | None = None
    for name, embeddings in _embedded(folders, benchmark):
        measures[name] = measure(embeddings, benchmark, parameters)
        save_array(out / "embeddings" / f"{name}.npy", embeddings)
        logger.info("%s: %s", name, describe(measures[name]))
        if name in folders:
            score = score_of(measures[name], benchmark)
            examples.append(figures.nearest(name, embeddings, benchmark, parameters))
            best = max(best or (score, name, embeddings), (score, name, embeddings), key=lambda entry: entry[0])
    assert best is not None
    pq.write_table(pa.concat_tables(examples), out / "retrieval_examples.parquet")
    pq.write_table(figures.plane(best[2], benchmark, parameters), out / "map.parquet")
    return measures, best[1]


def score_of(figures: Mapping[str, Any], benchmark: Benchmark) -> float:
    """What models are compared by.

    Raises:
        InputError: if the benchmark cannot measure it.
    """
    try:
        return float(figures["retrieval"][EXCLUDED]["all"])
    except KeyError:
        raise InputError(
            f"{benchmark.folder / 'images.parquet'}: no category has two pictures, so there is nothing to retrieve; "
            "give each category two or more"
        ) from None


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
    """All benchmark pictures, preprocessed for the model → float32 [n, d]."""
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
