"""What a JPEG's markers say before it is decoded: its profile, its passes, and what they cost.

Markers are those of ITU T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator

from components.images.bad_image import BadImage
from components.images.memory import check_memory

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
_SCAN, _FRAMES = 0xDA, frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_PROFILE, _PROFILE_NAME = 0xE2, b"ICC_PROFILE\0"
# A marker that is no stuffed byte, restart or fill byte.
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")
_ALONE = frozenset((0x01, 0xD8, 0xD9))  # markers without a length
# Each scan visits all blocks of the picture. Encoders make 10 scans (18 in CMYK), careful ones 20;
# a hostile file makes thousands in a few bytes each. A scan takes about a second for 1,000 million
# pixels.
_USUAL_SCANS, _MOST_SCANS, _MOST_VISITED = 20, 100, 1_500_000_000
_MOST_SEGMENTS = 20_000  # before the first scan; profiles and XMP in pieces of 64 kB make hundreds
# Up to here the coefficients of a progressive picture fit without a look at its markers.
_SMALL = 16_000_000
_COEFFICIENT = 2  # bytes


def check_cost(data: bytes, size: tuple[int, int]) -> None:
    """Refuses a JPEG whose scans would take far more time or memory than real ones do.

    Nearly all files are let through by one count.

    Args:
        data: the file.
        size: width and height, px.

    Raises:
        BadImage: `bomb` or `too_many_pixels`.
    """
    pixels = size[0] * size[1]
    scans = data.count(b"\xff\xda")
    if pixels <= _SMALL and scans <= _USUAL_SCANS:
        return
    if scans > _USUAL_SCANS:
        scans = sum(marker == _SCAN for marker, _ in _segments(data, _MOST_SCANS + _MOST_SEGMENTS))
    most = max(_USUAL_SCANS, min(_MOST_SCANS, _MOST_VISITED // max(1, pixels)))
    if scans > most:
        raise BadImage(
            f"JPEG of {len(data)} bytes has more than {most} scans, which only slow the decoder down", "bomb", size
        )
    check_memory(data, _coefficients(data), size)


def profile_of(data: bytes) -> bytes | None:
    """The colour profile, joined from its segments (ICC.1, annex B.4); None if there is none."""
    if _PROFILE_NAME not in data:
        return None
    parts: dict[int, bytes] = {}
    for marker, offset in _segments(data, _MOST_SEGMENTS):
        if marker == _SCAN:
            break
        body = _body(data, offset)
        if marker == _PROFILE and body.startswith(_PROFILE_NAME) and len(body) > 14:
            parts.setdefault(body[12], body[14:])
    return b"".join(parts[number] for number in sorted(parts)) or None


def with_end(data: bytes, start: int = 0) -> bytes:
    """What comes from `start` on, with the end marker if nothing after the first scan is one."""
    rest = data[start:] if start else data
    if rest.endswith(END) or rest.rfind(END, max(0, rest.find(b"\xff\xda"))) >= 0:
        return rest
    return rest.rstrip(b"\xff") + END


def _segments(data: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Each marker with a body, up to the end, as (marker, offset of its length).

    Raises:
        BadImage: `bomb`, if there are more than `most`.
    """
    offset, count = 2, 0
    while found := _MARKER.search(data, offset):
        marker, offset = found[1][0], found.end()
        if data[found.start() : offset].endswith(END):
            return
        if marker in _ALONE:
            continue
        count += 1
        if count > most:
            raise BadImage(f"JPEG of {len(data)} bytes has more than {most} segments", "bomb")
        yield marker, offset
        offset += max(2, int.from_bytes(data[offset : offset + 2], "big"))


def _body(data: bytes, offset: int) -> bytes:
    return data[offset + 2 : offset + int.from_bytes(data[offset : offset + 2], "big")]


def _coefficients(data: bytes) -> int:
    """Bytes of the coefficients of the whole picture, which several scans are gathered in."""
    largest, of_frame, buffered = 0, 0, False
    for marker, offset in _segments(data, _MOST_SEGMENTS):
        body = _body(data, offset)
        if marker in _FRAMES and len(body) >= 6:
            largest = max(largest, _frame(body))
            of_frame = body[5]
            buffered |= marker in _PROGRESSIVE
        elif marker == _SCAN:
            buffered |= bool(body) and body[0] < of_frame
            break
    return largest if buffered else 0


def _frame(body: bytes) -> int:
    height, width, count = struct.unpack_from(">HHB", body, 1)
    factors = [(sampling >> 4 or 1, sampling & 15 or 1) for sampling in body[7 : 7 + 3 * count : 3]]
    most_across, most_down = (max(each) for each in zip(*factors, strict=True)) if factors else (1, 1)
    blocks = sum(
        -(-width * across // (8 * most_across)) * -(-height * down // (8 * most_down)) for across, down in factors
    )
    return 64 * _COEFFICIENT * blocks
