"""Hostile pictures: small files that unfold far, or make a decoder work far."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from benchmarks.hostile.case import LARGE, Case
from benchmarks.hostile.inputs.drawings import ANY as _ANY
from benchmarks.hostile.inputs.drawings import DRAWINGS, encoded
from benchmarks.hostile.inputs.drawings import ONE as _ONE
from benchmarks.hostile.inputs.drawings import start as _start

_READERS = ("crawl", "training", "evaluation", "squashed")
# 25 megapixels, as one picture, one row and one column have them.
_SQUARE, _ROW, _COLUMN = (5000, 5000), (25_000_000 // 16_000, 16_000), (16_000, 25_000_000 // 16_000)
_RED = (200, 30, 30)


def cases() -> Iterator[Case]:
    """The hostile pictures, for each reader of pictures."""
    for reader in _READERS:
        for name, (make, sizes) in (_PICTURES | DRAWINGS).items():
            yield Case(f"picture: {reader}", name, make, sizes)


def _flat(kind: str, mode: str = "RGB", size: tuple[int, int] = _SQUARE, **options: Any) -> Callable[[int], bytes]:
    """A picture of one colour: tiny, whatever its size."""

    def make(_: int) -> bytes:
        return encoded(Image.new(mode, size), kind, **options)

    return make


def _turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _wide_gamut() -> bytes:
    """A profile that is not sRGB: with its red and green swapped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tXYZ").replace(b"gXYZ", b"rXYZ").replace(b"tXYZ", b"gXYZ")


