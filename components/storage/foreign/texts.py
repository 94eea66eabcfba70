"""Bytes that others wrote → text: UTF-8, else by byte order mark, else by detection."""

import codecs
import re
from collections import Counter
from collections.abc import Callable

from charset_normalizer import from_bytes

# Longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
WESTERN, CENTRAL = "cp1252", "cp1250"
# Encodings of other scripts, which have letters next to each other that are not ASCII.
_OTHER_SCRIPTS = ("cp1251", "cp1253", "koi8_r", "shift_jis", "gb18030", "big5", "euc_jp", "euc_kr")
_SAMPLE = 16_384
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_ADDRESS = re.compile(rb"https?://[!-+\--:<-~]*")
# What stands within a word in Central European texts that are taken for Western European ones.
_SYMBOL_IN_WORD = re.compile(r"[A-Za-z][\xa1-\xb4\xb6-\xbf][a-z]|[a-z][\xb3\xb9\xbf\xb6\xbc]|[\xa3\xaf][a-z]")


def marked_encoding(data: bytes) -> tuple[str, int] | None:
    """The encoding that the first bytes tell, and the length of their mark; None if they do not.

    UTF-16 without a mark shows in the zeros of its first two characters (RFC 4627, section 3).
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    zeros = [byte == 0 for byte in data[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le", 0
    return ("utf-16-be", 0) if zeros == [True, False, True, False] else None


def decode_text(data: bytes, guess: Callable[[bytes], str] | None = None) -> tuple[str, str]:
    """The text and the encoding that it was in; never raises, and never puts in U+FFFD.

    Half surrogates, which some encoders write, stay in the text.

    Args:
        data: the text.
        guess: guesses the encoding of what is not UTF-8; by default `guess_encoding`.
    """
    found = marked_encoding(data)
    encoding, mark = found or ("utf-8", 0)
    try:
        return data[mark:].decode(encoding, "surrogatepass"), encoding
    except UnicodeDecodeError:
        unmarked = data[mark:] if encoding == "utf-8" else data
        return decode_as(unmarked, (guess or guess_encoding)(unmarked))


def decode_as(data: bytes, encoding: str) -> tuple[str, str]:
    """The text in that encoding, or in Latin-1, in which all bytes mean something."""
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def guess_encoding(sample: bytes) -> str:
    """The encoding of a text that is not UTF-8: that of another script, else a Latin one.

    Detectors take few accents for any language's. The Western European encoding is by far the most
    frequent where most letters are ASCII, so another one is only taken if that one cannot be.
    """
    lines = _ADDRESS.sub(b"", b"\n".join(line for line in sample[:_SAMPLE].splitlines() if not line.isascii()))
    foreign = sum(byte >= 0x80 for byte in lines)
    if foreign > len(_ASCII_LETTER.findall(lines)):
        found = from_bytes(lines, cp_isolation=list(_OTHER_SCRIPTS)).best()
        if found is not None:
            return found.encoding
    symbols = len(_SYMBOL_IN_WORD.findall(lines.decode("latin-1")))
    return CENTRAL if symbols * 4 > foreign or not _is(lines, WESTERN) else WESTERN


class EncodingOfMany:
    """Guesses the encodings of the texts of one file; the most frequent of the first is the rest's.

    A guess takes up to a millisecond, and a file may have a million short texts.
    """

    def __init__(self, most: int = 300) -> None:
        """`most`: guesses in all."""
        self._left = most
        self._found: Counter[str] = Counter()

    def __call__(self, sample: bytes) -> str:
        """The encoding of a text that is not UTF-8."""
        if not self._left:
            return self._found.most_common(1)[0][0]
        self._left -= 1
        found = guess_encoding(sample)
        self._found[found] += 1
        return found


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
