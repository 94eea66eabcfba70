"""The text that is linked for one picture, with its mentions and their coverage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.label.parameters import LabelParameters
from components.label.text.common_words import bar_common_words
from components.label.text.mentions import MatchedText, MentionFinder
from components.label.text.subject import find_subject
from components.label.text.word_counts import WordCounts, subcorpus_name, words_of

ALT, CAPTION = "alt", "caption"
# Characters of a text that are used; descriptions of pictures are not longer.
MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class StoredMention:
    """A mention as files store it: candidates are entity rows with priors, best first.

    `miscased` says of each candidate whether Wikidata capitalises the name, and the text does not.
    `barred` are rows that the mention's case rules out. Where all candidates are barred, `rows` is
    empty and the mention is not linked.
    """

    start: int
    end: int
    in_subject: bool
    coverage: float
    rows: tuple[int, ...]
    priors: tuple[float, ...]
    miscased: tuple[bool, ...]
    barred: tuple[int, ...] = ()


@dataclass(frozen=True)
class PictureText:
    """The alt text or figure caption (`source`) of a picture; `context` excludes its mentions."""

    key: str
    site: str
    page_url: str
    text: str
    source: str
    context: str
    mentions: tuple[StoredMention, ...]

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
                "miscased": list(m.miscased),
                "barred": list(m.barred),
            }
            for m in self.mentions
        ]
        return vars(self) | {"mentions": mentions}

    @classmethod
    def of(cls, row: dict[str, Any]) -> "PictureText":
        """From a row of `format.MENTIONS_SCHEMA`."""
        mentions = tuple(
            StoredMention(
                m["start"],
                m["end"],
                m["subject"],
                m["coverage"],
                *(tuple(m[name]) for name in ("rows", "priors", "miscased", "barred")),
            )
            for m in row["mentions"]
        )
        return cls(**{**row, "mentions": mentions})

    def unambiguous_entity(self, min_coverage: float) -> int | None:
        """The entity row, if the subject has one mention, which covers it and has one candidate."""
        inside = [m for m in self.mentions if m.in_subject]
        if len(inside) == 1 and len(inside[0].rows) == 1 and inside[0].coverage >= min_coverage:
            return inside[0].rows[0]
        return None


def read_picture_texts(
    rows: Sequence[dict[str, Any]],
    finder: MentionFinder,
    counts: WordCounts,
    common: frozenset[str],
    parameters: LabelParameters,
) -> list[PictureText]:
    """Reads rows with `key, site, page_url, caption, context, page_title`, given the stop list."""
    builder = _Builder(counts, common, parameters)
    alts = finder.search([_beginning(row["caption"]) for row in rows])
    picture_texts = [builder.build(row, matched, ALT) for row, matched in zip(rows, alts, strict=True)]
    if not parameters.use_caption:
        return picture_texts
    # The figure caption is used where the alt text names nothing.
    unnamed = [n for n, r in enumerate(picture_texts) if rows[n]["context"] and not _names(r, parameters.min_coverage)]
    captions = finder.search([_beginning(rows[n]["context"]) for n in unnamed])
    for n, matched in zip(unnamed, captions, strict=True):
        picture_text = builder.build(rows[n], matched, CAPTION)
        if _names(picture_text, parameters.min_coverage):
            picture_texts[n] = picture_text
    return picture_texts


def _beginning(text: Any) -> str:
    return str(text or "")[:MAX_CHARACTERS]


def _names(picture_text: PictureText, min_coverage: float) -> bool:
    return any(m.in_subject and m.coverage >= min_coverage for m in picture_text.mentions)


class _Builder:
    """Builds picture texts; caches the words of texts that many rows share, e.g. page titles."""

    def __init__(self, counts: WordCounts, common: frozenset[str], parameters: LabelParameters) -> None:
        self._counts = counts
        self._common = common
        self._modifier_weight = parameters.modifier_weight
        self._cache: dict[str, list[str]] = {}

    def build(self, row: dict[str, Any], matched: MatchedText, source: str) -> PictureText:
        site = str(row["site"] or "")
        matched, barred = bar_common_words(matched, self._common)
        subject = find_subject(matched, self._counts, subcorpus_name(site, source))
        mentions = []
        linked: set[str] = set()
        for m in matched.mentions:
            inside = subject is not None and subject.contains(m)
            coverage = subject.coverage(m, self._modifier_weight) if subject is not None and inside else 0.0
            rows, priors = tuple([c.row for c in m.candidates]), tuple([float(c.prior) for c in m.candidates])
            ruled_out = tuple([c.row for c in barred.pop(m.start)[1]]) if m.start in barred else ()
            miscased = m.miscased
            mentions.append(StoredMention(m.start, m.end, inside, coverage, rows, priors, miscased, ruled_out))
            if inside:
                linked.update(words_of(m.surface))
        if barred:
            none = [
                StoredMention(m.start, m.end, False, 0.0, (), (), (), tuple(c.row for c in cs))
                for m, cs in barred.values()
            ]
            mentions = sorted([*mentions, *none], key=lambda m: m.start)
        context = self._context(row, linked)
        return PictureText(
            str(row["key"]), site, str(row["page_url"] or ""), matched.text, source, context, tuple(mentions)
        )

    def _context(self, row: dict[str, Any], linked: set[str]) -> str:
        """Words around the mentions: a name is no evidence of its own meaning."""
        words = [word for part in ("caption", "context", "page_title") for word in self._words(_beginning(row[part]))]
        return " ".join([word for word in words if word not in linked])

    def _words(self, text: str) -> list[str]:
        words = self._cache.get(text)
        if words is None:
            words = self._cache[text] = words_of(text)
        return words
