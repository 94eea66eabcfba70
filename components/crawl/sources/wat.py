"""Common Crawl's WAT files as a source of pairs: JSON metadata of each page.

WATs have a fifth of the size of the pages, without lazy-loading attributes, srcset and captions.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec
from fastwarc.warc import WarcRecord, WarcRecordType

from components.crawl.address import resolve
from components.crawl.archives.effort import Effort
from components.crawl.archives.lenient_json import strict_json
from components.crawl.archives.pages import read_pages
from components.crawl.cleaning import Cleaning
from components.crawl.pages.directives import HEADERS, header_values
from components.crawl.pages.page import Metas, Page, PageContext
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource
from components.crawl.unreadable import Unreadable

_PICTURE = "IMG@/src"
# The start of a picture's link, of any link, and of any image link in Common Crawl's JSON. Strings
# cannot contain these bytes: within them every quotation mark follows a backslash.
_PICTURE_BEGINS, _NEXT_BEGINS, _ANY_PICTURE = b'{"path":"IMG@/src"', b'},{"path":"', b'"IMG@'
_ROBOTS_HEADERS = tuple(name.encode() for name in HEADERS)
_OK, _STATUS = "200", re.compile(r"[1-9][0-9]{2}")
# Bytes of metadata for a byte of the page, at most; longer records are something else.
_MOST_JSON = 4
# Where Common Crawl notes the attributes of `<html>` since December 2024, among the `<meta>`s.
_LANGUAGE, _XML_LANGUAGE = "html@/lang", "html@/xml:lang"
_LONGEST_ALT = 100_000  # characters, before the limit of parameters holds
# What a byte of it costs, one that is read leniently, and whatever is, in units of `Effort`: its
# encoding may have to be guessed.
_JSON_BYTE, _LENIENT_BYTE, _LENIENT = 15, 100, 1_000_000


class _Link(msgspec.Struct, gc=False):
    path: str | None = None
    url: str | None = None
    alt: str | None = None
    title: str | None = None


class _Meta(msgspec.Struct, gc=False, rename={"equivalent": "http-equiv"}):
    name: str | None = None
    property: str | None = None
    equivalent: str | None = None
    content: str | None = None


class _Head(msgspec.Struct, gc=False, rename="pascal"):
    title: str | None = None
    base: str | None = None
    metas: list[_Meta] | None = None


class _Html(msgspec.Struct, gc=False, rename="pascal"):
    head: _Head | None = None
    links: msgspec.Raw = msgspec.Raw(b"[]")


class _Message(msgspec.Struct, gc=False, rename="pascal"):
    status: str | int = ""


class _Answer(
    msgspec.Struct, gc=False, rename={"message": "Response-Message", "headers": "Headers", "html": "HTML-Metadata"}
):
    message: _Message = msgspec.field(default_factory=_Message)
    headers: msgspec.Raw = msgspec.Raw(b"{}")
    html: _Html | None = None


class _Payload(msgspec.Struct, gc=False, rename={"answer": "HTTP-Response-Metadata"}):
    answer: _Answer | None = None


class _Warc(msgspec.Struct, gc=False, rename={"kind": "WARC-Type", "address": "WARC-Target-URI"}):
    kind: str = ""
    address: str = ""


class _Envelope(msgspec.Struct, gc=False, rename={"warc": "WARC-Header-Metadata", "payload": "Payload-Metadata"}):
    warc: _Warc = msgspec.field(default_factory=_Warc)
    payload: _Payload = msgspec.field(default_factory=_Payload)


class _Record(msgspec.Struct, gc=False, rename="pascal"):
    envelope: _Envelope = msgspec.field(default_factory=_Envelope)


_RECORD = msgspec.json.Decoder(_Record)
_LINKS = msgspec.json.Decoder(list[_Link] | None)
_HEADERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUES = msgspec.json.Decoder(str | list[str])


class Wat(PairSource):
    """The pages that a WAT describes."""

    def read(
        self, stream: BinaryIO, location: str, parameters: CrawlParameters, counts: Counter[str]
    ) -> Iterator[Pair | Unreadable]:
        """The pairs of the pages that the file describes."""
        return read_pages(stream, WarcRecordType.metadata, partial(_page, parameters, Cleaning(counts)), counts)


def _page(
    parameters: CrawlParameters, cleaning: Cleaning, record: WarcRecord, effort: Effort
) -> Page | Unreadable | str:
    """The page of a record, or the reason why it has none; "" for records other than responses."""
    length = record.content_length
    if length > _MOST_JSON * parameters.max_page_bytes:
        return "too_large"
    effort.spend(_JSON_BYTE * length)
    try:
        envelope = _decoded(record.reader.read(length), cleaning, effort).envelope
        if envelope.warc.kind != "response" or envelope.payload.answer is None:
            return ""
        answer = envelope.payload.answer
        header = _robots_values(bytes(answer.headers))
        pictures = [] if answer.html is None else _pictures(bytes(answer.html.links), cleaning)
    except (OSError, ValueError) as error:
        return Unreadable(record.stream_pos, str(error))
    status = str(answer.message.status)
    if status != _OK:
        return f"http_{status if _STATUS.fullmatch(status) else 'unknown'}"
    if answer.html is None:
        return "not_html"
    address = envelope.warc.address.strip("<> ")
    url = resolve(address, address)
    return "bad_address" if url is None else _read(url, answer.html.head or _Head(), pictures, header, parameters)


def _decoded(data: bytes, cleaning: Cleaning, effort: Effort) -> _Record:
    """The record; one that strict parsers refuse is read leniently.

    Raises:
        ValueError: if it is none.
    """
    try:
        return _RECORD.decode(data)
    except ValueError:
        effort.spend(_LENIENT + _LENIENT_BYTE * len(data))
        return _RECORD.decode(strict_json(data, cleaning))


def _read(url: str, head: _Head, pictures: Iterable[_Link], header: list[str], parameters: CrawlParameters) -> Page:
    metas: Metas = []
    language = declared = ""
    for meta in head.metas or ():
        name = meta.name or meta.property
        if not name and meta.equivalent and meta.equivalent.strip().lower() in HEADERS:
            name = meta.equivalent
        if name and meta.content is not None:
            name = name.strip().lower()
            metas.append((name, meta.content))
            if name == _LANGUAGE or (name == _XML_LANGUAGE and not declared):
                declared = meta.content
        elif meta.equivalent and meta.equivalent.lower() == "content-language":
            language = meta.content or ""
    context = PageContext.of(url, head.base or "", head.title or "", declared or language, parameters)
    found = [
        context.pair((picture.url or "").strip(), picture.alt, None, "", position, (picture.title,))
        for position, picture in enumerate(pictures)
    ]
    return context.page(found, header, metas)


def _pictures(links: bytes, cleaning: Cleaning) -> list[_Link]:
    """The pictures in a JSON list of a page's links.

    Most links lead to pages. In Common Crawl's formatting only the pictures' links are decoded,
    which takes half the time; otherwise all are.

    Raises:
        msgspec.DecodeError: if they are not links.
    """
    pictures = _only_pictures(links)
    try:
        decoded = _LINKS.decode(links if pictures is None else pictures)
    except msgspec.DecodeError:
        decoded = _fitting(links, cleaning)
    return [link for link in decoded or () if link.path == _PICTURE]


def _fitting(links: bytes, cleaning: Cleaning) -> list[_Link] | None:
    """The pictures among links of which some have values that are no texts."""
    try:
        decoded: list[_Link] | None = _LINKS.decode(links)
        return decoded
    except msgspec.ValidationError:
        found: Any = msgspec.json.decode(links)
    pictures = [one for one in found if isinstance(one, dict) and one.get("path") == _PICTURE]
    return [
        _Link(
            _PICTURE,
            cleaning.address(one.get("url")),
            cleaning.text(one.get("alt"), _LONGEST_ALT),
            cleaning.text(one.get("title"), _LONGEST_ALT),
        )
        for one in pictures
    ]


def _only_pictures(links: bytes) -> bytes | None:
    """The list without other links; None if it is formatted otherwise."""
    _, *rests = links.split(_PICTURE_BEGINS)
    if links.count(_ANY_PICTURE) != len(rests):
        return None
    if not rests:
        return b"[]"
    # A picture ends where the next link begins, or before the last byte: a comma or a bracket.
    pictures = [rest[: end + 1 if (end := rest.find(_NEXT_BEGINS)) >= 0 else -1] for rest in rests]
    return b"[%b%b]" % (_PICTURE_BEGINS, (b"," + _PICTURE_BEGINS).join(pictures))


def _robots_values(headers: bytes) -> list[str]:
    """The robots headers; the raw bytes are searched first, as few pages have any."""
    lowered = headers.lower()
    for name in _ROBOTS_HEADERS:
        if name in lowered:
            return _named_values(headers)
    return []


def _named_values(headers: bytes) -> list[str]:
    values: dict[str, list[str]] = {name: [] for name in HEADERS}
    for name, value in _HEADERS.decode(headers).items():
        if name.lower() in values:
            found = _VALUES.decode(value)
            values[name.lower()].extend([found] if isinstance(found, str) else found)
    return header_values(values.__getitem__)
