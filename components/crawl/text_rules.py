"""Which texts are worth a picture: small rules, each of which says why it drops a pair, or nothing."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

from components.crawl.counts import DROPPED, FOUND
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# A pair → why it is dropped; None if it may stay.
Rule = Callable[[Pair], str | None]

_PICTURE_ENDING = r"\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?|avif|heic|ico|jfif)"
# `IMG_1234`, `DSC00012`, `20190412_101112`, `Screenshot 2024-01-01`, and whatever ends like a picture's file.
_CAMERA = r"(?:img|dsc[nf]?|p|pict|mvi|wp|pxl|screen ?shot|image|photo|picture|foto|untitled|file)"
_FILE = re.compile(
    rf"\S*{_PICTURE_ENDING}|(?:\S+\s+){{0,3}}\S+{_PICTURE_ENDING}"
    rf"|{_CAMERA}[\s_-]*\d[\d\s_.-]*(?:at[\d\s.]+)?(?:[ap]m)?"
    r"|[\d\s_.:-]+|[0-9a-f-]{16,}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)
# What says that there is a picture, and not what it shows.
_NOTHING = frozenset(
    """alt alternate article-image avatar background banner blank bild button caption cover default description empty
    featured-image figure foto graphic header hero icon illustration image image-alt image-description images imagen
    img loading logo main-image n/a na no-image none null picture placeholder photo pic pixel portrait post-image
    product-image profile-picture screenshot spacer thumb thumbnail title undefined unknown untitled user video""".split()  # noqa: SIM905 - to be read
)
_LETTERS = re.compile(r"[^\W\d_]+")
_LATIN_ENDS = 0x24F  # the last code point of the Latin blocks that alphabets use
# Shorter texts do not show their language, unless their letters do.
_TELLING_WORDS, _TELLING_LETTERS = 4, 2


def text_rules(parameters: CrawlParameters) -> tuple[Rule, ...]:
    """The rules that need one pair only, in the order in which they are asked."""
    rules: list[Rule] = [partial(_short, parameters.min_text), _file_name, _address, _says_nothing]
    if parameters.languages:
        rules.append(partial(_language, tuple(parameters.languages), parameters.language_certainty))
    return tuple(rules)


def keep(pairs: Iterable[Pair], rules: Iterable[Rule], counts: Counter[str]) -> Iterator[Pair]:
    """The pairs that no rule drops; the others are moved from found to dropped, by reason."""
    asked = tuple(rules)
    for pair in pairs:
        reason = dropped_as(pair, asked)
        if reason is None:
            yield pair
        else:
            counts[FOUND] -= 1
            counts[f"{DROPPED}{reason}"] += 1


def dropped_as(pair: Pair, rules: Iterable[Rule]) -> str | None:
    """Why a pair is dropped, by the first rule that objects; None if it stays."""
    return next((reason for rule in rules if (reason := rule(pair)) is not None), None)


def _short(least: int, pair: Pair) -> str | None:
    return "too_short" if len(pair.caption) < least else None


def _file_name(pair: Pair) -> str | None:
    return "file_name" if _FILE.fullmatch(pair.caption) else None


def _address(pair: Pair) -> str | None:
    return "address" if _ADDRESS.fullmatch(pair.caption) else None


def _says_nothing(pair: Pair) -> str | None:
    words = "-".join(pair.caption.lower().strip(" .:!*-_").split())
    return "says_nothing" if not words or words in _NOTHING else None


def _language(wanted: tuple[str, ...], certainty: float, pair: Pair) -> str | None:
    """By the text where it is long enough to show its language, else by what the page says."""
    words = _LETTERS.findall(pair.caption)
    foreign = sum(1 for word in words for letter in word if ord(letter) > _LATIN_ENDS)
    if len(words) >= _TELLING_WORDS or foreign >= _TELLING_LETTERS:
        language, probability = _identifier().classify(pair.caption)
        if probability >= certainty:
            return None if language in wanted else "language"
    said = pair.page_language.partition("-")[0]
    return "language" if said and said not in wanted else None


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
