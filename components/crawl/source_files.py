"""The files that `KIND:LOCATION`s mean; each is read by one task, which writes the file's pairs."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from components.crawl import sources
from components.crawl.hosts.listed_files import check_listed, copy_listed
from components.crawl.pair import Pair
from components.crawl.pair_files import write_pairs
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource, ShardSource, Source
from components.crawl.unreadable import Unreadable
from components.errors import InputError, MofiError
from components.execution.shard_map import Outcome, map_shards
from components.redaction import show_url
from components.seam import find, names_in
from components.storage.json_files import read_json, write_json
from components.storage.location import expand, local_copy

logger = logging.getLogger(__name__)

UNREADABLE = "unreadable"
# Unreadable records of a file that are recorded; files, and records of each, that are logged.
_KEPT, _SHOWN = 20, 5


@dataclass(frozen=True)
class SourceFile:
    """A file to crawl.

    Attributes:
        kind: the name of its kind.
        location: where it is.
        is_listed: whether a list names it, not the user: then it may not be at a private address.
    """

    kind: str
    location: str
    is_listed: bool = field(default=False, compare=False)

    @property
    def source(self) -> Source:
        """Its kind."""
        return _source(self.kind)

    def local_copy(self, folder: Path, parameters: CrawlParameters) -> AbstractContextManager[Path]:
        """See `storage.location.local_copy`; listed files are copied as `copy_listed` does."""
        if self.is_listed:
            return copy_listed(self.location, parameters.allow_private_hosts, folder)
        return local_copy(self.location, folder)

    @property
    def is_shard(self) -> bool:
        """Whether it holds pictures, not pairs."""
        return isinstance(self.source, ShardSource)


@cache
def _source(kind: str) -> Source:
    return find(sources, kind, Source)()


def find_files(locations: Sequence[str], allowed: Sequence[str] = ()) -> list[SourceFile]:
    """The files that `KIND:LOCATION`s mean, in order.

    Args:
        locations: what to crawl.
        allowed: patterns of hosts that lists may name though their addresses are private.

    Raises:
        InputError: if a kind is unknown, a location matches nothing, a file cannot be of its kind,
            or a list names what it may not.
    """
    kinds = names_in(sources)
    found: dict[SourceFile, None] = {}
    for source in locations:
        kind, colon, location = source.partition(":")
        if kind not in kinds or not colon:
            raise InputError(
                f"{source!r} is no source; write KIND:LOCATION, with KIND one of {', '.join(kinds)}, e.g. wat:crawl/*.wat.gz"
            )
        is_listed = location.startswith("@")
        for one in expand(location):
            if is_listed:
                check_listed(one, allowed)
            file = SourceFile(kind, one, is_listed)
            file.source.check(one)
            found[file] = None
    return list(found)


def read_files(files: Sequence[SourceFile], parameters: CrawlParameters, work: Path) -> tuple[list[Path], Counter[str]]:
    """Reads files of pairs; returns a file of pairs for each, in order, and the counts.

    Unreadable records count as errors; the first of each file are logged with their positions.
    """
    task = partial(_read_file, parameters)
    finished, counts = map_shards(
        task, files, stage="crawl: files", work=work, max_error_share=parameters.max_error_share
    )
    _log_unreadable(finished, files)
    return [finished / f"{number:05d}.parquet" for number in range(len(files))], counts


def _log_unreadable(finished: Path, files: Sequence[SourceFile]) -> None:
    damaged = [(file, read_json(path)) for n, file in enumerate(files) if (path := finished / _bad_name(n)).exists()]
    for file, bad in damaged[:_SHOWN]:
        for record in bad[:_SHOWN]:
            logger.warning("%s, %s", show_url(file.location), record)
    if len(damaged) > _SHOWN:
        logger.warning(
            "%d more files have unreadable parts; their positions are in %s", len(damaged) - _SHOWN, finished
        )


def _bad_name(number: int) -> str:
    return f"{number:05d}_{UNREADABLE}.json"


def _read_file(parameters: CrawlParameters, file: SourceFile, number: int, out: Path) -> Outcome:
    source = file.source
    assert isinstance(source, PairSource)
    counts: Counter[str] = Counter()
    bad: list[str] = []
    with file.local_copy(out, parameters) as path, path.open("rb") as stream:
        found = source.read(stream, file.location, parameters, counts)
        pairs = keep(_readable(found, counts, bad), pair_filters(parameters), counts)
        write_pairs(out / f"{number:05d}.parquet", pairs)
    if bad:
        write_json(out / _bad_name(number), bad)
    errors = counts[UNREADABLE]
    attempted = sum(number for name, number in counts.items() if name.startswith(source.attempted))
    return Outcome(counts, attempted=attempted + errors, errors=errors)


def _readable(found: Iterable[Pair | Unreadable], counts: Counter[str], bad: list[str]) -> Iterator[Pair]:
    """The pairs; what cannot be read is counted, and the first of it noted.

    Sources yield what they cannot read. One that raises nevertheless loses the rest of its file,
    not the crawl.
    """
    place = 0
    try:
        for one in found:
            place += 1
            if isinstance(one, Pair):
                yield one
                continue
            counts[UNREADABLE] += one.number
            if len(bad) < _KEPT:
                bad.append(str(one))
    except MofiError:
        raise
    except Exception as error:
        logger.exception("a source failed after %d pairs and bad records; the rest of its file was not read", place)
        counts[UNREADABLE] += 1
        bad.append(f"after {place} pairs and bad records: {type(error).__name__}: {error}; what follows was not read")
