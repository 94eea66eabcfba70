"""Alt text → mentions: names of the knowledge base by longest match, and names that spaCy's NER finds (MOFI.md, "mentions").

Common nouns are entities too ("dolphin"), so the knowledge base's own names are matched beside the named-entity model. Offsets
always point into the text as given: `text[mention.start:mention.end]` is the mention's surface.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.knowledge.base.knowledge_base import Candidate, KnowledgeBase
from components.knowledge.base.names import Words, normalise
from components.knowledge.base.names import words as split
from components.label.text.ner import NamedSpan, named_spans
from components.label.text.spelling import POSSESSIVE, halves, singulars

# Look-ups that a process remembers.
_REMEMBERED = 50_000
# Between two words that may be one ("e-mail" is an email): ASCII's hyphen and Unicode's own, breaking and not.
_HYPHENS = frozenset("-\u2010\u2011")


@dataclass(frozen=True, slots=True)
class Mention:
    """A part of a text that may name an entity; `candidates` are best prior first, `first` and `last` count words."""

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


@dataclass(frozen=True, slots=True)
class Found:
    """A text, its words, and its mentions in order of their offsets, of which no two overlap."""

    text: str
    words: Words
    mentions: Sequence[Mention]


@dataclass(frozen=True, slots=True)
class _Matched:
    """A text, its words, and all names in it, overlaps included; `longer` says that one may go on behind the window."""

    text: str
    words: Words
    mentions: list[Mention]
    longer: bool


class MentionFinder:
    """Finds mentions; holds the knowledge base, the NER model (None: names only) and a cache of look-ups."""

    def __init__(self, knowledge: KnowledgeBase, ner: Any, *, max_words: int, max_candidates: int) -> None:
        """`max_words` bounds a name's length, `max_candidates` the entities kept per name (highest prior first)."""
        self._knowledge = knowledge
        self._ner = ner
        self._max_words = max_words
        self._max_candidates = max_candidates
        self._candidates: Callable[[str], tuple[Candidate, ...]] = lru_cache(_REMEMBERED)(self._read_candidates)
        self._look_up: Callable[[str], tuple[Candidate, ...]] = lru_cache(_REMEMBERED)(self._try_spellings)
        self._goes_on: Callable[[str], bool] = lru_cache(_REMEMBERED)(knowledge.goes_on)

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """The mentions of each text, in order of their offsets; no two of one text overlap."""
        return [list(found.mentions) for found in self.search(texts)]

    def candidates_of(self, surface: str) -> tuple[Candidate, ...]:
        """What a surface that is known to be a mention may mean, looked up as `find` looks it up; best prior first."""
        words = split(surface)
        whole = self._mention(surface, words, 0, len(words) - 1, " ".join(words.texts)) if words else None
        return whole.candidates if whole else ()

    def search(self, texts: Sequence[str]) -> list[Found]:
        """Words and mentions of each text. A text that stands several times is searched once."""
        matched = {text: self._match(text) for text in dict.fromkeys(texts)}
        asked = [m for m in matched.values() if self._ner is not None and _ner_matters(m)]
        spans = named_spans(self._ner, [(m.text, m.words) for m in asked]) if asked else []
        names = {m.text: found for m, found in zip(asked, spans, strict=True)}
        read = {text: Found(text, m.words, self._choose(m, names.get(text, ()))) for text, m in matched.items()}
        return [read[text] for text in texts]

    def _match(self, text: str) -> _Matched:
        words = split(text)
        mentions: list[Mention] = []
        longer = False
        for first, word in enumerate(words.texts):
            name, last = word, first
            while True:
                if mention := self._mention(text, words, first, last, name):
                    mentions.append(mention)
                if last + 1 == len(words) or not self._goes_on(name):
                    break
                last += 1
                if last - first == self._max_words:
                    longer = True
                    break
                name = f"{name} {words.texts[last]}"
            if joined := self._hyphenated(text, words, first):
                mentions.append(joined)
        return _Matched(text, words, mentions, longer)

    def _choose(self, matched: _Matched, names: Sequence[NamedSpan]) -> list[Mention]:
        """Of all matches, with the names that are longer than the window, those that remain."""
        found = matched.mentions
        for first, last, _ in names:
            if last - first >= self._max_words:
                name = " ".join(matched.words.texts[first : last + 1])
                mention = self._mention(matched.text, matched.words, first, last, name)
                found = [*found, mention] if mention else found
        wholes = [name for name in names if name.whole]
        if wholes:
            found = [m for m in found if not _is_part(m, wholes)]
        return longest(found)

    def _mention(self, text: str, words: Words, first: int, last: int, name: str) -> Mention | None:
        start, end = words.starts[first], words.ends[last]
        if name.endswith(POSSESSIVE) and not self._candidates(name):
            name, end = name.removesuffix(POSSESSIVE), start + _stem(text[start:end])
        candidates = self._look_up(name)
        return Mention(start, end, text[start:end], first, last, candidates) if candidates else None

    def _hyphenated(self, text: str, words: Words, first: int) -> Mention | None:
        """`e-mail` → `email`, where `e mail` is no name."""
        if first + 1 == len(words) or text[words.ends[first] : words.starts[first + 1]] not in _HYPHENS:
            return None
        left, right = words.texts[first], words.texts[first + 1]
        if self._look_up(f"{left} {right}"):
            return None
        candidates = self._spelt(left + right)
        start, end = words.starts[first], words.ends[first + 1]
        return Mention(start, end, text[start:end], first, first + 1, candidates) if candidates else None

    def _try_spellings(self, name: str) -> tuple[Candidate, ...]:
        """The name as it stands; else without its plural; else as two words written together."""
        if name.replace(" ", "").isdigit():
            return ()
        return self._spelt(name) or (self._cut(name) if " " not in name else ())

    def _spelt(self, name: str) -> tuple[Candidate, ...]:
        for form in (name, *singulars(name)):
            if found := self._candidates(form):
                return found
        return ()

    def _cut(self, word: str) -> tuple[Candidate, ...]:
        """`crescentmoon` → `crescent moon`; the only cut that gives a name, or nothing."""
        found = [candidates for cut in halves(word) if (candidates := self._candidates(cut))]
        return found[0] if len(found) == 1 else ()

    def _read_candidates(self, name: str) -> tuple[Candidate, ...]:
        return tuple(self._knowledge.candidates(name, self._max_candidates)) if name else ()


def _ner_matters(matched: _Matched) -> bool:
    """Whether the model's answer could change anything: it only finds names that are longer than the window, and discards
    parts of written names, which begin with a capital and have two words at least."""
    count = len(matched.words)
    return matched.longer or (not matched.text.islower() and any(m.length < count for m in matched.mentions))


def _stem(surface: str) -> int:
    """Where the possessive ending of a surface begins."""
    return max(place for place, character in enumerate(surface) if normalise(f"a{character}a") == "a'a")


def longest(mentions: Sequence[Mention]) -> list[Mention]:
    """The longest mentions (words, then characters, then leftmost) that do not overlap a longer one, by offset."""
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


def _is_part(mention: Mention, wholes: Sequence[NamedSpan]) -> bool:
    """Whether the mention is a mere part of a written name that is one thing."""
    span = (mention.first, mention.last)
    return any(n.first <= span[0] and span[1] <= n.last and span != (n.first, n.last) for n in wholes)
