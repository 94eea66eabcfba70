"""The label stage's passes over the shards; each is a task of the shard map.

1. `survey`: counts the words of each site and embeds every picture once with CLIP.
2. `detect`: mentions and candidates of every text, page profiles, and unambiguous pictures.
3. `embed_texts` (by block, not by shard): embeds the text of every candidate once with CLIP.
4. `calibrate_filter` (once, not by shard): how well CLIP separates matched from shuffled pairs.
5. `decide`: candidates scored by text and picture → `data/labels/NUMBER.parquet`.

Between passes the driver sums the counts of the shards (`components.label.label`). Only keys and
file names depend on how the pictures are split into shards.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.execution.shard_map import Outcome
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label import format as files
from components.label import workers
from components.label.image_filter.batches import batches_ahead
from components.label.image_filter.calibration import Calibration, calibrate
from components.label.image_filter.candidate_texts import BLOCK, ROWS, TextScorer, write_block
from components.label.image_filter.chart import calibration_chart
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import NAMED, Named, count_named
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.linking.page_profiles import Profiles, contribution, write_sums
from components.label.parameters import LabelParameters
from components.label.text.common_words import COMMON, count_cases, write_cases
from components.label.text.reading import ALT, CAPTION, LONGEST, Reading, ReadMention, read_text
from components.label.text.word_counts import count_words, read_counts, voice, write_counts
from components.shards.format import SUCCESS, shard_name
from components.storage.json_files import read_json, write_json
from components.storage.location import local_copy
from components.storage.mirror import Mirror

# Unambiguous pictures that the image filter is calibrated on, at most.
MOST_PAIRS = 4096


@dataclass(frozen=True)
class Job:
    """Locations of the inputs, and of the summed results of earlier passes (`intermediate`)."""

    crawl: str
    knowledge: Path | Mirror
    model: str | Mirror
    between: Path
    parameters: LabelParameters
    calibration: Calibration | None = None


def rows_of(crawl: Path | str, number: int) -> list[dict[str, Any]]:
    """The successfully crawled pictures of a shard, in key order."""
    columns = ["key", "status", "sha256", "caption", "context", "page_title", "page_url", "site"]
    with local_copy(f"{crawl}/{shard_name(number)}.parquet") as index:
        table = pq.read_table(index, columns=columns)
    return sorted((row for row in table.to_pylist() if row["status"] == SUCCESS), key=lambda row: str(row["key"]))


def lot(row: dict[str, Any]) -> str:
    """Sorts pictures in a random order that depends on their bytes alone."""
    # Reversed, so that this order is independent of others by the same hash.
    return str(row["sha256"] or "")[::-1]


def survey(job: Job, number: int, _: int, out: Path) -> Outcome:
    """Writes `NUMBER_images.npy` (float16 [pictures, d] by key; zeros = unreadable) and counts."""
    rows = rows_of(job.crawl, number)
    places = {row["key"]: n for n, row in enumerate(rows)}
    encoder = workers.encoder(job.model)
    embedded: npt.NDArray[np.float16] | None = None
    read = 0
    with local_copy(f"{job.crawl}/{shard_name(number)}.tar", out) as tar:
        for keys, pictures in batches_ahead(tar, partial(encoder.prepare, quick=True), job.parameters.image_batch):
            vectors = encoder.images(pictures)
            if embedded is None:
                embedded = np.zeros((len(rows), vectors.shape[1]), dtype=np.float16)
            known = [n for n, key in enumerate(keys) if key in places]  # the index says which pictures there are
            embedded[[places[keys[n]] for n in known]] = vectors[known]
            read += len(known)
    if embedded is None:
        embedded = np.zeros((len(rows), encoder.texts(["nothing"]).shape[1]), dtype=np.float16)
    np.save(out / f"{shard_name(number)}_images.npy", embedded)
    write_json(out / f"{shard_name(number)}_lots.json", [lot(row) for row in rows])
    counts = count_words(_voices(rows))
    write_counts(out / f"{shard_name(number)}_words.json", counts)
    write_cases(out / f"{shard_name(number)}_cases.json", count_cases(text for _, text in _voices(rows)))
    unread = len(rows) - read
    return Outcome({"pictures": len(rows), "unreadable": unread}, attempted=len(rows), errors=unread)


def _voices(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for source, column in ((ALT, "caption"), (CAPTION, "context")):
            yield voice(str(row["site"] or ""), source), str(row[column] or "")[:LONGEST]


def read(job: Job, number: int, _: int, out: Path) -> Outcome:
    """Writes mentions (`MENTIONS_SCHEMA`), candidates, profile sums and unambiguous pictures."""
    p = job.parameters
    finder = workers.mention_finder(job.knowledge, p.ner, p.max_words, p.max_candidates)
    knowledge = workers.knowledge_base(job.knowledge)
    rows = rows_of(job.crawl, number)
    common = frozenset(read_json(job.between / COMMON))
    readings = read_text(rows, finder, read_counts(job.between / "words.json"), common, p)
    pq.write_table(
        pa.Table.from_pylist([r.row() for r in readings], files.MENTIONS_SCHEMA), out / f"{shard_name(number)}.parquet"
    )
    write_sums(out / f"{shard_name(number)}_pages.parquet", readings, knowledge)
    Named.of(count_named(readings, p.min_coverage)).write(out / f"{shard_name(number)}_{NAMED}")
    write_json(out / f"{shard_name(number)}_sure.json", _sure(rows, readings, p.min_coverage))
    rows_named = {row for r in readings for m in r.mentions for row in m.rows}
    np.save(out / f"{shard_name(number)}_rows.npy", np.array(sorted(rows_named), dtype=np.int32))
    mentioned = sum(1 for r in readings if r.mentions)
    candidates = sum(len(m.rows) for r in readings for m in r.mentions)
    return Outcome({"pictures": len(rows), "with_mention": mentioned, "candidates": candidates}, attempted=len(rows))


def _sure(rows: list[dict[str, Any]], readings: list[Reading], min_coverage: float) -> list[tuple[str, int, int]]:
    """(order key, entity row, position) of at most `MAX_PAIRS` unambiguous pictures, sorted."""
    sure = (
        (lot(row), entity, n)
        for n, (row, reading) in enumerate(zip(rows, readings, strict=True))
        if (entity := reading.sure_entity(min_coverage)) is not None
    )
    return sorted(sure)[:MOST_PAIRS]


def embed_texts(job: Job, first: int, _: int, out: Path) -> Outcome:
    """Embeds the block of candidate texts that begins at offset `first`."""
    rows = np.load(job.between / ROWS, mmap_mode="r")[first : first + BLOCK]
    knowledge = workers.knowledge_base(job.knowledge)
    texts = [workers.entity_text(knowledge, int(row)) for row in rows]
    references = np.load(job.between / "references.npy").astype(np.float32)
    write_block(out, first, workers.encoder(job.model).texts(texts), references)
    return Outcome({"texts": len(texts)})


def calibrate_filter(job: Job, sure: list[tuple[int, int, int]], _: int, out: Path) -> Outcome:
    """Writes `calibration.json`, the scores behind it (`PAIRS_SCHEMA`) and their chart.

    `sure` lists unambiguous pictures as (shard, position, entity row) in random order. The
    unmatched text of a picture is that of the picture half the list away, unless both show the same
    entity.
    """
    scorer = workers.scorer(job.between)
    images = {n: np.load(job.between / f"{shard_name(n)}_images.npy", mmap_mode="r") for n in {n for n, _, _ in sure}}
    matched, unmatched = [], []
    half = len(sure) // 2
    for (number, position, row), (_, _, other) in zip(sure, sure[half:] + sure[:half], strict=True):
        picture = images[number][position].astype(np.float32)
        if picture.any() and row != other:
            own, foreign = scorer.score(picture, [row, other])
            matched.append(float(own))
            unmatched.append(float(foreign))
    calibration = calibrate(matched, unmatched, job.parameters.image_quantile)
    write_json(out / "calibration.json", vars(calibration))
    pq.write_table(
        pa.table({"matched": matched, "shuffled": unmatched}, files.PAIRS_SCHEMA), out / "calibration.parquet"
    )
    (out / "calibration.svg").write_text(calibration_chart(matched, unmatched, calibration), encoding="utf-8")
    return Outcome({"pairs": len(matched)})


def decide(job: Job, number: int, _: int, out: Path) -> Outcome:
    """Writes `NUMBER.parquet` (`LABELS_SCHEMA`), `NUMBER_images.npy` and `NUMBER_stats.json`."""
    assert job.calibration is not None
    knowledge = workers.knowledge_base(job.knowledge)
    table = pq.read_table(job.between / f"{shard_name(number)}.parquet")
    readings = [Reading.of(row) for row in table.to_pylist()]
    profiles = Profiles.read(job.between / "pages.parquet", {r.page_url for r in readings}, {r.site for r in readings})
    contexts = _embed_unique(knowledge, [r.context for r in readings])
    scorer, named = workers.scorer(job.between), Named.read(job.between / NAMED)
    images = np.load(job.between / f"{shard_name(number)}_images.npy")
    counts: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for reading, text, image in zip(readings, contexts, images, strict=True):
        page = profiles.around(reading, contribution(reading, knowledge), job.parameters.page_shrinkage)
        seen = partial(_seen, scorer, image.astype(np.float32))
        mentions = linkables(reading, knowledge, named, job.parameters.named_smoothing, seen)
        around, barred = Context(text, page), barred_decisions(reading, knowledge)
        label = link(reading.text, mentions, around, job.calibration, job.parameters, barred)
        counts.update(d.reason for d in label.decisions)
        counts["labelled"] += bool(label.entities)
        decisions = [vars(d) for d in label.decisions]
        rows.append(
            {"key": reading.key, "entities": list(label.entities), "decisions": decisions, "source": reading.source}
        )
    pq.write_table(pa.Table.from_pylist(rows, files.LABELS_SCHEMA), out / f"{shard_name(number)}.parquet")
    np.save(out / f"{shard_name(number)}_images.npy", images)
    write_json(out / f"{shard_name(number)}_stats.json", {"pictures": len(rows), **dict(sorted(counts.items()))})
    return Outcome(counts, attempted=len(rows))


def _seen(scorer: TextScorer, picture: npt.NDArray[np.float32], mention: ReadMention) -> npt.NDArray[np.float64]:
    return scorer.score(picture, mention.rows)


def _embed_unique(knowledge: KnowledgeBase, texts: list[str]) -> npt.NDArray[np.float32]:
    unique = sorted(set(texts))
    places = {text: n for n, text in enumerate(unique)}
    return knowledge.embed(unique)[[places[text] for text in texts]]
