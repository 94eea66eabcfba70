"""Pages and the rules by which their pictures become pairs, shared by all page readers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components.crawl.address import host_of, resolve
from components.crawl.pages.directives import read_header, read_metas, refusal
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# Open Graph properties: the picture that a page is shared with, and its text, best first.
_OG_IMAGE = ("og:image:secure_url", "og:image", "og:image:url")
_OG_TEXT = ("og:image:alt", "og:title")
_MAX_LANGUAGE = 35  # characters

# A page's `<meta>`s: name or property, lower case, and content.
Metas = list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """The result of reading a page."""

    pairs: tuple[Pair, ...] = ()
    links: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    refusal: str | None = None  # the directive that excludes its pictures, if any


@dataclass(frozen=True)
class PageContext:
    """The properties that all pairs of a page share.

    Attributes:
        url: the page's URL.
        base: the base of its relative URLs.
        title: the page's title; empty if there is none.
        language: its declared language; empty if undeclared.
        site: its host.
        max_text: maximum length of a text, characters.
        parameters: section `crawl`.
    """

    url: str
    base: str
    title: str
    language: str
    site: str
    max_text: int
    parameters: CrawlParameters

    @classmethod
    def of(cls, url: str, base: str, title: str, language: str, parameters: CrawlParameters) -> "PageContext":
        """Makes a context; `base` may be relative or empty, `title` and `language` are cleaned."""
        tag = language.strip().lower().replace("_", "-")
        known = len(tag) <= _MAX_LANGUAGE and tag.isascii() and tag.replace("-", "").isalnum()
        title = collapse(title, parameters.max_text)
        return cls(
            url, resolve(url, base) or url, title, tag if known else "", host_of(url), parameters.max_text, parameters
        )

    def directives(self, header: Iterable[str], metas: Metas) -> frozenset[str]:
        """The page's directives for this robot, from `X-Robots-Tag` headers and `<meta>`s."""
        return read_header(header, self.parameters.robot) | read_metas(metas, self.parameters.robot)

    def pair(self, reference: str, alt: str | None, label: str | None, caption: str, position: int) -> Pair | str:
        """The pair of a picture, or the reason why there is none.

        The first non-empty text is its caption.

        Args:
            reference: the picture's URL as written.
            alt: its alt text.
            label: the text if there is no alt text.
            caption: the text if both are empty, and the pair's context; already collapsed.
            position: index among the pictures of the page.
        """
        if not reference:
            return "no_source"
        if reference[:5].lower() == "data:":
            return "data_uri"
        text = collapse(alt, self.max_text) or collapse(label, self.max_text) or caption
        if not text:
            return "no_text"
        address = resolve(self.base, reference)
        if address is None:
            return "bad_address"
        return Pair(address, text, caption, self.url, self.title, self.language, self.site, position)

    def page(self, found: Iterable[Pair | str], header: Iterable[str], metas: Metas, links: Iterable[str] = ()) -> Page:
        """The page with its pairs and dropped pictures; its directives may exclude pairs or links.

        Args:
            found: the pair of each picture, or the reason why there is none, in order.
            header: its `X-Robots-Tag` headers.
            metas: its `<meta>`s.
            links: URLs of linked pages.
        """
        directives = self.directives(header, metas)
        followed = () if "nofollow" in directives else tuple(dict.fromkeys(links))
        pairs: list[Pair] = []
        dropped: dict[str, int] = {}
        for result in found:
            if isinstance(result, Pair):
                pairs.append(result)
            else:
                dropped[result] = dropped.get(result, 0) + 1
        shared = self._open_graph_pair(pairs, len(pairs) + sum(dropped.values()), metas)
        if isinstance(shared, Pair):
            pairs.append(shared)
        elif shared:
            dropped[shared] = dropped.get(shared, 0) + 1
        refused = refusal(directives)
        if refused is None:
            return Page(tuple(pairs), followed, dropped)
        pictures = len(pairs) + sum(dropped.values())
        return Page((), followed, {refused: pictures} if pictures else {}, refused)

    def _open_graph_pair(self, pairs: Iterable[Pair], position: int, metas: Metas) -> Pair | str:
        """The pair of the page's `og:image`, or a reason; empty if there is no new picture."""
        first = dict(reversed(metas))
        reference = next((first[name] for name in _OG_IMAGE if first.get(name)), "").strip()
        if not reference:
            return ""
        address = resolve(self.base, reference)
        if any(pair.url == address for pair in pairs):
            return ""
        alt, title = map(first.get, _OG_TEXT)
        # The page's title is the text only if there is no `og:title`, and never the context.
        return self.pair(reference, alt, title if collapse(title, self.max_text) else self.title, "", position)


def collapse(text: str | None, max_text: int) -> str:
    """Collapses white space and removes unprintable characters (surrogates, control characters)."""
    if not text:
        return ""
    shown = text[: 4 * max_text]
    if not shown.isprintable():
        shown = "".join(c for c in shown if c.isprintable() or c.isspace())
    elif "  " not in shown:  # the space is the only printable white space
        return shown.strip()[:max_text].rstrip()
    return " ".join(shown.split())[:max_text].rstrip()
