"""Web archives for tests, record by record."""

import gzip


def record(kind: str, url: str, block: bytes, content_type: str = "application/http; msgtype=response") -> bytes:
    header = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000000>",
        "WARC-Date": "2026-11-03T10:00:00Z",
        "WARC-Target-URI": url,
        "Content-Type": content_type,
        "Content-Length": str(len(block)),
    }
    lines = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in header.items()) + "\r\n"
    return lines.encode() + block + b"\r\n\r\n"


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    named = {"Content_Type": "text/html; charset=utf-8"} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def page(url: str, body: str, head: str = "", **headers: str) -> bytes:
    html = f"<!doctype html><html lang='en'><head><title>A page</title>{head}</head><body>{body}</body></html>"
    return record("response", url, answer(html.encode(), **headers))


def picture(name: str) -> str:
    return f'<img src="/{name}.png" alt="a {name}">'


def gzipped(records: list[bytes]) -> bytes:
    return b"".join(gzip.compress(one, mtime=0) for one in records)
