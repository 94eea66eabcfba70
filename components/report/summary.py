"""The figures of a run: `reports/summary.json`, and what the page shows of each step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.curate.format import UNLABELLED
from components.evaluate.format import CENTRED_SIDE, EXCLUDED, INCLUDED, PIXEL_SIDES, UNTRAINED
from components.label.reader import read_labels
from components.shards.folder import ShardFolder
from components.shards.format import SUCCESS, shard_name, shard_numbers
from components.storage.json_files import read_json

PIXELS = "raw_pixels"


@dataclass(frozen=True)
class Step:
    """One step from the web to the data set: how many pictures are left, and why others are not."""

    name: str
    pictures: int
    dropped: Mapping[str, int]


def read_metrics(folder: Path) -> dict[str, Any]:
    """Every stage's metrics by stage; a stage that has not run is absent."""
    return {path.stem: read_json(path) for path in sorted(folder.glob("*.json"))}


def read_seconds(folder: Path) -> dict[str, float]:
    """Seconds of each stage's last run."""
    return {path.stem: float(read_json(path)["seconds"]) for path in sorted((folder / "seconds").glob("*.json"))}


def summarise(
    metrics: Mapping[str, Any], seconds: Mapping[str, float], steps: list[Step], entities: int | None
) -> dict[str, Any]:
    """The content of `reports/summary.json`; what has not been measured is null."""
    evaluation = metrics.get("evaluate", {})
    labels = evaluation.get("labels", {})
    left = {step.name: step.pictures for step in steps}
    promotion = metrics.get("promote", {})
    return {
        "pictures_crawled": left.get("crawled"),
        "pictures_labelled": left.get("labelled"),
        "pictures_in_data_set": left.get("in the data set"),
        "entities": entities,
        "label_precision": labels.get("precision"),
        "label_recall": labels.get("recall"),
        "seconds": dict(seconds),
        "seconds_total": round(sum(seconds.values()), 1),
        "retrieval_map": headline(evaluation, EXCLUDED),
        "retrieval_map_with_query": headline(evaluation, INCLUDED),
        "champion": promotion.get("recipe") if promotion.get("promoted") else None,
    }


def headline(evaluation: Mapping[str, Any], protocol: str) -> dict[str, float]:
    """mAP over all queries by model; `raw_pixels` is the better of its sizes."""
    models = evaluation.get("models", {})
    values = {name: float(model["retrieval"][protocol]["all"]) for name, model in models.items()}
    sizes = [values.pop(f"{PIXELS}_{side}") for side in PIXEL_SIDES if f"{PIXELS}_{side}" in values]
    return ({PIXELS: max(sizes)} if sizes else {}) | values


def model_order(names: list[str]) -> list[str]:
    """Floors first, then the baseline, then the recipes."""
    order = [
        *(f"{PIXELS}_{side}" for side in PIXEL_SIDES),
        f"centred_pixels_{CENTRED_SIDE}",
        UNTRAINED,
        "clip",
        "contrastive",
        "supervised",
        "multitask",
    ]
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def count_steps(data: Path) -> list[Step]:
    """Pictures after each step, and why others are gone, from the files that the steps wrote."""
    steps: list[Step] = []
    if ShardFolder.at(data / "crawl").has_shards():
        statuses = _statuses(data / "crawl")
        crawled = statuses.pop(SUCCESS, 0)
        steps.append(Step("attempted", crawled + sum(statuses.values()), {}))
        steps.append(Step("crawled", crawled, statuses))
    if ShardFolder.at(data / "labels").has_shards():
        labelled, unlabelled = _labelled(data / "labels")
        steps.append(Step("labelled", labelled, {"no entity was kept for it": unlabelled}))
        curated = data / "i2e" / "stats.json"
        if curated.is_file():
            counts = read_json(curated)
            dropped = {reason: n for reason, n in counts["dropped"]["pictures"].items() if reason != UNLABELLED}
            steps.append(Step("in the data set", counts["pictures"], dropped))
    return steps


def count_entities(data: Path) -> int | None:
    """Entities of the vocabulary; None before there is one."""
    path = data / "i2e" / "vocabulary.parquet"
    return int(pq.read_metadata(path).num_rows) if path.is_file() else None


def _statuses(folder: Path) -> Counter[str]:
    total: Counter[str] = Counter()
    for number in ShardFolder.at(folder).numbers():
        total.update(read_json(folder / f"{shard_name(number)}_stats.json")["status_dict"])
    return total


def _labelled(folder: Path) -> tuple[int, int]:
    labelled = total = 0
    for number in shard_numbers(folder):
        lengths = pc.list_value_length(read_labels(folder, number, ["entities"])["entities"]).to_pylist()
        labelled += sum(bool(length) for length in lengths)
        total += len(lengths)
    return labelled, total - labelled
