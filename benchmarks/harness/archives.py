"""Writes the benchmarks' pages as web archives: WARC, and WAT with Common Crawl's metadata."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser

# Links in Common Crawl's metadata: tag, URL attribute, and further attributes.
_NOTED = [
    ("a", "href", ("title", "rel")),
    ("img", "src", ("alt", "title")),
    ("script", "src", ()),
    ("form", "action", ("method",)),
]
_SERVER = {
    "Date": "Tue, 03 Nov 2026 10:00:00 GMT",
    "Server": "nginx",
    "Content-Type": "text/html; charset=utf-8",
    "Vary": "Accept-Encoding",
    "Cache-Control": "max-age=600, public",
    "Link": '<https://www.site.example/wp-json/>; rel="https://api.w.org/"',
    "X-Crawler-Content-Encoding": "gzip",
}
_REQUEST = {
    "HTTP-Request-Metadata": {
        "Request-Message": {"Method": "GET", "Path": "/", "Version": "HTTP/1.1"},
        "Headers-Length": "220",
        "Headers": {
            "User-Agent": "CCBot/2.0 (https://commoncrawl.org/faq/)",
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Language": "en-US,en;q=0.5",
            "Accept-Encoding": "br,gzip",
            "Connection": "Keep-Alive",
        },
        "Entity-Length": "0",
    }
}

Pages = Iterable[tuple[str, str]]


def write_warc(path: Path, pages: Pages) -> int:
    """Writes pages as `response` records, one gzip member each.

    Returns the pages' uncompressed bytes.
    """
    total = 0
    with path.open("wb") as file:
        for number, (url, html) in enumerate(pages):
            body = html.encode()
            total += len(body)
            head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in _SERVER.items()) + "\r\n"
            file.write(_member(number, "response", url, "application/http; msgtype=response", head.encode() + body))
    return total


def write_wat(path: Path, pages: Pages) -> int:
    """Writes three gzipped `metadata` records per page, as Common Crawl does.

    Returns the number of records.
    """
    records = 0
    with path.open("wb") as file:
        for number, (url, html) in enumerate(pages):
            for notes in (
                _notes(number, url, "request", _REQUEST),
                _answer_notes(number, url, html),
                _remarks(number, url),
            ):
                block = json.dumps(notes, ensure_ascii=False, separators=(",", ":")).encode()
                file.write(_member(number, "metadata", url, "application/json", block))
                records += 1
    return records


def _member(number: int, kind: str, url: str, content_type: str, block: bytes) -> bytes:
    header = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012x}>",
        "WARC-Date": "2026-11-03T10:00:00Z",
        "WARC-Target-URI": url,
        "Content-Type": content_type,
        "Content-Length": str(len(block)),
    }
    lines = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in header.items()) + "\r\n"
    return gzip.compress(lines.encode() + block + b"\r\n\r\n", compresslevel=6, mtime=0)


def _answer_notes(number: int, url: str, html: str) -> dict[str, Any]:
    tree = LexborHTMLParser(html)
    title = tree.css_first("title")
    head = {
        "Metas": [dict(meta.attributes) for meta in tree.css("meta")],
        "Title": title.text() if title is not None else "",
        "Link": [
            {"path": "LINK@/href", "url": e.attributes["href"], "rel": e.attributes["rel"]} for e in tree.css("link")
        ],
    }
    answer = {
        "Response-Message": {"Status": "200", "Version": "HTTP/1.1", "Reason": "OK"},
        "Headers-Length": "400",
        "Headers": _SERVER,
        "HTML-Metadata": {"Head": head, "Links": list(_links(tree))},
        "Entity-Length": str(len(html)),
        "Entity-Digest": "sha1:GXJXSGMV3AHYX4TETSBFFQSCVDJW7QNW",
        "Entity-Trailing-Slop-Length": "0",
    }
    return _notes(number, url, "response", {"HTTP-Response-Metadata": answer})


def _remarks(number: int, url: str) -> dict[str, Any]:
    languages = (
        '{"reliable":true,"languages":[{"code":"en","code-iso-639-3":"eng","text-covered":0.98,"score":1092.0}]}'
    )
    remarks = [{"Name": "fetchTimeMs", "Value": "312"}, {"Name": "languages-cld2", "Value": languages}]
    return _notes(number, url, "metadata", {"WARC-Metadata-Metadata": {"Metadata-Records": remarks}})


def _notes(number: int, url: str, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    warc = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2026-11-03T10:00:00Z",
        "WARC-IP-Address": "192.0.2.1",
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012x}>",
        "Content-Type": f"application/http; msgtype={kind}",
        "Content-Length": "51000",
        "WARC-Identified-Payload-Type": "text/html",
    }
    envelope = {
        "Format": "WARC",
        "WARC-Header-Length": "600",
        "WARC-Header-Metadata": warc,
        "Payload-Metadata": {"Actual-Content-Type": f"application/http; msgtype={kind}"} | payload,
        "Actual-Content-Length": "51000",
    }
    container = {"Filename": "CC-MAIN-20261103.warc.gz", "Compressed": True, "Offset": str(number * 16000)}
    return {"Container": container, "Envelope": envelope}


def _links(tree: LexborHTMLParser) -> Iterator[dict[str, str]]:
    for element in tree.css(", ".join(f"{tag}[{attribute}]" for tag, attribute, _ in _NOTED)):
        attribute, others = next((a, b) for tag, a, b in _NOTED if tag == element.tag)
        attributes = element.attributes
        noted = {"path": f"{str(element.tag).upper()}@/{attribute}", "url": attributes[attribute] or ""}
        noted |= {name: attributes[name] or "" for name in others if name in attributes}
        if element.tag == "a" and (text := element.text().strip()):
            noted["text"] = text
        yield noted
