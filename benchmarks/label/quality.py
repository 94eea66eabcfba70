"""Label quality on the sample: truth table, ambiguous mentions, and kinds of evidence.

It needs the output of `mofi run --only label`. With a gold file, the links of its texts are
measured, too. `--write-cases` redraws the list of ambiguous mentions; `--development` measures on
the other half, whose errors may be inspected (`--errors`).
"""

import argparse
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.label.ambiguous import Case, draw, is_listed, read_cases, write_cases
from components.cli import parameters
from components.errors import InputError
from components.evaluate.label_quality import measure
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label import workers
from components.label.crawl_statistics import read_crawl_statistics
from components.label.format import Label
from components.label.gold.file import read_gold
from components.label.gold.linker import GoldLinker
from components.label.gold.scores import score
from components.label.gold.table import table as gold_table
from components.label.image_filter.calibration import UNCALIBRATED, Calibration
from components.label.image_filter.reader import read_calibration
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import EntityCounts
from components.label.linking.link import Linkable, link
from components.label.linking.linkables import linkables
from components.label.linking.page_profiles import contribution
from components.label.parameters import LabelParameters
from components.label.reader import read_labels
from components.label.tasks import crawled_rows
from components.label.text.picture_text import PictureText, StoredMention, read_picture_texts
from components.shards.format import shard_numbers
from components.shards.index import read_index

_PLAIN, _NONE, _IMAGE = "prior only", "+ none of them", "+ image"
_STEPS = {
    _PLAIN: ("prior",),
    "+ the crawl's counts": ("prior",),
    "+ text": ("prior", "text"),
    "+ page": ("prior", "text", "page"),
    "+ other entities": ("prior", "text", "page", "coherence"),
    "+ case": ("prior", "text", "page", "coherence", "case"),
}


@dataclass(frozen=True)
class Picture:
    """A picture of the truth table, read as in the stage.

    `entity_id` is what it shows (None = unknown).
    """

    url: str
    picture_text: PictureText
    entity_id: str | None
    plain: list[Linkable]  # with the knowledge base's priors only
    mentions: list[Linkable]
    context: Context


@dataclass
class Tally:
    """Counts of pictures with a right label, of labels, and of linkable pictures."""

    right: int = 0
    given: int = 0
    linkable: int = 0

    def shares(self) -> tuple[float, float]:
        """Precision and recall on linkable pictures."""
        return self.right / self.given, self.right / self.linkable


@dataclass(frozen=True)
class Outcome:
    """The counts of a step, and which cases have the right likeliest entity and label."""

    tally: Tally
    likeliest: list[bool]
    labelled: list[bool]


