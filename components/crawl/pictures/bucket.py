"""A crawl whose shards go to a bucket: what is there before, and what says that it is whole.

Workers upload shards themselves (`DownloadJob.keep`); the markers in the work folder say which are finished. While `_SUCCESS` is
missing, the prefix may hold shards of this crawl and of an older one side by side.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from components.crawl.source_files import SourceFile
from components.errors import InputError
from components.execution.publication import WHOLE, check_writable
from components.shards.format import ENDINGS, shard_name
from components.storage.s3 import Prefix

logger = logging.getLogger(__name__)

_SHARD_FILE = re.compile(rf"\d{{5}}(?:{'|'.join(re.escape(ending) for ending in ENDINGS)})")


def check(bucket: Prefix, files: Sequence[SourceFile]) -> None:
    """Finds out before the work begins whether its result can be written.

    Raises:
        InputError: if the bucket refuses, or if a source is a shard that would be replaced while it is read.
        SetupError: if its server does not answer.
    """
    for file in files:
        folder, _, name = file.location.rpartition("/")
        if f"{folder}/" == str(bucket) and _SHARD_FILE.fullmatch(name):
            raise InputError(
                f"{file.location} would be replaced while it is read; write to another prefix than {bucket}"
            )
    check_writable(bucket)


def begin(bucket: Prefix, markers: Path, maps: Path) -> None:
    """Takes the mark of a whole crawl away, and forgets finished shards whose objects are gone, so that they are made again.

    Args:
        bucket: where the shards go.
        markers: folder of the markers of finished shards.
        maps: folder of the maps that make shards; their own markers count no more when a shard is to be made again.
    """
    bucket.delete([WHOLE])
    finished = [int(marker.name[:5]) for marker in markers.glob(f"*{ENDINGS[-1]}")]
    there = bucket.names() if finished else set()
    lost = [shard for shard in finished if not there.issuperset(_files([shard]))]
    if not lost:
        return
    logger.warning("crawl: %d finished shards are no longer in %s and are made again", len(lost), bucket)
    for marker in maps.rglob("markers/*.json"):
        marker.unlink(missing_ok=True)
    for shard in lost:
        (markers / f"{shard_name(shard)}{ENDINGS[-1]}").unlink(missing_ok=True)


def finish(bucket: Prefix, shards: int) -> None:
    """Deletes shards of an older, longer crawl, and says that the crawl is whole.

    Raises:
        InputError: if a shard is not there, or the bucket refuses.
        SetupError: if its server fails again and again.
    """
    there, wanted = bucket.names(), _files(range(shards))
    if missing := sorted(wanted - there):
        raise InputError(
            f"{bucket}{missing[0]} was uploaded, but is not there ({len(missing)} objects are not); give all nodes the same "
            "AWS_ENDPOINT_URL, keep others from deleting there, and run it again: what is finished is kept"
        )
    old = sorted(name for name in there - wanted if _SHARD_FILE.fullmatch(name))
    if old:
        logger.info("crawl: %d objects of an older, longer crawl are deleted from %s", len(old), bucket)
    bucket.delete(old)
    bucket.write(WHOLE)


def _files(shards: Iterable[int]) -> set[str]:
    return {f"{shard_name(shard)}{ending}" for shard in shards for ending in ENDINGS}
