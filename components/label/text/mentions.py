"""Mention detection by longest match of known names and by spaCy's NER (MOFI paper, "mentions").

Common nouns are entities too ("dolphin"), so the knowledge base's own names are matched in addition
to the named-entity model. Offsets refer to the text as given: `text[mention.start:mention.end]` is
the mention's surface form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.knowledge.base.knowledge_base import Candidate, KnowledgeBase
from components.knowledge.base.names import Words, normalise
from components.knowledge.base.names import words as split
from components.label.text.function_words import FUNCTION_WORDS, MONTHS
from components.label.text.ner import NamedSpan, named_spans
from components.label.text.spelling import POSSESSIVE, singulars, splits

# Cached look-ups per process.
_CACHE_SIZE = 50_000
_SHORTEST_PHRASE = 2  # words; what ends a text that short joins nothing
# Between two words that may be one ("e-mail" is an email): ASCII's hyphen and Unicode's two.
_HYPHENS = frozenset("-\u2010\u2011")


@dataclass(frozen=True, slots=True)
class Mention:
    """A span that may name an entity, words `first` to `last`; `candidates` by descending prior."""

    start: int
    end: int
    surface: str
    first: int
    last: int
    candidates: tuple[Candidate, ...]

    @property
    def length(self) -> int:
        """In words."""
        return self.last - self.first + 1

    @property
    def miscased(self) -> tuple[bool, ...]:
        """Of each candidate, whether it is written in small letters here, but not in Wikidata."""
        return miscased(self.surface, self.candidates)


@dataclass(frozen=True, slots=True)
class MatchedText:
    """A text, its words, and its non-overlapping mentions in order of offset."""

    text: str
    words: Words
    mentions: Sequence[Mention]


@dataclass(frozen=True, slots=True)
class _Matches:
    """All names in a text, overlaps included; `longer`: one may be longer than `max_words`."""

    text: str
    words: Words
    mentions: list[Mention]
    longer: bool


class MentionFinder:
    """Finds mentions with a knowledge base and a NER model (None: known names only)."""

    def __init__(self, knowledge: KnowledgeBase, ner: Any, *, max_words: int, max_candidates: int) -> None:
        """`max_words` bounds a name's length, `max_candidates` the entities per name."""
        self._knowledge = knowledge
        self._ner = ner
        self._max_words = max_words
        self._max_candidates = max_candidates
        self._candidates: Callable[[str], tuple[Candidate, ...]] = lru_cache(_CACHE_SIZE)(self._read_candidates)
        self._look_up: Callable[[str], tuple[Candidate, ...]] = lru_cache(_CACHE_SIZE)(self._try_spellings)
        self._has_longer: Callable[[str], bool] = lru_cache(_CACHE_SIZE)(knowledge.is_prefix)

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """The non-overlapping mentions of each text, in order of offset."""
        return [list(found.mentions) for found in self.search(texts)]

    def candidates_of(self, surface: str) -> tuple[Candidate, ...]:
        """Candidates of a surface form, looked up as `find` does; best prior first."""
        words = split(surface)
        mention = self._mention(surface, words, 0, len(words) - 1, " ".join(words.texts)) if words else None
        return mention.candidates if mention else ()

    def search(self, texts: Sequence[str]) -> list[MatchedText]:
        """Words and mentions of each text; equal texts are searched once."""
        matched = {text: self._match(text) for text in dict.fromkeys(texts)}
        for_ner = [m for m in matched.values() if self._ner is not None and _ner_matters(m)]
        spans = named_spans(self._ner, [(m.text, m.words) for m in for_ner]) if for_ner else []
        names = {m.text: found for m, found in zip(for_ner, spans, strict=True)}
        matched_texts = {
            text: MatchedText(text, m.words, self._resolve(m, names.get(text, ()))) for text, m in matched.items()
        }
        return [matched_texts[text] for text in texts]

    def _match(self, text: str) -> _Matches:
        words = split(text)
        mentions: list[Mention] = []
        longer = False
        for first, word in enumerate(words.texts):
            name, last = word, first
            while True:
                if mention := self._mention(text, words, first, last, name):
                    mentions.append(mention)
                if last + 1 == len(words) or not self._has_longer(name):
                    break
                last += 1
                if last - first == self._max_words:
                    longer = True
                    break
                name = f"{name} {words.texts[last]}"
            if joined := self._hyphenated(text, words, first):
                mentions.append(joined)
        return _Matches(text, words, mentions, longer)

    def _resolve(self, matched: _Matches, names: Sequence[NamedSpan]) -> list[Mention]:
        """Adds names that are longer than `max_words`, and resolves overlaps."""
        found = matched.mentions
        for first, last, _ in names:
            if last - first >= self._max_words:
                name = " ".join(matched.words.texts[first : last + 1])
                mention = self._mention(matched.text, matched.words, first, last, name)
                found = [*found, mention] if mention else found
        atomic_names = [name for name in names if name.atomic]
        if atomic_names:
            found = [m for m in found if not _is_part(m, atomic_names)]
        return longest_mentions(found)

    def _mention(self, text: str, words: Words, first: int, last: int, name: str) -> Mention | None:
        if first == last and (_joins(words, first) or _is_dated(words, first)):
            return None
        start, end = words.starts[first], words.ends[last]
        if name.endswith(POSSESSIVE) and not self._candidates(name):
            name, end = name.removesuffix(POSSESSIVE), start + _possessive_start(text[start:end])
        candidates = self._look_up(name)
        return Mention(start, end, text[start:end], first, last, candidates) if candidates else None

    def _hyphenated(self, text: str, words: Words, first: int) -> Mention | None:
        """`e-mail` → `email`, if `e mail` is not a name."""
        if first + 1 == len(words) or text[words.ends[first] : words.starts[first + 1]] not in _HYPHENS:
            return None
        left, right = words.texts[first], words.texts[first + 1]
        if self._look_up(f"{left} {right}"):
            return None
        candidates = self._look_up_forms(left + right)
        start, end = words.starts[first], words.ends[first + 1]
        return Mention(start, end, text[start:end], first, first + 1, candidates) if candidates else None

    def _try_spellings(self, name: str) -> tuple[Candidate, ...]:
        """The name itself, else its singular, else the two words that it joins.

        Numbers, days of a year and single letters name nothing.
        """
        if len(name) == 1 or _is_date(name.split(" ")):
            return ()
        return self._look_up_forms(name) or (self._split_word(name) if " " not in name else ())

    def _look_up_forms(self, name: str) -> tuple[Candidate, ...]:
        for form in (name, *singulars(name)):
            if found := self._candidates(form):
                return found
        return ()

    def _split_word(self, word: str) -> tuple[Candidate, ...]:
        """`crescentmoon` → `crescent moon`, if exactly one split gives a name."""
        found = [candidates for split in splits(word) if (candidates := self._candidates(split))]
        return found[0] if len(found) == 1 else ()

    def _read_candidates(self, name: str) -> tuple[Candidate, ...]:
        return tuple(self._knowledge.candidates(name, self._max_candidates)) if name else ()


