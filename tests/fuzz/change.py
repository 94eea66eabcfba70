"""Mutations of files, deterministic by a given random generator."""

import random
import re
import struct
import zlib
from collections.abc import Callable, Sequence

Change = Callable[[random.Random, bytes, bytes], bytes]

_EXTREME = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1)
_NUMBERS = (">H", "<H", ">I", "<I", ">Q", "<Q")
_LONGEST_RUN = 50_000
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", 8
_TAGS = b"div span b i a p table tr td select option svg math template font button form ul li figure picture noscript".split()
_JUNK = (
    b"<!--",
    b"<![CDATA[",
    b"]]>",
    b"<svg><style><img src=x.png alt='in a style'>",
    b"<plaintext>",
    b"<frameset>",
    b"<title>",
    b"<textarea>",
    b'<img alt="never closed src=/x.png',
    b"&#0;&#x110000;&#xD800;&nosuch;&NotEqualTilde",
    b"\xef\xbb\xbf\xff\xfe\xfe\xff",
    b"\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80",
    b"<meta charset=utf-7>+ADw-img src=x.png alt=y+AD4-",
    b"<base href='http://[::1'>",
    b"<base href='javascript:1'>",
    b"<html lang='" + b"x" * 500 + b"'>",
    b"\x1b$B\x0e\x0f\x1b(J",
)


def changed(chance: random.Random, seeds: Sequence[bytes], changes: Sequence[Change]) -> bytes:
    """A seed after one to four mutations; a second seed is the source of splices."""
    data, other = chance.choice(seeds), chance.choice(seeds)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        data = chance.choice(changes)(chance, data, other)
    return data


def _place(chance: random.Random, data: bytes) -> int:
    """A random offset, more often near the start, where headers are."""
    return chance.randrange(1 + (min(len(data), 64) if chance.random() < 0.15 else len(data)))


