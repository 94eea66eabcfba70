"""The curate stage: survey the labelled pictures, settle what stays, write shards, describe."""

import logging
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.curate.card.card import render
from components.curate.card.chart import rank_frequency
from components.curate.card.figures import Figures
from components.curate.card.statistics import Counts, measures, statistics
from components.curate.duplicates import drop_duplicates
from components.curate.entities import Facts, read_facts
from components.curate.format import (
    CONTRADICTED,
    DUPLICATE,
    SPLITS,
    TRAIN,
    UNLABELLED,
    VALIDATION,
    VOCABULARY_SCHEMA,
)
from components.curate.parameters import CurateParameters
from components.curate.pictures import read_survey
from components.curate.plan import arrange, write_plan
from components.curate.reshard import reshard
from components.curate.survey import CRAWLED, LABELLED, survey
from components.curate.vocabulary import Settled, Vocabulary, picture_filters, settle
from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.knowledge.base.format import entity_table
from components.knowledge.qid import qid_of
from components.label.image_filter.reader import filter_has_say
from components.shards.folder import ShardFolder
from components.shards.format import shard_name, shard_numbers
from components.storage.atomic import publish_folder
from components.storage.code import code_mark
from components.storage.json_files import write_json
from components.storage.layout import Layout
from components.storage.work import drop_finished, fingerprint, work_folder

logger = logging.getLogger(__name__)

CHART = "images_per_entity.svg"
LAYOUT = Layout("mofi curate", ("vocabulary.parquet", "card.md", "stats.json"), column="images")


@dataclass(frozen=True)
class _Job:
    """Absolute paths of the inputs and of the work folder, for any worker."""

    crawl: Path
    labels: Path
    work: Path

    @property
    def surveys(self) -> Path:
        return self.work / "survey" / "finished"


def build_data_set(
    crawl: Path, labels: Path, knowledge: Path, out: Path, parameters: CurateParameters
) -> dict[str, Any]:
    """Curates the labelled pictures of `crawl` and replaces `out` by the data set.

    Args:
        crawl: picture shards.
        labels: a label file for each shard of the crawl.
        knowledge: the knowledge base that the labels are from.
        out: receives `train/`, `validation/` (if any picture is held out), `vocabulary.parquet`,
            `card.md` with its chart, and `stats.json`.
        parameters: section `curate`.

    Raises:
        InputError: if an input is missing, they do not fit each other, or the vocabulary is empty.
    """
    numbers = _numbers(crawl, labels)
    sources = _sources(crawl, labels, knowledge, numbers)
    work = work_folder("curate", fingerprint(code_mark(__name__), parameters, sources), out=out)
    job = _Job(crawl.absolute(), labels.absolute(), work)
    _, seen = map_shards(partial(_survey, job), numbers, stage="curate: survey", work=work / "survey")

    labelled = read_survey(job.surveys, numbers)
    distinct, dropped = drop_duplicates(labelled)
    settled = settle(distinct, parameters)
    facts = read_facts(knowledge, settled.vocabulary)
    shards = {split: _reshard(job, settled, split, parameters) for split in SPLITS}

    dropped = dropped + settled.dropped_pictures + Counter({UNLABELLED: seen[UNLABELLED]})
    reasons = (UNLABELLED, DUPLICATE, CONTRADICTED, *picture_filters())
    held = int(settled.validation.sum())
    counts = Counts(
        crawled=seen[CRAWLED],
        labelled=seen[LABELLED],
        named=len(np.unique(labelled.entities)),
        pictures={TRAIN: len(settled.pictures) - held, VALIDATION: held},
        shards={split: len(files) for split, files in shards.items()},
        dropped_pictures={reason: dropped[reason] for reason in reasons},
        dropped_entities=settled.dropped_entities,
    )
    figures = Figures.sum(tar.with_name(f"{tar.stem}_figures.json") for split in SPLITS for tar in shards[split])
    folder = _gather(work / "i2e", shards)
    _write_vocabulary(folder / "vocabulary.parquet", settled.vocabulary, facts)
    stats = statistics(
        counts, settled.vocabulary, facts, figures, knowledge, parameters, sources, filter_has_say(labels)
    )
    write_json(folder / "stats.json", stats)
    (folder / CHART).write_text(
        rank_frequency(settled.vocabulary.images.tolist(), parameters.min_images), encoding="utf-8"
    )
    (folder / "card.md").write_text(render(stats), encoding="utf-8")
    publish_folder(folder, out)
    drop_finished(work)
    logger.info("curate: %d pictures of %d entities in %s", counts.kept, len(settled.vocabulary), out)
    return measures(counts, settled.vocabulary, figures)


def _numbers(crawl: Path, labels: Path) -> list[int]:
    """The crawl's shards, each of which has its labels."""
    numbers, labelled = ShardFolder.at(crawl).numbers(), set(shard_numbers(labels))
    for number in numbers:
        if number not in labelled:
            raise InputError(
                f"{labels} lacks the labels of {crawl}/{shard_name(number)}.parquet; run `mofi label run` again"
            )
    for number in sorted(labelled.difference(numbers)):
        raise InputError(
            f"{labels}/{shard_name(number)}.parquet has no shard in {crawl}; the labels are of another crawl, "
            "run `mofi label run` again"
        )
    return numbers


def _sources(crawl: Path, labels: Path, knowledge: Path, numbers: list[int]) -> dict[str, str]:
    """Hashes of the inputs."""
    names = [f"{shard_name(number)}.parquet" for number in numbers]
    return {
        "crawl": ShardFolder.at(crawl).mark(),
        "labels": fingerprint(*(labels / name for name in names)),
        "knowledge": fingerprint(entity_table(knowledge)),
    }


def _survey(job: _Job, number: int, position: int, out: Path) -> Outcome:
    return survey(job.crawl, job.labels, number, position, out)


def _reshard(job: _Job, settled: Settled, split: str, parameters: CurateParameters) -> list[Path]:
    """The finished tars of a split, in order."""
    chosen = np.flatnonzero(settled.validation == (split == VALIDATION))
    shards = arrange(settled.pictures, chosen, parameters.shard_size, parameters.seed)
    plans = write_plan(settled.pictures, shards, job.work / "plan" / split)
    run = partial(_write, job)
    finished, _ = map_shards(run, plans, stage=f"curate: {split}", work=job.work / split)
    return [finished / f"{shard_name(number)}.tar" for number in range(len(plans))]


def _write(job: _Job, plan: Path, number: int, out: Path) -> Outcome:
    return reshard(job.crawl, job.surveys, plan, number, out)


def _gather(folder: Path, shards: Mapping[str, list[Path]]) -> Path:
    """Links the finished shards into one new folder; the originals stay for a resumed run."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    for split, tars in shards.items():
        for tar in tars:
            (folder / split).mkdir(exist_ok=True)
            for file in (tar, tar.with_suffix(".parquet"), tar.with_name(f"{tar.stem}_stats.json")):
                _link(file, folder / split / file.name)
    return folder


def _link(file: Path, place: Path) -> None:
    try:
        os.link(file, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, place)


def _write_vocabulary(path: Path, vocabulary: Vocabulary, facts: list[Facts]) -> None:
    columns = [
        [qid_of(number) for number in vocabulary.ids.tolist()],
        [fact.label for fact in facts],
        [fact.description for fact in facts],
        vocabulary.images,
        [VALIDATION if held else TRAIN for held in vocabulary.validation],
    ]
    pq.write_table(pa.table(columns, schema=VOCABULARY_SCHEMA), path, compression="zstd")
