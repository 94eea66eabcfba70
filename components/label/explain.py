"""Why a text is linked as it is: the label stage's own steps on one text, without a picture."""

from pathlib import Path

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from components.knowledge import KnowledgeBase
from components.label import workers
from components.label.disambiguate import Choice, Context
from components.label.format import Label
from components.label.image_filter import NO_SAY
from components.label.link import Linkable, link
from components.label.pages import Profiles
from components.label.parameters import LabelParameters
from components.label.reading import Reading, read_text
from components.label.words import WordCounts, read_counts


def explain_text(
    text: str, context: str, site: str, knowledge: Path, labels: Path, parameters: LabelParameters
) -> tuple[Reading, Label]:
    """Links one text. Word counts and the site's profile come from `labels` where they exist.

    Raises:
        InputError: if there is no knowledge base.
    """
    base = workers.knowledge_base(knowledge)
    finder = workers.mention_finder(knowledge, parameters.ner, parameters.max_words, parameters.max_candidates)
    words, pages = labels / "words.json", labels / "pages.parquet"
    counts = read_counts(words) if words.is_file() else WordCounts()
    row = {"key": "0", "site": site, "page_url": "", "caption": text, "context": context, "page_title": ""}
    reading = read_text([row], finder, counts, parameters)[0]
    profiles = Profiles.read(pages, {""}, {site}) if pages.is_file() else Profiles({})
    surroundings = Context(base.embed([reading.context])[0], profiles.of_site(site, base.size))
    return reading, link(reading.text, _linkables(reading, base), surroundings, NO_SAY, parameters)


def _linkables(reading: Reading, knowledge: KnowledgeBase) -> list[Linkable]:
    return [
        Linkable(
            m.start,
            m.end,
            m.in_subject,
            m.coverage,
            tuple(knowledge.entity_id(row) for row in m.rows),
            Choice(knowledge.vectors(m.rows), np.asarray(m.priors, dtype=np.float32)),
            np.zeros(len(m.rows)),
        )
        for m in reading.mentions
    ]


def table(reading: Reading, label: Label, knowledge: Path) -> Group:
    """For the terminal: the text with its mentions marked, one row per candidate, and the outcome."""
    base = workers.knowledge_base(knowledge)
    coverage = {m.start: m.coverage for m in reading.mentions}
    marked = Text(f"{reading.source}: {reading.text}")
    for m in reading.mentions:
        marked.stylize("bold underline", len(reading.source) + 2 + m.start, len(reading.source) + 2 + m.end)
    rows = Table("mention", "at", "coverage", "entity", "name, description", "probability", "outcome", box=None)
    for d in label.decisions:
        row = base.row_of(d.entity_id)
        name = workers.entity_text(base, row) if row is not None else ""
        rows.add_row(
            d.mention,
            f"{d.start}-{d.end}",
            f"{coverage[d.start]:.2f}",
            d.entity_id,
            name,
            f"{d.text_score:.3f}",
            d.reason,
        )
    outcome = ", ".join(label.entities) or ("no entity" if label.decisions else "no known name in this text")
    return Group(marked, rows, Text(f"→ {outcome}"))
