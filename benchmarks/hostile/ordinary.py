"""Ordinary input of each reader, which loads what it loads at its first use."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from safetensors.numpy import save

_PAGE = (
    "<!doctype html><html lang=en><head><title>A page</title><body><figure><img src=/a.png alt='a red crab on the beach'>"
    "<figcaption>A crab</figcaption></figure><a href=/b.html>more</a>"
)
_ROW = {"url": "https://site.example/a.png", "text": "a red crab on the beach"}


def ordinary(reader: str) -> bytes:
    """A small input that the reader reads without complaint."""
    kind = reader.partition(": ")
    if kind[0] == "list":
        return _list(kind[2])
    return _picture() if kind[0] == "picture" else _OTHERS[reader]()


def record(kind: str, block: bytes, content_type: str = "application/http; msgtype=response") -> bytes:
    """A record of an archive."""
    header = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000000>",
        "WARC-Date": "2026-11-03T10:00:00Z",
        "WARC-Target-URI": "https://site.example/folder/page.html",
        "Content-Type": content_type,
        "Content-Length": str(len(block)),
    }
    lines = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in header.items()) + "\r\n"
    return lines.encode() + block + b"\r\n\r\n"


def response(body: bytes, headers: str = "") -> bytes:
    """A page in a record of a WARC."""
    return record("response", f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n".encode() + body)


def metadata(links: object, **more: object) -> bytes:
    """A page in a record of a WAT; `links` may be JSON already."""
    return record(
        "metadata",
        json.dumps(
            {
                "Envelope": {
                    "WARC-Header-Metadata": {
                        "WARC-Type": "response",
                        "WARC-Target-URI": "https://site.example/page.html",
                    },
                    "Payload-Metadata": {
                        "HTTP-Response-Metadata": {
                            "Response-Message": {"Status": "200"},
                            "Headers": {"Content-Type": "text/html"},
                            "HTML-Metadata": {"Head": {"Title": "A page"}, "Links": "LINKS"},
                            **more,
                        }
                    },
                }
            }
        )
        .replace('"LINKS"', links if isinstance(links, str) else json.dumps(links))
        .encode(),
        "application/json",
    )


def tar(files: list[tuple[str, bytes]]) -> bytes:
    """A tar of files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((400, 300)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _list(kind: str) -> bytes:
    if kind == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.table({name: [value] for name, value in _ROW.items()}), out)
        return out.getvalue()
    if kind in ("csv", "tsv"):
        separator = "," if kind == "csv" else "\t"
        return "\n".join(separator.join(row) for row in (_ROW, _ROW.values())).encode()
    return json.dumps([_ROW] if kind == "json" else _ROW).encode()


def _item() -> bytes:
    return json.dumps(
        {
            "id": "Q42",
            "labels": {"en": {"value": "crab"}},
            "descriptions": {},
            "aliases": {},
            "claims": {},
            "sitelinks": {},
        }
    ).encode()


_OTHERS: dict[str, Callable[[], bytes]] = {
    "page": lambda: _PAGE.encode() + "é".encode("cp1252"),
    "warc": lambda: gzip.compress(response(_PAGE.encode()), mtime=0),
    "wat": lambda: gzip.compress(metadata([{"path": "IMG@/src", "url": "/a.png", "alt": "a crab"}]), mtime=0),
    "shard": lambda: tar([("0.png", _picture()), ("0.txt", b"a crab"), ("0.json", b"{}")]),
    "robots headers": lambda: b"noindex",
    "robots.txt": lambda: b"User-agent: *\nDisallow: /private/\n",
    "body of a picture": lambda: gzip.compress(b"a picture", mtime=0),
    "dump": _item,
    "gold": lambda: json.dumps({"text": "A crab", "labels": [{"span": [2, 6], "entity_id": "Q42"}]}).encode(),
    "model config": lambda: json.dumps(
        {"model_cfg": {"embed_dim": 8, "vision_cfg": {}, "text_cfg": {}}, "preprocess_cfg": {}}
    ).encode(),
    "model weights": lambda: save({"a": np.zeros(3, dtype=np.float32)}),
}
