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
from components.label.image_filter.batches import UNDECODABLE, batches_ahead
from components.label.image_filter.calibration import Calibration, calibrate
from components.label.image_filter.candidate_texts import BLOCK, ROWS, TextScorer, write_block
from components.label.image_filter.chart import calibration_chart
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts, count_entities
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.linking.page_profiles import PAGES, Profiles, contribution, write_sums
from components.label.parameters import LabelParameters
from components.label.reader import made_for, pictures_digest
from components.label.text.common_words import COMMON, count_cases, write_cases
from components.label.text.picture_text import (
    ALT,
    CAPTION,
    MAX_CHARACTERS,
    PictureText,
    StoredMention,
    read_picture_texts,
)
from components.label.text.word_counts import WORDS, count_words, read_counts, subcorpus_name, write_counts
from components.shards.format import SUCCESS, shard_name
from components.shards.index import read_shard_index
from components.storage.arrays import save_array
from components.storage.json_files import read_json, write_json
from components.storage.location import local_copy
from components.storage.mirror import Mirror

LEFT_OUT, NOT_IN_TAR = "left_out.", "not_in_tar"
# Unambiguous pictures that the image filter is calibrated on, at most.
MAX_PAIRS = 4096


@dataclass(frozen=True)
class Job:
    """Locations of the inputs, and of the summed results of earlier passes (`intermediate`)."""

    crawl: str
    knowledge: Path | Mirror
    model: str | Mirror
    intermediate: Path
    parameters: LabelParameters
    calibration: Calibration | None = None


def crawled_rows(crawl: Path | str, number: int) -> list[dict[str, Any]]:
    """The successfully crawled pictures of a shard, in key order."""
    columns = ["sha256", "caption", "context", "page_title", "page_url", "site"]
    with local_copy(f"{crawl}/{shard_name(number)}.parquet") as index:
        table = read_shard_index(index, ["key", "status", *columns])
    return sorted((row for row in table.to_pylist() if row["status"] == SUCCESS), key=lambda row: str(row["key"]))


def order_key(row: dict[str, Any]) -> str:
    """Sorts pictures in a random order that depends on their bytes alone."""
    # Reversed, so that this order is independent of others by the same hash.
    return str(row["sha256"] or "")[::-1]


def survey(job: Job, number: int, _: int, out: Path) -> Outcome:
    """Writes `NUMBER_images.npy` (float16 [pictures, d] by key; zeros = unreadable) and counts.

    The index's pictures are those embedded, undecodable or not in the tar (`left_out.…`); what the
    tar holds besides is counted, too.
    """
    rows = crawled_rows(job.crawl, number)
    positions = {row["key"]: n for n, row in enumerate(rows)}
    encoder = workers.encoder(job.model)
    embedded: npt.NDArray[np.float16] | None = None
    read, left_out = 0, Counter[str]()
    prepare, batch = partial(encoder.prepare, quick=True), job.parameters.image_batch
    with local_copy(f"{job.crawl}/{shard_name(number)}.tar", out) as tar:
        for keys, pictures in batches_ahead(tar, prepare, batch, positions, left_out):
            vectors = encoder.images(pictures)
            if embedded is None:
                embedded = np.zeros((len(rows), vectors.shape[1]), dtype=np.float16)
            embedded[[positions[key] for key in keys]] = vectors
            read += len(keys)
    if embedded is None:
        embedded = np.zeros((len(rows), encoder.texts(["nothing"]).shape[1]), dtype=np.float16)
    save_array(out / f"{shard_name(number)}_images.npy", embedded)
    write_json(out / f"{shard_name(number)}_order.json", [order_key(row) for row in rows])
    write_counts(out / f"{shard_name(number)}_words.json", count_words(_subcorpora(rows)))
    write_cases(out / f"{shard_name(number)}_cases.json", count_cases(text for _, text in _subcorpora(rows)))
    unread = len(rows) - read
    left_out[NOT_IN_TAR] += unread - left_out[UNDECODABLE]
    counts = Counter({"pictures": len(rows), "unreadable": unread})
    counts.update({f"{LEFT_OUT}{reason}": number for reason, number in left_out.items() if number})
    return Outcome(counts, attempted=len(rows), errors=unread)


