"""Runs the crawl's readers on damaged files, in a separate process that a decoder may crash.

`python -m tests.crawl.mutation.run KIND FIRST END PLACE`: inputs FIRST to END (not included); the
number of the input in hand is written to the file PLACE, the outcomes to standard output, as JSON.
One that takes too long ends the process with a traceback.
"""

import faulthandler
import io
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from pathlib import Path
from typing import get_args

from components.crawl.address import resolve
from components.crawl.hosts.robots import read_robots
from components.crawl.pages.charset import decode
from components.crawl.pages.directives import HEADERS, PICTURE_REFUSALS, header_values, read_header
from components.crawl.pages.html import read_page
from components.crawl.pair import Pair
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.near_copy import thumbnail
from components.crawl.pictures.picture_row import picture_row
from components.crawl.pictures.verify import Rejected, verify
from components.crawl.sources.urls import Urls
from components.crawl.sources.warc import Warc
from components.crawl.sources.wat import Wat
from components.crawl.unreadable import Unreadable
from components.errors import InputError
from components.images.bad_image import BadReason
from components.images.decode import open_rgb
from components.shards.format import FAILED_TO_RESIZE, SUCCESS
from components.shards.reader import read_shard
from tests.crawl.conftest import knobs
from tests.crawl.mutation import seeds
from tests.crawl.mutation.change import GENERAL, OF_PAGES, OF_PICTURES, changed, multiply, recoded

LIMIT = 60  # seconds that one input may take; the slowest takes one
_TYPES = (
    "",
    "text/html",
    "text/html; charset=utf-8",
    "text/html; charset=latin-1",
    'text/html;charset="nonsense"',
    "text/html; charset=utf-16",
)
_HEADERS = ([], ["noindex"], ["googlebot: noindex, other: none"], ["\udcff: ::, ,unavailable_after: 1"])
_REJECTIONS = {*get_args(BadReason), "too_small"}
_LOST = {
    *("no_source", "data_uri", "no_text", "bad_address", "spacer", "declared_small", "placeholder", "rest_of_page"),
    *("too_many_pictures", *PICTURE_REFUSALS),
}
_SHAPES = tuple(product(("none", "keep_ratio", "center_crop", "border"), ("keep", "jpg", "png", "webp")))


def main(kind: str, first: int, end: int, place: Path) -> None:
    """Runs and prints the outcomes."""
    outcomes: Counter[str] = Counter()
    with place.open("wb", buffering=0) as told:
        for number in range(first, end):
            os.pwrite(told.fileno(), b"%012d" % number, 0)
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            outcomes.update(CHECKS[kind](random.Random(f"{kind} {number}"), number))
    faulthandler.cancel_dump_traceback_later()
    json.dump({"outcomes": dict(outcomes), "peak": _peak()}, sys.stdout)


