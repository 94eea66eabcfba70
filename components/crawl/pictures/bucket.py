"""A crawl that writes its shards to a bucket: checks before it, and its completion marker.

Workers upload shards themselves (`DownloadJob.publish`); markers in the work folder record which
are finished. While `_SUCCESS` is missing, the prefix may contain shards of this crawl and of an
older one.
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


def check_bucket(bucket: Prefix, files: Sequence[SourceFile]) -> None:
    """Checks before the crawl that its result can be written.

    Raises:
        InputError: if the bucket denies access, or a source is a shard that would be overwritten
            while it is read.
        SetupError: if the S3 server does not respond.
    """
    for file in files:
        folder, _, name = file.location.rpartition("/")
        if f"{folder}/" == str(bucket) and _SHARD_FILE.fullmatch(name):
            raise InputError(
                f"{file.location} would be overwritten while it is read; write to another prefix than {bucket}"
            )
    check_writable(bucket)


def begin_upload(bucket: Prefix, markers: Path, maps: Path) -> None:
    """Deletes `_SUCCESS`, and the markers of finished shards whose objects are gone.

    Args:
        bucket: destination of the shards.
        markers: folder of the markers of finished shards.
        maps: folder of the shard maps; their own markers are deleted, too, if a shard must be
            redone.
    """
    bucket.delete([WHOLE])
    finished = [int(marker.name[:5]) for marker in markers.glob(f"*{ENDINGS[-1]}")]
    present = bucket.names() if finished else set()
    missing_shards = [shard for shard in finished if not present.issuperset(_files([shard]))]
    if not missing_shards:
        return
    logger.warning("crawl: %d finished shards are missing in %s and will be redone", len(missing_shards), bucket)
    for marker in maps.rglob("markers/*.json"):
        marker.unlink(missing_ok=True)
    for shard in missing_shards:
        (markers / f"{shard_name(shard)}{ENDINGS[-1]}").unlink(missing_ok=True)


def finish_upload(bucket: Prefix, shards: int) -> None:
    """Deletes leftover shards of an older, longer crawl and writes `_SUCCESS`.

    Raises:
        InputError: if a shard is missing, or the bucket denies access.
        SetupError: if the S3 server keeps failing.
    """
    present, wanted = bucket.names(), _files(range(shards))
    if missing := sorted(wanted - present):
        raise InputError(
            f"{bucket}{missing[0]} was uploaded but is missing ({len(missing)} objects are missing); set the same "
            "AWS_ENDPOINT_URL on all nodes, let nothing else delete objects there, and run it again: finished work is kept"
        )
    old = sorted(name for name in present - wanted if _SHARD_FILE.fullmatch(name))
    if old:
        logger.info("crawl: deleting %d objects of an older, longer crawl from %s", len(old), bucket)
    bucket.delete(old)
    bucket.write(WHOLE)


def _files(shards: Iterable[int]) -> set[str]:
    return {f"{shard_name(shard)}{ending}" for shard in shards for ending in ENDINGS}
