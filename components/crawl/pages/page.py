"""Pages and the rules by which their pictures become pairs, shared by all page readers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from components.crawl.address import LONGEST, host_of, resolve
from components.crawl.pages.directives import read_header, read_metas, refusal
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# Open Graph properties: the picture that a page is shared with, and its text, best first.
_OG_IMAGE = ("og:image:secure_url", "og:image", "og:image:url")
_OG_TEXT = ("og:image:alt", "og:title")
_MAX_LANGUAGE = 35  # characters
# Characters of a page's pairs and of its links. A long title, caption or base is in each of them,
# so that a small page could otherwise become gigabytes.
_MAX_TEXT, _MAX_LINKS = 5_000_000, 5_000_000

# A page's `<meta>`s: name or property, lower case, and content.
Metas = list[tuple[str, str]]
# A picture that is described, not shown: its URL as written, and its texts, best first.
Described = tuple[str, Sequence[str]]


@dataclass(frozen=True)
class Page:
    """The result of reading a page."""

    pairs: tuple[Pair, ...] = ()
    links: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    refusal: str | None = None  # the directive that excludes its pictures, if any
    links_left: int = 0  # links beyond those that are kept of one page
    directives: frozenset[str] = frozenset()


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
        robot = self.parameters.robot
        return read_header(header, robot) | read_metas(metas, robot)

    def pair(
        self,
        reference: str,
        alt: str | None,
        label: str | None,
        caption: str,
        position: int,
        titles: Iterable[str | None] = (),
    ) -> Pair | str:
        """The pair of a picture, or the reason why there is none.

        The first non-empty text is its caption.

        Args:
            reference: the picture's URL as written.
            alt: its alt text.
            label: the text if there is no alt text.
            caption: the text if both are empty, and the pair's context; already collapsed.
            position: index among the pictures of the page.
            titles: the texts if all of these are empty, best first.
        """
        if not reference:
            return "no_source"
        if reference[4:5] == ":" and reference[:5].lower() == "data:":
            return "data_uri"
        text = collapse(alt, self.max_text) or collapse(label, self.max_text) or caption
        if not text:
            for title in titles:
                if text := collapse(title, self.max_text):
                    break
            else:
                return "no_text"
        address = resolve(self.base, reference)
        if address is None:
            return "bad_address"
        return Pair(address, text, caption, self.url, self.title, self.language, self.site, position)

    def page(
        self,
        found: Iterable[Pair | str],
        header: Iterable[str],
        metas: Metas,
        links: Iterable[str] = (),
        described: Iterable[Described] = (),
    ) -> Page:
        """The page with its pairs and dropped pictures; its directives may exclude pairs or links.

        Args:
            found: the pair of each picture, or the reason why there is none, in order.
            header: its `X-Robots-Tag` headers.
            metas: its `<meta>`s.
            links: URLs of linked pages.
            described: pictures that the page only describes; those it shows do not count again.
        """
        directives = self.directives(header, metas)
        followed, left = ((), 0) if "nofollow" in directives else _first_links(links)
        result = _Collected(len(self.title) + len(self.url), self.max_text)
        result.add(found)
        result.add(self._new_pairs(described, result))
        result.add(self._open_graph_pair(result, metas))
        refused = refusal(directives)
        if refused is None:
            return Page(tuple(result.pairs), followed, result.dropped, None, left, directives)
        dropped = {refused: result.pictures} if result.pictures else {}
        return Page((), followed, dropped, refused, left, directives)

    def _new_pairs(self, described: Iterable[Described], result: "_Collected") -> Iterator[Pair | str]:
        """The pairs of described pictures whose address no pair has."""
        seen: set[str | None] | None = None
        for reference, texts in described:
            seen = {pair.url for pair in result.pairs} if seen is None else seen
            address = resolve(self.base, reference)
            if address is None or address not in seen:
                seen.add(address)
                yield self.pair(reference, None, None, "", result.pictures, texts)

    def _open_graph_pair(self, result: "_Collected", metas: Metas) -> Iterator[Pair | str]:
        """The pair of the page's `og:image`, or why there is none, if the picture is new."""
        first = dict(reversed(metas))
        reference = next((first[name] for name in _OG_IMAGE if first.get(name)), "").strip()
        if not reference:
            return
        address = resolve(self.base, reference)
        for pair in result.pairs:
            if pair.url == address:
                return
        alt, title = map(first.get, _OG_TEXT)
        # The page's title is the text only if there is no `og:title`, and never the context.
        label = title if collapse(title, self.max_text) else self.title
        yield self.pair(reference, alt, label, "", result.pictures)


class _Collected:
    """The pairs of a page, up to `_MAX_TEXT` characters, and its dropped pictures by reason."""

    def __init__(self, shared: int, max_text: int) -> None:
        """Starts empty; `shared` is the number of characters that all its pairs have."""
        self.pairs: list[Pair] = []
        self.dropped: dict[str, int] = {}
        self._shared = shared
        # So many pairs fit, however long they are: those of most pages need not be measured.
        self._unmeasured = _MAX_TEXT // (shared + LONGEST + 2 * max_text)
        self._left: int | None = None  # of the characters, once pairs are measured

    @property
    def pictures(self) -> int:
        """The number of pictures so far."""
        return len(self.pairs) + sum(self.dropped.values())

    def add(self, found: Iterable[Pair | str]) -> None:
        """Adds pairs and reasons."""
        pairs, dropped, unmeasured = self.pairs, self.dropped, self._unmeasured
        for result in found:
            if not isinstance(result, Pair):
                dropped[result] = dropped.get(result, 0) + 1
            elif len(pairs) < unmeasured or self._fits(result):
                pairs.append(result)
            else:
                dropped["too_many_pictures"] = dropped.get("too_many_pictures", 0) + 1

    def _fits(self, pair: Pair) -> bool:
        """Whether there is room for a pair, which is then taken; after one without, for none."""
        if self._left is None:
            self._left = _MAX_TEXT - sum(map(self._length, self.pairs))
        self._left -= self._length(pair)
        return self._left >= 0

    def _length(self, pair: Pair) -> int:
        return len(pair.url) + len(pair.caption) + len(pair.context) + self._shared


def _first_links(links: Iterable[str]) -> tuple[tuple[str, ...], int]:
    """The distinct links up to `_MAX_LINKS` characters, and how many there are beyond them."""
    found: dict[str, None] = {}
    length = left = 0
    for link in links:
        if link not in found:
            length += len(link)
            if length <= _MAX_LINKS:
                found[link] = None
            else:
                left += 1
    return tuple(found), left


def collapse(text: str | None, max_text: int) -> str:
    """Collapses white space and removes unprintable characters (surrogates, control characters)."""
    if not text:
        return ""
    if len(text) <= max_text and "  " not in text and text.isprintable():
        return text.strip()
    shown = text[: 4 * max_text]
    if not shown.isprintable():
        shown = "".join(c for c in shown if c.isprintable() or c.isspace())
    elif "  " not in shown:  # the space is the only printable white space
        return shown.strip()[:max_text].rstrip()
    return " ".join(shown.split())[:max_text].rstrip()
