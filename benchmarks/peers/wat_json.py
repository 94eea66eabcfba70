"""Pairs from a WAT with warcio and json. Standalone: `python wat_json.py FILE`.

It prints seconds, records and a digest of all pairs.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from warcio.archiveiterator import ArchiveIterator


def pairs(notes: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(picture, text, page, title) of the pictures in a record."""
    envelope = notes["Envelope"]
    html = envelope["Payload-Metadata"].get("HTTP-Response-Metadata", {}).get("HTML-Metadata")
    if html is None:
        return
    url, title = envelope["WARC-Header-Metadata"]["WARC-Target-URI"], " ".join(html["Head"].get("Title", "").split())
    shown = set()
    for link in html.get("Links", []):
        if link.get("path") == "IMG@/src" and link.get("alt") and not link["url"].startswith("data:"):
            address = urljoin(url, link["url"])
            shown.add(address)
            yield address, " ".join(link["alt"].split()), url, title
    metas = {meta["property"]: meta["content"] for meta in html["Head"].get("Metas", []) if "property" in meta}
    if "og:image" in metas and urljoin(url, metas["og:image"]) not in shown:
        yield urljoin(url, metas["og:image"]), " ".join(metas["og:title"].split()), url, title


def main(path: str) -> None:
    """Reads the archive."""
    start = time.perf_counter()
    records = 0
    found: list[tuple[str, str, str, str]] = []
    with open(path, "rb") as stream:  # noqa: PTH123 - as in a typical script
        for record in ArchiveIterator(stream):
            if record.rec_type == "metadata":
                records += 1
                found.extend(pairs(json.loads(record.content_stream().read())))
    seconds = time.perf_counter() - start
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    print(json.dumps({"seconds": seconds, "records": records, "pairs": len(found), "digest": digest}))


if __name__ == "__main__":
    main(sys.argv[1])
