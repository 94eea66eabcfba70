"""Texts in a language that `languages` does not list."""

import re
from functools import cached_property, lru_cache
from typing import Any

from components.crawl.filters import PairFilter
from components.crawl.languages import canonical, declared, foreign_letters
from components.crawl.pair import Pair

_LETTERS = re.compile(r"[^\W\d_]+")
# Shorter texts do not show their language, unless their letters do.
_TELLING_WORDS, _TELLING_LETTERS = 4, 2
# How much likelier than the declared language a wanted one must be, and how likely next to the
# likeliest, for a text to stay that is too short to be sure. On pages that declare one of nine
# other languages, 63 % of short English alt texts stay; of texts in these, 0.3 % pass
# (`python -m benchmarks.crawl.languages`).
_OVERRULES, _COMPARES = 0.75, 0.3


class Language(PairFilter):
    """Drops texts in other languages than `languages`; an empty list disables the filter."""

    order = 50

    @property
    def enabled(self) -> bool:
        """Whether any language is asked for."""
        return bool(self.parameters.languages)

    @cached_property
    def _wanted(self) -> frozenset[str]:
        return frozenset(map(canonical, self.parameters.languages))

    def drops(self, pair: Pair) -> bool:
        """By the script, by the text where it is long enough to tell, else by the page's `lang`."""
        text = pair.caption
        foreign = 0
        if not text.isascii():
            foreign, letters = foreign_letters(text, self._wanted)
            if foreign * 2 > letters or (foreign >= _TELLING_LETTERS and self._only_names_are_latin(text)):
                return True
        if foreign >= _TELLING_LETTERS or len(_LETTERS.findall(text)) >= _TELLING_WORDS:
            language, probability = _identifier().classify(text)
            if probability >= self.parameters.language_certainty:
                return canonical(language) not in self._wanted
        page = declared(pair.page_language)
        return bool(page) and page not in self._wanted and not self._overrules(text, page)

    def _only_names_are_latin(self, text: str) -> bool:
        """Whether a text says something in a script of other languages, and names in Latin.

        Names and brands have capitals, as `iPhone` in `чехол для iPhone 13`, and the other way
        round `Кремль` in `the Кремль`.
        """
        lower = [word for word in _LETTERS.findall(text) if len(word) >= _TELLING_LETTERS and word.islower()]
        return bool(lower) and all(foreign_letters(word, self._wanted)[0] == len(word) for word in lower)

    def _overrules(self, text: str, page: str) -> bool:
        """Whether a text is so much likelier in a wanted language that its page must be wrong."""
        likely: dict[str, float] = {}
        for code, probability in _identifier().rank(text):
            language = canonical(code)
            likely[language] = max(likely.get(language, 0.0), float(probability))
        if page not in likely:
            return False
        wanted = max(likely.get(language, 0.0) for language in self._wanted)
        return wanted >= _OVERRULES * (wanted + likely[page]) and wanted >= _COMPARES * (wanted + max(likely.values()))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
