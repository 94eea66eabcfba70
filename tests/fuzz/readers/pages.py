"""Pages and the parts of pages that have readers of their own."""

import json
from collections import Counter
from collections.abc import Iterable
from functools import cache

from components.crawl.address import resolve
from components.crawl.pages.charset import decode
from components.crawl.pages.directives import PICTURE_REFUSALS
from components.crawl.pages.html import read_page
from components.crawl.pages.srcset import best, parse_srcset, summarize
from components.crawl.pages.structured_data import read_image_objects
from components.crawl.pair import Pair
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.parameters import CrawlParameters
from components.redaction import redact, show_url
from tests.fuzz import page_seeds, seeds
from tests.fuzz.change import GENERAL, OF_PAGES, multiply
from tests.fuzz.reader import Reader, chance_of
from tests.fuzz.readers.limits import crawl_knobs

_TYPES = (
    "",
    "text/html",
    "text/html; charset=utf-8",
    "text/html; charset=latin-1",
    'text/html;charset="nonsense"',
    "text/html; charset=utf-16",
)
_HEADERS = ([], ["noindex"], ["googlebot: noindex, other: none"], ["\udcff: ::, ,unavailable_after: 1"])
_LOST = {
    *("no_source", "data_uri", "no_text", "bad_address", "spacer", "declared_small", "placeholder", "rest_of_page"),
    *("too_many_pictures", *PICTURE_REFUSALS),
}


def read_html(data: bytes) -> Iterable[str]:
    """Bytes → pairs after the text rules."""
    chance, knob = chance_of(data), _knobs()
    text, header = decode(data, chance.choice(_TYPES)), chance.choice(_HEADERS)
    page = read_page(text, "https://www.a.example/x/y.html", header, knob, links=True)
    assert set(page.dropped) <= _LOST, page.dropped
    for link in page.links:
        assert resolve(link, link) == link, link
    counts: Counter[str] = Counter()
    kept = list(keep(page.pairs, pair_filters(knob), counts))
    for pair in page.pairs:
        check_pair(pair, knob)
    assert len(kept) == len(page.pairs) + counts["pairs.found"]
    return [page.refusal or ("pairs" if kept else "no pairs")]


def check_pair(pair: Pair, knob: CrawlParameters) -> None:
    """What holds of any pair, whatever it was read from."""
    assert pair.url.startswith(("http://", "https://")), pair
    assert resolve(pair.url, pair.url) == pair.url, pair
    assert 0 < len(pair.caption) <= knob.max_text, pair
    assert all(text.isprintable() for text in (pair.caption, pair.context, pair.page_title, pair.page_language)), pair
    json.dumps(pair).encode()


def read_address(data: bytes) -> Iterable[str]:
    """A page's address and, on the further lines, references in it → addresses."""
    base, *references = data.decode("utf-8", "surrogateescape").split("\n")
    found = [resolve(base, reference) for reference in (base, *references)]
    for address in filter(None, found):
        assert address.startswith(("http://", "https://")), address
        assert resolve(address, address) == address, address
        address.encode("ascii")
    for text in (base, *references):
        assert isinstance(show_url(text) + redact(text), str)
    return ["address" if any(found) else "no address"]


def read_srcset(data: bytes) -> Iterable[str]:
    """A `srcset` → the candidate that is taken."""
    candidates = parse_srcset(data.decode("utf-8", "replace"))
    chosen = best(candidates, 1024)
    assert chosen == best(summarize(candidates, 1024), 1024)
    return ["none" if chosen is None else "chosen"]


def read_json_ld(data: bytes) -> Iterable[str]:
    """Scripts, one behind the other with `</script>` between them → described pictures."""
    found = list(read_image_objects(data.decode("utf-8", "replace").split("</script>")))
    assert all(address and all(texts) for address, texts in found)
    return ["pictures" if found else "no pictures"]


@cache
def _knobs() -> CrawlParameters:
    return crawl_knobs(languages=["en"])


READERS = {
    "page": Reader(read_html, seeds.pages, OF_PAGES),
    "address": Reader(read_address, page_seeds.addresses, (*GENERAL, multiply)),
    "srcset": Reader(read_srcset, page_seeds.srcsets, (*GENERAL, multiply)),
    "json_ld": Reader(read_json_ld, page_seeds.scripts, (*GENERAL, multiply)),
}
