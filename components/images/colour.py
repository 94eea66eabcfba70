"""Colours by a picture's own profile (ICC.1) → sRGB, in which pixels are stored and compared."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# The colour space that a profile describes, and the modes of pixels that it may be applied to.
_MODES = {b"RGB ": ("RGB", "RGBA"), b"GRAY": ("L",), b"CMYK": ("CMYK",)}
# Of scanners, monitors, printers, and colour spaces. Others do not describe pixels.
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")
_HEADER = 128
# The largest profiles of printing presses have 3 MB; there, a table is all there is to read.
_MOST_BYTES = 4_000_000
_KEPT = 16  # conversions in memory; sites use a handful of profiles
_SAME = 2  # grey levels; profiles that call themselves sRGB differ by as much
_SRGB = ImageCms.createProfile("sRGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Converts by a profile; the picture itself if it changes nothing, is broken, or does not fit.

    Args:
        image: of mode L, RGB, RGBA or CMYK; alpha is kept.
        profile: as embedded in the picture's file, if it was.
    """
    if not profile:
        return image
    space = profile[16:20]
    if space == b"RGB " and image.mode == "L" and conversion(profile, "RGB") is not None:
        image = image.convert("RGB")
    if image.mode not in _MODES.get(space, ()):
        return image
    transform = conversion(profile, image.mode)
    if transform is None:
        return image
    return transform.apply(image)


@lru_cache(maxsize=_KEPT)
def conversion(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """How pixels of a mode become sRGB; None if they are to stay as they are."""
    if not _HEADER < len(profile) <= _MOST_BYTES or profile[12:16] not in _CLASSES or profile[36:40] != b"acsp":
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            _SRGB,
            mode,
            "RGBA" if mode == "RGBA" else "RGB",
            ImageCms.Intent.PERCEPTUAL,
        )
        return None if _changes_nothing(transform, mode) else transform
    except Exception:  # noqa: BLE001 - a broken profile does not make a picture bad
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether it is sRGB by another name: tried on colours all over the cube."""
    if mode == "CMYK":
        return False
    if mode == "L":
        probe = Image.frombytes("L", (256, 1), bytes(range(256)))
    else:
        levels = np.linspace(0, 255, 16).round().astype(np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(64, 64, 3)
        probe = Image.fromarray(cube).convert(mode)
    before = np.asarray(probe.convert("RGB"), dtype=np.int16)
    after = np.asarray(transform.apply(probe).convert("RGB"), dtype=np.int16)
    return int(np.abs(after - before).max()) <= _SAME
