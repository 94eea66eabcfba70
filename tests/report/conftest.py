"""Shards of a crawl; the evaluation's small benchmark serves here too."""

from pathlib import Path
from typing import Any

from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from tests.evaluate.conftest import benchmark_folder, encoded, painted, parameters  # noqa: F401

HOSTILE = "<script>alert(1)</script>"


def write_shards(data: Path, shards: int = 2) -> None:
    """Eight pictures a shard of 64 px, six of them taken; a text of the web in one of them."""
    for shard in range(shards):
        rows = []
        for n in range(8):
            site = ("a.example", "b.example")[n % 2]
            text = HOSTILE if n == 0 else f"picture {n} of {shard}"
            record: dict[str, Any] = {
                "key": picture_key(shard, n),
                "url": f"http://{site}/{n}.png?{HOSTILE}",
                "site": site,
            }
            record |= {"caption": text, "page_language": "" if n == 1 else ("en-GB", "de")[n % 2]}
            if n < 6:
                record |= {"status": "success", "width": 64, "height": 64, "sha256": f"{min(n, 4)} of {shard}"}
                rows.append(Row(record, encoded(painted(n)), "png"))
            else:
                rows.append(Row(record | {"status": "failed_to_download", "error_message": ("timeout", "noai")[n % 2]}))
        write_shard(data / "crawl", shard, rows)
