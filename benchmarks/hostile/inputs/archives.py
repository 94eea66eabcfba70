"""Hostile archives: false beginnings, nested codings, endless headers, odd metadata."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

import zstandard

from benchmarks.hostile.case import LARGE, Case
from benchmarks.hostile.ordinary import metadata, record, response

_LARGER = 6 * LARGE
_SIZES = (LARGE, _LARGER)
_PAGE = b"<p>" + b"<img src=a alt=b>" * 3000
_IMAGE = {"path": "IMG@/src", "url": "a.png", "alt": "a crab"}


def cases() -> Iterator[Case]:
    """The hostile archives."""
    for name, make in _WARCS.items():
        yield Case("warc", name, make, _SIZES)
    for name, make in _WATS.items():
        yield Case("wat", name, make, _SIZES)
    for name in _FOR_BOTH:
        yield Case("wat", name, _WARCS[name], _SIZES)


def _filled(part: bytes, begin: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: begin + part * (size // len(part))


def _packed(content: Callable[[int], bytes], times: int = 1) -> Callable[[int], bytes]:
    """Records of what unfolds to some hundred times of it."""

    def make(size: int) -> bytes:
        data = content(size * 300)
        for _ in range(times):
            data = gzip.compress(data, mtime=0)
        return data

    return make


def _members(content: bytes) -> Callable[[int], bytes]:
    return _filled(gzip.compress(content, mtime=0))


def _frames(content: bytes) -> Callable[[int], bytes]:
    return _filled(zstandard.compress(content, 19))


def _folded(times: int) -> bytes:
    """A body in gzip in gzip."""
    body = bytes(2_000_000)
    for _ in range(times):
        body = gzip.compress(body, mtime=0)
    return response(body, "Content-Encoding: " + ", ".join(["gzip"] * times) + "\r\n")


def _bodies(coding: str, body: bytes) -> Callable[[int], bytes]:
    return _members(response(body, f"Content-Encoding: {coding}\r\n"))


def _chunks(size: int) -> bytes:
    body = b"1\r\na\r\n" * (min(size, 2 * LARGE) // 6)
    return gzip.compress(response(body, "Transfer-Encoding: chunked\r\n"), mtime=0)


def _many_members_in_a_body(size: int) -> bytes:
    return response(gzip.compress(b"a", mtime=0) * (size // 21), "Content-Encoding: gzip\r\n")


def _headers(line: str) -> Callable[[int], bytes]:
    """As many headers as one page may have, page after page."""

    def make(size: int) -> bytes:
        one = response(b"<p>", line * (60_000 // len(line)))
        return b"".join([one] * max(1, size // len(one)))

    return make


def _record_headers(line: str) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        start = b"WARC/1.0\r\nWARC-Type: response\r\n" + line.encode() * (size // len(line))
        return start + b"Content-Length: 1\r\n\r\na\r\n\r\n"

    return make


def _metadata(links: Callable[[int], str]) -> Callable[[int], bytes]:
    """Plain records, each of 2 MB at most."""

    def make(size: int) -> bytes:
        one = min(size, 2 * LARGE)
        return metadata(links(one)) * max(1, size // one)

    return make


def _many(one: object) -> Callable[[int], str]:
    text = json.dumps(one, separators=(",", ":"))
    return lambda size: f"[{','.join([text] * (size // (len(text) + 1)))}]"


def _json_of(begin: str, part: str, end: str = "") -> Callable[[int], str]:
    return lambda size: begin + part * (size // len(part)) + end


def _wat_head(size: int) -> bytes:
    metas = [{"name": "robots", "content": "none: noindex"}] * (min(size, 2 * LARGE) // 45)
    return metadata([]).replace(b'"Title": "A page"', b'"Metas":' + json.dumps(metas).encode())


_WARCS: dict[str, Callable[[int], bytes]] = {
    "false beginnings, gzip": _filled(b"\x1f\x8b\x08"),
    "false beginnings, gzip, some bytes": _filled(b"\x1f\x8b\x08" + bytes(7) + b"\x4b\x4c\x04\x00"),
    "false beginnings, plain": _filled(b"WARC/"),
    "false records": _filled(b"WARC/1.0\r\nContent-Length: 99999999\r\n\r\n"),
    "false records of no length": _filled(b"WARC/1.0\r\n\r\n"),
    "false beginnings, zstd": _filled(b"\x28\xb5\x2f\xfd"),
    "false beginnings, lz4": _filled(b"\x04\x22\x4d\x18"),
    "members without an end": _filled(gzip.compress(response(_PAGE), mtime=0)[:-9]),
    "members with false sums": _filled(gzip.compress(response(_PAGE), mtime=0)[:-8] + bytes(8)),
    "empty members": _members(b""),
    "blank members": _members(b"\r\n" * 30_000),
    "blank frames": _frames(b"\r\n" * 60_000),
    "records that lie about their length": _filled(response(b"<p>a").replace(b"Length: ", b"Length: 9")),
    "empty records": _members(record("response", b"")),
    "small records": _members(response(b"<p>a")),
    "records of other types": _members(record("request", b"GET / HTTP/1.1\r\n\r\n")),
    "plain records": _filled(response(b"<p>a")),
    "records of zeros": _members(record("response", bytes(1_900_000))),
    "pages of zeros": _members(response(bytes(1_900_000))),
    "pages of blanks": _members(response(b" " * 1_900_000)),
    "pages of high bytes": _members(response(b"<p>" + b"\xe4\xb8\x80\xff" * 400_000)),
    "pages of images": _members(response(_PAGE)),
    "pages of divs": _members(response(b"<div>" * 4000)),
    "pages of tags": _members(response(b"<b><p>" * 4900)),
    "pages of 1 high byte": _members(response(b"<p>\xe4\xf6\xfc\xdf")),
    "pages to guess": _members(response("<p>Съешь же ещё".encode("koi8-r") * 300)),
    "too large pages": _members(response(b"a" * 2_500_000)),
    "frames of images": _frames(response(_PAGE)),
    "frames of zeros": _frames(response(bytes(1_900_000))),
    "packed twice": _filled(_folded(1)),
    "packed four times": _filled(_folded(4)),
    "packed five times": _filled(_folded(5)),
    "packed in brotli's name": _bodies("br", bytes(100_000)),
    "packed with zstd": _bodies("zstd", zstandard.compress(bytes(1_900_000))),
    "bare deflate": _bodies("deflate", zlib.compress(bytes(1_900_000))[2:-4]),
    "members in a body": _many_members_in_a_body,
    "chunks": _chunks,
    "pages of chunks": _members(response(b"1\r\na\r\n" * 330_000, "Transfer-Encoding: chunked\r\n")),
    "headers": _headers("a: b\r\n"),
    "folded headers": _headers(" a\r\n"),
    "robots headers": _headers("X-Robots-Tag: none\r\n"),
    "robots headers, colons": _headers("X-Robots-Tag: a:b:c:d:e:f\r\n"),
    "types": _headers("Content-Type: text/html; charset=\r\n"),
    "codings": _headers("Content-Encoding: a,b,c\r\n"),
    "headers of a record": _record_headers("a: b\r\n"),
    "one header of a record": _record_headers("a"),
    "one line": _filled(b"a", b"WARC/1.0"),
    "an endless record": _packed(lambda size: record("response", bytes(min(size, 200 * LARGE)))),
    "packed archives": _packed(lambda size: response(b"<p>a") * (min(size, 30 * LARGE) // 250)),
    "packed twice as a whole": _packed(lambda size: bytes(min(size, 200 * LARGE)), 2),
    "blank lines": _packed(lambda size: b"\r\n" * (min(size, 300 * LARGE) // 2)),
    "zeros": _filled(b"\0"),
}
_FOR_BOTH = (
    "false beginnings, gzip",
    "blank members",
    "records of zeros",
    "records of other types",
    "headers of a record",
)
_WATS: dict[str, Callable[[int], bytes]] = {
    "images": _metadata(_many(_IMAGE)),
    "images with blanks": _metadata(lambda size: json.dumps([_IMAGE] * (size // 60), indent=1)),
    "images without text": _metadata(_many({"path": "IMG@/src", "url": "a"})),
    "images by name alone": _metadata(_many({"path": "IMG@/src"})),
    "images with numbers": _metadata(_many({"path": "IMG@/src", "url": 1, "alt": 2})),
    "image, NaN": _metadata(_json_of('[{"path":"IMG@/src","url":NaN}', ',{"path":"IMG@/src"}', "]")),
    "other images": _metadata(_many({"path": "IMG@/longdesc", "url": "a"})),
    "links": _metadata(_many({"path": "A@/href", "url": "/a", "text": "b"})),
    "empty objects": _metadata(_many({})),
    "empty lists": _metadata(_many([])),
    "NaNs": _metadata(_json_of("[NaN", ",NaN", "]")),
    "half surrogates": _metadata(_json_of('["', "\\ud800", '"]')),
    "control characters": _metadata(_json_of('["', "\x01", '"]')),
    "lists of surrogates": _metadata(_json_of('["\\ud800"', ',"\\ud800"', "]")),
    "deep lists": _metadata(_json_of("", "[")),
    "deep lists, closed": _metadata(lambda size: "[" * (size // 2) + "]" * (size // 2)),
    "deep objects": _metadata(_json_of("", '{"a":')),
    "lists, a thousand deep": _metadata(_json_of("[" + "[" * 900 + "]" * 900, "," + "[" * 900 + "]" * 900, "]")),
    "keys": _metadata(lambda size: "{" + ",".join(f'"{n}":0' for n in range(size // 9)) + "}"),
    "keys and NaN": _metadata(lambda size: '{"a":NaN,' + ",".join(f'"{n}":0' for n in range(size // 9)) + "}"),
    "numbers": _metadata(_json_of("[1", ",1", "]")),
    "long number": _metadata(_json_of("[", "1", "]")),
    "long number and NaN": _metadata(_json_of("[NaN,", "1", "]")),
    "exponents": _metadata(_json_of("[1e999", ",1e999", "]")),
    "escapes": _metadata(_json_of('["', "\\n", '"]')),
    "metas": _wat_head,
    "records": _members(metadata([_IMAGE])),
    "records of images": _members(metadata([_IMAGE] * 3000)),
    "records of empty lists": _members(metadata([[]] * 200_000)),
    "records of NaNs": _members(metadata('["\\ud800"' + ',"\\ud800"' * 100_000 + "]")),
    "records of deep lists": _members(metadata("[" * 1_000_000)),
    "records that are no JSON": _members(record("metadata", b"a" * 1_000_000, "application/json")),
    "other encodings": _members(record("metadata", b'"\xe4\xf6\xfc' * 300_000, "application/json")),
}  # fmt: skip
