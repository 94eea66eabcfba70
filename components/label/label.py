"""The label stage: shard maps over the crawl, whose counts are summed between passes."""

import logging
import shutil
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import InputError
from components.execution.publication import check, publish
from components.execution.shard_map import Task, map_shards
from components.label import tasks
from components.label.image_filter.calibration import Calibration
from components.label.image_filter.candidate_texts import BLOCK, ROWS, join_texts
from components.label.image_filter.reader import read_calibration
from components.label.inputs import Inputs
from components.label.linking.entity_counts import NAMED, Named
from components.label.linking.page_profiles import merge_sums
from components.label.parameters import LabelParameters
from components.label.text.common_words import CASES, COMMON, add_cases, common_words, read_cases, write_cases
from components.label.text.word_counts import add_counts, read_counts, write_counts
from components.shards.format import shard_name
from components.storage.code import code_mark
from components.storage.json_files import read_json, write_json
from components.storage.location import folder_at
from components.storage.work import drop, fingerprint, work_folder

logger = logging.getLogger(__name__)

_CALIBRATION = ("calibration.json", "calibration.parquet", "calibration.svg")


def label_pictures(
    crawl: Path | str, knowledge: Path | str, model: str, out: Path | str, parameters: LabelParameters
) -> dict[str, Any]:
    """Replaces `out` with labels of every picture of `crawl` (docs/formats.md); returns counts.

    Each location is a path, `file://` or `s3://BUCKET/PREFIX`.

    Args:
        crawl: picture shards; of those in a bucket, each task fetches its own.
        knowledge: a knowledge base; each machine keeps a copy of one in a bucket.
        model: what `find_model` finds: a model folder, a model of open_clip, or a URI of the
            registry.
        out: receives `NUMBER.parquet`, `NUMBER_images.npy` (float16 [pictures, d], row i of the
            parquet), `NUMBER_stats.json`, what `explain` needs: `words.json`, `pages.parquet`,
            `calibration.json`, and what the calibration was measured on: `calibration.parquet` and
            its chart `calibration.svg`.
        parameters: section `label`.

    Raises:
        InputError: if an input is missing or changes meanwhile, too many pictures cannot be read,
            or a bucket refuses.
        SetupError: if the model's weights cannot be loaded, or the bucket's server keeps failing.
    """
    place = folder_at(out)
    inputs = Inputs.find(crawl, knowledge, model)
    check(place, inputs.places)
    numbers = inputs.crawl.numbers
    work = work_folder("label", fingerprint(code_mark(__name__), parameters, *inputs.mark))
    between = work / "between"
    between.mkdir(exist_ok=True)
    job = tasks.Job(inputs.crawl.location, inputs.knowledge, inputs.model.name, between, parameters)

    surveyed, seen = _map(tasks.survey, job, numbers, "label: survey", work / "survey")
    if not seen["pictures"]:
        raise InputError(
            f"{inputs.crawl.location} holds no picture that was crawled with success; see its *_stats.json for the reasons"
        )
    _sum_survey(surveyed, numbers, parameters, between)
    readings, found = _map(tasks.read, job, numbers, "label: read", work / "read")
    sure = _sum_readings(readings, numbers, between)
    embedded, _ = _map(
        tasks.embed_texts, job, _sum_candidates(readings, numbers, between), "label: texts", work / "texts"
    )
    join_texts(embedded, between)
    calibrated, _ = _map(tasks.calibrate_filter, job, [sure], "label: calibrate", work / "calibrate")
    for name in _CALIBRATION:
        shutil.copyfile(calibrated / name, between / name)
    calibration = read_calibration(between)
    logger.info(
        "label: CLIP tells a matched from an unmatched pair with an AUC of %.3f (%d pairs)%s",
        calibration.auc,
        calibration.pairs,
        "" if calibration.slope else ", which may be chance; the texts alone decide",
    )
    labels, decided = _map(
        tasks.decide, replace(job, calibration=calibration), numbers, "label: decide", work / "decide"
    )
    for name in ("words.json", CASES, "pages.parquet", NAMED, *_CALIBRATION):
        shutil.copyfile(between / name, labels / name)
    inputs.check_unchanged()
    publish(labels, place, "label", work / "upload")
    drop(work)
    return _measures(seen, found, decided, calibration)


