"""A picture's bytes → its row in a shard, or a row with the reason why it was rejected."""

import hashlib
from pathlib import Path
from typing import Any

from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.hold_out import open_hold_out
from components.crawl.pictures.near_copy import thumbnail
from components.crawl.pictures.verify import Rejected, Verified, verify
from components.shards.format import FAILED_TO_RESIZE, SUCCESS
from components.shards.writer import Row

NEAR_COPY = "near_copy_of_hold_out"


def picture_row(record: dict[str, Any], data: bytes, parameters: CrawlParameters, hold_out: Path | None) -> Row:
    """The row of a downloaded picture.

    Args:
        record: its key, URL and texts; its fields on the original take precedence.
        data: as served.
        parameters: section `crawl`.
        hold_out: fingerprints of the hold-out set, whose near-copies are rejected, if any.
    """
    record = {"original_sha256": hashlib.sha256(data).hexdigest()} | record
    found = verify(data, parameters)
    if isinstance(found, Rejected):
        size = {"original_width": found.width or None, "original_height": found.height or None}
        return Row(size | record | {"status": FAILED_TO_RESIZE, "error_message": found.reason})
    record = _original(found) | record | _stored(found)
    if hold_out is not None and _difference(found, hold_out) <= parameters.hold_out_difference:
        return Row(record | {"status": FAILED_TO_RESIZE, "error_message": NEAR_COPY})
    return Row(record | {"status": SUCCESS}, found.image, found.extension)


def _difference(found: Verified, hold_out: Path) -> float:
    return open_hold_out(hold_out).difference(thumbnail(found.rgb))


def _original(found: Verified) -> dict[str, Any]:
    width, height = found.original_size
    return {"original_width": width, "original_height": height}


def _stored(found: Verified) -> dict[str, Any]:
    width, height = found.size
    hashes = {"sha256": found.sha256, "phash": found.phash, "colours": found.colours}
    return {"width": width, "height": height} | hashes
