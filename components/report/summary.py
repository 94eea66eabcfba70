"""The figures of a run: `reports/summary.json`, and what the page shows of each step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from components.curate.format import UNLABELLED, VOCABULARY_SCHEMA
from components.evaluate.format import CENTRED_SIDE, EXCLUDED, INCLUDED, PIXEL_SIDES, UNTRAINED
from components.label.reader import read_labels
from components.shards.folder import ShardFolder
from components.shards.format import SUCCESS, shard_name, shard_numbers
from components.storage.foreign.tables import columns_of, read_table
from components.storage.json_files import check_content, read_json, read_json_as

PIXELS = "raw_pixels"
_VOCABULARY = columns_of(VOCABULARY_SCHEMA, ["entity_id"])


@dataclass(frozen=True)
class _ShardStatistics:
    status_dict: dict[str, int]


@dataclass(frozen=True)
class _Dropped:
    pictures: dict[str, int]


@dataclass(frozen=True)
class _DataSet:
    pictures: int
    dropped: _Dropped


@dataclass(frozen=True)
class Step:
    """One step from the web to the data set: how many pictures are left, and why others are not."""

    name: str
    pictures: int
    dropped: Mapping[str, int]


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
            counts: dict[str, Any] = read_json(curated)
            check_content(curated, counts, _DataSet, "run `mofi curate` again")
            dropped = {reason: n for reason, n in counts["dropped"]["pictures"].items() if reason != UNLABELLED}
            steps.append(Step("in the data set", counts["pictures"], dropped))
    return steps


def count_entities(data: Path) -> int | None:
    """Entities of the vocabulary; None before there is one."""
    path = data / "i2e" / "vocabulary.parquet"
    return len(read_table(path, _VOCABULARY, "run `mofi curate` again")) if path.is_file() else None


def _statuses(folder: Path) -> Counter[str]:
    total: Counter[str] = Counter()
    for number in ShardFolder.at(folder).numbers():
        stats = read_json_as(folder / f"{shard_name(number)}_stats.json", _ShardStatistics)
        total.update(stats.status_dict)
    return total


def _labelled(folder: Path) -> tuple[int, int]:
    labelled = total = 0
    for number in shard_numbers(folder):
        lengths = pc.list_value_length(read_labels(folder, number, ["entities"])["entities"]).to_pylist()
        labelled += sum(bool(length) for length in lengths)
        total += len(lengths)
    return labelled, total - labelled
