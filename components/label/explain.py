"""Explains how a text is linked: the label stage's own steps on one text, without a picture."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label import workers
from components.label.format import COMMON_WORD, Decision, Label
from components.label.image_filter.calibration import NO_SAY
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import NAMED, Named
from components.label.linking.evidence import TERMS, Evidence, evidence
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.linking.page_profiles import Profiles
from components.label.parameters import LabelParameters, WeightParameters
from components.label.text.common_words import learnt_words
from components.label.text.reading import Reading, ReadMention, read_text
from components.label.text.word_counts import WordCounts, read_counts


@dataclass(frozen=True)
class Explanation:
    """How a text is linked; `evidence` has one entry per mention that has candidates."""

    reading: Reading
    label: Label
    evidence: tuple[Evidence, ...]
    weights: WeightParameters


def explain_text(
    text: str, context: str, site: str, knowledge: Path, labels: Path, parameters: LabelParameters
) -> Explanation:
    """Links one text with the word counts, stop list, entity counts and profiles in `labels`.

    Any of these may be missing.

    Raises:
        InputError: if there is no knowledge base.
    """
    base = workers.knowledge_base(knowledge)
    finder = workers.mention_finder(knowledge, parameters.ner, parameters.max_words, parameters.max_candidates)
    words, pages = (labels / name for name in ("words.json", "pages.parquet"))
    counts = read_counts(words) if words.is_file() else WordCounts()
    row = {"key": "0", "site": site, "page_url": "", "caption": text, "context": context, "page_title": ""}
    reading = read_text([row], finder, counts, learnt_words(labels, parameters), parameters)[0]
    profiles = Profiles.read(pages, {""}, {site}) if pages.is_file() else Profiles({})
    surroundings = Context(base.embed([reading.context])[0], profiles.of_site(site, base.size))
    named = Named.read(labels / NAMED)
    mentions = linkables(reading, base, named, parameters.named_smoothing)
    label = link(reading.text, mentions, surroundings, NO_SAY, parameters, barred_decisions(reading, base))
    found = evidence([m.choice for m in mentions], surroundings, parameters.weights, parameters.iterations)
    return Explanation(reading, label, tuple(found), parameters.weights)


def table(explained: Explanation, knowledge: Path) -> Group:
    """For the terminal: the text, a table of candidates and scores per mention, and the outcome."""
    base = workers.knowledge_base(knowledge)
    reading, label = explained.reading, explained.label
    marked = Text(f"{reading.source}: {reading.text}")
    for m in reading.mentions:
        marked.stylize("bold underline", len(reading.source) + 2 + m.start, len(reading.source) + 2 + m.end)
    linked = [d for d in label.decisions if d.reason != COMMON_WORD]
    tables = [
        _candidates(m, [d for d in linked if d.start == m.start], found, explained.weights, base)
        for m, found in zip([m for m in reading.mentions if m.rows], explained.evidence, strict=True)
    ]
    stopped = sorted({d.mention for d in label.decisions if d.reason == COMMON_WORD})
    outcome = ", ".join(label.entities) or ("no entity" if label.decisions else "no known name in this text")
    common = (
        [Text(f"common words of this crawl, where they are written small: {', '.join(stopped)}")] if stopped else []
    )
    return Group(marked, *tables, *common, Text(f"→ {outcome}"))


def _candidates(
    mention: ReadMention, decisions: list[Decision], found: Evidence, weights: WeightParameters, base: KnowledgeBase
) -> Table:
    """A row per candidate, likeliest first, then "none of them"; the winner is bold."""
    rows = Table(box=None, title_justify="left", title_style="")
    for heading in ("", "name, description", *TERMS, "sum", "probability", "outcome"):
        rows.add_column(heading, no_wrap=heading != "name, description")
    none = 1.0 - sum(d.text_score for d in decisions)
    top = max([none, *(d.text_score for d in decisions)])
    winner = next((d.entity_id for d in decisions if d.text_score == top), "none of them")
    said = escape(decisions[0].mention)
    rows.title = f"“{said}” at {mention.start}-{mention.end}, coverage {mention.coverage:.2f}, means {winner}"
    parts, log_odds = found.parts(weights), found.log_odds(weights)
    places = {base.entity_id(row): place for place, row in enumerate(mention.rows)}
    for d in decisions:
        n = places[d.entity_id]
        terms = [f"{parts[name][n]:.2f}" for name in TERMS]
        name = escape(workers.entity_text(base, mention.rows[n]))
        shown = (d.entity_id, name, *terms, f"{log_odds[n]:.2f}", f"{d.text_score:.3f}", d.reason)
        rows.add_row(*shown, style="bold" if d.entity_id == winner else None)
    blank = [""] * len(TERMS)
    last = ("", "none of them", *blank, f"{weights.none:.2f}", f"{none:.3f}", "")
    rows.add_row(*last, style="bold" if top == none else None)
    return rows