def _png(
    size: tuple[int, int], depth: int, colour: int, *chunks: tuple[bytes, bytes], interlaced: bool = False
) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" * (1 + -(-size[0] * depth * channels // 8))
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(size[1])) + packer.flush()
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    return png_of((b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b""))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of chunks by name."""
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _of_png(*arguments: Any, **options: Any) -> Callable[[int], bytes]:
    return lambda _: _png(*arguments, **options)


def _png_with_chunks(name: bytes, data: bytes) -> Callable[[int], bytes]:
    """A small picture with as many chunks as fit."""

    def make(size: int) -> bytes:
        chunk = (name, data)
        rows = zlib.compress((b"\0" + bytes(400 * 3)) * 300)
        header = struct.pack(">IIBBBBB", 400, 300, 8, 2, 0, 0, 0)
        many = [chunk] * (size // (12 + len(data)))
        return png_of((b"IHDR", header), *many, (b"IDAT", rows), (b"IEND", b""))

    return make


def _apng(size: int) -> bytes:
    frames = [Image.new("RGB", (1000, 1000), (n, 0, 0)) for n in range(40)]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])[: max(size, 1_000_000)]


def _animation(kind: str, side: int, **options: Any) -> Callable[[int], bytes]:
    def make(_: int) -> bytes:
        frames = [Image.new("RGB", (side, side), (n, 0, 0)) for n in range(12)]
        return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)

    return make


def _scans(side: int, **options: Any) -> Callable[[int], bytes]:
    """A progressive JPEG with its last scan over and over."""

    def make(size: int) -> bytes:
        usual = encoded(Image.new("RGB", (side, side), _RED), "JPEG", progressive=True, **options)
        last = usual[usual.rindex(b"\xff\xda") : -2]
        return usual[:-2] + last * max(1, (size - len(usual)) // len(last)) + b"\xff\xd9"

    return make


def _some_scans(side: int, number: int) -> Callable[[int], bytes]:
    """As many scans as are granted, which visit the whole picture."""

    def make(_: int) -> bytes:
        usual = encoded(Image.new("RGB", (side, side), _RED), "JPEG", progressive=True)
        last = usual[usual.rindex(b"\xff\xda") : -2]
        return usual[:-2] + last * number + b"\xff\xd9"

    return make


def _claimed_jpeg(width: int, height: int, *, progressive: bool = False, mode: str = "RGB") -> Callable[[int], bytes]:
    """A small JPEG whose header claims more."""

    def make(_: int) -> bytes:
        data = encoded(Image.new(mode, (64, 64)), "JPEG", progressive=progressive)
        at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]

    return make


def _segments(marker: int, length: int) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        data = encoded(Image.new("RGB", (400, 300), _RED), "JPEG")
        segment = bytes((0xFF, marker)) + struct.pack(">H", length) + bytes(length - 2)
        return data[:2] + segment * (size // len(segment)) + data[2:]

    return make


def _noise(kind: str, **options: Any) -> Callable[[int], bytes]:
    """A picture of noise, which no decoder can do quickly, of about so many bytes."""

    def make(size: int) -> bytes:
        side = max(256, int((size / options.get("per_pixel", 1)) ** 0.5))
        pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
        return encoded(Image.fromarray(pixels), kind, **{k: v for k, v in options.items() if k != "per_pixel"})

    return make


def _gif(width: int, height: int) -> Callable[[int], bytes]:
    """A screen of one size with a frame of a pixel."""
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return lambda _: b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\0\0\0\xff\xff\xff" + frame + b";"


def _gif_frames(size: int) -> bytes:
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    start = b"GIF89a" + struct.pack("<HH", 3000, 3000) + b"\x80\0\0\0\0\0\xff\xff\xff"
    return start + frame * (size // len(frame)) + b";"


def _tiff_strips(size: int) -> bytes:
    """Each row a strip of its own, all in the same place."""
    data = encoded(Image.new("L", (4000, 4000)), "TIFF", compression="tiff_lzw", tiffinfo={278: 1})
    return data[: max(size, len(data))]


def _icon(inner: bytes, number: int = 1) -> bytes:
    entries = b"".join(
        struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 6 + 16 * number) for _ in range(number)
    )
    return b"\0\0\1\0" + struct.pack("<H", number) + entries + inner


def _icons(number: int) -> Callable[[int], bytes]:
    return lambda _: _icon(encoded(Image.new("RGBA", (2500, 2500)), "PNG"), number)


def _bitmap_icon(_: int) -> bytes:
    side = 5000
    header = struct.pack("<IiiHHIIiiII", 40, side, 2 * side, 1, 1, 0, 0, 0, 0, 2, 0)
    return _icon(header + bytes(8) + bytes(2 * side * 640))


def _rle_bitmap(_: int) -> bytes:
    side = 5000
    body = b"\xff\0" * 20 + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1024 + len(body), 0, 0, 54 + 1024) + header + bytes(1024) + body


def _long_profile(size: int) -> bytes:
    """A profile that a table of this size follows."""
    profile = bytearray(_wide_gamut()) + bytes(size)
    profile[:4] = struct.pack(">I", len(profile))
    return encoded(Image.linear_gradient("L").convert("RGB"), "JPEG", icc_profile=bytes(profile))


def _texts(_: int) -> bytes:
    info = PngImagePlugin.PngInfo()
    for number in range(60):
        info.add_text(f"k{number}", "a" * 1_000_000, zip=True)
    return encoded(Image.new("RGB", (400, 300)), "PNG", pnginfo=info)


def _cut(make: Callable[[int], bytes], share: float) -> Callable[[int], bytes]:
    def cut(size: int) -> bytes:
        data = make(size)
        return data[: int(len(data) * share)]

    return cut


_PICTURES: dict[str, tuple[Callable[[int], bytes], tuple[int, ...]]] = {
    **{f"flat {kind} {mode}": (_flat(kind, mode), _ONE) for kind, mode in [
        ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "L"), ("PNG", "1"), ("PNG", "P"), ("PNG", "I;16"),
        ("WEBP", "RGB"), ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "1"), ("AVIF", "RGB"), ("AVIF", "RGBA"),
        ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("JPEG2000", "RGB"), ("JPEG2000", "RGBA"), ("JPEG2000", "L"),
    ]},
    **{f"flat TIFF {mode}": (_flat("TIFF", mode, compression="tiff_adobe_deflate"), _ONE) for mode in [
        "RGB", "RGBA", "L", "1", "LA", "CMYK", "I;16", "F", "LAB", "YCbCr",
    ]},
    "flat PNG with colour key": (_flat("PNG", transparency=(0, 0, 0)), _ONE),
    "flat PNG palette with transparency": (_flat("PNG", "P", transparency=0), _ONE),
    "flat PNG with profile": (_flat("PNG", "RGB", icc_profile=_wide_gamut()), _ONE),
    "flat PNG with alpha and profile": (_flat("PNG", "RGBA", icc_profile=_wide_gamut()), _ONE),
    "flat PNG turned": (_flat("PNG", "RGBA", exif=_turned(6)), _ONE),
    "flat PNG turned with profile": (_flat("PNG", "RGB", exif=_turned(6), icc_profile=_wide_gamut()), _ONE),
    "flat WEBP turned with profile": (_flat("WEBP", "RGBA", exif=_turned(6), icc_profile=_wide_gamut()), _ONE),
    "flat lossless WEBP": (_flat("WEBP", "RGBA", lossless=True), _ONE),
    "flat TIFF turned": (_flat("TIFF", "RGB", compression="tiff_lzw", tiffinfo={274: 6}), _ONE),
    "flat JPEG turned with profile": (_flat("JPEG", "RGB", exif=_turned(6), icc_profile=_wide_gamut()), _ONE),
    "flat JPEG progressive": (_flat("JPEG", "RGB", progressive=True), _ONE),
    "flat JPEG progressive, whole colours": (_flat("JPEG", "RGB", progressive=True, subsampling="4:4:4"), _ONE),
    "flat JPEG progressive CMYK": (_flat("JPEG", "CMYK", progressive=True), _ONE),
    "flat PNG row": (_flat("PNG", "RGBA", (25_000_000, 1)), _ONE),
    "flat PNG column": (_flat("PNG", "RGBA", (1, 25_000_000)), _ONE),
    "flat PNG of 6 MP": (_flat("PNG", "RGBA", (2500, 2500)), _ONE),
    "flat WEBP row": (_flat("WEBP", "RGB", (16_383, 1500)), _ONE),
    "PNG of 16 bits": (_of_png(_SQUARE, 16, 2), _ONE),
    "PNG of 16 bits and alpha": (_of_png(_SQUARE, 16, 6), _ONE),
    "PNG of 16 grey and alpha": (_of_png(_SQUARE, 16, 4), _ONE),
    "PNG of 1 bit, interlaced": (_of_png(_SQUARE, 1, 0, interlaced=True), _ONE),
    "PNG interlaced": (_of_png(_SQUARE, 8, 6, interlaced=True), _ONE),
    "PNG of 100 MP": (_of_png((10_000, 10_000), 1, 0), _ONE),
    "PNG, empty chunks": (_png_with_chunks(b"IDAT", b""), _ANY),
    "PNG, texts": (_png_with_chunks(b"tEXt", b"a\0b"), _ANY),
    "PNG, packed texts": (_png_with_chunks(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000), 9)), _ANY),
    "PNG, profiles": (_png_with_chunks(b"iCCP", b"a\0\0" + zlib.compress(bytes(900_000), 9)), _ANY),
    "PNG, unknown chunks": (_png_with_chunks(b"abCd", b"a"), _ANY),
    "PNG, frames": (_png_with_chunks(b"fcTL", bytes(26)), _ANY),
    "PNG, long texts": (_texts, _ONE),
    "APNG": (_apng, _ONE),
    "WebP animation": (_animation("WEBP", 3000), _ONE),
    "AVIF animation": (_animation("AVIF", 2000), _ONE),
    "GIF animation": (_animation("GIF", 3000), _ONE),
    "GIF screen": (_gif(5000, 5000), _ONE),
    "GIF screen of 65,535": (_gif(65_535, 65_535), _ONE),
    "GIF frames": (_gif_frames, _ANY),
    "JPEG scans": (_scans(400), _ANY),
    "JPEG scans, large": (_scans(5000), _ANY),
    "JPEG scans, 1500": (_scans(1500), _ANY),
    **{f"JPEG of {side} px, {number} scans": (_some_scans(side, number), _ONE)
       for side, number in [(400, 90), (1700, 89), (3800, 89), (3800, 10), (5000, 49), (5000, 10), (7000, 9), (8000, 9)]},
    "JPEG claims 50 MP": (_claimed_jpeg(8192, 6144), _ONE),
    "JPEG claims 1600 MP": (_claimed_jpeg(40_000, 40_000), _ONE),
    "JPEG claims 25 MP progressive": (_claimed_jpeg(5000, 5000, progressive=True), _ONE),
    "JPEG claims 33 MP progressive": (_claimed_jpeg(5700, 5700, progressive=True), _ONE),
    "JPEG claims 25 MP CMYK": (_claimed_jpeg(5000, 5000, mode="CMYK"), _ONE),
    "JPEG claims a row": (_claimed_jpeg(65_000, 384), _ONE),
    "JPEG, cut": (_cut(_flat("JPEG", "RGB", progressive=True), 0.97), _ONE),
    "JPEG, empty segments": (_segments(0xE5, 2), _ANY),
    "JPEG, profiles": (_segments(0xE2, 40), _ANY),
    "JPEG, metadata": (_segments(0xE1, 60_000), _ANY),
    "JPEG, comments": (_segments(0xFE, 3), _ANY),
    "JPEG noise": (_noise("JPEG", quality=30), _ANY),
    "JPEG noise, progressive": (_noise("JPEG", quality=30, progressive=True), _ANY),
    "PNG noise": (_noise("PNG", per_pixel=3), _ANY),
    "WebP noise": (_noise("WEBP", quality=20), (LARGE,)),
    "lossless WebP noise": (_noise("WEBP", lossless=True, method=0, per_pixel=3), (LARGE,)),
    "AVIF noise": (_noise("AVIF", quality=20, speed=10), (LARGE,)),
    "JPEG 2000 noise": (_noise("JPEG2000", per_pixel=3), (LARGE,)),
    "JPEG 2000 noise, lossy": (_noise("JPEG2000", quality_layers=[40], irreversible=True, per_pixel=0.1), (LARGE,)),
    "TIFF strips": (_tiff_strips, _ONE),
    "icon": (_icons(1), _ONE),
    "icons": (_icons(256), _ONE),
    "bitmap in an icon": (_bitmap_icon, _ONE),
    "bitmap in runs": (_rle_bitmap, _ONE),
    "profile with a long table": (_long_profile, (LARGE, 3 * LARGE)),
    "zeros": (_start(b"\0"), _ANY),
    "fill bytes": (_start(b"\xff\xd8\xff"), _ANY),
    "ftyp": (_start(b"\0\0\0\x18ftypavif"), _ANY),
    "RIFF": (_start(b"RIFF\x10\0\0\0WEBPVP8X"), _ANY),
}  # fmt: skip