def main() -> None:
    """Links the sample's texts step by step, and prints their quality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path, nargs="?", help="gold texts to measure links on")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--params", type=Path, default=parameters.DEFAULT)
    parser.add_argument("--write-cases", action="store_true", help="redraw the ambiguous mentions, and exit")
    parser.add_argument("--development", action="store_true", help="use the ambiguous mentions that are not listed")
    parser.add_argument("--errors", action="store_true", help="with --development: list the mentions resolved wrongly")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    knobs = parameters.load(options.params).label
    base = workers.knowledge_base(options.data / "knowledge")
    truth = pq.read_table(options.data / "sample" / "truth.parquet")
    pictures = read_pictures(
        options.data, base, knobs, dict(zip(*truth.select(["url", "entity_id"]).to_pydict().values(), strict=True))
    )
    rows = {
        row: base.entity_id(row)
        for picture in pictures
        for m in picture.picture_text.mentions
        for row in (*m.rows, *m.barred)
    }
    drawn = draw(((p.url, p.picture_text, p.entity_id) for p in pictures if p.entity_id is not None), rows)
    if options.write_cases:
        write_cases(case for case in drawn if is_listed(case))
        return
    cases = [case for case in drawn if not is_listed(case)] if options.development else read_cases()
    outcomes = link_by_steps(pictures, cases, knobs, read_calibration(options.data / "labels"))
    print_steps(outcomes, len(cases))
    if options.development and options.errors:
        print_errors(cases, outcomes[_IMAGE])
    if options.gold is not None:
        linker = GoldLinker(options.data / "knowledge", knobs, options.data / "labels")
        Console().print(gold_table(score(read_gold(options.gold, max_left_out=0.0), linker, 2)))
    figures = measure(options.data / "labels", read_index(options.data / "crawl"), truth)
    conclude(claims(figures, outcomes[_IMAGE], len(cases)))


def read_pictures(
    data: Path, base: KnowledgeBase, knobs: LabelParameters, truth: Mapping[str, str | None]
) -> list[Picture]:
    """The pictures of the truth table with all inputs of `link`, including image scores."""
    finder = workers.mention_finder(base.folder, knobs.ner, knobs.max_words, knobs.max_candidates)
    statistics = read_crawl_statistics(data / "labels", base.folder, knobs)
    counts, common, named = statistics.word_counts(), statistics.stop_list, statistics.named
    urls = dict(zip(*read_index(data / "crawl").select(["key", "url"]).to_pydict().values(), strict=True))
    pictures = []
    for number in shard_numbers(data / "labels"):
        picture_texts = read_picture_texts(crawled_rows(data / "crawl", number), finder, counts, common, knobs)
        scores = _image_scores(data / "labels", number)
        profiles = statistics.profiles({r.page_url for r in picture_texts}, {r.site for r in picture_texts})
        texts = base.embed([r.context for r in picture_texts])
        for picture_text, text in zip(picture_texts, texts, strict=True):
            url = urls[picture_text.key]
            if url in truth:
                page = profiles.page_profile(picture_text, contribution(picture_text, base), knobs.page_shrinkage)
                seen = partial(_seen, scores[picture_text.key], base, picture_text.key)
                plain = linkables(picture_text, base, EntityCounts.of(Counter()), knobs.named_smoothing, seen)
                mentions = linkables(picture_text, base, named, knobs.named_smoothing, seen)
                pictures.append(Picture(url, picture_text, truth[url], plain, mentions, Context(text, page)))
    return pictures


def _image_scores(labels: Path, number: int) -> dict[str, dict[tuple[int, str], float]]:
    """What CLIP said, from the finished labels: by key, then by offset and entity."""
    rows = read_labels(labels, number, ["key", "decisions"]).to_pylist()
    return {row["key"]: {(d["start"], d["entity_id"]): d["image_score"] for d in row["decisions"]} for row in rows}


def _seen(scores: Mapping[tuple[int, str], float], base: KnowledgeBase, key: str, m: StoredMention) -> Any:
    try:
        return np.array([scores[m.start, base.entity_id(row)] for row in m.rows])
    except KeyError:
        raise InputError(
            f"the labels of picture {key} were made with other parameters or code; run `mofi label run`"
        ) from None


def link_by_steps(
    pictures: Sequence[Picture], cases: Sequence[Case], knobs: LabelParameters, calibration: Calibration
) -> dict[str, Outcome]:
    """Links all pictures with more and more kinds of evidence; returns outcomes by step.

    The first steps take the likeliest candidate at any probability, as the weight of "none of them"
    depends on the evidence.
    """
    outcomes = {}
    for step, used in _STEPS.items():
        weights = {name: value if name in used else 0.0 for name, value in knobs.weights.model_dump().items()}
        less = type(knobs.weights).model_validate(weights | {"none": -50.0})
        seen = [replace(p, mentions=p.plain) for p in pictures] if step == _PLAIN else pictures
        outcomes[step] = _outcome(
            seen, cases, knobs.model_copy(update={"weights": less, "min_probability": 0.0}), UNCALIBRATED
        )
    outcomes[_NONE] = _outcome(pictures, cases, knobs, UNCALIBRATED)
    outcomes[_IMAGE] = _outcome(pictures, cases, knobs, calibration)
    return outcomes


def _outcome(
    pictures: Sequence[Picture], cases: Sequence[Case], knobs: LabelParameters, calibration: Calibration
) -> Outcome:
    tally = Tally()
    labels: dict[str, Label] = {}
    for picture in pictures:
        label = link(picture.picture_text.text, picture.mentions, picture.context, calibration, knobs)
        labels[picture.url] = label
        tally.given += len(label.entities)
        tally.linkable += picture.entity_id is not None
        tally.right += picture.entity_id in label.entities
    found = [(case, labels[case.url]) for case in cases if case.url in labels]
    if len(found) < len(cases):
        raise InputError(f"{len(cases) - len(found)} ambiguous mentions are not in the crawl; run with --write-cases")
    labelled = [case.entity_id in label.entities for case, label in found]
    return Outcome(tally, [_likeliest(case, label) for case, label in found], labelled)


def _likeliest(case: Case, label: Label) -> bool:
    """Whether the right entity is the likeliest by text, before the image filter."""
    position = min((d.start for d in label.decisions if d.entity_id == case.entity_id), default=None)
    if position is None:  # what names it here is no mention by the present rules
        return False
    rivals = [d for d in label.decisions if d.start == position]
    return max(rivals, key=lambda d: d.text_score).entity_id == case.entity_id


def print_steps(outcomes: Mapping[str, Outcome], cases: int) -> None:
    """Prints what each kind of evidence adds."""
    headings = ("precision", "recall", f"{cases} ambiguous: likeliest by text", "labelled")
    rows = Table("evidence", *headings, box=None)
    for step, outcome in outcomes.items():
        shares = (*outcome.tally.shares(), np.mean(outcome.likeliest), np.mean(outcome.labelled))
        rows.add_row(step, *(f"{share:.4f}" for share in shares))
    Console().print(rows)


def print_errors(cases: Sequence[Case], outcome: Outcome) -> None:
    """Prints the mentions whose pictures are labelled wrongly."""
    rows = Table("mention", "candidates", "means", "text", box=None)
    for case, right in zip(cases, outcome.labelled, strict=True):
        if not right:
            rows.add_row(escape(case.mention), str(case.candidates), case.entity_id, escape(case.text))
    Console().print(rows)


def claims(figures: Mapping[str, Any], outcome: Outcome, cases: int) -> list[Claim]:
    """The claims with their bars."""
    before = figures["before_image_filter"]
    truth = f"the truth table, {figures['linkable']} linkable pictures"
    return [
        Claim("precision of the labels", figures["precision"], 0.95, truth),
        Claim("recall of linkable pictures", figures["recall"], 0.85, truth),
        Claim(
            "precision that the image filter adds", figures["precision"] - before["precision"], 0.0, "the texts alone"
        ),
        Claim(
            "recall that the image filter costs",
            before["recall"] - figures["recall"],
            0.02,
            "the texts alone",
            at_most=True,
        ),
        Claim("ambiguous mentions", cases, 100, "listed, and not tuned on"),
        Claim("ambiguous mentions resolved rightly", float(np.mean(outcome.labelled)), 0.90, "the truth table"),
    ]


if __name__ == "__main__":
    main()
