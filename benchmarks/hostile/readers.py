"""Every reader of foreign bytes, called as the platform calls it."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.cli import parameters
from components.cli.parameters import Parameters
from components.crawl.hosts.content_coding import decode_body
from components.crawl.hosts.robots import read_robots
from components.crawl.pages.charset import decode as decode_text
from components.crawl.pages.directives import HEADERS, header_values, read_header
from components.crawl.pages.html import read_page
from components.crawl.pair import Pair
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.pictures.verify import Verified, verify
from components.crawl.sources import PairSource
from components.crawl.sources.img2dataset import Img2dataset
from components.crawl.sources.urls import FORMATS, Urls
from components.crawl.sources.warc import Warc
from components.crawl.sources.wat import Wat
from components.errors import InputError
from components.images.decode import decode, squash
from components.knowledge.build.parse import read_items
from components.label.gold.file import read_gold
from components.models.foreign.config import read_open_clip_config
from components.models.weights import count_numbers

_URL = "https://site.example/folder/page.html"
_SIDE = 224


@dataclass(frozen=True)
class Reader:
    """One way in which foreign bytes are read.

    Attributes:
        read: reads a file, or its bytes, and says what came of it in a few words.
        of_bytes: whether it is given bytes: they are in memory whatever the reader does.
        ending: of the name of the file, where that tells its format.
    """

    read: Callable[[Any], object]
    of_bytes: bool = True
    ending: str = ""


@cache
def _parameters() -> Parameters:
    return parameters.load()


def _page(body: bytes) -> object:
    """As the spider reads it, links included; the header, if any, is the first line."""
    page = read_page(decode_text(body), _URL, (), _parameters().crawl, links=True)
    kept = sum(1 for _ in keep(page.pairs, pair_filters(_parameters().crawl), Counter()))
    return f"{kept} of {len(page.pairs)} pairs, {len(page.links)} links, {dict(page.dropped)}"


def _source(source: PairSource) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        counts: Counter[str] = Counter()
        bad: list[str] = []
        with path.open("rb") as stream:
            found = source.read(stream, path.name, _parameters().crawl, counts)
            pairs = keep(_pairs(found, bad), pair_filters(_parameters().crawl), counts)
            number = sum(1 for _ in pairs)
        return f"{number} pairs, {dict(counts)}, {len(bad)} unreadable: {bad[:1]}"

    return read


def _pairs(found: Iterable[Any], bad: list[str]) -> Iterable[Pair]:
    for one in found:
        if isinstance(one, Pair):
            yield one
        else:
            bad.append(str(one))


def _verify(data: bytes) -> object:
    found = verify(data, _parameters().crawl)
    return f"{found.size}" if isinstance(found, Verified) else found.reason


def _training(data: bytes) -> object:
    return f"mean {decode(data, _SIDE, quick=True).mean():.0f}"


def _evaluation(data: bytes) -> object:
    return f"mean {decode(data, _SIDE).mean():.0f}"


def _squashed(data: bytes) -> object:
    from PIL.Image import Resampling

    return f"mean {squash(data, _SIDE, Resampling.BICUBIC).mean():.0f}"


def _shard(path: Path) -> object:
    refused: Counter[str] = Counter()
    number = 0
    with TemporaryDirectory(dir=path.parent) as scratch:
        try:
            for _ in Img2dataset().pictures(path, refused, Path(scratch)):
                number += 1
        except InputError as error:
            return f"{number} pictures, {dict(refused)}, {error}"
    return f"{number} pictures, {dict(refused)}"


def _headers(data: bytes) -> object:
    """All lines are values of each header."""
    lines = data.decode("latin-1").splitlines()
    return sorted(read_header(header_values(dict.fromkeys(HEADERS, lines).__getitem__), _parameters().crawl.robot))


def _robots(body: bytes) -> object:
    rules = read_robots(body, _parameters().crawl.robot)
    return [rules.allows(f"https://site.example/{'a' * n}") for n in (1, 2000)]


def _coded(body: bytes) -> object:
    return len(decode_body(body, "gzip", _parameters().crawl.max_picture_bytes))


def _dump(block: bytes) -> object:
    counts: Counter[str] = Counter()
    return len(read_items(block, _parameters().knowledge, counts)), dict(counts)


def _gold(path: Path) -> object:
    gold = read_gold(path, max_left_out=1.0)
    return f"{len(gold.texts)} texts, {len(gold.bad)} bad"


READERS: dict[str, Reader] = {
    "page": Reader(_page),
    "warc": Reader(_source(Warc()), of_bytes=False, ending=".warc.gz"),
    "wat": Reader(_source(Wat()), of_bytes=False, ending=".wat.gz"),
    **{f"list: {kind}": Reader(_source(Urls()), of_bytes=False, ending=f".{kind}") for kind in FORMATS},
    "picture: crawl": Reader(_verify),
    "picture: training": Reader(_training),
    "picture: evaluation": Reader(_evaluation),
    "picture: squashed": Reader(_squashed),
    "shard": Reader(_shard, of_bytes=False, ending=".tar"),
    "robots headers": Reader(_headers),
    "robots.txt": Reader(_robots),
    "body of a picture": Reader(_coded),
    "dump": Reader(_dump),
    "gold": Reader(_gold, of_bytes=False, ending=".jsonl"),
    "model config": Reader(read_open_clip_config, of_bytes=False, ending=".json"),
    "model weights": Reader(count_numbers, of_bytes=False, ending=".safetensors"),
}
