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
from components.label.crawl_statistics import write_made_from
from components.label.image_filter.calibration import Calibration
from components.label.image_filter.candidate_texts import BLOCK, ROWS, join_texts
from components.label.image_filter.reader import read_calibration
from components.label.inputs import Inputs
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts
from components.label.linking.page_profiles import PAGES, merge_sums
from components.label.parameters import LabelParameters
from components.label.text.common_words import CASES, COMMON, add_cases, common_words, read_cases, write_cases
from components.label.text.word_counts import WORDS, add_counts, read_counts, write_counts
from components.shards.format import shard_name
from components.storage.arrays import save_array
from components.storage.code import code_mark
from components.storage.json_files import read_json, write_json
from components.storage.layout import Layout
from components.storage.location import folder_at
from components.storage.work import drop_finished, fingerprint, work_folder

logger = logging.getLogger(__name__)

LAYOUT = Layout("mofi label run", ("00000.parquet",), column="decisions")
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
            `calibration.json`, what the calibration was measured on: `calibration.parquet` and its
            chart `calibration.svg`, and which knowledge base was used: `made_from.json`.
        parameters: section `label`.

    Raises:
        InputError: if an input is missing or changes meanwhile, too many pictures cannot be read,
            or a bucket refuses.
        SetupError: if the model's weights cannot be loaded, or the bucket's server keeps failing.
    """
    target = folder_at(out)
    inputs = Inputs.find(crawl, knowledge, model)
    check(target, inputs.folders)
    numbers = inputs.crawl.numbers
    made_from = inputs.knowledge_fingerprint()
    work = work_folder("label", fingerprint(code_mark(__name__), parameters, *inputs.mark), out=target)
    intermediate = work / "intermediate"
    intermediate.mkdir(exist_ok=True)
    job = tasks.Job(inputs.crawl.location, inputs.knowledge, inputs.model.name, intermediate, parameters)

    surveyed, survey_counts = _map(tasks.survey, job, numbers, "label: survey", work / "survey")
    if not survey_counts["pictures"]:
        raise InputError(
            f"{inputs.crawl.location} holds no picture that was crawled with success; see its *_stats.json for the reasons"
        )
    _sum_survey(surveyed, numbers, parameters, intermediate)
    detected, mention_counts = _map(tasks.detect, job, numbers, "label: mentions", work / "mentions")
    unambiguous = _sum_mentions(detected, numbers, intermediate)
    embedded, _ = _map(
        tasks.embed_texts, job, _sum_candidates(detected, numbers, intermediate), "label: texts", work / "texts"
    )
    join_texts(embedded, intermediate)
    calibrated, _ = _map(tasks.calibrate_filter, job, [unambiguous], "label: calibrate", work / "calibrate")
    for name in _CALIBRATION:
        shutil.copyfile(calibrated / name, intermediate / name)
    calibration = read_calibration(intermediate)
    logger.info(
        "label: CLIP separates matched from unmatched pairs with an AUC of %.3f (%d pairs)%s",
        calibration.auc,
        calibration.pairs,
        "" if calibration.slope else ", no better than chance; candidates are chosen by text alone",
    )
    labels, decision_counts = _map(
        tasks.decide, replace(job, calibration=calibration), numbers, "label: decide", work / "decide"
    )
    for name in (WORDS, CASES, PAGES, ENTITY_COUNTS, *_CALIBRATION):
        shutil.copyfile(intermediate / name, labels / name)
    write_made_from(labels, made_from)
    inputs.check_unchanged()
    publish(labels, target, "label", work / "upload")
    drop_finished(work)
    return _measures(survey_counts, mention_counts, decision_counts, calibration)


def _map(task: Any, job: tasks.Job, items: list[Any], stage: str, work: Path) -> tuple[Path, Counter[str]]:
    run: Task = partial(_on_item, task, job)
    return map_shards(run, items, stage=stage, work=work, max_error_share=job.parameters.max_error_share)


def _on_item(task: Any, job: tasks.Job, item: Any, position: int, out: Path) -> Any:
    return task(job, item, position, out)


def _sum_survey(surveyed: Path, numbers: list[int], parameters: LabelParameters, intermediate: Path) -> None:
    """Sums the word counts, derives the stop list, and samples the reference pictures."""
    write_counts(
        intermediate / WORDS, add_counts(read_counts(surveyed / f"{shard_name(n)}_words.json") for n in numbers)
    )
    cases = add_cases(read_cases(surveyed / f"{shard_name(n)}_cases.json") for n in numbers)
    write_cases(intermediate / CASES, cases)
    write_json(intermediate / COMMON, sorted(common_words(cases, parameters)))
    drawn: dict[str, Any] = {}
    for number in numbers:
        images = np.load(surveyed / f"{shard_name(number)}_images.npy")
        save_array(intermediate / f"{shard_name(number)}_images.npy", images)
        order_keys = read_json(surveyed / f"{shard_name(number)}_order.json")
        # Equal pictures have equal keys and count once.
        drawn |= {name: image for name, image in zip(order_keys, images, strict=True) if image.any()}
        drawn = dict(sorted(drawn.items())[: parameters.references])
    save_array(
        intermediate / "references.npy", np.array(list(drawn.values()), dtype=np.float16).reshape(-1, images.shape[1])
    )


def _sum_mentions(detected: Path, numbers: list[int], intermediate: Path) -> list[tuple[int, int, int]]:
    """Sums page profiles and entity counts; samples unambiguous (shard, position, entity row)."""
    EntityCounts.sum(EntityCounts.read(detected / f"{shard_name(n)}_{ENTITY_COUNTS}") for n in numbers).write(
        intermediate / ENTITY_COUNTS
    )
    merge_sums([detected / f"{shard_name(n)}_pages.parquet" for n in numbers], intermediate / PAGES)
    unambiguous: list[tuple[str, int, int, int]] = []
    for number in numbers:
        shutil.copyfile(detected / f"{shard_name(number)}.parquet", intermediate / f"{shard_name(number)}.parquet")
        found = read_json(detected / f"{shard_name(number)}_unambiguous.json")
        unambiguous = sorted([*unambiguous, *((drawn, row, number, position) for drawn, row, position in found)])[
            : tasks.MAX_PAIRS
        ]
    return [(number, position, row) for _, row, number, position in unambiguous]


def _sum_candidates(detected: Path, numbers: list[int], intermediate: Path) -> list[int]:
    """Collects the distinct candidate rows of all texts; returns the offset of each block."""
    rows = np.zeros(0, dtype=np.int32)
    for number in numbers:
        rows = np.union1d(rows, np.load(detected / f"{shard_name(number)}_rows.npy"))
    save_array(intermediate / ROWS, rows)
    return list(range(0, len(rows), BLOCK))


def _measures(
    survey_counts: Counter[str], mention_counts: Counter[str], decision_counts: Counter[str], calibration: Calibration
) -> dict[str, Any]:
    reasons = {name: count for name, count in sorted(decision_counts.items()) if name != "labelled"}
    begin = tasks.LEFT_OUT
    left_out = {name.removeprefix(begin): n for name, n in sorted(survey_counts.items()) if name.startswith(begin)}
    return {
        "pictures": survey_counts["pictures"],
        "unreadable": survey_counts["unreadable"],
        **({"left_out": left_out} if left_out else {}),
        "with_mention": mention_counts["with_mention"],
        "candidates": mention_counts["candidates"],
        "labelled": decision_counts["labelled"],
        "decisions": reasons,
        "image_filter": {
            "auc": round(calibration.auc, 4),
            "threshold": round(calibration.threshold, 4),
            "pairs": calibration.pairs,
        },
    }
