"""mAP of the recipes on held-out concepts, compared with CLIP, CLIP on more images, and raw pixels.

All models have the same tower, augmentation and schedule; they differ in the recipe, and one CLIP
sees four times the images. It needs the output of `mofi run --only curate`. Finished trainings are
kept, so an interrupted run resumes.
"""

import argparse
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from components.cli import parameters
from components.evaluate import baselines
from components.evaluate.benchmark import Benchmark, read_benchmark
from components.evaluate.evaluate import embed
from components.evaluate.slices import domain_slices
from components.execution import cluster
from components.metrics.retrieval import average_precisions, mean
from components.models.encoder import load_encoder, untrained_encoder
from components.pretrain import train
from components.pretrain.parameters import PretrainParameters
from components.pretrain.plan import plan_job
from components.pretrain.sources import find_sources
from components.report.report import NAMES
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

WORK = Path(".work/benchmarks")
_KINDS = ("all", "brands", "emoji", "flags")
_PIXELS = "raw pixels"
# A difference of mAP that three seeds cannot distinguish from none.
_TIE = 0.01

# Slice of the benchmark → mAP, query excluded.
Figures = dict[str, float]


@dataclass(frozen=True)
class Entrant:
    """A training to compare: a recipe, and a factor on the number of images seen."""

    name: str
    recipe: str
    factor: int = 1
    every_seed: bool = True


def entrants(factor: int) -> list[Entrant]:
    """CLIP, CLIP with `factor` times the images (first seed only), and the recipes."""
    return [
        Entrant("CLIP", "clip"),
        Entrant(f"CLIP, {factor} × the images", "clip", factor, every_seed=False),
        Entrant("contrastive", "contrastive"),
        Entrant("supervised", "supervised"),
        Entrant("multi-task", "multitask"),
    ]


def main() -> None:
    """Trains, evaluates, and prints the results."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    knobs = parameters.load().pretrain.model_copy(update={"images_seen": options.images_seen})
    benchmark = read_benchmark(Path("data/sample/benchmark"))
    cluster.connect()
    found: dict[str, list[Figures]] = dict(_baselines(benchmark, knobs))
    for seed in range(options.seeds):
        for entrant in entrants(options.clip_factor):
            if entrant.every_seed or seed == 0:
                own = knobs.model_copy(
                    update={"seed": knobs.seed + seed, "images_seen": knobs.images_seen * entrant.factor}
                )
                data = Path("data/crawl" if entrant.recipe == "clip" else "data/i2e")
                figures = train_and_measure(entrant.recipe, data, own, benchmark)
                logger.info("seed %d, %s: %s", seed, entrant.name, figures)
                found.setdefault(entrant.name, []).append(figures)
    _show(found, knobs, options.seeds)
    conclude(claims(found, options.clip_factor))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images-seen", type=int, default=200_000, help="images seen per training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per recipe")
    parser.add_argument("--clip-factor", type=int, default=4, help="factor on the images seen by the longer CLIP")
    return parser.parse_args()


def _baselines(benchmark: Benchmark, knobs: PretrainParameters) -> Iterator[tuple[str, list[Figures]]]:
    for name, embeddings in baselines.all_pixels(benchmark).items():
        yield NAMES[name], [_measure(embeddings, benchmark)]
    yield "untrained tower", [_measure(embed(untrained_encoder(knobs.tower, knobs.seed), benchmark), benchmark)]


def train_and_measure(recipe: str, data: Path, knobs: PretrainParameters, benchmark: Benchmark) -> Figures:
    """Trains a recipe on `data`, unless there is a finished result, and evaluates it."""
    job = plan_job(recipe, find_sources(recipe, data, knobs), knobs, WORK)
    result = WORK / "results" / f"{recipe}-{job.work.name}.json"
    if not result.exists():
        model = WORK / "model"
        train.train(job, model, WORK / "curve.csv")
        write_json(result, _measure(embed(load_encoder(model), benchmark), benchmark))
    train.clean_up(job)
    figures: Figures = read_json(result)
    return figures


def _measure(embeddings: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", benchmark: Benchmark) -> Figures:
    precisions = average_precisions(embeddings, benchmark.categories, exclude_query=True)
    return {name: mean(precisions[chosen]) for name, chosen in domain_slices(benchmark).items() if name in _KINDS}


def claims(found: Mapping[str, list[Figures]], factor: int) -> list[Claim]:
    """The project's claims, from mAP by entrant (mean over seeds)."""
    score = {name: float(np.mean([figures["all"] for figures in several])) for name, several in found.items()}
    longer = f"CLIP, {factor} × the images"
    pixels = max(value for name, value in score.items() if name.startswith(_PIXELS))
    best = max(score[name] for name in ("contrastive", "supervised", "multi-task"))
    # Paired by seed, since towers with the same initial weights and pictures deviate together.
    behind = float(
        np.mean([a["all"] - b["all"] for a, b in zip(found["multi-task"], found["supervised"], strict=True)])
    )
    return [
        Claim("mAP of multi-task less that of supervised", behind, -_TIE, "supervised, paired by seed"),
        Claim("mAP of multi-task over CLIP", score["multi-task"] / score["CLIP"], 1.5, "CLIP, equal images seen"),
        Claim("mAP of multi-task over a longer CLIP", score["multi-task"] / score[longer], 1.0, longer),
        Claim("mAP of the best recipe over raw pixels", best / pixels, 1.8, "the better of 8 × 8 and 32 × 32"),
    ]


def _show(found: dict[str, list[Figures]], knobs: PretrainParameters, seeds: int) -> None:
    title = f"mAP, query excluded: {knobs.images_seen:,} images seen, {seeds} seeds, mean ± standard deviation"
    table = Table("", *_KINDS, title=title, box=None)
    for name, several in found.items():
        cells = []
        for kind in _KINDS:
            values = [figures[kind] for figures in several]
            spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3f}{spread}")
        table.add_row(name, *cells)
    Console().print(table)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
