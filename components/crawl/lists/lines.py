"""Bytes → lines of text, in bounded memory and in any usual encoding."""

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

from components.crawl.cleaning import CLEANED
from components.crawl.lists.row import MAX_ROW
from components.crawl.lists.unpack import Bomb
from components.storage.foreign.texts import decode_as, guess_encoding, marked_encoding

# Bytes of lines that the encoding of a file is guessed from.
_SAMPLE = 16_384
# Bytes that tell it if it is UTF-16 or UTF-32.
_MARK = 4


class BadLine(Enum):
    """A line that is left out."""

    TOO_LONG = f"longer than {MAX_ROW} bytes"


def as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8 without a byte order mark, if it says to be UTF-16 or UTF-32."""
    iterator = iter(chunks)
    first = b""
    while len(first) < _MARK and (more := next(iterator, b"")):
        first += more
    encoding, mark = marked_encoding(first) or ("utf-8", 0)
    first = first[mark:]
    if encoding == "utf-8":
        yield first
        yield from iterator
        return
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    yield decoder.decode(first).encode("utf-8", "surrogatepass")
    for chunk in iterator:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    decoder.decode(b"", final=True)


def byte_lines(chunks: Iterable[bytes], most: int) -> Iterator[list[bytes | BadLine]]:
    """Lines with their ends, some at a time; a line ends as on Unix, Windows or old Macs.

    Of a line that is too long nothing is held.

    Raises:
        Bomb: if there are more than `most` lines.
    """
    rest, skipping = b"", False
    for chunk in chunks:
        lines: list[bytes | BadLine] = list((rest + chunk).splitlines(keepends=True))
        if (most := most - len(lines)) < 0:
            raise Bomb("it has more lines than bytes; the rest is not read")
        rest = b""
        # A carriage return at the end may be half of a line's end.
        if lines and isinstance(last := lines[-1], bytes) and not last.endswith(b"\n"):
            rest = last
            lines.pop()
        if skipping and lines:
            lines.pop(0)
            skipping = False
        if lines:
            yield [line if len(line) <= MAX_ROW else BadLine.TOO_LONG for line in lines if isinstance(line, bytes)]
        if skipping or len(rest) > MAX_ROW:
            if not skipping:
                yield [BadLine.TOO_LONG]
            rest, skipping = rest[-1:], True
    if rest and not skipping:
        yield [rest]


def text_lines(chunks: Iterable[bytes], most: int, counts: Counter[str]) -> Iterator[str | BadLine]:
    """Lines as text; those in another encoding than UTF-8 are counted.

    Raises:
        Bomb: if there are more than `most` lines.
        UnicodeDecodeError: if it is UTF-16 or UTF-32 that is damaged.
    """
    encoding = ""
    for lines in byte_lines(as_utf8(chunks), most):
        try:
            yield from [line if isinstance(line, BadLine) else line.decode() for line in lines]
            continue
        except UnicodeDecodeError:
            pass
        for number, line in enumerate(lines):
            if isinstance(line, BadLine):
                yield line
                continue
            try:
                yield line.decode("utf-8", "surrogatepass")
            except UnicodeDecodeError:
                encoding = encoding or guess_encoding(_sample(lines[number:]))
                counts[f"{CLEANED}encoding"] += 1
                yield decode_as(line, encoding)[0]


def _sample(lines: list[bytes | BadLine]) -> bytes:
    """The next lines that are not UTF-8: in a file that mixes encodings the others mislead."""
    found, size = list[bytes](), 0
    for line in lines:
        if isinstance(line, bytes) and not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError:
                found.append(line[:_SAMPLE])
                size += len(found[-1])
        if size > _SAMPLE:
            break
    return b"".join(found)
