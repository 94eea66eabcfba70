"""HTML of the sample sites, in different markup styles, as on the web."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

SPACER = "/img/spacer.gif"


@dataclass(frozen=True)
class ShownPicture:
    """One picture on a page."""

    path: str  # URL path, with a leading slash
    alt: str | None  # None: no alt attribute
    caption: str = ""
    thumbnail: str = ""  # a smaller copy for srcset
    side: int = 64


def page(title: str, body: str, language: str = "en") -> str:
    """A complete document."""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def links(targets: Sequence[tuple[str, str]]) -> str:
    """A navigation list of (address, text)."""
    items = "".join(f'<li><a href="{escape(address)}">{escape(text)}</a></li>' for address, text in targets)
    return f"<nav><ul>{items}</ul></nav>"


def picture(shown: ShownPicture, markup: str, host: str) -> str:
    """A picture in `plain`, `relative`, `absolute`, `lazy`, `srcset` or `source` markup."""
    alt = "" if shown.alt is None else f' alt="{escape(shown.alt)}"'
    address = {"relative": f"..{shown.path}", "absolute": f"http://{host}{shown.path}"}.get(markup, shown.path)
    size = f'width="{shown.side}" height="{shown.side}"'
    if markup == "lazy":
        image = f'<img src="{SPACER}" data-src="{address}" loading="lazy" {size}{alt}>'
    elif markup == "srcset" and shown.thumbnail:
        image = (
            f'<img src="{shown.thumbnail}" srcset="{shown.thumbnail} 32w, {address} {shown.side}w" sizes="96px"{alt}>'
        )
    elif markup == "source":
        image = f'<picture><source srcset="{address}" type="image/webp"><img src="{address}" {size}{alt}></picture>'
    else:
        image = f'<img src="{address}" {size}{alt}>'
    if shown.caption:
        return f"<figure>{image}<figcaption>{escape(shown.caption)}</figcaption></figure>"
    return f"<p>{image}</p>"


def gallery(shown: Sequence[ShownPicture], markup: str, host: str) -> str:
    """The pictures of a page, with the spacer and the small icon that every page has."""
    chrome = f'<img src="{SPACER}" width="1" height="1" alt=""><img src="/img/ui-search.png" width="16" height="16" alt="search">'
    return chrome + "\n" + "\n".join(picture(s, markup, host) for s in shown)
