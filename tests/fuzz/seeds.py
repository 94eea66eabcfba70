"""Intact files to mutate: pages, pictures, archives and lists with all supported features."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zlib
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from PIL import Image

from components.label.format import LABELS_SCHEMA
from components.shards.format import INDEX_SCHEMA
from tests.crawl.conftest import drawing, encoded
from tests.crawl.sources.archives import gzipped, page, record

_SEEDS_SIDE = 48
_PICTURES = """
<img src="/a.png" alt="a red crab on the beach" width="640" height="480">
<img srcset="/s.png 320w, /m.png 640w, /l.png 1280w" sizes="100vw" src="/s.png" alt="a boat in the harbour">
<picture><source type="image/avif" srcset="/p.avif 1x, /p2.avif 2x"><source type="image/unknown" srcset="/no.xyz">
<img src="/p.jpg" alt="mountains in the evening"></picture>
<figure><img data-src="/late.jpg" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt=""><figcaption>A lighthouse
 near the <b>shore</b></figcaption></figure>
<img data-lazy="true" data-original="late/2.webp" aria-label="two birds on a tree">
<img src="spacer.gif" width="1" height="1"><img src="IMG_1234.jpg" alt="IMG_1234.jpg"><img alt="no source">
<div class="wp-caption"><a href="full.jpg"><img src="thumb-150x150.jpg" title="a lighthouse" data-large_image="l.jpg"></a>
<p class="wp-caption-text">The <i>lighthouse</i></p></div><li class="gallerybox"><img src="blank.gif" data-url="/u.png">
<div class="gallerytext">A gallery</div></li><amp-img src="/amp.jpg" alt="an owl"></amp-img>
<div role="img" aria-label="a forest" style="background-image:url('/forest.jpg')"></div>
<a href="/next.html" rel="nofollow">next</a><a href="//other.example/">other</a><a href="?page=2#top">more</a>
"""


def pages() -> list[bytes]:
    """Well-formed pages."""
    head = '<meta property="og:image" content="/og.jpg"><meta property="og:title" content="What is shared">'
    plain = f"<!doctype html><html lang=en><head><title>A page</title>{head}</head><body>{_PICTURES}</body></html>"
    based = plain.replace("<title>", '<base href="https://cdn.example/x/y/"><title>')
    requests = plain.replace("<title>", '<meta name="robots" content="noimageai, nofollow"><title>')
    reserved = plain.replace("<title>", '<meta name="tdm-reservation" content="1"><title>')
    declared = plain.replace("<title>", '<meta charset="windows-1251"><title>').replace("crab", "краб")
    japanese = (
        plain.replace("lang=en", "lang=ja").replace("<title>", "<meta charset=shift_jis><title>").replace("boat", "船")
    )
    script = {"@type": "ImageObject", "url": "https://cdn.example/j.png", "caption": "</scrip" + "t><img src=x alt=y>"}
    scripted = plain.replace("<body>", f"<body><script type='application/ld+json'>{json.dumps(script)}</script>")
    table = plain.replace("<body>", "<body><table><tr><td>").replace("</body>", "</table></body>")
    foreign = plain.replace("<body>", "<body><svg><foreignObject><math><mi>").replace("</body>", "</svg></body>")
    texts = (plain, based, requests, reserved, scripted, table, foreign, json.dumps({"html": plain}), _PICTURES, "")
    return [
        *(text.encode() for text in texts),
        declared.encode("windows-1251"),
        japanese.encode("shift_jis"),
        plain.encode("utf-16"),
        plain.replace("crab", "Krabbe ä ö ü").encode("latin-1"),
    ]


@cache
def robots() -> list[bytes]:
    """Files of rules, and of headers that say the same."""
    plain = """# rules
