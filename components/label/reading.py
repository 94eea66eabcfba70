"""What was read in one picture's words: the text that is linked, its mentions, and which of them it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.label.mentions import Mention, MentionFinder
from components.label.parameters import LabelParameters
from components.label.subject import find_subject
from components.label.words import WordCounts, split, voice

ALT, CAPTION = "alt", "caption"
# Characters of a text that are read; nobody describes a picture at greater length.
LONGEST = 2000


@dataclass(frozen=True)
class ReadMention:
    """A mention as files keep it: candidates are entity rows with priors, best first."""

    start: int
    end: int
    in_subject: bool
    coverage: float
    rows: tuple[int, ...]
    priors: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """`text` is the alt text or the figure caption (`source`); `context` are the words around its linked mentions."""

    key: str
    site: str
    page_url: str
    text: str
    source: str
    context: str
    mentions: tuple[ReadMention, ...]

    def row(self) -> dict[str, Any]:
        """As a row of `format.MENTIONS_SCHEMA`."""
        mentions = [
            {
                "start": m.start,
                "end": m.end,
                "subject": m.in_subject,
                "coverage": m.coverage,
                "rows": list(m.rows),
                "priors": list(m.priors),
            }
            for m in self.mentions
        ]
        return vars(self) | {"mentions": mentions}

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Reading":
        """From a row of `format.MENTIONS_SCHEMA`."""
        mentions = tuple(
            ReadMention(m["start"], m["end"], m["subject"], m["coverage"], tuple(m["rows"]), tuple(m["priors"]))
            for m in row["mentions"]
        )
        return cls(**{**row, "mentions": mentions})

    def sure_entity(self, min_coverage: float) -> int | None:
        """The entity row that the text names beyond doubt: one mention in the subject, covering it, with one meaning."""
        inside = [m for m in self.mentions if m.in_subject]
        if len(inside) == 1 and len(inside[0].rows) == 1 and inside[0].coverage >= min_coverage:
            return inside[0].rows[0]
        return None


def read_text(
    rows: Sequence[dict[str, Any]], finder: MentionFinder, counts: WordCounts, parameters: LabelParameters
) -> list[Reading]:
    """One reading per row (`key, site, page_url, caption, context, page_title`), in their order."""
    alts = [str(row["caption"] or "")[:LONGEST] for row in rows]
    readings = [
        _reading(row, text, ALT, found, counts, parameters)
        for row, text, found in zip(rows, alts, finder.find(alts), strict=True)
    ]
    if not parameters.use_caption:
        return readings
    # A figure caption speaks for its picture where the alt text names nothing.
    silent = [n for n, r in enumerate(readings) if rows[n]["context"] and not _names(r, parameters.min_coverage)]
    captions = [str(rows[n]["context"])[:LONGEST] for n in silent]
    for n, text, found in zip(silent, captions, finder.find(captions), strict=True):
        reading = _reading(rows[n], text, CAPTION, found, counts, parameters)
        if _names(reading, parameters.min_coverage):
            readings[n] = reading
    return readings


def _names(reading: Reading, min_coverage: float) -> bool:
    return any(m.in_subject and m.coverage >= min_coverage for m in reading.mentions)


def _reading(
    row: dict[str, Any],
    text: str,
    source: str,
    found: Sequence[Mention],
    counts: WordCounts,
    parameters: LabelParameters,
) -> Reading:
    site = str(row["site"] or "")
    subject = find_subject(text, found, counts, voice(site, source))
    mentions = []
    for m in found:
        inside = subject is not None and subject.holds(m)
        coverage = subject.coverage(m, parameters.modifier_weight) if subject is not None and inside else 0.0
        rows, priors = tuple(c.row for c in m.candidates), tuple(float(c.prior) for c in m.candidates)
        mentions.append(ReadMention(m.start, m.end, inside, coverage, rows, priors))
    context = _context(row, [m for m, r in zip(found, mentions, strict=True) if r.in_subject])
    return Reading(str(row["key"]), site, str(row["page_url"] or ""), text, source, context, tuple(mentions))


def _context(row: dict[str, Any], linked: Sequence[Mention]) -> str:
    """The words of alt text, caption and page title without those that are linked: a name is no evidence of its meaning."""
    own = {w.text for m in linked for w in split(m.surface)}
    said = (w.text for part in ("caption", "context", "page_title") for w in split(str(row[part] or "")[:LONGEST]))
    return " ".join(word for word in said if word not in own)
