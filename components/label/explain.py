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
from components.label.image_filter.calibration import UNCALIBRATED
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts
from components.label.linking.evidence import TERMS, Evidence, evidence
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.linking.page_profiles import Profiles
from components.label.parameters import LabelParameters, WeightParameters
from components.label.text.common_words import crawl_stop_list
from components.label.text.picture_text import PictureText, StoredMention, read_picture_texts
from components.label.text.word_counts import WordCounts, read_counts


@dataclass(frozen=True)
class Explanation:
    """How a text is linked; `evidence` has one entry per mention that has candidates."""

    picture_text: PictureText
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
    picture_text = read_picture_texts([row], finder, counts, crawl_stop_list(labels, parameters), parameters)[0]
    profiles = Profiles.read(pages, {""}, {site}) if pages.is_file() else Profiles({})
    surroundings = Context(base.embed([picture_text.context])[0], profiles.site_profile(site, base.size))
    entity_counts = EntityCounts.read(labels / ENTITY_COUNTS)
    mentions = linkables(picture_text, base, entity_counts, parameters.named_smoothing)
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
    return Group(marked, *tables, *common, Text(f"→ {outcome}"))


def _candidates(
    mention: StoredMention,
    decisions: list[Decision],
    mention_evidence: Evidence,
    weights: WeightParameters,
    base: KnowledgeBase,
) -> Table:
    """A row per candidate, likeliest first, then "none of them"; the winner is bold."""
    rows = Table(box=None, title_justify="left", title_style="")
    for heading in ("", "name, description", *TERMS, "sum", "probability", "outcome"):
        rows.add_column(heading, no_wrap=heading != "name, description")
    none = 1.0 - sum(d.text_score for d in decisions)
    top = max([none, *(d.text_score for d in decisions)])
    winner = next((d.entity_id for d in decisions if d.text_score == top), "none of them")
    surface = escape(decisions[0].mention)
    rows.title = f"“{surface}” at {mention.start}-{mention.end}, coverage {mention.coverage:.2f}, means {winner}"
    parts, log_odds = mention_evidence.parts(weights), mention_evidence.log_odds(weights)
    positions = {base.entity_id(row): position for position, row in enumerate(mention.rows)}
    for d in decisions:
        n = positions[d.entity_id]
        terms = [f"{parts[name][n]:.2f}" for name in TERMS]
        name = escape(workers.entity_text(base, mention.rows[n]))
        shown = (d.entity_id, name, *terms, f"{log_odds[n]:.2f}", f"{d.text_score:.3f}", d.reason)
        rows.add_row(*shown, style="bold" if d.entity_id == winner else None)
    blank = [""] * len(TERMS)
    last = ("", "none of them", *blank, f"{weights.none:.2f}", f"{none:.3f}", "")
    rows.add_row(*last, style="bold" if top == none else None)
    return rows