def _subcorpora(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for source, column in ((ALT, "caption"), (CAPTION, "context")):
            yield subcorpus_name(str(row["site"] or ""), source), str(row[column] or "")[:MAX_CHARACTERS]


def detect(job: Job, number: int, _: int, out: Path) -> Outcome:
    """Writes mentions (`MENTIONS_SCHEMA`), candidates, profile sums and unambiguous pictures."""
    p = job.parameters
    finder = workers.mention_finder(job.knowledge, p.ner, p.max_words, p.max_candidates)
    knowledge = workers.knowledge_base(job.knowledge)
    rows = crawled_rows(job.crawl, number)
    common = frozenset(read_json(job.intermediate / COMMON))
    picture_texts = read_picture_texts(rows, finder, read_counts(job.intermediate / WORDS), common, p)
    found = pa.Table.from_pylist([r.row() for r in picture_texts], files.MENTIONS_SCHEMA)
    pq.write_table(made_for(found, pictures_digest(rows)), out / f"{shard_name(number)}.parquet")
    write_sums(out / f"{shard_name(number)}_pages.parquet", picture_texts, knowledge)
    named = count_entities(picture_texts, p.min_coverage, knowledge)
    EntityCounts.of(named).write(out / f"{shard_name(number)}_{ENTITY_COUNTS}")
    write_json(out / f"{shard_name(number)}_unambiguous.json", _unambiguous(rows, picture_texts, p.min_coverage))
    candidate_rows = {row for r in picture_texts for m in r.mentions for row in m.rows}
    save_array(out / f"{shard_name(number)}_rows.npy", np.array(sorted(candidate_rows), dtype=np.int32))
    mentioned = sum(1 for r in picture_texts if r.mentions)
    candidates = sum(len(m.rows) for r in picture_texts for m in r.mentions)
    return Outcome({"pictures": len(rows), "with_mention": mentioned, "candidates": candidates}, attempted=len(rows))


def _unambiguous(
    rows: list[dict[str, Any]], picture_texts: list[PictureText], min_coverage: float
) -> list[tuple[str, int, int]]:
    """(order key, entity row, position) of at most `MAX_PAIRS` unambiguous pictures, sorted."""
    unambiguous = (
        (order_key(row), entity, n)
        for n, (row, picture_text) in enumerate(zip(rows, picture_texts, strict=True))
        if (entity := picture_text.unambiguous_entity(min_coverage)) is not None
    )
    return sorted(unambiguous)[:MAX_PAIRS]


def embed_texts(job: Job, first: int, _: int, out: Path) -> Outcome:
    """Embeds the block of candidate texts that begins at offset `first`."""
    rows = np.load(job.intermediate / ROWS, mmap_mode="r")[first : first + BLOCK]
    knowledge = workers.knowledge_base(job.knowledge)
    texts = [workers.entity_text(knowledge, int(row)) for row in rows]
    references = np.load(job.intermediate / "references.npy").astype(np.float32)
    write_block(out, first, workers.encoder(job.model).texts(texts), references)
    return Outcome({"texts": len(texts)})


def calibrate_filter(job: Job, unambiguous: list[tuple[int, int, int]], _: int, out: Path) -> Outcome:
    """Writes `calibration.json`, the scores behind it (`PAIRS_SCHEMA`) and their chart.

    `unambiguous` lists unambiguous pictures as (shard, position, entity row) in random order. The
    unmatched text of a picture is that of the picture half the list away, unless both show the same
    entity.
    """
    scorer = workers.scorer(job.intermediate)
    images = {
        n: np.load(job.intermediate / f"{shard_name(n)}_images.npy", mmap_mode="r")
        for n in {n for n, _, _ in unambiguous}
    }
    matched, unmatched = [], []
    half = len(unambiguous) // 2
    for (number, position, row), (_, _, other) in zip(
        unambiguous, unambiguous[half:] + unambiguous[:half], strict=True
    ):
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
    table = pq.read_table(job.intermediate / f"{shard_name(number)}.parquet")
    picture_texts = [PictureText.of(row) for row in table.to_pylist()]
    profiles = Profiles.read(
        job.intermediate / PAGES, {r.page_url for r in picture_texts}, {r.site for r in picture_texts}
    )
    contexts = _embed_unique(knowledge, [r.context for r in picture_texts])
    scorer, entity_counts = workers.scorer(job.intermediate), EntityCounts.read(job.intermediate / ENTITY_COUNTS)
    images = np.load(job.intermediate / f"{shard_name(number)}_images.npy")
    counts: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for picture_text, text, image in zip(picture_texts, contexts, images, strict=True):
        page = profiles.page_profile(picture_text, contribution(picture_text, knowledge), job.parameters.page_shrinkage)
        image_scores = partial(_image_scores, scorer, image.astype(np.float32))
        mentions = linkables(picture_text, knowledge, entity_counts, job.parameters.named_smoothing, image_scores)
        context, barred = Context(text, page), barred_decisions(picture_text, knowledge)
        label = link(picture_text.text, mentions, context, job.calibration, job.parameters, barred)
        counts.update(d.reason for d in label.decisions)
        counts["labelled"] += bool(label.entities)
        decisions = [vars(d) for d in label.decisions]
        rows.append(
            {
                "key": picture_text.key,
                "entities": list(label.entities),
                "decisions": decisions,
                "source": picture_text.source,
            }
        )
    # The mentions say of which pictures they are.
    labelled = pa.Table.from_pylist(rows, files.LABELS_SCHEMA).replace_schema_metadata(table.schema.metadata)
    pq.write_table(labelled, out / f"{shard_name(number)}.parquet")
    save_array(out / f"{shard_name(number)}_images.npy", images)
    write_json(out / f"{shard_name(number)}_stats.json", {"pictures": len(rows), **dict(sorted(counts.items()))})
    return Outcome(counts, attempted=len(rows))


def _image_scores(
    scorer: TextScorer, picture: npt.NDArray[np.float32], mention: StoredMention
) -> npt.NDArray[np.float64]:
    return scorer.score(picture, mention.rows)


def _embed_unique(knowledge: KnowledgeBase, texts: list[str]) -> npt.NDArray[np.float32]:
    unique = sorted(set(texts))
    positions = {text: n for n, text in enumerate(unique)}
    return knowledge.embed(unique)[[positions[text] for text in texts]]
