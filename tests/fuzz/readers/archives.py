"""Web archives, and the bodies of HTTP responses in them and on the net."""

import io
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from components.crawl.archives.coding import BadBody, unchunk, unfold
from components.crawl.hosts.content_coding import UndecodableError, decode_body
from components.crawl.pair import Pair
from components.crawl.sources import PairSource
from components.crawl.sources.warc import Warc
from components.crawl.sources.wat import Wat
from components.crawl.unreadable import Unreadable
from tests.fuzz import seeds
from tests.fuzz.change import GENERAL, junk, multiply
from tests.fuzz.reader import Reader, chance_of
from tests.fuzz.readers.limits import crawl_knobs
from tests.fuzz.readers.pages import check_pair

_CODINGS = ("gzip", "deflate", "br", "zstd", "identity", "x-gzip", "none", "gzip, gzip", "compress", "")
_LARGEST = 2_000_000


def read_source(source: Callable[[], PairSource], name: str, data: bytes) -> Iterable[str]:
    """A file → pairs and unreadable parts: every pair is counted, every other part has a place."""
    counts: Counter[str] = Counter()
    knob = crawl_knobs()
    pairs = unreadable = 0
    for one in source().read(io.BytesIO(data), name, knob, counts):
        if isinstance(one, Pair):
            check_pair(one, knob)
            pairs += 1
        else:
            assert isinstance(one, Unreadable) and one.offset >= 0 and one.reason, one
            unreadable += 1
    assert counts["pairs.found"] == pairs
    return ["read", *(["pairs"] if pairs else []), *(["unreadable"] if unreadable else [])]


def read_body(data: bytes) -> Iterable[str]:
    """A body and a header of its coding → what a page or picture is read from."""
    header = chance_of(data).choice(_CODINGS)
    outcomes = []
    with suppress(BadBody):
        assert len(unchunk(data)) <= len(data)
    try:
        body = unfold(data, [part.strip() for part in header.split(",") if part], _LARGEST)
        assert body is None or len(body) <= _LARGEST
        outcomes.append("archived")
    except BadBody as error:
        outcomes.append(f"archived: {type(error).__name__}")
    try:
        live = decode_body(data, header, _LARGEST, text=chance_of(data).random() < 0.5)
        assert len(live) <= max(_LARGEST + 1, len(data))
        outcomes.append("live")
    except UndecodableError:
        outcomes.append("live: undecodable")
    return outcomes


READERS = {
    "warc": Reader(partial(read_source, Warc, "a.warc"), lambda: seeds.archives()["warc"], (*GENERAL, junk)),
    "wat": Reader(partial(read_source, Wat, "a.wat"), lambda: seeds.archives()["wat"], (*GENERAL, multiply)),
    "body": Reader(read_body, seeds.bodies),
}