def _range(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(chance, data)
    return start, min(len(data), start + chance.choice((1, 4, 16, 64, 256, 4096)))


def flip(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Flips some bits."""
    damaged = bytearray(data)
    for _n in range(chance.choice((1, 1, 2, 8, 64))):
        if damaged:
            damaged[min(_place(chance, data), len(damaged) - 1)] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def truncate(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Truncates the file."""
    return data[: _place(chance, data)]


def delete(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Removes a slice."""
    start, end = _range(chance, data)
    return data[:start] + data[end:]


def duplicate(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Repeats a slice."""
    start, end = _range(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 10)) + data[end:]


def splice(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Joins the start of one file and the end of another."""
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def overwrite(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Overwrites a slice with noise or a repeated byte."""
    start, end = _range(chance, data)
    noise = chance.randbytes(end - start)
    return data[:start] + chance.choice((noise, b"\0" * len(noise), b"\xff" * len(noise))) + data[end:]


def extreme_number(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Overwrites a number with the largest, the smallest or the first negative one."""
    form, start = chance.choice(_NUMBERS), _place(chance, data)
    size = struct.calcsize(form)
    number = chance.choice(_EXTREME) & (2 ** (8 * size) - 1)
    return data[:start] + struct.pack(form, number) + data[start + size :]


def long_run(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Inserts a long run of a byte or a slice."""
    start, end = _range(chance, data)
    piece = chance.choice((b"\0", b"\xff", b" ", b"A", data[start:end] or b"\n"))
    return data[:start] + (piece * _LONGEST_RUN)[: chance.choice((300, 5000, _LONGEST_RUN))] + data[start:]


def declared_size(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Overwrites the width or height in the header."""
    number = chance.choice((0, 1, 31, 33, 97, 1000, 16_383, 65_535, 100_000, 2**31 - 1))
    if data.startswith(_PNG):
        return checked_png(_put(data, 16 + chance.choice((0, 4)), ">I", number))
    if data.startswith(b"GIF8"):
        return _put(data, 6 + chance.choice((0, 2)), "<H", number)
    if data.startswith(b"BM"):
        return _put(data, 18 + chance.choice((0, 4)), "<I", number)
    if data.startswith(b"RIFF"):
        return _put(data, chance.choice((24, 26, 27)), "<H", number)
    for mark, place, form in ((b"\xff\xc0", 5, ">H"), (b"\xff\xc2", 5, ">H"), (b"ispe", 8, ">I")):
        if (start := data.find(mark)) >= 0:
            return _put(data, start + place + chance.choice((0, struct.calcsize(form))), form, number)
    if data[:2] in (b"II", b"MM"):
        order = "<" if data[:1] == b"I" else ">"
        start = data.find(struct.pack(f"{order}H", chance.choice((256, 257))), 4)
        return _put(data, start + 8, f"{order}I", number)
    return data


def _put(data: bytes, start: int, form: str, number: int) -> bytes:
    size = struct.calcsize(form)
    return data[:start] + struct.pack(form, number & (2 ** (8 * size) - 1)) + data[start + size :]


def checked_png(data: bytes) -> bytes:
    """Corrects checksums, so that a decoder reaches the damage."""
    parts, place = [data[:_PNG_END]], _PNG_END
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        body = data[place + 4 : place + 8 + length]
        if len(body) < 4 + length:
            break
        parts.append(data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join([*parts, data[place:]])


def png_chunks(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Removes, repeats, swaps or splices chunks of a PNG, with correct checksums."""
    chunks = _chunks(data)
    if not chunks:
        return splice(chance, data, other)
    start = chance.randrange(len(chunks))
    end = start + chance.randint(1, 3)
    replacement = chance.choice(([], chunks[start:end] * 2, chunks[start:end][::-1], _chunks(other)[:3]))
    return _PNG + b"".join([*chunks[:start], *replacement, *chunks[end:]])


def _chunks(data: bytes) -> list[bytes]:
    if not data.startswith(_PNG):
        return []
    found, place = [], _PNG_END
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.append(data[place : place + 12 + length])
        place += 12 + length
    return found


def png_sums(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Flips bits under correct checksums."""
    return checked_png(flip(chance, data, other)) if data.startswith(_PNG) else flip(chance, data, other)


def nest(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Nests elements deeply, closed or not."""
    tag, depth, start = chance.choice(_TAGS), chance.choice((10, 300, 3000)), _place(chance, data)
    end = b"</%s>" % tag * depth if chance.random() < 0.5 else b""
    return data[:start] + b"<%s>" % tag * depth + data[start:] + end


def junk(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Inserts markup that is difficult for parsers."""
    start = _place(chance, data)
    return data[:start] + chance.choice(_JUNK) + data[start:]


def tags(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Removes, repeats or splices tags of a page."""
    pieces, others = re.split(rb"(?=<)", data), re.split(rb"(?=<)", other)
    for _n in range(chance.randint(1, 8)):
        place = chance.randrange(len(pieces))
        pieces[place : place + chance.randint(0, 2)] = chance.choice(([], [pieces[place]] * 2, [chance.choice(others)]))
        pieces = pieces or [b""]
    return b"".join(pieces)


def attributes(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Gives an element many, long or repeated attributes."""
    start = data.find(b"<img", _place(chance, data)) + 4
    if start < 4:
        return data
    many = b"".join(b" a%d=%d" % (n, n) for n in range(chance.choice((50, 2000))))
    candidates = b' srcset="' + b",".join(b"/p%d.png %dw" % (n, n) for n in range(3000)) + b'"'
    commas = b' srcset="' + b", ," * 6000 + b'"'
    long = b' alt="' + b"very long words " * 4000 + b'"'
    sizes = b' width="99999999999999999999" height="-1e999"'
    return (
        data[:start]
        + chance.choice((many, candidates, commas, long, sizes, b" src=a src=b alt=c alt=d"))
        + data[start:]
    )


def recoded(chance: random.Random, data: bytes, _: bytes) -> bytes:
    """Re-encodes the page, against its declared charset."""
    text = data.decode("utf-8", "replace")
    coding = chance.choice(
        ("utf-16", "utf-16-be", "utf-32", "shift_jis", "gb18030", "iso2022_jp", "cp1252", "cp037", "koi8-r")
    )
    return text.encode(coding, "replace")


def multiply(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Repeats a line a hundred thousand times, up to a megabyte."""
    lines = data.splitlines(keepends=True) or [other or b"\n"]
    place = chance.randrange(len(lines))
    lines[place] *= min(100_000, 1_000_000 // max(1, len(lines[place])))
    return b"".join(lines)


GENERAL: tuple[Change, ...] = (
    flip,
    flip,
    truncate,
    delete,
    duplicate,
    splice,
    overwrite,
    extreme_number,
    extreme_number,
    long_run,
)
OF_PICTURES: tuple[Change, ...] = (*GENERAL, declared_size, declared_size, png_chunks, png_sums)
OF_PAGES: tuple[Change, ...] = (*GENERAL, nest, junk, junk, tags, tags, attributes, recoded)
