"""Bytes of a picture → pixels, and the perceptual hash that finds near-copies."""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.errors import InputError

WHITE = (255, 255, 255)
MAX_PIXELS = 20_000_000
HASH_SIDE = 8
_DCT_SIDE = 32


class BadImage(InputError):
    """The bytes are not a picture that can be decoded."""


def open_rgb(data: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decodes the first frame; transparent parts become white, as a browser shows them on a white page.

    Raises:
        BadImage: if the bytes are truncated, no picture, or more than `max_pixels` (a decompression bomb).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > max_pixels:
                raise BadImage(f"picture of {image.width} x {image.height} pixels; the limit is {max_pixels} pixels")
            image.load()
    except BadImage:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"picture of {len(data)} bytes cannot be decoded: {error}") from error
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, WHITE)
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image.convert("RGB")


def decode(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """Decodes to uint8 [size, size, 3]: short side resized with antialiasing, centre cropped.

    Raises:
        BadImage: see `open_rgb`.
    """
    image = open_rgb(data)
    scale = size / min(image.size)
    width, height = max(size, round(image.width * scale)), max(size, round(image.height * scale))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)), dtype=np.uint8)


def _dct_matrix(n: int) -> npt.NDArray[np.float64]:
    k, i = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    return np.cos(np.pi * k * (2 * i + 1) / (2 * n))


_DCT = _dct_matrix(_DCT_SIDE)[: HASH_SIDE + 1]


def perceptual_hash(data: bytes) -> int:
    """The 64-bit DCT hash: low frequencies of the 32 x 32 grey picture, each above or below their median.

    The constant term and the first row and column of the DCT carry only overall brightness and slopes; the hash takes the
    8 x 8 block after the constant term. Near-copies differ in a few bits, unrelated pictures in about 32.

    Raises:
        BadImage: see `open_rgb`.
    """
    grey = open_rgb(data).convert("L").resize((_DCT_SIDE, _DCT_SIDE), Image.Resampling.LANCZOS)
    spectrum = _DCT @ np.asarray(grey, dtype=np.float64) @ _DCT.T
    block = spectrum[1:, 1:]
    bits = np.packbits((block > np.median(block)).ravel())
    return int.from_bytes(bits.tobytes(), "big")


def hamming(hashes: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Differing bits between every pair: uint64 [n], uint64 [m] → uint8 [n, m]."""
    return np.bitwise_count(hashes[:, None] ^ others[None, :])
