"""Normalisation of names: a mention matches a name if both normalise to the same text."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Letters, digits, and the signs that distinguish C, C++ and C#; a dot only at a start (.NET).
_WORD = re.compile(r"(?:(?<![^\W_])\.)?[^\W_]+(?:'[^\W_]+)*[+#]*|&", re.UNICODE)
_APOSTROPHES = frozenset("’‘ʼʹ′`´")
# Soft hyphen, zero-width (non-)joiner, word joiner, byte order mark: invisible inside words.
_INVISIBLE = frozenset("\u00ad\u200c\u200d\u2060\ufeff")
# Longer texts are not names; caching them would fill the memory.
_MAX_CACHED_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Words:
    """Normalised words of a text; `text[starts[n]:ends[n]]` is the surface form of word n.

    Columns, as an object per word would be most of the garbage collector's work.
    """

    texts: list[str]
    starts: list[int]
    ends: list[int]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        return zip(self.texts, self.starts, self.ends, strict=True)


def normalise(name: str) -> str:
    """Lower case, no diacritics, words separated by one blank.

    `Côte_d’Ivoire` → `cote d'ivoire`, `file-type-python` → `file type python`, `C++` → `c++`,
    `:us:` → `us`, `Node.js` → `node js`, `.NET` → `.net`. Idempotent.
    """
    return _cached(name) if len(name) <= _MAX_CACHED_LENGTH else _normalised(name)


def words(text: str) -> Words:
    """Words of a text as `normalise` writes them, with their offsets (end exclusive)."""
    matches = list(_WORD.finditer(_plain(text)))
    texts, starts, ends = (
        [_spelling(m.group()) for m in matches],
        [m.start() for m in matches],
        [m.end() for m in matches],
    )
    if not text.isascii():
        # One character may become several (ß → ss) or none (a combining accent).
        offsets = [offset for offset, c in enumerate(text) for _ in _plain_character(c)]
        starts, ends = [offsets[start] for start in starts], [offsets[end - 1] + 1 for end in ends]
    return Words(texts, starts, ends)


def _normalised(name: str) -> str:
    return " ".join([_spelling(word) for word in _WORD.findall(_plain(name))])


_cached = lru_cache(maxsize=200_000)(_normalised)


def _spelling(word: str) -> str:
    return "and" if word == "&" else word


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower().replace("`", "'")
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=20_000)
def _plain_character(character: str) -> str:
    """Decomposed and case-folded until stable: folding one letter may yield an unfolded one."""
    if character in _APOSTROPHES:
        return "'"
    if character in _INVISIBLE:
        return ""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return kept if kept == character else _plain(kept)