User-agent: test-crawl/1.0
User-agent: otherbot
Disallow: /private/*.png$
Allow: /private/x
Crawl-delay: 2.5
Content-Usage: /private/ train-ai=n

User-agent: *
Disallow: /
Request-rate: 1/10s
Sitemap: https://h.example/sitemap.xml
"""
    headers = """noindex, nofollow
otherbot: none, test-crawl: noimageai
unavailable_after: 25 Jun 2030 15:00:00 PST, max-image-preview:none
search=y, train-ai=n;x="1"
"""
    texts = (plain, headers, f"<html><pre>{plain}</pre></html>", plain.replace("private", "пример"))
    return [
        *(text.encode() for text in texts),
        plain.encode("utf-16"),
        plain.encode("utf-16-be"),
        plain.encode("utf-8-sig"),
        plain.replace("\n", "\r").encode(),
        plain.replace("private", "été").encode("latin-1"),
        gzip.compress(plain.encode()),
    ]


def pictures() -> list[bytes]:
    """Pictures of every format and variant."""
    colours = drawing(3, _SEEDS_SIDE)
    grey, palette, clear = colours.convert("L"), colours.quantize(16), colours.convert("RGBA")
    clear.putalpha(grey)
    frames = {"save_all": True, "append_images": [drawing(n, _SEEDS_SIDE) for n in (4, 5)], "duration": 100}
    turned = Image.Exif()
    turned[0x0112], turned[0x010E] = 6, "a description " * 20
    deep = grey.convert("I;16")
    return [
        encoded(colours),
        encoded(palette),
        encoded(palette, transparency=0),
        encoded(deep),
        encoded(clear),
        encoded(grey.convert("1")),
        encoded(grey.convert("LA")),
        interlaced_png(grey),
        encoded(colours, exif=turned),
        encoded(colours, "PNG", **frames),
        encoded(colours, "JPEG"),
        encoded(colours, "JPEG", progressive=True, exif=turned, comment=b"a comment"),
        encoded(colours.convert("CMYK"), "JPEG"),
        encoded(grey, "JPEG", quality=30, restart_marker_blocks=2),
        encoded(colours, "MPO", **frames),
        encoded(colours, "WEBP"),
        encoded(clear, "WEBP", lossless=True, exif=turned),
        encoded(colours, "WEBP", **frames),
        encoded(palette, "GIF"),
        encoded(palette, "GIF", interlace=1, transparency=0),
        encoded(colours, "GIF", **frames),
        encoded(colours, "BMP"),
        encoded(palette, "BMP"),
        encoded(clear, "BMP"),
        encoded(colours, "TIFF"),
        encoded(grey, "TIFF", compression="tiff_lzw"),
        encoded(colours, "TIFF", compression="jpeg"),
        encoded(clear, "TIFF", compression="tiff_adobe_deflate"),
        encoded(grey.convert("1"), "TIFF", compression="group4"),
        encoded(deep, "TIFF", big_tiff=True),
        encoded(colours, "AVIF", quality=50),
        encoded(clear, "AVIF", exif=turned),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'><rect width='9' height='9'/></svg>",
        b"<!doctype html><title>no picture</title>",
    ]


def interlaced_png(grey: Image.Image) -> bytes:
    """Pillow reads Adam7, but does not write it."""
    import struct
    import zlib

    width, height = grey.size
    rows = []
    for x0, y0, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(y0, height, dy):
            rows.append(b"\0" + bytes(grey.getpixel((x, y)) for x in range(x0, width, dx)))  # type: ignore[misc]
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def archives() -> dict[str, list[bytes]]:
    """Web archives by kind: `warc`, `wat`."""
    records = [
        record("warcinfo", "http://a.example/", b"software: test\r\n", "application/warc-fields"),
        page("http://a.example/1.html", _PICTURES),
        page("http://a.example/2.html", _PICTURES, X_Robots_Tag="googlebot: noindex"),
        _answered(gzip.compress(_PICTURES.encode(), mtime=0), "Content-Encoding: gzip"),
        _answered(b"5\r\n<img \r\n10\r\nsrc=/x alt='a b'>\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        page("http://a.example/3.html", "<img src=z.png alt='the last picture'>"),
    ]
    notes = [_note(n) for n in range(4)]
    return {
        "warc": [gzipped(records), b"".join(records), zstandard.compress(b"".join(records))],
        "wat": [gzipped(notes), b"".join(notes)],
    }


def _answered(body: bytes, header: str) -> bytes:
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{header}\r\n\r\n".encode() + body
    return record("response", "http://a.example/coded.html", block)


def _note(n: int) -> bytes:
    links = [{"path": "IMG@/src", "url": f"/{n}.png", "alt": "a picture of the sea"}, {"path": "A@/href", "url": "/x"}]
    html = {"Head": {"Title": "A page", "Metas": [{"name": "robots", "content": "all"}]}, "Links": links}
    answered = {"Response-Message": {"Status": "200"}, "Headers": {"X-Robots-Tag": "all"}, "HTML-Metadata": html}
    warc = {"WARC-Type": "response", "WARC-Target-URI": f"http://a.example/{n}.html"}
    envelope = {"WARC-Header-Metadata": warc, "Payload-Metadata": {"HTTP-Response-Metadata": answered}}
    return record(
        "metadata", f"http://a.example/{n}.html", json.dumps({"Envelope": envelope}).encode(), "application/json"
    )


def lists() -> dict[str, list[bytes]]:
    """URL lists by file extension."""
    rows = [{"url": f"http://a.example/{n}.png", "caption": f'picture "{n}", of a list'} for n in range(40)]
    quoted = [(row["url"], row["caption"].replace('"', '""')) for row in rows]
    csv = "url,caption\n" + "".join(f'{url},"{caption}"\n' for url, caption in quoted)
    tsv = "caption\turl\n" + "".join(f"{row['caption']}\t{row['url']}\n" for row in rows)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    return {
        "csv": [csv.encode()],
        "tsv": [tsv.encode()],
        "json": [json.dumps(rows).encode()],
        "jsonl": [lines.encode()],
        "jsonl.gz": [gzip.compress(lines.encode(), mtime=0)],
        "csv.bz2": [bz2.compress(csv.encode())],
        "tsv.xz": [lzma.compress(tsv.encode())],
        "csv.zst": [zstandard.compress(csv.encode())],
        "parquet": [_parquet(rows, kind) for kind in ("none", "snappy", "zstd")],
    }


def _parquet(rows: list[dict[str, str]], compression: str) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, compression=compression)
    return buffer.getvalue()


def shards() -> list[bytes]:
    """Shards as img2dataset writes them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for n in range(3):
            name = f"{n:09d}"
            content = {
                "jpg": encoded(drawing(n, _SEEDS_SIDE), "JPEG"),
                "txt": b"a picture",
                "json": b'{"url": "http://a.example/"}',
            }
            for ending, data in content.items():
                member = tarfile.TarInfo(str(Path(f"{name}.{ending}")))
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return [buffer.getvalue()]


def bodies() -> list[bytes]:
    """Bodies of responses, in several codings."""
    page = _PICTURES.encode()
    deflated = zlib.compress(page)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (len(page), page)
    packed = (gzip.compress(page, mtime=0), deflated, deflated[2:-4], zstandard.compress(page))
    return [page, chunked, *packed, gzip.compress(packed[0], mtime=0), encoded(drawing(3, _SEEDS_SIDE))]


def lists_of_files() -> list[bytes]:
    """Lists of archives, as `@LIST` names them."""
    names = "crawl-data/CC-MAIN-2024-10/warc.paths\nhttps://a.example/1.warc.gz\ns3://bucket/2.warc.gz\n"
    return [names.encode(), b"/data/*.parquet\r\nfile:///data/1.csv\n", b"simplecache::http://127.0.0.1/x\n"]


def headers() -> list[bytes]:
    """Values of headers, one a line."""
    return [robots()[1], b"noindex, nofollow\nFri, 31 Dec 2027 23:59:59 GMT\n120\nmofi-crawl: none\ntrain-ai=n\n"]


def sidecars() -> list[bytes]:
    """A picture's record, and its text."""
    record = {
        **{
            "url": "http://a.example/1.png",
            "caption": "A crab",
            "width": 640,
            "original_width": 1280,
            "http_status": 200,
        },
        **{"page_language": "en", "entities": ["Q1", "Q2"], "exif": "{}", "similarity": 0.3, "page_title": "Crabs"},
    }
    listed = record | {"caption": ["first", "second"], "original_height": 1e400, "site": None}
    return [json.dumps(record).encode(), json.dumps(listed).encode() + b"\0\0\0A text", b"{}\0\0\0\xff\xfet\0e\0"]


def indexes() -> list[bytes]:
    """Indexes of shards, and labels."""
    row = {"url": "http://a.example/1.png", "key": "000000000", "status": "success", "width": 640, "caption": "A crab"}
    found = []
    for schema, more in ((INDEX_SCHEMA, {}), (LABELS_SCHEMA, {"entities": ["Q1"]})):
        known = {name: value for name, value in (row | more).items() if name in schema.names}
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([known] * 3, schema=schema), buffer, compression="zstd")
        found.append(buffer.getvalue())
    return found
