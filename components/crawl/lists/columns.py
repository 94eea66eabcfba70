"""Which columns of a list hold URLs and texts: as the user says, or by their usual names."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from components.crawl.address import resolve

# The usual names, the likeliest first, without case, spaces and punctuation: `Image URL`,
# `image_url` and `imageUrl` are one. What says that it is a picture's goes first: `url` next to it
# is a page's.
_URL_NAMES = (
    "imageurl", "imgurl", "imagelink", "imglink", "imageuri", "imageaddress", "imagesrc", "imgsrc",
    "imagesource", "pictureurl", "photourl", "photoimageurl", "mediaurl", "contenturl",
    "originalurl", "url", "uri", "src", "image", "img", "picture", "photo", "href", "link",
    "imageurls", "imgurls", "imagelinks", "urls", "images", "pictures", "photos",
)  # fmt: skip
_TEXT_NAMES = (
    "caption", "text", "alt", "alttext", "imagealttext", "imagealt", "imgalt", "altattribute",
    "captionalttextdescription", "imagecaption", "imgcaption", "captiontext", "captions", "texts",
    "topcaption", "rawcaption", "originalcaption", "captionreferencedescription",
    "imagedescription", "description", "sentence", "sentences", "title",
)  # fmt: skip
_PUNCTUATION = re.compile(r"[\W_]+")
_SHOWN = 20
_LONGEST_NAME = 40

# The column names that a user gave, or their numbers; empty where they are to be found.
Wanted = tuple[str, str]


class Columns(NamedTuple):
    """The indexes of the columns of URLs and of texts."""

    url: int
    text: int


def plain_name(name: str) -> str:
    """A name without case, spaces and punctuation."""
    return _PUNCTUATION.sub("", name.lower())


def find_columns(names: Sequence[str], wanted: Wanted, fits: Callable[[int], bool] = lambda _: True) -> Columns | str:
    """The columns by their names or numbers, or what is missing.

    Of several columns with one name the first is taken.

    Args:
        names: of all columns, in order.
        wanted: as the user gave them.
        fits: whether the column of an index can hold texts.
    """
    plain = [plain_name(name) for name in names]
    indexes = []
    for given, usual, what in zip(wanted, (_URL_NAMES, _TEXT_NAMES), ("url", "text"), strict=True):
        index = _given(names, plain, given) if given else _usual(plain, usual, fits)
        if index is None:
            sought = repr(given) if given else f"of the usual names ({', '.join(usual[:3])}, …)"
            return f"no column {sought} among {shown(names)}; {_fix(what)}"
        indexes.append(index)
    if indexes[0] == indexes[1]:
        return f"only one column for URLs and texts, {names[indexes[0]]!r}, among {shown(names)}; {_fix('text')}"
    return Columns(*indexes)


def columns_without_names(first: Sequence[Any], wanted: Wanted) -> Columns | None:
    """The columns of a list without header, by its first row; None if that may be a header.

    Columns that the user gave by number count; others are found if only one value is an address,
    and only one other value is there.
    """
    addresses = [index for index, value in enumerate(first) if is_address(value)]
    given = [_number(name, len(first)) if name else None for name in wanted]
    if any(name and index is None for name, index in zip(wanted, given, strict=True)):
        return None
    url, text = given
    if url is None and len(addresses) == 1:
        url = addresses[0]
    others = [index for index in range(len(first)) if index != url]
    if text is None and len(others) == 1:
        text = others[0]
    if url is None or text is None or url == text or _may_be_name(first[url]):
        return None
    return Columns(url, text)


def _given(names: Sequence[str], plain: Sequence[str], name: str) -> int | None:
    lowered = [one.strip().lower() for one in names]
    for candidates, sought in ((names, name), (lowered, name.strip().lower())):
        if sought in candidates:
            return candidates.index(sought)
    index = _number(name, len(names))
    if index is not None:
        return index
    sought = plain_name(name)
    return plain.index(sought) if sought and sought in plain else None


def _usual(plain: Sequence[str], usual: Sequence[str], fits: Callable[[int], bool]) -> int | None:
    return next((i for name in usual for i, one in enumerate(plain) if one == name and fits(i)), None)


def _number(name: str, columns: int) -> int | None:
    digits = name.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 and int(digits) < columns else None


def is_address(value: Any) -> bool:
    """Whether a value is the URL of something on the web."""
    return (
        isinstance(value, str)
        and value.strip().lower().startswith(("http://", "https://"))
        and bool(resolve(value, value))
    )


def _may_be_name(value: Any) -> bool:
    """Whether a value of the URL column may be its name: a word, and no address of any kind."""
    return isinstance(value, str) and bool(value.strip()) and "/" not in value and "." not in value


def shown(names: Sequence[str]) -> str:
    """The names, or the values of a row, as a message quotes them."""
    some = ", ".join(
        repr(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…") for name in names[:_SHOWN]
    )
    return f"{some}, …" if len(names) > _SHOWN else some or "none"


def _fix(what: str) -> str:
    return f"name it with --{what}-column (crawl.{what}_column in params.yaml), or give its number, from 0"
