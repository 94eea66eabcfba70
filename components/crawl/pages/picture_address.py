"""Which of the addresses around a picture is the picture's.

Scripts load pictures from attributes of their own, show a placeholder until then, and open a larger
picture when a thumbnail is clicked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from components.crawl.pages.srcset import AnyCandidate, best, parse_srcset

Attributes = Mapping[str, str | None]

# Attributes that lazy-loading scripts read the URL from, most common first.
_LAZY = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-lazyload",
    "data-echo",
    "data-lazysrc",
    "data-original-src",
    "data-orig-src",
    "data-img-src",
    "data-image-src",
    "data-flickity-lazyload",
    "data-splide-lazy",
    "data-ks-lazyload",
    "data-cfsrc",
    "data-actualsrc",
    "data-defer-src",
    "data-pagespeed-lazy-src",
    "lazy-src",
    "lazyload",
)
_SRCSETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set", "data-flickity-lazyload-srcset")
# Attributes with a larger picture, best first: WooCommerce, Jetpack, lightboxes and zooms.
_FULL = (
    "data-large_image",
    "data-large-file",
    "data-orig-file",
    "data-full",
    "data-full-src",
    "data-fullsrc",
    "data-full-url",
    "data-large",
    "data-large-src",
    "data-large-image",
    "data-image-large",
    "data-zoom-image",
    "data-zoom-src",
    "data-zoom",
    "data-hires",
    "data-hi-res",
    "data-highres",
    "data-high-res-src",
    "data-old-hires",
    "data-big",
)
# Attributes other than `src` that may have the URL.
_LAZY_NAMES, _FULL_NAMES = frozenset(_LAZY), frozenset(_FULL)
_ALTERNATIVES = frozenset(_LAZY + _SRCSETS + _FULL)
# Attributes that never have the URL of the picture itself.
_OTHER = frozenset(("src", "alt", "title", "aria-label", "class", "style", "id", "longdesc", "usemap", "itemprop"))
_EXTENSIONS = frozenset("jpg jpeg png webp gif avif jfif bmp tif tiff".split())  # noqa: SIM905 - readable
_NO_ADDRESS = re.compile(r"[\s{}\"'<>]")
# Pages about a picture may end like it: Wikipedia's `/wiki/File:Crab.jpg`, GitHub's `/blob/`.
_PAGE = re.compile(r"/[^/?#]*(?::|%3a)[^/?#]*(?:[?#]|$)|/blob/|/wiki/", re.IGNORECASE)
# Names of files that are placeholders, without hyphens, digits and extension.
_WORDS = (
    *("blank", "spacer", "placeholder", "lazy", "lazyload", "lazyloader", "lazyloading", "loading", "loader"),
    *("preloader", "transparent", "dummy", "empty"),
)
# Only of GIFs: other formats have pictures of that name.
_GIF_WORDS = ("pixel", "clear", "trans", "grey", "gray")
_NOTHING = frozenset(
    f"{before}{word}{after}"
    for before in ("", "img", "image", "photo", "no", "s", "t")
    for word in _WORDS
    for after in ("", "image", "img", "pixel", "gif", "bg")
).union(("",), _GIF_WORDS)
_DIGITS = "0123456789x"
_EMBEDDED = ("", "data:", "DATA:", "Data:")
_LONGEST = 4_000  # characters; longer ones are no address
# What `choose` returns for a picture of which the page names only a placeholder.
PLACEHOLDER = "about:blank"


def is_placeholder(reference: str) -> bool:
    """Whether an address is of what a page shows until a script has loaded the picture."""
    stem, dot, extension = reference.rpartition("/")[2].partition(".")
    if dot and stem.lower().replace("-", "").replace("_", "").strip(_DIGITS) in _NOTHING:
        return _is_placeholder_file(stem, extension)
    return reference[:1] == "#" or reference[:6].lower() == "about:"


def _is_placeholder_file(stem: str, extension: str) -> bool:
    """Judges a name that, but for its digits, may be a placeholder's. Numbers name pictures."""
    kind = extension.partition("?")[0].partition("#")[0].lower()
    if stem.lower() in _GIF_WORDS:
        return kind == "gif"
    words = stem.strip("-_" + _DIGITS)
    return (words.lower() not in _GIF_WORDS and (kind in _EXTENSIONS or kind == "svg")) if words else stem == "1x1"


