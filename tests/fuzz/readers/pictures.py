"""Pictures: bytes of any format → pixels, and the row of a shard."""

from collections.abc import Iterable
from itertools import product
from typing import get_args

from components.crawl.pictures.near_copy import thumbnail
from components.crawl.pictures.picture_row import picture_row
from components.crawl.pictures.verify import Rejected, verify
from components.images.bad_image import BadReason
from components.images.decode import open_rgb
from components.images.header import read_header
from components.shards.format import FAILED_TO_RESIZE, SUCCESS
from tests.fuzz import page_seeds, seeds
from tests.fuzz.change import OF_PAGES, OF_PICTURES
from tests.fuzz.reader import Reader, chance_of
from tests.fuzz.readers.limits import crawl_knobs

_REJECTIONS = {*get_args(BadReason), "too_small"}
_SHAPES = tuple(product(("none", "keep_ratio", "center_crop", "border"), ("keep", "jpg", "png", "webp")))


def read_picture(data: bytes) -> Iterable[str]:
    """Bytes → a row, or the reason why there is none."""
    resize, encode = chance_of(data).choice(_SHAPES)
    knob = crawl_knobs(resize=resize, encode=encode, side=40, min_side=16)
    found, row = verify(data, knob), picture_row({"key": "0"}, data, knob, None)
    if isinstance(found, Rejected):
        assert found.reason in _REJECTIONS, found
        assert (row.record["status"], row.record["error_message"], row.image) == (FAILED_TO_RESIZE, found.reason, None)
        return [found.reason]
    assert (row.record["status"], row.image, row.extension) == (SUCCESS, found.image, found.extension)
    assert row.record["original_sha256"] is not None
    again, stored = open_rgb(found.image), read_header(found.image, None)
    assert stored.upright_size == found.size == (row.record["width"], row.record["height"])
    assert thumbnail(found.rgb).shape == (48, 48, 3)
    if again.size != found.size or found.rgb.size != found.size:  # too large
        assert stored.kind == "JPEG"
    elif found.extension == "png" or (encode == "keep" and found.size == found.original_size and found.image in data):
        assert again.tobytes() == found.rgb.tobytes()
    return [SUCCESS]


# Whatever its file has, a picture may unfold to 25 million pixels of 4 bytes; the decoder of WebP
# holds four times that, turning or flattening others twice or three times.
_MEMORY = 400_000_000

READERS = {
    "picture": Reader(read_picture, seeds.pictures, OF_PICTURES, _MEMORY),
    "svg": Reader(read_picture, page_seeds.drawings, OF_PAGES, _MEMORY),
}
