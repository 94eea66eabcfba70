"""Existing shards (img2dataset's or ours) → new shards, without another download."""

import logging
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from components.crawl.pages.page import collapse
from components.crawl.pair import Pair
from components.crawl.pair_filters import dropped_as, pair_filters
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.picture_row import picture_row
from components.crawl.reasons import errors
from components.crawl.source_files import SourceFile
from components.crawl.sources import ShardSource
from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.redaction import show_url
from components.shards.format import FAILED_TO_RESIZE, picture_key
from components.shards.reader import Picture
from components.shards.writer import Row
from components.storage.json_files import read_json

logger = logging.getLogger(__name__)

BROKEN = "broken_shard"
# Fields that are copied from a shard; all others are computed again.
_TEXTS = ("url", "page_url", "page_title", "page_language", "context", "site")
_NUMBERS = ("original_width", "original_height", "http_status")


def adopt(files: Sequence[SourceFile], job: DownloadJob, first_shard: int, work: Path) -> Counter[str]:
    """Turns each file into one shard, numbered from `first_shard`; returns counts by outcome.

    Pairs are filtered, and pictures are verified, resized and compared with the hold-out, as if
    they had just been downloaded. Of a file that breaks off, the pictures before the break are
    kept.
    """
    job.shards.mkdir(parents=True, exist_ok=True)
    task = partial(_adopt_one, job, first_shard)
    share = job.parameters.max_error_share
    _, counts = map_shards(task, files, stage="crawl: adopted shards", work=work, max_error_share=share)
    return counts


def _adopt_one(job: DownloadJob, first_shard: int, file: SourceFile, number: int, out: Path) -> Outcome:
    source, shard = file.source, first_shard + number
    assert isinstance(source, ShardSource)
    broken: list[str] = []
    with file.local_copy(out, job.parameters) as path, tempfile.TemporaryDirectory(dir=out) as folder:
        job.write(shard, _rows(job, source.pictures(path), shard, broken), Path(folder))
        job.publish(shard, Path(folder))
    for problem in broken:
        logger.warning("%s: %s", show_url(file.location), problem)
    counts: Counter[str] = Counter(read_json(job.marker(shard))["status_dict"])
    counts[BROKEN] += len(broken)
    return Outcome(+counts, attempted=counts.total(), errors=errors(counts))


def _rows(job: DownloadJob, pictures: Iterable[Picture], shard: int, broken: list[str]) -> Iterator[Row]:
    filters = pair_filters(job.parameters)
    try:
        for position, picture in enumerate(pictures):
            record = _record(picture, picture_key(shard, position), job.parameters.max_text)
            reason = dropped_as(Pair(record["url"], record["caption"], page_language=record["page_language"]), filters)
            if reason is None:
                yield picture_row(record, picture.image, job.parameters, job.hold_out)
            else:
                yield Row(record | {"status": FAILED_TO_RESIZE, "error_message": reason})
    except InputError as error:
        broken.append(str(error))


def _record(picture: Picture, key: str, longest: int) -> dict[str, Any]:
    """The known fields of a tar's record, as far as their types are right."""
    texts = {name: value if isinstance(value := picture.record.get(name), str) else "" for name in _TEXTS}
    numbers = {name: value for name in _NUMBERS if isinstance(value := picture.record.get(name), int)}
    return texts | numbers | {"key": key, "caption": collapse(picture.caption, longest)}