def is_picture(reference: str) -> bool:
    """Whether an address ends as a picture's does, and not one of a page about it."""
    if len(reference) > _LONGEST:
        return False
    name, _, extension = reference.partition("#")[0].partition("?")[0].rpartition(".")
    return (
        extension.lower() in _EXTENSIONS
        and name[-1:] not in ("", "/", ":")
        and not _NO_ADDRESS.search(reference)
        and not _PAGE.search(reference)
    )


def choose(
    attributes: Attributes, sources: tuple[AnyCandidate, ...], link: str, width: float, shown: float | None
) -> str:
    """The address of a picture; empty if there is none, `PLACEHOLDER` if there is only one.

    Args:
        attributes: of the `<img>`.
        sources: candidates of the `<picture>` around it.
        link: the picture that the link around it opens; empty if there is none.
        width: the width that is wanted, px.
        shown: the width that is declared, px.
    """
    source = (attributes.get("src") or "").strip()
    named = not _ALTERNATIVES.isdisjoint(attributes)
    chosen = best(_candidates(attributes, sources, source), width) if named or sources else None
    reference, known, _ = chosen or (source, 0.0, 1.0)
    nothing = is_placeholder(reference)
    if nothing or reference[:5] in _EMBEDDED:
        guessed = next(_guessed(attributes), "")
        reference, nothing = guessed or reference, nothing and not guessed
    if (link and link != reference) or named:
        full = (next(_full(attributes), "") or link) if (known or shown or 0.0) * 2 < width else ""
        reference, nothing = full or reference, nothing and not full
    return PLACEHOLDER if nothing else reference


def _candidates(attributes: Attributes, sources: tuple[AnyCandidate, ...], source: str) -> list[AnyCandidate]:
    """All URLs of a picture, in a browser's order of preference."""
    found = srcset_candidates(attributes)
    found.extend(sources)
    for name in _present(_LAZY, _LAZY_NAMES, attributes):
        reference = attributes[name]
        # Not `data-lazy="true"`, and no template that a script fills in.
        if reference and ("/" in reference or "." in reference) and "{" not in reference:
            found.append((reference.strip(), 0.0, 1.0))
    found.append((source, 0.0, 1.0))
    return found


def srcset_candidates(attributes: Attributes) -> list[AnyCandidate]:
    """The candidates of all attributes like `srcset`."""
    found: list[AnyCandidate] = []
    for name in _SRCSETS:
        value = attributes.get(name)
        if value:
            found.extend(parse_srcset(value))
    return found


def _present(names: tuple[str, ...], known: frozenset[str], attributes: Attributes) -> Iterable[str]:
    """Those of many names that are among a few attributes, in the order of the names."""
    found = known.intersection(attributes)
    return found if len(found) <= 1 else sorted(found, key=names.index)


def _guessed(attributes: Attributes) -> Iterator[str]:
    """What looks like a picture's address in attributes of any name (`data-url`, `loadsrc`)."""
    for name, value in attributes.items():
        if value and name not in _OTHER and name not in _ALTERNATIVES:
            reference = value.strip()
            if is_picture(reference) and not is_placeholder(reference):
                yield reference


def _full(attributes: Attributes) -> Iterator[str]:
    """Addresses of the full picture behind a thumbnail, best first."""
    for name in _present(_FULL, _FULL_NAMES, attributes):
        reference = (attributes[name] or "").strip()
        if is_picture(reference):
            yield reference
