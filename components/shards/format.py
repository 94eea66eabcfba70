"""The layout of picture shards: names, keys, columns and statuses, as img2dataset has them."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from components.errors import InputError

logger = logging.getLogger(__name__)


SUCCESS = "success"
FAILED_TO_DOWNLOAD = "failed_to_download"
FAILED_TO_RESIZE = "failed_to_resize"
# How a picture repeats an earlier one of the crawl, and why it has gone if copies are taken out.
EXACT, NEAR = "exact", "near"
DUPLICATE_REASONS = tuple(f"duplicate_{kind}" for kind in (EXACT, NEAR))
COLOURS = 8 * 8 * 3  # bytes of a picture's mean colours (`images.fingerprint.colours`)
# Endings of pictures; of several, a sample's is the first. Decoders look at the bytes alone.
EXTENSIONS = (
    "png", "jpg", "jpeg", "webp", "jpe", "jfif", "pjpeg", "gif", "apng", "avif", "bmp", "dib", "tif", "tiff", "heic",
    "heif", "jp2", "j2k", "jpx", "jxl", "svg", "svgz", "ico", "ppm", "pgm", "pbm", "pnm",
)  # fmt: skip
LARGEST = 100_000_000  # bytes of a picture, at most (as `crawl.max_picture_bytes`)
ENDINGS = (".tar", ".parquet", "_stats.json")  # of a shard's files, in the order in which they are put in place
SHARDS, PICTURES = 100_000, 10_000  # that a key has digits for

# The first ten columns have img2dataset's names and types; the rest are ours. All are in
# `KEY.json`, too.
PICTURE_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("error_message", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("original_width", pa.int32()),
        ("original_height", pa.int32()),
        ("sha256", pa.string()),
        ("caption", pa.string()),
        ("page_url", pa.string()),
        ("page_title", pa.string()),
        ("page_language", pa.string()),
        ("context", pa.string()),
        ("site", pa.string()),
        ("phash", pa.uint64()),
        ("http_status", pa.int32()),
        ("original_sha256", pa.string()),
    ]
)
# What only the crawl's index says: what copies are found by, and of which picture this is one.
INDEX_SCHEMA = pa.schema(
    [
        *PICTURE_SCHEMA,
        ("colours", pa.binary(COLOURS)),
        ("duplicate_of", pa.string()),
        ("duplicate_kind", pa.string()),
    ]
)
ENTITIES_FIELD = pa.field("entities", pa.list_(pa.string()))
LABELLED_INDEX_SCHEMA = PICTURE_SCHEMA.append(ENTITIES_FIELD)
_INDEX_ONLY = frozenset(INDEX_SCHEMA.names) - frozenset(PICTURE_SCHEMA.names)


def shard_name(number: int) -> str:
    """`00012` for shard 12."""
    return f"{number:05d}"


def picture_key(shard: int, position: int) -> str:
    """Nine digits, as img2dataset has them: shard (5) and position in it (4).

    Raises:
        InputError: if either has no such number; a longer key would name another shard's picture.
    """
    if not (0 <= shard < SHARDS and 0 <= position < PICTURES):
        raise InputError(
            f"picture {position} of shard {shard} has no key: a shard holds {PICTURES} pictures, a folder {SHARDS} shards; "
            "make shards of another size"
        )
    return f"{shard:05d}{position:04d}"


def shard_numbers(folder: Path) -> list[int]:
    """The finished shards of a folder, in order.

    Raises:
        InputError: if there is none.
    """
    return numbers_among((path.name for path in folder.glob("*.parquet")), folder)


def numbers_among(names: Iterable[str], where: object) -> list[int]:
    """The finished shards among the names of files, in order; `where` they are is for the message.

    Raises:
        InputError: if there is none.
    """
    parted = (name.rpartition(".") for name in names)
    numbers = sorted(int(stem) for stem, _, ending in parted if ending == "parquet" and stem.isdigit())
    if not numbers:
        raise InputError(f"{where} holds no shard (00000.parquet, …); run the stage that writes it")
    return numbers
