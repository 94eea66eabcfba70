"""Sources that are files: every file is read by one task, which writes the file's pairs."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from components.crawl.counts import DROPPED, FOUND, PAGES
from components.crawl.pair import Pair
from components.crawl.pair_files import write_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.sources.unreadable import Unreadable
from components.crawl.sources.url_list import FORMATS, list_format, read_url_list
from components.crawl.sources.warc import read_warc
from components.crawl.sources.wat import read_wat
from components.crawl.text_rules import keep, text_rules
from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.storage.json_files import read_json, write_json
from components.storage.location import expand, local_copy

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"
ADOPTED = "img2dataset"
KINDS = ("warc", "wat", "urls", ADOPTED)
# Unreadable records of a file that are kept to be shown, and files of which they are shown.
_KEPT, _SHOWN = 20, 5


@dataclass(frozen=True)
class SourceFile:
    """A file of pairs: how it is read, and where it is."""

    kind: str
    location: str


def find_files(sources: Sequence[str]) -> list[SourceFile]:
    """The files that `KIND:LOCATION`s mean, in order.

    Raises:
        InputError: if one is of no known kind, matches nothing, or is a list of no known format.
    """
    found: dict[SourceFile, None] = {}
    for source in sources:
        kind, colon, location = source.partition(":")
        if kind not in KINDS or not colon:
            raise InputError(
                f"{source!r} is no source; write KIND:LOCATION, with KIND one of {', '.join(KINDS)}, e.g. wat:crawl/*.wat.gz"
            )
        for one in expand(location):
            if kind == "urls" and list_format(one) is None:
                raise InputError(f"{one} is no list that can be read; its name must end in one of {', '.join(FORMATS)}")
            found[SourceFile(kind, one)] = None
    return list(found)


def read_files(files: Sequence[SourceFile], parameters: CrawlParameters, work: Path) -> tuple[list[Path], Counter[str]]:
    """Reads the files; returns their files of pairs, in order, and counts of pages and pairs by what became of them.

    Records that cannot be read are counted as errors; the first of each file are logged by their place.
    """
    task = partial(_read_file, parameters)
    finished, counts = map_shards(
        task, files, stage="crawl: files", work=work, max_error_share=parameters.max_error_share
    )
    _tell(finished, files)
    return [finished / f"{number:05d}.parquet" for number in range(len(files))], counts


def _tell(finished: Path, files: Sequence[SourceFile]) -> None:
    damaged = [(file, read_json(path)) for n, file in enumerate(files) if (path := finished / _bad_name(n)).exists()]
    for file, bad in damaged[:_SHOWN]:
        for place in bad[:_SHOWN]:
            logger.warning("%s, %s", file.location, place)
    if len(damaged) > _SHOWN:
        logger.warning("%d more files have unreadable parts; their places are in %s", len(damaged) - _SHOWN, finished)


def _bad_name(number: int) -> str:
    return f"{number:05d}_{UNREADABLE}.json"


def _read_file(parameters: CrawlParameters, file: SourceFile, number: int, out: Path) -> Outcome:
    counts: Counter[str] = Counter()
    bad: list[str] = []
    with local_copy(file.location, out) as path, path.open("rb") as stream:
        found = _reader(file, stream, parameters, counts)
        pairs = keep(_readable(found, counts, bad), text_rules(parameters), counts)
        write_pairs(out / f"{number:05d}.parquet", pairs)
    if bad:
        write_json(out / _bad_name(number), bad)
    errors = counts[UNREADABLE]
    return Outcome(counts, attempted=_attempted(file.kind, counts) + errors, errors=errors)


def _reader(
    file: SourceFile, stream: BinaryIO, parameters: CrawlParameters, counts: Counter[str]
) -> Iterator[Pair | Unreadable]:
    if file.kind == "warc":
        return read_warc(stream, parameters, counts)
    if file.kind == "wat":
        return read_wat(stream, parameters, counts)
    return read_url_list(stream, file.location, parameters, counts)


def _readable(found: Iterable[Pair | Unreadable], counts: Counter[str], bad: list[str]) -> Iterator[Pair]:
    for one in found:
        if isinstance(one, Pair):
            yield one
            continue
        counts[UNREADABLE] += 1
        if len(bad) < _KEPT:
            bad.append(str(one))


def _attempted(kind: str, counts: Counter[str]) -> int:
    """Rows of a list, pages of an archive."""
    prefixes = (FOUND, DROPPED) if kind == "urls" else (PAGES,)
    return sum(number for name, number in counts.items() if name.startswith(prefixes))
