"""What every reader of pages shares: what a page gives, and the rules by which its pictures become pairs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from components.crawl.address import host_of, resolve
from components.crawl.pages.directives import read_header, read_meta, refusal
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
        found = read_header(header, self.parameters.robot)
        for name, content in metas:
            found |= read_meta(name, content, self.parameters.robot)
        return found

    def pair(self, reference: str, texts: Iterable[str | None], caption: str, position: int) -> Pair | str:
        """The pair of a picture, or why there is none; of the texts the first that says something counts, else the caption."""
        if not reference:
            return "no_source"
        if reference[:5].lower() == "data:":
            return "data_uri"
        for said in (*texts, caption):
            text = collapse(said, self.longest)
            if text:
                break
        else:
            return "no_text"
        address = resolve(self.base, reference)
        if address is None:
            return "bad_address"
        return Pair(address, text, caption, self.url, self.title, self.language, self.site, position)

    def with_shared(self, found: Iterable[Pair | str], metas: Metas) -> Iterator[Pair | str]:
        """What was found, and the pair of the picture that the page is shared with, unless it is among them."""
        shown = set()
        pictures = 0
        for one in found:
            pictures += 1
            if not isinstance(one, str):
                shown.add(one.url)
            yield one
        first = dict(reversed(metas))
        reference = next((first[name] for name in _SHARED if first.get(name)), "").strip()
        if reference and resolve(self.base, reference) not in shown:
            yield self.pair(reference, [*(first.get(name) for name in _SHARED_TEXT), self.title], "", pictures)


def page_of(found: Iterable[Pair | str], directives: frozenset[str], links: Iterable[str] = ()) -> Page:
    """A page of pairs and reasons; without pairs if it asks for that, without links if it asks for that."""
    refused = refusal(directives)
    dropped: Counter[str] = Counter()
    pairs = []
    for one in found:
        if refused is not None or isinstance(one, str):
            dropped[refused or str(one)] += 1
        else:
            pairs.append(one)
    followed = () if "nofollow" in directives else tuple(dict.fromkeys(links))
    return Page(tuple(pairs), followed, dropped, refused)


def collapse(text: str | None, longest: int) -> str:
    """Runs of white space become one blank; what cannot be shown (broken surrogates, control characters) goes."""
    if not text:
        return ""
    shown = text[: 4 * longest]
    if not shown.isprintable():
        shown = "".join(c for c in shown if c.isprintable() or c.isspace())
    return " ".join(shown.split())[:longest].rstrip()
