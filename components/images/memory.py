"""How much memory a picture may take when it is decoded, and when it is a bomb."""

from components.images.bad_image import BadImage

# Pillow and OpenCV store four bytes for a pixel of colour.
PIXEL = 4
# What is decoded in one piece: 25 megapixels, 100 MB. A JPEG may have more, because it can be
# decoded at a half, a quarter or an eighth of its size.
MAX_PIXELS = 25_000_000
# The same where somebody asks for more: 400 MB.
MOST_PIXELS = 100_000_000
# A picture may unfold to this many times the started megabytes of its file. Of photographs a byte
# unfolds to 10 to 40 bytes; a bomb that zlib packed has a thousand.
UNFOLDING = 100
_MEGABYTE = 1_000_000
_BESIDES = 400_000  # bytes that decoding takes, whatever the size


def check_memory(data: bytes, needed: int, size: tuple[int, int], limit: int = MOST_PIXELS * PIXEL) -> None:
    """Refuses what would take too much memory.

    Args:
        data: the file.
        needed: what decoding takes, bytes.
        size: width and height, px.
        limit: the most that is granted to any picture, bytes.

    Raises:
        BadImage: `bomb` if the file is far too small for what it unfolds to, `too_many_pixels` if
            it is only large.
    """
    check_unfolding(data, needed, size)
    width, height = size
    if needed > limit:
        raise BadImage(
            f"picture of {width} x {height} pixels; the limit is {limit // PIXEL} pixels", "too_many_pixels", size
        )


def check_unfolding(data: bytes, needed: int, size: tuple[int, int]) -> None:
    """Refuses a picture whose file is far too small for what it unfolds to.

    Args:
        data: the file.
        needed: what decoding takes at its peak, bytes.
        size: width and height, px.

    Raises:
        BadImage: `bomb`.
    """
    if needed > granted(len(data)):
        raise BadImage(
            f"{len(data)} bytes would unfold to a picture of {size[0]} x {size[1]} pixels: a decompression bomb",
            "bomb",
            size,
        )


def granted(length: int) -> int:
    """The bytes that the pixels of a file of so many may take."""
    return UNFOLDING * _MEGABYTE * max(1, -(-length // _MEGABYTE)) - _BESIDES
