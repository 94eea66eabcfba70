"""Texts that say that there is a picture, and not what it shows."""

from components.crawl.filters import PairFilter
from components.crawl.pair import Pair

_NOTHING = frozenset(
    """alt alternate article-image avatar background banner blank bild button caption cover default description empty
    featured-image figure foto graphic header hero icon illustration image image-alt image-description images imagen
    img loading logo main-image n/a na no-image none null picture placeholder photo pic pixel portrait post-image
    product-image profile-picture screenshot spacer thumb thumbnail title undefined unknown untitled user video""".split()  # noqa: SIM905 - to be read
)


class SaysNothing(PairFilter):
    """Drops texts such as `image`, `logo` or `Untitled.`, and texts of punctuation alone."""

    order = 40

    def drops(self, pair: Pair) -> bool:
        """By a list of words."""
        words = "-".join(pair.caption.lower().strip(" .:!*-_").split())
        return not words or words in _NOTHING