def _map(task: Any, job: tasks.Job, items: list[Any], stage: str, work: Path) -> tuple[Path, Counter[str]]:
    run: Task = partial(_on_item, task, job)
    return map_shards(run, items, stage=stage, work=work, max_error_share=job.parameters.max_error_share)


def _on_item(task: Any, job: tasks.Job, item: Any, position: int, out: Path) -> Any:
    return task(job, item, position, out)


def _sum_survey(surveyed: Path, numbers: list[int], parameters: LabelParameters, between: Path) -> None:
    """Sums the word counts, derives the stop list, and samples the reference pictures."""
    write_counts(
        between / "words.json", add_counts(read_counts(surveyed / f"{shard_name(n)}_words.json") for n in numbers)
    )
    cases = add_cases(read_cases(surveyed / f"{shard_name(n)}_cases.json") for n in numbers)
    write_cases(between / CASES, cases)
    write_json(between / COMMON, sorted(common_words(cases, parameters)))
    drawn: dict[str, Any] = {}
    for number in numbers:
        images = np.load(surveyed / f"{shard_name(number)}_images.npy")
        np.save(between / f"{shard_name(number)}_images.npy", images)
        lots = read_json(surveyed / f"{shard_name(number)}_lots.json")
        # Equal pictures have equal keys and count once.
        drawn |= {name: image for name, image in zip(lots, images, strict=True) if image.any()}
        drawn = dict(sorted(drawn.items())[: parameters.references])
    np.save(between / "references.npy", np.array(list(drawn.values()), dtype=np.float16).reshape(-1, images.shape[1]))


def _sum_readings(readings: Path, numbers: list[int], between: Path) -> list[tuple[int, int, int]]:
    """Sums page profiles and entity counts; samples unambiguous (shard, position, entity row)."""
    Named.sum(Named.read(readings / f"{shard_name(n)}_{NAMED}") for n in numbers).write(between / NAMED)
    merge_sums([readings / f"{shard_name(n)}_pages.parquet" for n in numbers], between / "pages.parquet")
    sure: list[tuple[str, int, int, int]] = []
    for number in numbers:
        shutil.copyfile(readings / f"{shard_name(number)}.parquet", between / f"{shard_name(number)}.parquet")
        found = read_json(readings / f"{shard_name(number)}_sure.json")
        sure = sorted([*sure, *((drawn, row, number, position) for drawn, row, position in found)])[: tasks.MOST_PAIRS]
    return [(number, position, row) for _, row, number, position in sure]


def _sum_candidates(readings: Path, numbers: list[int], between: Path) -> list[int]:
    """Collects the distinct candidate rows of all texts; returns the offset of each block."""
    rows = np.zeros(0, dtype=np.int32)
    for number in numbers:
        rows = np.union1d(rows, np.load(readings / f"{shard_name(number)}_rows.npy"))
    np.save(between / ROWS, rows)
    return list(range(0, len(rows), BLOCK))


def _measures(
    seen: Counter[str], found: Counter[str], decided: Counter[str], calibration: Calibration
) -> dict[str, Any]:
    reasons = {name: count for name, count in sorted(decided.items()) if name != "labelled"}
    return {
        "pictures": seen["pictures"],
        "unreadable": seen["unreadable"],
        "with_mention": found["with_mention"],
        "candidates": found["candidates"],
        "labelled": decided["labelled"],
        "decisions": reasons,
        "image_filter": {
            "auc": round(calibration.auc, 4),
            "threshold": round(calibration.threshold, 4),
            "pairs": calibration.pairs,
        },
    }
