"""Explains how a text is linked: the label stage's own steps on one text, without CLIP."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.compute as pc
from rich.console import Group
from rich.table import Table
from rich.text import Text

from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label import workers
from components.label.crawl_statistics import read_crawl_statistics
from components.label.format import COMMON_WORD, Decision, Label
from components.label.image_filter.calibration import UNCALIBRATED
from components.label.linking.disambiguate import Context
from components.label.linking.evidence import TERMS, Evidence, evidence
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.linking.page_profiles import contribution
from components.label.parameters import LabelParameters, WeightParameters
from components.label.reader import check_pictures, read_labels
from components.label.text.picture_text import PictureText, StoredMention, read_picture_texts
from components.shards.format import SUCCESS, shard_name, shard_numbers
from components.shards.index import read_shard_index


@dataclass(frozen=True)
class Explanation:
    """How a text is linked.

    Attributes:
        picture_text: the text with its mentions.
        label: the links.
        evidence: an entry per mention that has candidates.
        weights: of the terms of the evidence.
        decided: what the run decided, with the picture, if it is a picture of a finished run.
    """

    picture_text: PictureText
    label: Label
    evidence: tuple[Evidence, ...]
    weights: WeightParameters
    decided: tuple[Decision, ...] | None = None


def explain_text(
    text: str, context: str, site: str, knowledge: Path, labels: Path | None, parameters: LabelParameters
) -> Explanation:
    """Links one text with what its crawl taught, which lies in `labels`; None = nothing.

    Raises:
        InputError: if there is no knowledge base, or the labels are missing or of another base.
    """
    row = {"key": "0", "site": site, "page_url": "", "caption": text, "context": context, "page_title": ""}
    return _explain(row, knowledge, labels, parameters)


def explain_picture(key: str, crawl: Path, knowledge: Path, labels: Path, parameters: LabelParameters) -> Explanation:
    """Links the text of a picture of the crawl, with its page and site, as the label stage did.

    Raises:
        InputError: if there is no knowledge base, crawl or labels, no such picture in them, or they
            do not belong together.
    """
    number, row = _crawled(crawl, key)
    labelled = read_labels(labels, number, ["key", "decisions"])
    check_pictures(labelled, number, labels, crawl)
    found = labelled.filter(pc.field("key") == key).to_pylist()
    if not found:
        raise InputError(f"{labels} has no label for the picture {key}; run `mofi label run` again")
    decided = tuple(Decision(**decision) for decision in found[0]["decisions"] or ())
    return replace(_explain(row, knowledge, labels, parameters), decided=decided)


def _crawled(crawl: Path, key: str) -> tuple[int, dict[str, str]]:
    """The shard of a picture, and its row."""
    columns = ["key", "status", "site", "page_url", "caption", "context", "page_title"]
    for number in shard_numbers(crawl):
        path = crawl / f"{shard_name(number)}.parquet"
        found = read_shard_index(path, columns, filters=[("key", "=", key)])
        for row in found.to_pylist():
            if row.pop("status") != SUCCESS:
                raise InputError(f"the picture {key} of {crawl} was not had, so nothing was linked; name another key")
            return number, {name: value or "" for name, value in row.items()}
    raise InputError(f"{crawl} has no picture {key}; the keys are in its NUMBER.parquet")


def _explain(row: dict[str, str], knowledge: Path, labels: Path | None, parameters: LabelParameters) -> Explanation:
    site, page_url = row["site"], row["page_url"]
    base = workers.knowledge_base(knowledge)
    finder = workers.mention_finder(knowledge, parameters.ner, parameters.max_words, parameters.max_candidates)
    statistics = read_crawl_statistics(labels, knowledge, parameters)
    picture_text = read_picture_texts([row], finder, statistics.word_counts(), statistics.stop_list, parameters)[0]
    profiles = statistics.profiles({page_url}, {site})
    own, shrinkage = contribution(picture_text, base), parameters.page_shrinkage
    profile = (
        profiles.page_profile(picture_text, own, shrinkage) if page_url else profiles.site_profile(site, base.size)
    )
    surroundings = Context(base.embed([picture_text.context])[0], profile)
    mentions = linkables(picture_text, base, statistics.named, parameters.named_smoothing)
    label = link(
        picture_text.text, mentions, surroundings, UNCALIBRATED, parameters, barred_decisions(picture_text, base)
    )
    all_evidence = evidence([m.candidates for m in mentions], surroundings, parameters.weights, parameters.iterations)
    return Explanation(picture_text, label, tuple(all_evidence), parameters.weights)


def table(explained: Explanation, knowledge: Path) -> Group:
    """For the terminal: the text, a table of candidates and scores per mention, and the outcome."""
    base = workers.knowledge_base(knowledge)
    picture_text, label = explained.picture_text, explained.label
    marked = Text(f"{picture_text.source}: {picture_text.text}")
    for m in picture_text.mentions:
        marked.stylize("bold underline", len(picture_text.source) + 2 + m.start, len(picture_text.source) + 2 + m.end)
    linked = [d for d in label.decisions if d.reason != COMMON_WORD]
    tables = [
        _candidates(m, [d for d in linked if d.start == m.start], mention_evidence, explained.weights, base)
        for m, mention_evidence in zip([m for m in picture_text.mentions if m.rows], explained.evidence, strict=True)
    ]
    common_words = sorted({d.mention for d in label.decisions if d.reason == COMMON_WORD})
    outcome = ", ".join(label.entities) or ("no entity" if label.decisions else "no known name in this text")
    common = [Text(f"common words of this crawl, in lower case: {', '.join(common_words)}")] if common_words else []
    return Group(marked, *tables, *common, Text(f"→ {outcome}"), *_decided(explained))


def _decided(explained: Explanation) -> list[Text]:
    """What the run made of it, whose CLIP saw the picture."""
    if explained.decided is None:
        return []
    shown = [Text("with the picture, the run decided:")]
    for d in explained.decided:
        scores = f"text {d.text_score:.3f}, picture {d.image_score:.3f}"
        shown.append(Text(f"  “{d.mention}” {d.entity_id}: {d.reason} ({scores})"))
    return shown if explained.decided else [Text("the run found no name in it")]


def _candidates(
    mention: StoredMention,
    decisions: list[Decision],
    mention_evidence: Evidence,
    weights: WeightParameters,
    base: KnowledgeBase,
) -> Group:
    """A row per candidate, likeliest first, then "none of them"; the winner is bold.

    What the candidates are stands below: in a column, a narrow terminal would squeeze it.
    """
    rows = Table(box=None)
    for heading in ("", *TERMS, "sum", "probability", "outcome"):
        rows.add_column(heading, overflow="fold")
    none = 1.0 - sum(d.text_score for d in decisions)
    top = max([none, *(d.text_score for d in decisions)])
    winner = next((d.entity_id for d in decisions if d.text_score == top), "none of them")
    parts, log_odds = mention_evidence.parts(weights), mention_evidence.log_odds(weights)
    positions = {base.entity_id(row): position for position, row in enumerate(mention.rows)}
    names = []
    for d in decisions:
        n = positions[d.entity_id]
        terms = [f"{parts[name][n]:.2f}" for name in TERMS]
        style = "bold" if d.entity_id == winner else ""
        rows.add_row(d.entity_id, *terms, f"{log_odds[n]:.2f}", f"{d.text_score:.3f}", d.reason, style=style)
        names.append(Text(f"  {d.entity_id}: {workers.entity_text(base, mention.rows[n])}", style=style))
    blank = [""] * len(TERMS)
    last = ("none of them", *blank, f"{weights.none:.2f}", f"{none:.3f}", "")
    rows.add_row(*last, style="bold" if top == none else None)
    surface, place = decisions[0].mention, f"{mention.start}-{mention.end}"
    title = f"“{surface}” at {place}, coverage {mention.coverage:.2f}, means {winner}"
    return Group(Text(title), rows, *names)
