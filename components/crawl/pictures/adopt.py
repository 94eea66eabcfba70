"""Existing shards (img2dataset's or ours) → new shards, without another download."""

import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from components.crawl.cleaning import Cleaning
from components.crawl.pair import Pair
from components.crawl.pair_filters import dropped_as, pair_filters
from components.crawl.pictures.foreign_record import clean_record
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.picture_row import picture_row
from components.crawl.reasons import errors
from components.crawl.source_files import SourceFile
from components.crawl.sources import ShardSource
from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.redaction import show_url
from components.shards.format import FAILED_TO_RESIZE, PICTURES, picture_key
from components.shards.reader import Picture
from components.shards.writer import Row
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

BROKEN = "broken_shard"


def adopt(files: Sequence[SourceFile], job: DownloadJob, first_shard: int, work: Path) -> tuple[Counter[str], int]:
    """Turns each file into one shard, numbered from `first_shard`; a large one into several.

    Pairs are filtered, and pictures are verified, resized and compared with the hold-out, as if
    they had just been downloaded. Of a file that breaks off, the pictures before the break are
    kept. What a file holds beyond the keys of one shard goes to further shards, behind the others.
    Values that the schema cannot hold are left out.

    Returns:
        Counts by outcome, which add up to all that the files hold, with those of `cleaned.CHANGE`
        besides; and the number of shards.
    """
    job.shards.mkdir(parents=True, exist_ok=True)
    share = job.parameters.max_error_share
    task = partial(adopt_first, job, first_shard)
    stage = "crawl: adopted shards"
    finished, counts = map_shards(task, files, stage=stage, work=work / "first", max_error_share=share)
    rests = list(rests_of(finished, files, first_shard + len(files)))
    if rests:
        task = partial(adopt_rest, job)
        _, more = map_shards(task, rests, stage=f"{stage}, rest", work=work / "rest", max_error_share=share)
        counts += more
    return counts, len(files) + sum(rest.shards for rest in rests)


@dataclass(frozen=True)
class Rest:
    """What a file holds beyond its first shard.

    Attributes:
        file: the file.
        first_shard: the first of the further shards.
        shards: how many these are.
    """

    file: SourceFile
    first_shard: int
    shards: int


def rests_of(finished: Path, files: Sequence[SourceFile], shard: int) -> Iterator[Rest]:
    """The files that are not finished after `adopt_first`; their shards begin at `shard`."""
    for number, file in enumerate(files):
        path = finished / _rest_name(number)
        if path.exists():
            shards = -(-read_json(path)["pictures"] // PICTURES)
            yield Rest(file, shard, shards)
            shard += shards


def _rest_name(number: int) -> str:
    return f"{number:05d}_rest.json"


def adopt_first(job: DownloadJob, first_shard: int, file: SourceFile, number: int, out: Path) -> Outcome:
    """The first shard of a file, and a note of how many pictures follow."""
    shard = first_shard + number
    with _opened(job, file, out) as content:
        _write(job, content, shard, out)
        rest = sum(1 for _ in content)
    if rest:
        write_json(out / _rest_name(number), {"pictures": rest})
    counts = Counter(read_json(job.marker(shard))["status_dict"]) + content.refused
    if content.problem is not None:
        counts[BROKEN] += 1
        logger.warning("%s: %s; what comes before is taken", show_url(file.location), content.problem)
    if content.refused:
        logger.warning("%s: left out %s", show_url(file.location), json.dumps(dict(sorted(content.refused.items()))))
    if not counts:
        logger.warning("%s: holds no picture", show_url(file.location))
    return Outcome(counts + content.changes, attempted=counts.total(), errors=errors(counts))


def adopt_rest(job: DownloadJob, rest: Rest, _: int, out: Path) -> Outcome:
    """The further shards of a file; what it does not give was counted with the first one."""
    counts: Counter[str] = Counter()
    with _opened(job, rest.file, out) as content:
        next(islice(content, PICTURES, PICTURES), None)
        for shard in range(rest.first_shard, rest.first_shard + rest.shards):
            _write(job, content, shard, out)
            counts.update(read_json(job.marker(shard))["status_dict"])
    return Outcome(counts + content.changes, attempted=counts.total(), errors=errors(counts))


class _Content:
    """Iterates over a file's pictures, to its end or to where it breaks off.

    Attributes:
        refused: what it holds besides, by reason.
        problem: why it breaks off, if it does.
        changes: what was changed in records, as `cleaned.CHANGE`.
    """

    def __init__(self, source: ShardSource, path: Path, scratch: Path) -> None:
        self.refused: Counter[str] = Counter()
        self.problem: str | None = None
        self.changes: Counter[str] = Counter()
        self._pictures = source.pictures(path, self.refused, scratch)

    def __iter__(self) -> Iterator[Picture]:
        return self

    def __next__(self) -> Picture:
        try:
            return next(self._pictures)
        except InputError as error:
            self.problem = str(error.__cause__ or error)
            raise StopIteration from None


@contextmanager
def _opened(job: DownloadJob, file: SourceFile, out: Path) -> Iterator[_Content]:
    source = file.source
    assert isinstance(source, ShardSource)
    with file.local_copy(out, job.parameters) as path, tempfile.TemporaryDirectory(dir=out) as scratch:
        yield _Content(source, path, Path(scratch))


def _write(job: DownloadJob, content: _Content, shard: int, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=out) as folder:
        job.write(shard, _rows(job, islice(content, PICTURES), shard, content.changes), Path(folder))
        job.publish(shard, Path(folder))


def _rows(job: DownloadJob, pictures: Iterable[Picture], shard: int, changes: Counter[str]) -> Iterator[Row]:
    filters = pair_filters(job.parameters)
    cleaning = Cleaning(changes)
    for position, picture in enumerate(pictures):
        record = {"key": picture_key(shard, position)} | clean_record(picture, cleaning, job.parameters.max_text)
        reason = dropped_as(Pair(record["url"], record["caption"], page_language=record["page_language"]), filters)
        if reason is None:
            yield picture_row(record, picture.image, job.parameters, job.hold_out)
        else:
            yield Row(record | {"status": FAILED_TO_RESIZE, "error_message": reason})
