"""Ablations: mAP on held-out concepts with one change, everything else equal.

The changes are those of the paper and its reviewers: names with or without descriptions, number of
negatives, margin, lambda, minimum images per entity, the image filter, and shuffled entity labels,
which must collapse. It needs the output of `mofi run --only curate`. Finished data sets and
trainings are kept, so an interrupted run resumes.
"""

import argparse
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.pretrain.recipes import WORK, Figures, train_and_measure
from components.cli import parameters
from components.curate.curate import build_data_set
from components.evaluate.benchmark import read_benchmark
from components.execution import cluster
from components.label.format import LABELS_SCHEMA
from components.label.label import label_pictures
from components.label.reader import read_labels
from components.pretrain.parameters import TextParameters
from components.shards.format import shard_name, shard_numbers

logger = logging.getLogger(__name__)

DATA = WORK / "ablations"
CRAWL, KNOWLEDGE, LABELS, DATA_SET = (Path("data") / name for name in ("crawl", "knowledge", "labels", "i2e"))
_SHUFFLED = "labels shuffled"


@dataclass(frozen=True)
class Ablation:
    """One change, of `pretrain` parameters or of the data set that `data` makes."""

    name: str
    recipe: str = "multitask"
    changes: Mapping[str, Any] = field(default_factory=dict)
    data: Callable[[], Path] = lambda: DATA_SET


def ablations() -> list[Ablation]:
    """All ablations; the first of each recipe changes nothing."""
    names, described = (
        TextParameters(name=share, name_and_description=1 - share, alt_text=0.0) for share in (1.0, 0.0)
    )
    return [
        *(Ablation("as it is", recipe) for recipe in ("multitask", "supervised", "contrastive")),
        Ablation("names alone", "contrastive", {"text": names}),
        Ablation("names and descriptions", "contrastive", {"text": described}),
        *(Ablation(f"{n} negatives", "supervised", {"negatives": n}) for n in (64, 256)),
        *(Ablation(f"margin {margin:g}", "supervised", {"margin": margin}) for margin in (0.0, 0.3)),
        *(Ablation(f"lambda {share:g}", changes={"supervised_share": share}) for share in (0.25, 0.75, 0.9)),
        *(Ablation(f"{least} images an entity", data=partial(at_least, least)) for least in (2, 10)),
        Ablation("no image filter", data=unfiltered),
        *(Ablation(_SHUFFLED, recipe, data=shuffled) for recipe in ("multitask", "supervised", "contrastive")),
    ]


def at_least(images: int) -> Path:
    """The data set with another minimum of images per entity."""
    return _curated(f"at-least-{images}", LABELS, {"min_images": images})


def unfiltered() -> Path:
    """The data set from labels without the image filter."""
    labels = DATA / "labels-unfiltered"
    if not labels.exists():
        knobs = parameters.load().label.model_copy(update={"image_weight": 0.0, "image_quantile": 0.0})
        label_pictures(CRAWL, KNOWLEDGE, "models/clip", labels, knobs)
    return _curated("unfiltered", labels, {})


def shuffled() -> Path:
    """The data set from shuffled labels."""
    labels = DATA / "labels-shuffled"
    if not labels.exists():
        shuffle_labels(LABELS, labels)
    return _curated("shuffled", labels, {})


def shuffle_labels(labels: Path, out: Path) -> None:
    """Writes label files with labels and decisions shuffled among all labelled pictures.

    Pictures keep their alt texts, so that share of a recipe's texts (`pretrain.text.alt_text`)
    stays right.
    """
    numbers = shard_numbers(labels)
    tables = [read_labels(labels, number) for number in numbers]
    whole = pa.concat_tables(tables).to_pylist()
    labelled = [n for n, row in enumerate(whole) if row["entities"]]
    others = np.random.default_rng(7).permutation(labelled).tolist()
    given = [{**row} for row in whole]
    for position, other in zip(labelled, others, strict=True):
        given[position] |= {name: whole[other][name] for name in ("entities", "decisions")}
    out.mkdir(parents=True)
    start = 0
    for number, table in zip(numbers, tables, strict=True):
        rows = given[start : start + len(table)]
        pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), out / f"{shard_name(number)}.parquet")
        start += len(table)


def _curated(name: str, labels: Path, changes: Mapping[str, Any]) -> Path:
    out = DATA / name
    if not (out / "vocabulary.parquet").exists():
        build_data_set(CRAWL, labels, KNOWLEDGE, out, parameters.load().curate.model_copy(update=dict(changes)))
    return out


def main() -> None:
    """Makes data sets, trains, evaluates, and prints the results."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    knobs = parameters.load().pretrain.model_copy(update={"images_seen": options.images_seen})
    benchmark = read_benchmark(Path("data/sample/benchmark"))
    DATA.mkdir(parents=True, exist_ok=True)
    cluster.connect()
    chosen = [a for a in ablations() if not options.only or a.name in options.only or a.name == "as it is"]
    found: dict[tuple[str, str], list[Figures]] = {}
    for seed in range(options.seeds):
        for ablation in chosen:
            own = knobs.model_copy(update={**ablation.changes, "seed": knobs.seed + seed})
            figures = train_and_measure(ablation.recipe, ablation.data(), own, benchmark)
            logger.info("seed %d, %s, %s: %s", seed, ablation.recipe, ablation.name, figures)
            found.setdefault((ablation.recipe, ablation.name), []).append(figures)
    show(found, options.images_seen, options.seeds)
    conclude(claims(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images-seen", type=int, default=64_000, help="images seen per training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per ablation")
    parser.add_argument("--only", nargs="*", default=[], help="names of the ablations to run")
    return parser.parse_args()


def _scores(figures: Sequence[Figures]) -> list[float]:
    return [one["all"] for one in figures]


def show(found: Mapping[tuple[str, str], Sequence[Figures]], images_seen: int, seeds: int) -> None:
    """Prints a row per ablation with its difference to the unchanged recipe, paired by seed."""
    title = f"mAP, query excluded: {images_seen:,} images seen, {seeds} seeds, mean ± standard deviation"
    table = Table("recipe", "what is changed", "mAP", "difference", title=title, box=None)
    for (recipe, name), figures in found.items():
        scores, base = np.array(_scores(figures)), np.array(_scores(found[recipe, "as it is"]))
        away = "" if name == "as it is" else _spread(scores - base, "+")
        table.add_row(recipe, name, _spread(scores), away)
    Console().print(table)
    print(json.dumps({f"{recipe}, {name}": list(figures) for (recipe, name), figures in found.items()}))


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]], sign: str = "") -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.3f}{spread}"


def claims(found: Mapping[tuple[str, str], Sequence[Figures]]) -> list[Claim]:
    """Claims that recipes collapse on shuffled labels."""
    return [
        Claim(
            f"mAP of {recipe} with shuffled labels",
            float(np.mean(_scores(figures)) / np.mean(_scores(found[recipe, "as it is"]))),
            0.6,
            "the same with its labels",
            at_most=True,
        )
        for (recipe, name), figures in found.items()
        if name == _SHUFFLED
    ]


if __name__ == "__main__":
    main()
