"""Colour profiles (ICC.1:2010) made from their definitions, and what their colours are in sRGB."""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

D50 = (0.9642, 1.0, 0.8249)
# Primaries adapted to D50, a column each: red, green, blue.
SRGB = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
ADOBE = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])
SWAPPED = SRGB[:, [1, 2, 0]]  # its red is sRGB's green, its green sRGB's blue

Levels = npt.NDArray[np.float64]


def s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(s15, values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def srgb_curve() -> bytes:
    """The parametric curve of IEC 61966-2.1 (ICC.1, table 68, function 3)."""
    return (
        b"para\0\0\0\0"
        + struct.pack(">HH", 3, 0)
        + b"".join(map(s15, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
    )


def profile(space: bytes, tags: dict[bytes, bytes], kind: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78), b"wtpt": xyz(D50)} | tags
    offset, directory, bodies = 132 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        directory += struct.pack(">4sII", name, offset + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = struct.pack(">I4sI4s4s4s12x4s", offset + len(bodies), b"test", 0x02400000, kind, space, pcs, b"acsp")
    head += bytes(28) + b"".join(map(s15, D50)) + bytes(48)
    return head[:128] + struct.pack(">I", len(tags)) + directory + bodies


def matrix_profile(primaries: Levels, curve: bytes) -> bytes:
    columns = {name: xyz(primaries[:, n]) for n, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return profile(b"RGB ", columns | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def grey_profile(curve: bytes) -> bytes:
    return profile(b"GRAY", {b"kTRC": curve})


def cmyk_profile(paper: int = 200) -> bytes:
    """Inks whose lightness is `paper` / 2.55 without ink and 0 with any of them (`lut8Type`)."""
    identity = bytes(range(256))
    grid = b"".join(bytes((0 if n else paper, 128, 128)) for n in range(16))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + b"".join(s15(v) for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    return profile(b"CMYK", {b"A2B0": table + identity * 4 + grid + identity * 3}, b"prtr", b"Lab ")


def in_srgb(levels: Sequence[int], primaries: Levels, power: float | None) -> tuple[int, ...]:
    """What RGB levels are in sRGB, by the definition; `power` None for sRGB's own curve."""
    shares = np.array(levels) / 255
    linear = shares**power if power else np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    own = np.clip(np.linalg.inv(SRGB) @ primaries @ linear, 0, 1)
    shown = np.where(own <= 0.0031308, own * 12.92, 1.055 * own ** (1 / 2.4) - 0.055)
    return tuple((255 * shown).round().astype(int).tolist())