def miscased(surface: str, candidates: Sequence[Candidate]) -> tuple[bool, ...]:
    """Of each candidate, whether `surface` begins with a small letter, and its name does not."""
    small = surface[:1].islower()
    return tuple([small and not candidate.small for candidate in candidates])


def _ner_matters(matched: _Matches) -> bool:
    """Whether NER can change the result.

    It only adds names longer than `max_words`, and removes parts of capitalised names of two or
    more words.
    """
    count = len(matched.words)
    return matched.longer or (not matched.text.islower() and any(m.length < count for m in matched.mentions))


def _joins(words: Words, position: int) -> bool:
    """Whether a word is a function word, which names nothing; "flag by" may name Belarus."""
    word = words.texts[position].removesuffix(POSSESSIVE)  # "it's" is no possessive of Italy
    return word in FUNCTION_WORDS and (len(words) > _SHORTEST_PHRASE or position == 0 < len(words) - 1)


def _is_date(words: Sequence[str]) -> bool:
    """Whether words are numbers, with months among them or not."""
    return any(word.isdigit() for word in words) and all(word.isdigit() or word in MONTHS for word in words)


def _is_dated(words: Words, position: int) -> bool:
    """Whether a word is the month of a date: next to a number."""
    return words.texts[position] in MONTHS and any(
        word.isdigit() for word in words.texts[max(0, position - 1) : position + 2]
    )


def _possessive_start(surface: str) -> int:
    """Offset of the possessive ending of a surface form."""
    return max(offset for offset, character in enumerate(surface) if normalise(f"a{character}a") == "a'a")


def longest_mentions(mentions: Sequence[Mention]) -> list[Mention]:
    """Mentions by offset that overlap no longer one (in words, then characters, then leftmost)."""
    if len(mentions) < 2:
        return list(mentions)
    kept: list[Mention] = []
    taken: set[int] = set()
    for mention in sorted(mentions, key=lambda m: (m.first - m.last, m.start - m.end, m.start)):
        span = range(mention.first, mention.last + 1)
        if taken.isdisjoint(span):
            taken.update(span)
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def _is_part(mention: Mention, atomic_names: Sequence[NamedSpan]) -> bool:
    """Whether the mention is a proper part of an atomic name."""
    span = (mention.first, mention.last)
    return any(n.first <= span[0] and span[1] <= n.last and span != (n.first, n.last) for n in atomic_names)
