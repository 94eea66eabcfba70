"""The crawl's shards in figures for its page: sizes, formats, languages, sites, texts, examples."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.crawl.address import host_of
from components.shards.folder import ShardFolder
from components.shards.format import SUCCESS
from components.shards.index import read_shard_index
from components.shards.reader import picture_spans

# Of a large crawl so many pictures are looked at, in shards that are spread evenly over it.
PICTURES_READ = 100_000
_COLUMNS = (
    "url", "error_message", "width", "height", "sha256", "caption", "page_language", "site",
)  # fmt: skip


@dataclass(frozen=True)
class Histogram:
    """`counts[n]` values lie in [`edges[n]`, `edges[n + 1]`)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass
class SiteCount:
    """How many of a site's pictures were requested, and taken."""

    attempted: int = 0
    taken: int = 0


@dataclass
class Shards:
    """The shards that were looked at.

    Attributes:
        read: how many shards these are.
        total: how many there are.
        taken: pictures in those read.
        sides: shorter side of each picture, px.
        sizes: stored bytes of each picture.
        text_lengths: characters of each text.
        formats: pictures by file name ending.
        languages: pictures by what their page says its language is; "" where it says nothing.
        sites: by host of the page, or of the picture where no page is known.
        texts: pictures by text.
        text_sites: by text, the sites that it was found on.
        repeated: pictures whose stored bytes are those of an earlier one.
        lost: an example's address by reason.
        shown: a picture each of some sites: bytes by text.
    """

    read: int
    total: int
    taken: int = 0
    sides: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    text_lengths: list[int] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    sites: dict[str, SiteCount] = field(default_factory=dict)
    texts: Counter[str] = field(default_factory=Counter)
    text_sites: dict[str, set[str]] = field(default_factory=dict)
    repeated: int = 0
    lost: dict[str, str] = field(default_factory=dict)
    shown: list[tuple[str, bytes]] = field(default_factory=list)


def read_shards(folder: Path, pictures: int = PICTURES_READ, shown: int = 0) -> Shards | None:
    """Counts some `pictures` of the crawl and keeps `shown` of them; None if there is no shard."""
    shards = ShardFolder.at(folder)
    if not shards.has_shards():
        return None
    tars = shards.local_tars()
    rows = max(1, len(read_shard_index(tars[0].with_suffix(".parquet"), ["key"])))
    chosen = _spread(tars, max(1, pictures // rows))
    found = Shards(len(chosen), len(tars))
    hashes: set[str] = set()
    wanted: dict[str, str] = {}  # text by key
    for tar in chosen:
        _read_index(tar.with_suffix(".parquet"), found, hashes, wanted, shown)
    for tar in chosen:
        _read_tar(tar, found, wanted)
    return found


def _spread(tars: Sequence[Path], most: int) -> list[Path]:
    return [tars[n * len(tars) // most] for n in range(most)] if most < len(tars) else list(tars)


def _read_index(path: Path, found: Shards, hashes: set[str], wanted: dict[str, str], shown: int) -> None:
    for row in read_shard_index(path, ["key", "status"], optional=_COLUMNS).to_pylist():
        host = row["site"] or host_of(row["url"] or "")
        site = found.sites.setdefault(host, SiteCount())
        site.attempted += 1
        if row["status"] != SUCCESS:
            found.lost.setdefault(row["error_message"] or row["status"], row["url"] or "")
            continue
        if not site.taken and len(wanted) < shown:
            wanted[row["key"]] = row["caption"] or ""
        site.taken += 1
        _count(row["caption"] or "", host, found)
        found.languages[(row["page_language"] or "").partition("-")[0]] += 1
        if row["width"] and row["height"]:
            found.sides.append(min(row["width"], row["height"]))
        if row["sha256"]:
            found.repeated += row["sha256"] in hashes
            hashes.add(row["sha256"])


def _count(text: str, host: str, found: Shards) -> None:
    found.taken += 1
    found.text_lengths.append(len(text))
    found.texts[text] += 1
    found.text_sites.setdefault(text, set()).add(host)


def _read_tar(path: Path, found: Shards, wanted: dict[str, str]) -> None:
    """Names and sizes from the headers alone; the bytes of the pictures to be shown."""
    with path.open("rb") as stream:
        for key, span in picture_spans(path).items():
            found.formats[span.extension] += 1
            found.sizes.append(span.size)
            if key in wanted:
                stream.seek(span.offset)
                found.shown.append((wanted[key], stream.read(span.size)))


def histogram(values: Iterable[float], halves: bool = True) -> Histogram | None:
    """Values > 0 in bins that double (with `halves` in two steps); None without any.

    Lengths in characters and pixels, bytes and seconds spread over powers of ten, so bins of one
    width would show one bar.
    """
    counted = Counter(_bin(value, halves) for value in values if value > 0)
    if not counted:
        return None
    bins = range(min(counted), max(counted) + 1)
    edges = tuple(_edge(n, halves) for n in (*bins, bins[-1] + 1))
    return Histogram(edges, tuple(counted[n] for n in bins))


def _edge(number: int, halves: bool) -> float:
    """…, 1, 1.5, 2, 3, 4, 6, 8, … or …, 1, 2, 4, 8, …."""
    if not halves:
        return 2.0**number
    octave, upper = divmod(number, 2)
    return 2.0**octave * (1.5 if upper else 1)


def _bin(value: float, halves: bool) -> int:
    number = 0
    while _edge(number, halves) > value:
        number -= 1
    while _edge(number + 1, halves) <= value:
        number += 1
    return number
