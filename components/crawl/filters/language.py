"""Texts in a language that `languages` does not list."""

import re
from functools import lru_cache
from typing import Any

from components.crawl.filters import PairFilter
from components.crawl.pair import Pair

_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN_ENDS = 0x24F  # the last code point of the Latin blocks that alphabets use
# Shorter texts do not show their language, unless their letters do.
_TELLING_WORDS, _TELLING_LETTERS = 4, 2


class Language(PairFilter):
    """Drops texts in other languages than `languages`; an empty list disables the filter."""

    order = 50

    @property
    def enabled(self) -> bool:
        """Whether any language is asked for."""
        return bool(self.parameters.languages)

    def drops(self, pair: Pair) -> bool:
        """By the text where it is long enough to show its language, else by the page's `lang`."""
        words = _LETTERS.findall(pair.caption)
        foreign = sum(1 for word in words for letter in word if ord(letter) > _LATIN_ENDS)
        if len(words) >= _TELLING_WORDS or foreign >= _TELLING_LETTERS:
            language, probability = _identifier().classify(pair.caption)
            if probability >= self.parameters.language_certainty:
                return language not in self.parameters.languages
        declared = pair.page_language.partition("-")[0]
        return bool(declared) and declared not in self.parameters.languages


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
