"""What every reader of pages shares: what a page gives, and the rules by which its pictures become pairs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from components.crawl.address import host_of, resolve
from components.crawl.pages.directives import read_header, read_metas, refusal
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# What a page shows where it is shared: its picture, and what it says of it, best first.
_SHARED = ("og:image:secure_url", "og:image", "og:image:url")
_SHARED_TEXT = ("og:image:alt", "og:title")
_LONGEST_LANGUAGE = 35  # characters that the longest language tag needs

# A page's `<meta>`s: name or property, lower case, and content.
Metas = list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """What one page gives."""

    pairs: tuple[Pair, ...] = ()
    links: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    refusal: str | None = None  # why its pictures may not be taken, if so


@dataclass(frozen=True)
class PageContext:
    """What all pairs of a page share.

    Attributes:
        url: the page's address.
        base: what its addresses are relative to.
        title: the page's title; empty if there is none.
        language: what it says its language is; empty if it says nothing.
        site: its host.
        longest: characters that a text may have.
        parameters: section `crawl`.
    """

    url: str
    base: str
    title: str
    language: str
    site: str
    longest: int
    parameters: CrawlParameters

    @classmethod
    def of(cls, url: str, base: str, title: str, language: str, parameters: CrawlParameters) -> "PageContext":
        """A context; `base` may be relative or empty, `title` and `language` are cleaned."""
        tag = language.strip().lower().replace("_", "-")
        known = len(tag) <= _LONGEST_LANGUAGE and tag.isascii() and tag.replace("-", "").isalnum()
        title = collapse(title, parameters.max_text)
        return cls(
            url, resolve(url, base) or url, title, tag if known else "", host_of(url), parameters.max_text, parameters
        )

    def directives(self, header: Iterable[str], metas: Metas) -> frozenset[str]:
        """What the page asks of this robot, in `X-Robots-Tag` headers and `<meta>`s."""
        return read_header(header, self.parameters.robot) | read_metas(metas, self.parameters.robot)

    def pair(self, reference: str, alt: str | None, label: str | None, caption: str, position: int) -> Pair | str:
        """The pair of a picture, or why there is none; the first of its texts that says something counts.

        Args:
            reference: the picture's address, as it is written.
            alt: its alt text.
            label: what stands in its place.
            caption: what stands in the place of both, and is the pair's context; clean.
            position: among the pictures of the page.
        """
        if not reference:
            return "no_source"
        if reference[:5].lower() == "data:":
            return "data_uri"
        text = collapse(alt, self.longest) or collapse(label, self.longest) or caption
        if not text:
            return "no_text"
        address = resolve(self.base, reference)
        if address is None:
            return "bad_address"
        return Pair(address, text, caption, self.url, self.title, self.language, self.site, position)

    def page(self, found: Iterable[Pair | str], header: Iterable[str], metas: Metas, links: Iterable[str] = ()) -> Page:
        """The page of its pairs, and of the reasons why there are not more; without pairs or links if it asks for that.

        Args:
            found: what each of its pictures gives, in order.
            header: its `X-Robots-Tag` headers.
            metas: its `<meta>`s.
            links: addresses of pages that it leads to.
        """
        directives = self.directives(header, metas)
        followed = () if "nofollow" in directives else tuple(dict.fromkeys(links))
        pairs: list[Pair] = []
        dropped: dict[str, int] = {}
        for one in found:
            if isinstance(one, Pair):
                pairs.append(one)
            else:
                dropped[one] = dropped.get(one, 0) + 1
        shared = self._shared(pairs, len(pairs) + sum(dropped.values()), metas)
        if isinstance(shared, Pair):
            pairs.append(shared)
        elif shared:
            dropped[shared] = dropped.get(shared, 0) + 1
        refused = refusal(directives)
        if refused is None:
            return Page(tuple(pairs), followed, dropped)
        pictures = len(pairs) + sum(dropped.values())
        return Page((), followed, {refused: pictures} if pictures else {}, refused)

    def _shared(self, pairs: Iterable[Pair], position: int, metas: Metas) -> Pair | str:
        """The pair of the picture that the page is shared with, or why there is none; empty if no other picture is meant."""
        first = dict(reversed(metas))
        reference = next((first[name] for name in _SHARED if first.get(name)), "").strip()
        if not reference:
            return ""
        address = resolve(self.base, reference)
        if any(pair.url == address for pair in pairs):
            return ""
        alt, title = map(first.get, _SHARED_TEXT)
        # The page's title is no caption of the picture: it is a text of it only where there is no other.
        return self.pair(reference, alt, title if collapse(title, self.longest) else self.title, "", position)


def collapse(text: str | None, longest: int) -> str:
    """Runs of white space become one blank; what cannot be shown (broken surrogates, control characters) goes."""
    if not text:
        return ""
    shown = text[: 4 * longest]
    if not shown.isprintable():
        shown = "".join(c for c in shown if c.isprintable() or c.isspace())
    elif "  " not in shown:  # the blank is the only white space that is printable
        return shown.strip()[:longest].rstrip()
    return " ".join(shown.split())[:longest].rstrip()
