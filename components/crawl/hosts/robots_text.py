"""The lines of a robots.txt: its encoding, its first 500 KiB, its fields and values."""

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote

from components.crawl.hosts.content_coding import UndecodableError, decode_body
from components.crawl.pages.agent_name import plain
from components.storage.foreign.texts import MARKS

# As much of a robots.txt as RFC 9309 (section 2.5) requires to be read; the rest is not.
ROBOTS_BYTES = 500 * 1024
_FIELDS = {
    "useragent": "user-agent",
    "allow": "allow",
    "crawldelay": "crawl-delay",
    "requestrate": "request-rate",
    "visittime": "visit-time",
    "contentusage": "content-usage",
    "contentsignal": "content-usage",
    "contentsignals": "content-usage",
    "disallowaitraining": "no-training",
    "noindex": "no-training",
    "noai": "no-training",
    "allowaitraining": "training",
}
# `disallow` and how it is misspelt: dissallow, disalow, diasllow, disallaw, disallows, …
_DISALLOW = re.compile(r"d[is]{1,3}a{0,2}s{0,2}a{0,2}l{1,4}[oa]{0,2}w{0,2}(?:ed|s)?|diasl+ow")
_WITHOUT_COLON = ("user-agent", "disallow", "allow", "crawl-delay")
# A field that shares its line with another, as when the ends of lines are lost.
_JOINED = re.compile(r"(?<=[ \t,;>])(?=(?:user-agent|disallow)[ \t]?:)", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_LINE_BREAK = re.compile(r"</?(?:br|p|pre|div|li)[ /]*>", re.IGNORECASE)
_PRINTABLE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_LONGEST_FIELD = 40  # characters


def read_lines(body: bytes) -> Iterator[tuple[str, str]]:
    """The fields and values of the lines that are rules or name robots; never raises.

    Fields are `user-agent`, `allow`, `disallow`, `crawl-delay`, `request-rate`, `visit-time`,
    `content-usage`, `no-training` and `training`.
    """
    for line in _text(body).splitlines():
        line = line.partition("#")[0].strip()  # noqa: PLW2901
        if not line:
            continue
        parts = _JOINED.split(line) if ":" in line[12:] else (line,)
        for part in parts:
            field, value = _field(part)
            if field:
                yield field, value


def escaped(value: str) -> str:
    """A path as ASCII: other characters are percent-encoded, in UTF-8 or as the bytes they were."""
    return value if value.isascii() else quote(value, safe=_PRINTABLE, errors="surrogateescape")


def _field(line: str) -> tuple[str, str]:
    """A line's known field and its value; the colon may be missing, as in `Disallow /`."""
    colon = re.search("[:\uff1a]", line)
    if colon is not None and (field := _known(line[: colon.start()])):
        return field, line[colon.end() :].strip()
    for number in (1, 2):
        words = line.split(None, number)
        field = _known(" ".join(words[:number]))
        if field in _WITHOUT_COLON:
            return field, words[number] if len(words) > number else ""
    return "", ""


def _known(name: str) -> str:
    return _canonical(name) if len(name) <= _LONGEST_FIELD else ""


@lru_cache(maxsize=1024)
def _canonical(name: str) -> str:
    key = re.sub("[^a-z]", "", plain(name))
    return _FIELDS.get(key) or ("disallow" if _DISALLOW.fullmatch(key) else "")


def _text(body: bytes) -> str:
    if body.startswith(b"\x1f\x8b"):  # a compressed file, served as it lies on the disk
        with suppress(UndecodableError):
            body = decode_body(body, "gzip", ROBOTS_BYTES)
    whole = len(body) <= ROBOTS_BYTES
    text = _decoded(body[:ROBOTS_BYTES])
    if not whole:  # the last line may be cut off: `Disallow: /` of `Disallow: /private/`
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    if text.lstrip("\ufeff \t\r\n").startswith("<"):  # HTML, which may show the file
        text = html.unescape(_TAG.sub("\n", text))
    elif "<" in text:
        text = _LINE_BREAK.sub("\n", text)
    if "\\n" in text and "\n" not in text and "\r" not in text:  # written by a broken template
        text = text.replace("\\r", "\n").replace("\\n", "\n")
    return text


def _decoded(body: bytes) -> str:
    """By the byte order mark, else by zero bytes, else UTF-8, in which other bytes are kept."""
    for mark, encoding in MARKS:
        if body.startswith(mark):
            return _as(body[len(mark) :], encoding)
    zeros = body.count(0)
    if zeros * 5 < len(body) or not zeros:
        return _as(body.replace(b"\0", b""), "utf-8")
    wide = zeros * 5 > len(body) * 3
    little = body[1::2].count(0) > body[::2].count(0) if not wide else body[3::4].count(0) > body[::4].count(0)
    return _as(body, f"utf-{32 if wide else 16}-{'le' if little else 'be'}")


def _as(body: bytes, encoding: str) -> str:
    return body.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
