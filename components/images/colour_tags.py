"""Colours that a file describes by numbers, not by a profile: PNG's chunks and AVIF's `nclx`.

They become a profile, so that all colours are converted in one place.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.images.bad_image import BadImage

_Point = tuple[float, float]
_D65, _D50 = (0.3127, 0.3290), (0.9642, 1.0, 0.8249)
_SRGB: tuple[_Point, ...] = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_NTSC = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
# Red, green, blue and white by their numbers in ITU-T H.273, table 2.
_PRIMARIES: dict[int, tuple[_Point, ...]] = {
    1: _SRGB,
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), (0.310, 0.316)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: _NTSC,
    7: _NTSC,
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
# Table 3. The curves of television are those of sRGB with another name: such pictures are made for
# the same screens. 2 is "unspecified".
_AS_SRGB = (1, 2, 6, 13, 14, 15)
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0}
_HDR = {16: "PQ", 18: "HLG"}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_ALIKE = 0.002
_SRGB_POWER = 2.2  # what a PNG says of sRGB's curve
_PNG_CHUNKS, _IMAGE_DATA = 8, b"IDAT"


def described_profile(image: Image.Image, data: bytes) -> bytes | None:
    """The profile of what a file says about its colours, other than by a profile; None if nothing.

    Args:
        image: as opened.
        data: its file.

    Raises:
        BadImage: `unsupported_format`, if its range is larger than that of a screen (HDR).
    """
    if image.format == "PNG":
        codes = _png_codes(data)
        if codes is not None:
            return _profile_by_codes(*codes)
        return None if "icc_profile" in image.info or "srgb" in image.info else _by_chromaticities(image)
    if image.format == "AVIF" and "icc_profile" not in image.info:
        at = data.find(b"colrnclx")
        if 0 <= at <= len(data) - 12:
            return _profile_by_codes(*struct.unpack_from(">HH", data, at + 8))
    return None


def _png_codes(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the chunk cICP, which comes before the pixels."""
    if b"cICP" not in data:
        return None
    offset = _PNG_CHUNKS
    while offset + 12 <= len(data) and (name := data[offset + 4 : offset + 8]) != _IMAGE_DATA:
        length = int.from_bytes(data[offset : offset + 4], "big")
        if name == b"cICP" and length == 4:
            return data[offset + 8], data[offset + 9]
        offset += 12 + length
    return None


def _profile_by_codes(primaries: int, transfer: int) -> bytes | None:
    if transfer in _HDR:
        raise BadImage(f"its colours have a high dynamic range ({_HDR[transfer]})", "unsupported_format")
    points, power = _PRIMARIES.get(primaries), _POWERS.get(transfer)
    if points is None or (power is None and transfer not in _AS_SRGB) or (points == _SRGB and power is None):
        return None
    return _profile(points, power)


def _by_chromaticities(image: Image.Image) -> bytes | None:
    """By a PNG's gAMA and cHRM, which browsers apply if both are there."""
    gamma, numbers = image.info.get("gamma"), image.info.get("chromaticity")
    if not gamma or numbers is None or len(numbers) != 8 or not 0.1 <= gamma <= 5:
        return None
    white, *points = (tuple(numbers[n : n + 2]) for n in range(0, 8, 2))
    found, power = (*points, white), 1 / gamma
    if abs(power - _SRGB_POWER) < 0.01 and np.abs(np.subtract(found, _SRGB)).max() < _ALIKE:
        return None
    try:
        return _profile(found, power)
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError, struct.error):
        return None  # impossible colours


@lru_cache(maxsize=64)
def _profile(points: tuple[_Point, ...], power: float | None) -> bytes:
    """A profile of a screen (ICC.1:2010, 8.3) with these primaries and white point.

    Args:
        points: red, green, blue and white, each x and y.
        power: of its curve; None for that of sRGB.
    """
    *colours, white = (np.array((x / y, 1.0, (1 - x - y) / y)) for x, y in points)
    primaries = np.column_stack(colours)
    primaries = primaries * np.linalg.solve(primaries, white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white)) @ _BRADFORD @ primaries
    if not np.isfinite(adapted).all():
        raise ValueError("impossible colours")
    numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045) if power is None else (power,)
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3 if power is None else 0, 0) + _fixed(numbers)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 4) + b"tag\0" + bytes(78),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
    }
    tags |= {name: b"XYZ \0\0\0\0" + _fixed(adapted[:, n]) for n, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return _joined(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _joined(tags: dict[bytes, bytes]) -> bytes:
    offset, directory, bodies = 132 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        directory += struct.pack(">4sII", name, offset + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = struct.pack(">I4sI4s4s4s12x4s", offset + len(bodies), b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head = (head + bytes(28) + _fixed(_D50)).ljust(128, b"\0")
    return head + struct.pack(">I", len(tags)) + directory + bodies


def _fixed(values: Sequence[float] | npt.NDArray[np.float64]) -> bytes:
    return b"".join(struct.pack(">i", round(float(value) * 65536)) for value in values)
