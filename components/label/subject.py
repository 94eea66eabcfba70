"""What a text is about: its first telling part, and how much of that part a mention carries.

"Firefox OS emoji: crab" is about the crab (every alt text of that site begins alike), "crab, Cancer, zodiac" is about
its first item, and "cat with wry smile" is about more than a cat. Nothing here knows emoji: what a site always says is learned
by counting (`words.WordCounts`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spacy.lang.en.stop_words import STOP_WORDS

from components.label.mentions import Mention
from components.label.words import Word, WordCounts, split

# A break between parts: punctuation that is no joint of a word, or a dash between spaces.
_BREAK = re.compile(r"[,;:()\[\]/|•·]|\s[–—-]\s|\n")
# Below this much information (nats, over the whole part) a part says only what its site always says.
_TELLING = 1.5


@dataclass(frozen=True)
class Subject:
    """The words `first` to `last` (inclusive) of a text, and the information of every word of the text, nats."""

    first: int
    last: int
    information: tuple[float, ...]

    def holds(self, mention: Mention) -> bool:
        """Whether the mention lies in the subject."""
        return self.first <= mention.first and mention.last <= self.last

    def coverage(self, mention: Mention, modifier_weight: float) -> float:
        """The share of the subject's information that the mention carries, in [0, 1].

        Words before the mention may be mere modifiers of its head noun and count `modifier_weight` of their information.
        """
        own = sum(self.information[mention.first : mention.last + 1])
        before = sum(self.information[self.first : mention.first])
        after = sum(self.information[mention.last + 1 : self.last + 1])
        total = own + modifier_weight * before + after
        return own / total if total > 0 else 0.0


def find_subject(text: str, mentions: Sequence[Mention], counts: WordCounts, site: str | None) -> Subject | None:
    """The first part of the text that tells more than its site always does; None if no part does.

    A mention is never cut, even where it contains a break ("Washington, D.C.").
    """
    words = split(text)
    information = _information(words, mentions, counts, site)
    for first, last in _parts(text, words, mentions):
        if sum(information[first : last + 1]) >= _TELLING:
            return Subject(first, last, information)
    return None


def _information(
    words: list[Word], mentions: Sequence[Mention], counts: WordCounts, site: str | None
) -> tuple[float, ...]:
    """Numbers and function words tell nothing, unless they are (part of) a mention."""
    mentioned = {n for m in mentions for n in range(m.first, m.last + 1)}
    return tuple(
        0.0
        if n not in mentioned and (w.text in STOP_WORDS or w.text.isdigit() or len(w.text) == 1)
        else counts.information(w.text, site)
        for n, w in enumerate(words)
    )


def _parts(text: str, words: list[Word], mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    first = 0
    for n in range(1, len(words)):
        joined = any(m.first < n <= m.last for m in mentions)
        if not joined and _BREAK.search(text, words[n - 1].end, words[n].start):
            parts.append((first, n - 1))
            first = n
    if words:
        parts.append((first, len(words) - 1))
    return parts
