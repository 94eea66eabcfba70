"""The subject of a text, its first informative part, and how much of it a mention covers.

"Firefox OS emoji: crab" is about the crab (every alt text of that site begins alike), "crab,
Cancer, zodiac" is about its first item, and "cat with wry smile" is about more than a cat. Nothing
here is specific to emoji: a site's stock phrases are learned by counting (`WordCounts`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from components.label.text.function_words import (
    CIRCUMSTANCES,
    FUNCTION_WORDS,
    MONTHS,
    NEGATIONS,
    PHRASE_STARTS,
    PICTURE_PAIRS,
    PICTURE_WORDS,
    VIEWS,
    is_participle,
)
from components.label.text.mentions import MatchedText, Mention
from components.label.text.word_counts import WordCounts

# A break between parts: punctuation that does not join words, or a dash between spaces.
_BREAK = re.compile(r"[,;:()\[\]/|•·]|\s[–—-]\s|\n")
_JOINTS = (" ", "-")
# A part with less information (nats, over the whole part) is a stock phrase of its site.
_MIN_INFORMATION = 1.5
# A file name that was left where an alt text should be.
_FILE_NAME = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?|avif|heic|ico)\s*$", re.IGNORECASE)


# Press photographs begin with place and day: "GLENDALE, AZ - JANUARY 10: Nick Fairley …".
_DAY = rf"\b(?:{'|'.join(sorted(MONTHS))})\.? \d{{1,2}}(?:,? \d{{4}})?"
_DATELINE = re.compile(rf"[^:]{{0,80}}?{_DAY}\s*[:;]", re.IGNORECASE)


@dataclass(frozen=True)
class Subject:
    """Words `first` to `last` (inclusive) of a text; `information` of all its words, in nats."""

    words: Sequence[str]
    first: int
    last: int
    information: tuple[float, ...]

    def contains(self, mention: Mention) -> bool:
        """Whether the mention lies in the subject."""
        return self.first <= mention.first and mention.last <= self.last

    def coverage(self, mention: Mention, modifier_weight: float) -> float:
        """The share of the subject's information that the mention covers, in [0, 1].

        Words right before the mention, up to a function word, may modify its head noun. However
        many there are, only the most informative counts, with `modifier_weight` of it. In "map of
        Japan" the map counts in full. Circumstances after the mention do not count: "crab on a
        plate". A negated mention has no coverage.
        """
        own = sum(self.information[mention.first : mention.last + 1])
        other = sum(self.information[mention.last + 1 : self._end_of(mention) + 1])
        modifier, modifies = 0.0, True
        for n in range(mention.first - 1, self.first - 1, -1):
            if self.words[n] in NEGATIONS:
                return 0.0
            modifies = modifies and self.words[n] not in FUNCTION_WORDS
            if modifies:
                modifier = max(modifier, self.information[n])
            else:
                other += self.information[n]
        other += modifier_weight * modifier
        return own / (own + other) if own > 0 else 0.0

    def _end_of(self, mention: Mention) -> int:
        """The last word of a mention's phrase: no circumstance, nor what follows it."""
        for n in range(mention.last + 1, self.last + 1):
            if self.words[n] in CIRCUMSTANCES:
                return n - 2 if n - 1 > mention.last and is_participle(self.words[n - 1]) else n - 1
        return self.last


def find_subject(matched: MatchedText, counts: WordCounts, subcorpus: str) -> Subject | None:
    """The first part of the text that is no dateline and no stock phrase of its site, or None.

    A mention is never split, even if it contains a break ("Washington, D.C.").
    """
    information = _information(matched, counts, subcorpus)
    dateline = _DATELINE.match(matched.text)
    begin = 0 if dateline is None else dateline.end()
    for first, last in _parts(matched):
        if matched.words.starts[first] >= begin and sum(information[first : last + 1]) >= _MIN_INFORMATION:
            return Subject(matched.words.texts, first, last, information)
    return None


def _information(matched: MatchedText, counts: WordCounts, subcorpus: str) -> tuple[float, ...]:
    """Numbers, function and picture words and file endings have none, except within a name."""
    words = matched.words.texts
    joints = {n for n, word in enumerate(words) if len(word) == 1 or word in FUNCTION_WORDS or word.isdigit()}
    pictures = _about_the_picture(matched)
    if len(words) > 1 and _FILE_NAME.search(matched.text):
        pictures.add(len(words) - 1)
    # "At" may be a name, but a lone "photo" or "png" refers to the picture itself.
    uninformative = joints | pictures
    if uninformative:
        for m in matched.mentions:
            if not (span := set(range(m.first, m.last + 1))) <= pictures:
                uninformative -= span
    return tuple([0.0 if n in uninformative else counts.information(word, subcorpus) for n, word in enumerate(words)])


def _about_the_picture(matched: MatchedText) -> set[int]:
    """The words that say that there is a picture, and of which kind."""
    words, text = matched.words, matched.text
    found = {n for n, word in enumerate(words.texts) if word in PICTURE_WORDS}
    for n, pair in enumerate(pairwise(words.texts)):
        if pair in PICTURE_PAIRS:
            found.update((n, n + 1))
        elif pair[1] == "of" and pair[0] in VIEWS:
            first = n  # "black and white photo of", "side view of"
            while (
                first
                and words.texts[first - 1] not in PHRASE_STARTS
                and text[words.ends[first - 1] : words.starts[first]] in _JOINTS
            ):
                first -= 1
            found.update(range(first, n + 1))
    return found


def _parts(matched: MatchedText) -> list[tuple[int, int]]:
    words, text = matched.words, matched.text
    parts: list[tuple[int, int]] = []
    first = 0
    joined = {n for m in matched.mentions for n in range(m.first + 1, m.last + 1)}
    for n in range(1, len(words)):
        gap = text[words.ends[n - 1] : words.starts[n]]
        # Most words are separated by a single space.
        if gap != " " and n not in joined and _BREAK.search(gap):
            parts.append((first, n - 1))
            first = n
    if words:
        parts.append((first, len(words) - 1))
    return parts
