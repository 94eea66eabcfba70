"""Which names are usually common words, learned from their case in the crawl's texts.

In Wikidata nearly every English word is the name of some film, album or person ("It", "Home",
"Will"). A word that texts nearly always write in lower case in mid-sentence does not mean such a
namesake where it is in lower case: only items whose own name is in lower case ("home, place where
one lives") remain. Texts with a single case are ignored, and so are scripts without case.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.knowledge.base.knowledge_base import Candidate
from components.knowledge.base.names import Words
from components.knowledge.base.names import words as split
from components.label.parameters import LabelParameters
from components.label.text.mentions import MatchedText, Mention
from components.storage.json_files import read_json_as, write_json

CASES, COMMON = "cases.json", "common.json"


@dataclass(frozen=True)
class CaseCounts:
    """Texts in which a word occurs, not first, with a lower-case and with a capital initial."""

    small: Mapping[str, int] = field(default_factory=dict)
    capital: Mapping[str, int] = field(default_factory=dict)

    def common(self, share: float, least: int) -> frozenset[str]:
        """Words that at least `least` texts, and a `share` of all, write in lower case."""
        return frozenset(
            word
            for word, count in self.small.items()
            if count >= least and count >= share * (count + self.capital.get(word, 0))
        )


Barred = dict[int, tuple[Mention, tuple[Candidate, ...]]]


def count_cases(texts: Iterable[str]) -> CaseCounts:
    """Counts texts with both cases; a word once per text and case, a text's first word never."""
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for text in texts:
        if text.islower() or text.isupper() or text.isspace() or not text:
            continue
        words = split(text)
        initials = [text[start] for start in words.starts]
        if any(c.islower() for c in initials[1:]) and any(c.isupper() for c in initials):
            written = list(zip(words.texts, initials, strict=True))[1:]
            small.update({word for word, c in written if c.islower()})
            capital.update({word for word, c in written if c.isupper()})
    return CaseCounts(small, capital)


def add_cases(parts: Iterable[CaseCounts]) -> CaseCounts:
    """The sum over shards."""
    small: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for part in parts:
        small.update(part.small)
        capital.update(part.capital)
    return CaseCounts(small, capital)


def write_cases(path: Path, counts: CaseCounts) -> None:
    """As JSON."""
    write_json(path, {"small": dict(counts.small), "capital": dict(counts.capital)})


def read_cases(path: Path) -> CaseCounts:
    """What `write_cases` wrote.

    Raises:
        InputError: if the file is missing or damaged.
    """
    return read_json_as(path, CaseCounts, "run `mofi label run` again")


def common_words(counts: CaseCounts, parameters: LabelParameters) -> frozenset[str]:
    """The stop list, by the stage's parameters."""
    return counts.common(parameters.common_share, parameters.common_least)


def crawl_stop_list(labels: Path, parameters: LabelParameters) -> frozenset[str]:
    """The stop list of the crawl behind finished labels.

    Raises:
        InputError: if they do not have the counts that it is made from.
    """
    return common_words(read_cases(labels / CASES), parameters)


def bar_common_words(matched: MatchedText, common: frozenset[str]) -> tuple[MatchedText, Barred]:
    """Bars capitalised namesakes of lower-case common words, and mentions without others.

    Returns:
        The text with what remains, and by offset the mentions with their barred candidates.
    """
    left: list[Mention] = []
    barred: Barred = {}
    for mention in matched.mentions:
        if not _is_common(mention, matched.text, matched.words, common) or all(c.small for c in mention.candidates):
            left.append(mention)
            continue
        barred[mention.start] = mention, tuple(c for c in mention.candidates if not c.small)
        if allowed := _renormalised([c for c in mention.candidates if c.small]):
            left.append(replace(mention, candidates=allowed))
    return replace(matched, mentions=left) if barred else matched, barred


def _is_common(mention: Mention, text: str, words: Words, common: frozenset[str]) -> bool:
    """Whether a mention is a common word in lower case, or first in a text that uses lower case."""
    if mention.first != mention.last or len(words) == 1 or words.texts[mention.first] not in common:
        return False
    initial = text[mention.start]
    if mention.first == 0 and initial.isupper():
        return any(text[start].islower() for start in words.starts[1:])
    return initial.islower()


def _renormalised(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    total = sum(c.prior for c in candidates)
    return tuple(c._replace(prior=c.prior / total) for c in candidates)