def _peak() -> int:
    """The peak size of this process, bytes; `ru_maxrss` would include its parent's."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def check_page(chance: random.Random, _: int) -> Iterable[str]:
    """Bytes → pairs after the text rules."""
    data = changed(chance, _pages(), OF_PAGES)
    knob = _page_knobs()
    text, header = decode(data, chance.choice(_TYPES)), chance.choice(_HEADERS)
    page = read_page(text, "https://www.a.example/x/y.html", header, knob, links=True)
    assert set(page.dropped) <= _LOST, page.dropped
    for link in page.links:
        assert resolve(link, link) == link, link
    counts: Counter[str] = Counter()
    kept = list(keep(page.pairs, pair_filters(knob), counts))
    for pair in page.pairs:
        _check_pair(pair, knob)
    assert len(kept) == len(page.pairs) + counts["pairs.found"]
    return [page.refusal or ("pairs" if kept else "no pairs")]


def _check_pair(pair: Pair, knob: CrawlParameters) -> None:
    assert pair.url.startswith(("http://", "https://")), pair
    assert resolve(pair.url, pair.url) == pair.url, pair
    assert 0 < len(pair.caption) <= knob.max_text, pair
    assert all(text.isprintable() for text in (pair.caption, pair.context, pair.page_title, pair.page_language)), pair
    json.dumps(pair).encode()


def check_picture(chance: random.Random, number: int) -> Iterable[str]:
    """Bytes → a row."""
    data = changed(chance, _pictures(), OF_PICTURES)
    resize, encode = _SHAPES[number % len(_SHAPES)]
    knob = knobs(resize=resize, encode=encode, side=40, min_side=16)
    found, row = verify(data, knob), picture_row({"key": "0"}, data, knob, None)
    if isinstance(found, Rejected):
        assert found.reason in _REJECTIONS, found
        assert (row.record["status"], row.record["error_message"], row.image) == (FAILED_TO_RESIZE, found.reason, None)
        return [found.reason]
    assert (row.record["status"], row.image, row.extension) == (SUCCESS, found.image, found.extension)
    assert row.record["original_sha256"] is not None
    again = open_rgb(found.image)
    assert again.size == found.size == (row.record["width"], row.record["height"])
    assert thumbnail(found.rgb).shape == (48, 48, 3)
    if again.size != found.rgb.size:  # so large that only a part of its pixels is decoded
        assert found.image[:3] == b"\xff\xd8\xff"
    elif found.extension == "png" or (encode == "keep" and again.size == found.original_size and found.image in data):
        assert again.tobytes() == found.rgb.tobytes()
    return [SUCCESS]


def check_archive(chance: random.Random, number: int) -> Iterable[str]:
    """Archives and lists → pairs and unreadable parts."""
    kinds = _archives()
    kind = sorted(kinds)[number % len(kinds)]
    data = changed(chance, kinds[kind], GENERAL)
    if kind == "tar":
        return _check_shard(data)
    counts: Counter[str] = Counter()
    knob, stream = knobs(), io.BytesIO(data)
    source = {"warc": Warc, "wat": Wat}.get(kind, Urls)()
    found = source.read(stream, f"list.{kind}", knob, counts)
    pairs = unreadable = 0
    try:
        for one in found:
            if isinstance(one, Pair):
                _check_pair(one, knob)
                pairs += 1
            else:
                assert isinstance(one, Unreadable) and one.offset >= 0 and one.reason, one
                unreadable += 1
    except InputError as error:  # a list without the columns, or without any pair
        assert f"list.{kind}" in str(error) and source.__class__ is Urls, error
        unreadable += 1
    assert counts["pairs.found"] == pairs
    return [kind, *([f"{kind}: pairs"] if pairs else []), *([f"{kind}: unreadable"] if unreadable else [])]


def _check_shard(data: bytes) -> Iterable[str]:
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(data)
        file.flush()
        try:
            found = list(read_shard(Path(file.name)))
        except InputError as error:
            assert file.name in str(error), error
            return ["tar", "tar: unreadable"]
    assert all(isinstance(picture.image, bytes) for picture in found)
    return ["tar", "tar: pairs"]


def check_rules(chance: random.Random, _: int) -> Iterable[str]:
    """Bytes → the rules of a robots.txt, and of headers."""
    data = changed(chance, seeds.robots(), (*GENERAL, multiply, recoded))
    rules = read_robots(data, knobs().robot)
    assert 0 <= rules.delay <= 60, rules.delay
    values = [line.decode("utf-8", "surrogateescape") for line in data[:100_000].splitlines()]
    for name in HEADERS:
        directives = read_header(header_values(lambda asked, of=name: values if asked == of else []), knobs().robot)
        assert directives <= {*PICTURE_REFUSALS, "nofollow"}, directives
    return ["allowed" if rules.allows("http://h.example/private/x?y=1") else "refused"]


@cache
def _pages() -> list[bytes]:
    return seeds.pages()


@cache
def _pictures() -> list[bytes]:
    return seeds.pictures()


@cache
def _archives() -> dict[str, list[bytes]]:
    return seeds.archives() | seeds.lists() | {"tar": seeds.shards()}


@cache
def _page_knobs() -> CrawlParameters:
    return knobs(languages=["en"], min_text=2)


CHECKS: dict[str, Callable[[random.Random, int], Iterable[str]]] = {
    "pages": check_page,
    "pictures": check_picture,
    "archives": check_archive,
    "rules": check_rules,
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
