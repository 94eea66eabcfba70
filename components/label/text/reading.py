"""The text that is linked for one picture, with its mentions and their coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.label.parameters import LabelParameters
from components.label.text.common_words import stop
from components.label.text.mentions import Found, MentionFinder
from components.label.text.subject import find_subject
from components.label.text.word_counts import WordCounts, voice, words_of

ALT, CAPTION = "alt", "caption"
# Characters of a text that are used; descriptions of pictures are not longer.
LONGEST = 2000


@dataclass(frozen=True)
class ReadMention:
    """A mention as files store it: candidates are entity rows with priors, best first.

    `barred` are rows that the mention's case rules out. Where all candidates are barred, `rows` is
    empty and the mention is not linked.
    """

    start: int
    end: int
    in_subject: bool
    coverage: float
    rows: tuple[int, ...]
    priors: tuple[float, ...]
    barred: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The alt text or figure caption (`source`) of a picture; `context` excludes its mentions."""

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
                "barred": list(m.barred),
            }
            for m in self.mentions
        ]
        return vars(self) | {"mentions": mentions}

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Reading":
        """From a row of `format.MENTIONS_SCHEMA`."""
        mentions = tuple(
            ReadMention(
                m["start"],
                m["end"],
                m["subject"],
                m["coverage"],
                *(tuple(m[name]) for name in ("rows", "priors", "barred")),
            )
            for m in row["mentions"]
        )
        return cls(**{**row, "mentions": mentions})

    def sure_entity(self, min_coverage: float) -> int | None:
        """The entity row, if the subject has one mention, which covers it and has one candidate."""
        inside = [m for m in self.mentions if m.in_subject]
        if len(inside) == 1 and len(inside[0].rows) == 1 and inside[0].coverage >= min_coverage:
            return inside[0].rows[0]
        return None


def read_text(
    rows: Sequence[dict[str, Any]],
    finder: MentionFinder,
    counts: WordCounts,
    common: frozenset[str],
    parameters: LabelParameters,
) -> list[Reading]:
    """Reads rows with `key, site, page_url, caption, context, page_title`, given the stop list."""
    reader = _Reader(counts, common, parameters)
    alts = finder.search([_beginning(row["caption"]) for row in rows])
    readings = [reader.read(row, found, ALT) for row, found in zip(rows, alts, strict=True)]
    if not parameters.use_caption:
        return readings
    # The figure caption is used where the alt text names nothing.
    silent = [n for n, r in enumerate(readings) if rows[n]["context"] and not _names(r, parameters.min_coverage)]
    captions = finder.search([_beginning(rows[n]["context"]) for n in silent])
    for n, found in zip(silent, captions, strict=True):
        reading = reader.read(rows[n], found, CAPTION)
        if _names(reading, parameters.min_coverage):
            readings[n] = reading
    return readings


def _beginning(text: Any) -> str:
    return str(text or "")[:LONGEST]


def _names(reading: Reading, min_coverage: float) -> bool:
    return any(m.in_subject and m.coverage >= min_coverage for m in reading.mentions)


class _Reader:
    """Builds picture texts; caches the words of texts that many rows share, e.g. page titles."""

    def __init__(self, counts: WordCounts, common: frozenset[str], parameters: LabelParameters) -> None:
        self._counts = counts
        self._common = common
        self._modifier_weight = parameters.modifier_weight
        self._said: dict[str, list[str]] = {}

    def read(self, row: dict[str, Any], found: Found, source: str) -> Reading:
        site = str(row["site"] or "")
        found, barred = stop(found, self._common)
        subject = find_subject(found, self._counts, voice(site, source))
        mentions = []
        named: set[str] = set()
        for m in found.mentions:
            inside = subject is not None and subject.holds(m)
            coverage = subject.coverage(m, self._modifier_weight) if subject is not None and inside else 0.0
            rows, priors = tuple([c.row for c in m.candidates]), tuple([float(c.prior) for c in m.candidates])
            ruled_out = tuple([c.row for c in barred.pop(m.start)[1]]) if m.start in barred else ()
            mentions.append(ReadMention(m.start, m.end, inside, coverage, rows, priors, ruled_out))
            if inside:
                named.update(words_of(m.surface))
        if barred:
            none = [
                ReadMention(m.start, m.end, False, 0.0, (), (), tuple(c.row for c in cs)) for m, cs in barred.values()
            ]
            mentions = sorted([*mentions, *none], key=lambda m: m.start)
        context = self._context(row, named)
        return Reading(str(row["key"]), site, str(row["page_url"] or ""), found.text, source, context, tuple(mentions))

    def _context(self, row: dict[str, Any], named: set[str]) -> str:
        """Words around the mentions: a name is no evidence of its own meaning."""
        said = [word for part in ("caption", "context", "page_title") for word in self._words(_beginning(row[part]))]
        return " ".join([word for word in said if word not in named])

    def _words(self, text: str) -> list[str]:
        words = self._said.get(text)
        if words is None:
            words = self._said[text] = words_of(text)
        return words
