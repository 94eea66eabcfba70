"""A picture's perceptual hash and mean colours, which find recompressed and rescaled copies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

HASH_SIDE = 8
COLOUR_SIDE = 8
COLOURS = COLOUR_SIDE * COLOUR_SIDE * 3  # bytes of `colours`
_DCT_SIDE = 32
# Frequencies fainter than this tell nothing: a tenth of a grey level, in units of the DCT below.
_FAINT = 30.0


def _dct_matrix(n: int) -> npt.NDArray[np.float64]:
    k, i = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    return np.asarray(np.cos(np.pi * k * (2 * i + 1) / (2 * n)), dtype=np.float64)


_DCT = _dct_matrix(_DCT_SIDE)[:HASH_SIDE]


def fingerprints(picture: Image.Image) -> tuple[int, bytes]:
    """`perceptual_hash` and `colours`, in little more than the time of one."""
    coarse = _coarse(picture)
    return _hash(coarse), _colours(coarse)


def perceptual_hash(picture: Image.Image) -> int:
    """The 64-bit DCT hash.

    A bit says whether one of the 8 x 8 lowest frequencies of the 32 x 32 grey picture is clearly
    above their median.

    The bit of the constant term, which carries overall brightness, is always 0. A frequency that a
    picture lacks (stripes lack most) must not depend on noise, hence "clearly". Copies that were
    recompressed or rescaled differ in up to nine bits, unrelated pictures in about 28; a cut margin
    flips a third of the bits. Colours do not count.
    """
    return _hash(_coarse(picture))


def colours(picture: Image.Image) -> bytes:
    """The mean colours of 8 x 8 smoothly overlapping fields, row by row, three bytes each (RGB).

    They tell apart what the hash does not: other colours, and small things that differ. Of a
    hundred copies that were rescaled 99 differ in no field by more than six grey levels, of copies
    as JPEG of quality 70 by no more than fourteen.
    """
    return _colours(_coarse(picture))


@dataclass(frozen=True)
class _Coarse:
    """A picture in blocks, and its size in blocks; the last of a row or column may be parts."""

    blocks: Image.Image
    size: tuple[float, float]

    def resize(self, side: int, mode: str, resampling: Image.Resampling) -> Image.Image:
        """A square of pixels."""
        return self.blocks.convert(mode).resize((side, side), resampling, box=(0.0, 0.0, *self.size))


def _coarse(picture: Image.Image) -> _Coarse:
    """No smaller than twice the side that hashes need: only higher frequencies than theirs go."""
    across, down = (max(1, side // (2 * _DCT_SIDE)) for side in picture.size)
    blocks = picture.reduce((across, down)) if across > 1 or down > 1 else picture
    return _Coarse(blocks, (picture.width / across, picture.height / down))


def _hash(coarse: _Coarse) -> int:
    grey = coarse.resize(_DCT_SIDE, "L", Image.Resampling.LANCZOS)
    # Rounded, since sums may differ in their last digits.
    block = (_DCT @ np.asarray(grey, dtype=np.float64) @ _DCT.T).round(3).ravel()
    bits = block > np.median(block[1:]) + _FAINT
    bits[0] = False
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _colours(coarse: _Coarse) -> bytes:
    # A triangle twice as wide as its field does not mind where the grid of pixels lies.
    return coarse.resize(COLOUR_SIDE, "RGB", Image.Resampling.BILINEAR).tobytes()
