"""The one normalisation of names: what must be equal for a mention to be a name."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Letters, digits, and the signs that tell C, C++ and C# apart; a dot counts only where a word begins with it (.NET).
_WORD = re.compile(r"(?:(?<![^\W_])\.)?[^\W_]+(?:'[^\W_]+)*[+#]*|&", re.UNICODE)
_APOSTROPHES = frozenset("’‘ʼʹ′`´")
# Soft hyphen, zero-width (non-)joiner, word joiner, byte order mark: they stand inside words and are not seen.
_INVISIBLE = frozenset("\u00ad\u200c\u200d\u2060\ufeff")
# Longer texts are no names; remembering them would fill the memory.
_LONGEST_REMEMBERED = 100


class Word(NamedTuple):
    """A word as the name index spells it; `text[start:end]` is its surface."""

    text: str
    start: int
    end: int


def normalise(name: str) -> str:
    """Lower case, no diacritics, words separated by one blank.

    `Côte_d’Ivoire` → `cote d'ivoire`, `file-type-python` → `file type python`, `C++` → `c++`, `:us:` → `us`,
    `Node.js` → `node js`, `.NET` → `.net`. Normalising twice changes nothing.
    """
    return _remembered(name) if len(name) <= _LONGEST_REMEMBERED else _normalised(name)


def words(text: str) -> list[Word]:
    """The words of a text as `normalise` sees them, each with its offsets in the text (end exclusive)."""
    plain = _plain(text)
    if text.isascii():
        return [Word(_spelt(m.group()), *m.span()) for m in _WORD.finditer(plain)]
    # One character may become several (ß → ss) or none (a combining accent).
    places = [place for place, c in enumerate(text) for _ in _plain_character(c)]
    return [Word(_spelt(m.group()), places[m.start()], places[m.end() - 1] + 1) for m in _WORD.finditer(plain)]


def _normalised(name: str) -> str:
    return " ".join([_spelt(word) for word in _WORD.findall(_plain(name))])


_remembered = lru_cache(maxsize=200_000)(_normalised)


def _spelt(word: str) -> str:
    return "and" if word == "&" else word


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower().replace("`", "'")
    return "".join(map(_plain_character, text))


@lru_cache(maxsize=20_000)
def _plain_character(character: str) -> str:
    """Decomposed and folded until nothing changes: the folded form of one letter can be the unfolded form of another."""
    if character in _APOSTROPHES:
        return "'"
    if character in _INVISIBLE:
        return ""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return kept if kept == character else _plain(kept)
