"""What a JPEG's markers say before it is decoded: its profile, its passes, and what they cost.

Markers are those of ITU T.81, annex B.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from components.images.bad_image import BadImage
from components.images.memory import check_memory

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
_SCAN, _FRAMES = 0xDA, frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_PROFILE, _PROFILE_NAME = 0xE2, b"ICC_PROFILE\0"
_METADATA, _TURNING = 0xE1, b"Exif\0"
# The next marker that has a length, or the end: no stuffed byte, restart or fill byte. Fill bytes
# before it are left to the search: a pattern of them would take their number squared.
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")
_UNUSUAL = frozenset((0x00, 0x01, *range(0xD0, 0xDA), 0xFF))  # what is no marker with a length
_END = 0xD9
# Each scan visits all blocks of the picture. Encoders make 10 scans (18 in CMYK), careful ones 20;
# a hostile file makes thousands in a few bytes each. A scan takes about a second for 1,000 million
# pixels.
_USUAL_SCANS, _MOST_SCANS, _MOST_VISITED = 20, 100, 1_500_000_000
_FEW_VISITED = 300_000_000
_SCAN_BYTES = 10  # of the shortest scan
_SCANS = re.compile(rb"\xff\xda")
_MOST_SEGMENTS = 20_000  # before the first scan; profiles and XMP in pieces of 64 kB make hundreds
_SEGMENT_BYTES = 4  # of the shortest
_COEFFICIENT = 2  # bytes


@dataclass(frozen=True)
class Markers:
    """What comes before a JPEG's first scan.

    Attributes:
        coefficients: bytes of memory for those of the whole picture, if scans are gathered in them
            as in a progressive picture; else 0.
        profile: the colour profile, joined from its segments (ICC.1, annex B.4).
        turning: whether metadata may turn the picture when it is shown.
    """

    coefficients: int
    profile: bytes | None
    turning: bool


def read_markers(data: bytes) -> Markers:
    """Reads the markers up to the first scan.

    Raises:
        BadImage: `bomb`, if there are too many.
    """
    frame, gathered, turning = b"", False, False
    parts: dict[int, bytes] = {}
    for marker, offset in _segments(data, _MOST_SEGMENTS):
        if marker == _SCAN:
            gathered |= bool(frame) and data[offset + 2 : offset + 3] < frame[5:6]
            break
        if marker in _FRAMES and not frame:  # decoders refuse a second one
            frame, gathered = _body(data, offset), marker in _PROGRESSIVE
        elif marker == _PROFILE:
            body = _body(data, offset)
            if body.startswith(_PROFILE_NAME) and len(body) > 14:
                parts.setdefault(body[12], body[14:])
        elif marker == _METADATA:
            turning |= _TURNING in _body(data, offset)
    profile = b"".join(parts[number] for number in sorted(parts)) or None
    return Markers(_coefficients(frame) if gathered and len(frame) > 5 else 0, profile, turning)


def check_cost(data: bytes, size: tuple[int, int]) -> None:
    """Refuses a JPEG whose scans would take far more time or memory than real ones do.

    Args:
        data: the file.
        size: width and height, px.

    Raises:
        BadImage: `bomb` or `too_many_pixels`.
    """
    if size[0] * size[1] * len(data) <= _FEW_VISITED * _SCAN_BYTES and len(data) <= _MOST_SEGMENTS * _SEGMENT_BYTES:
        return  # whatever the bytes are
    coefficients = read_markers(data).coefficients
    if coefficients:
        check_memory(data, coefficients, size)
        _check_scans(data, size)


def _check_scans(data: bytes, size: tuple[int, int]) -> None:
    most = max(_USUAL_SCANS, min(_MOST_SCANS, _MOST_VISITED // max(1, size[0] * size[1])))
    # What follows the picture, such as a film, may look like scans: only then a close look.
    if len(_SCANS.findall(data)) <= most:
        return
    if sum(marker == _SCAN for marker, _ in _segments(data, most + _MOST_SEGMENTS)) > most:
        raise BadImage(
            f"JPEG of {len(data)} bytes has more than {most} scans, which only slow the decoder down", "bomb", size
        )


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
    offset, end = 2, len(data) - 3
    for _ in range(most):
        if offset < end and data[offset] == 0xFF and data[offset + 1] not in _UNUSUAL:
            marker, offset = data[offset + 1], offset + 2
        elif found := _MARKER.search(data, offset):
            marker, offset = found[1][0], found.end()
            if marker == _END:
                return
        else:
            return
        yield marker, offset
        offset += max(2, data[offset] << 8 | data[offset + 1]) if offset < end else 2
    raise BadImage(f"JPEG of {len(data)} bytes has more than {most} segments", "bomb")


def _body(data: bytes, offset: int) -> bytes:
    return data[offset + 2 : offset + int.from_bytes(data[offset : offset + 2], "big")]


def _coefficients(frame: bytes) -> int:
    """Bytes of the coefficients of a frame, by its header (T.81, B.2.2)."""
    height, width, count = (int(number) for number in struct.unpack_from(">HHB", frame, 1))
    factors = [(sampling >> 4 or 1, sampling & 15 or 1) for sampling in frame[7 : 7 + 3 * count : 3]]
    most_across, most_down = (max(each) for each in zip(*factors, strict=True)) if factors else (1, 1)
    blocks: int = sum(
        -(-width * across // (8 * most_across)) * -(-height * down // (8 * most_down)) for across, down in factors
    )
    return 64 * _COEFFICIENT * blocks
