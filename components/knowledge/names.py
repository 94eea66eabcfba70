"""The one normalisation of names: what must be equal for a mention to be a name."""

import re
import unicodedata
from functools import lru_cache

# Letters, digits, and the signs that tell C, C++ and C# apart; a dot counts only where a word begins with it (.NET).
_WORD = re.compile(r"(?:(?<![^\W_])\.)?[^\W_]+(?:'[^\W_]+)*[+#]*|&", re.UNICODE)
_APOSTROPHES = frozenset("’‘ʼʹ′`´")


@lru_cache(maxsize=200_000)
def normalise(name: str) -> str:
    """Lower case, no diacritics, words separated by one blank.

    `Côte_d’Ivoire` → `cote d'ivoire`, `file-type-python` → `file type python`, `C++` → `c++`, `:us:` → `us`,
    `Node.js` → `node js`, `.NET` → `.net`. Normalising twice changes nothing.
    """
    return " ".join(_words_of(_plain(name)))


def words(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as `normalise` sees them, each with its offsets in the text (end exclusive)."""
    if text.isascii():
        return [(_spelt(m.group()), m.start(), m.end()) for m in _WORD.finditer(_plain(text))]
    # One character may become several (ß → ss) or none (a combining accent).
    characters = [(plain, place) for place, c in enumerate(text) for plain in _plain_character(c)]
    places = [place for _, place in characters]
    found = _WORD.finditer("".join(plain for plain, _ in characters))
    return [(_spelt(m.group()), places[m.start()], places[m.end() - 1] + 1) for m in found]


def _words_of(plain: str) -> list[str]:
    return [_spelt(word) for word in _WORD.findall(plain)]


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
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    return kept if kept == character else _plain(kept)
