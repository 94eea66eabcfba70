"""The one normalisation of names: what must be equal for a mention to be a name."""

import re
import unicodedata
from functools import lru_cache

# Letters, digits, and the signs that tell C, C++ and C# apart; a dot counts only before a letter (.NET) or between digits.
_WORD = re.compile(r"\.?[^\W_]+(?:['’][^\W_]+)*[+#]*|&", re.UNICODE)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'"})


@lru_cache(maxsize=200_000)
def normalise(name: str) -> str:
    """Lower case, no diacritics, words separated by one blank.

    `Côte_d’Ivoire` → `cote d'ivoire`, `file-type-python` → `file type python`, `C++` → `c++`, `:us:` → `us`.
    """
    decomposed = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return " ".join(_WORD.findall(plain)).replace("&", "and")


def words(text: str) -> list[tuple[str, int, int]]:
    """The words of a text as `normalise` sees them, each with its offsets in the text (end exclusive)."""
    found = []
    for match in _WORD.finditer(text.translate(_APOSTROPHES)):
        word = normalise(match.group())
        if word:
            found.append((word, match.start(), match.end()))
    return found
