"""Intact dumps, tables and settings to mutate."""

import bz2
import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from components.curate.format import VOCABULARY_SCHEMA
from components.pretrain.checkpoints.manifest import FileDigest, Manifest
from tests import ROOT
from tests.knowledge.conftest import ITEMS, lines_of


def dumps() -> list[bytes]:
    """A dump of Wikidata in each packing."""
    lines = lines_of(ITEMS)
    other = b'[\n{"type":"property","id":"P31","labels":{}},\n{"id":"Q1","labels":[],"claims":{"P31":[]}}\n]\n'
    frames = zstandard.compress(lines[:999]) + zstandard.compress(lines[999:])
    return [lines, other, gzip.compress(lines, mtime=0), bz2.compress(lines), zstandard.compress(lines), frames]


def anchors() -> list[bytes]:
    """A table of anchors in each format."""
    table = {"name": ["Turkey", "turkey", None], "entity_id": ["Q43", "Q1", "nonsense"], "count": [10, 80, 3]}
    rows = [("name", "entity_id", "count"), ("Turkey", "Q43", "10"), ('"a, b"', "Q2", "7")]
    return [_parquet(table), *("\n".join(mark.join(row) for row in rows).encode() for mark in (",", "\t"))]


def gold() -> list[bytes]:
    """A gold file."""
    labels = [{"span": [0, 4], "entity_id": "Q43"}, {"span": [0, 11], "entity_id": "Unknown1", "optional": True}]
    texts: list[dict[str, Any]] = [
        {"text": "Apple in Turkey", "labels": labels},
        {"text": "In 1923", "labels": [{"span": [3, 7], "type": "DATETIME"}], "evaluation_span": [0, 7]},
    ]
    lines = "\n".join(json.dumps(text) for text in texts)
    return [lines.encode(), f"\ufeff{lines}\n\n[]\n".encode()]


def parameters() -> list[bytes]:
    """The repository's file, and one that changes some values of another."""
    extended = "extends: base.yaml\ncrawl: {min_side: 16, languages: [de, 'no']}\nknowledge:\n  seed: 0x1F\n"
    odd = "extends: base.yaml\nx: &a [1, .inf, 2001-01-01, !!binary aGk=]\ny: *a\n? [1, 2]\n: <<: {a: 1}\n"
    return [(ROOT / "params.yaml").read_bytes(), extended.encode(), odd.encode()]


def benchmarks() -> list[bytes]:
    """Indexes of benchmarks."""
    names = ("file", "category", "domain", "art_set", "foundry", "concept")
    rows = [
        dict(zip(names, (f"{n}.png", n % 2, "emoji", "noto", "google", f"emoji:{n}"), strict=True)) for n in range(4)
    ]
    without = [row | {"category": None, "foundry": None, "domain": 1} for row in rows]
    return [_parquet(pa.Table.from_pylist(rows)), _parquet(pa.Table.from_pylist(without))]


def vocabularies() -> list[bytes]:
    """Vocabularies of data sets."""
    rows = [{"entity_id": f"Q{n}", "label": f"item {n}", "images": n, "split": "train"} for n in range(1, 4)]
    return [_parquet(pa.Table.from_pylist(rows, schema=VOCABULARY_SCHEMA))]


def notes() -> list[bytes]:
    """What a run notes for later ones."""
    digest = FileDigest(3, "ab" * 32)
    manifest = Manifest(7, 1, {"seed": 1}, 0, [{"loss": 1.5}], {"model.safetensors": digest})
    return [json.dumps({"out": "data/crawl"}).encode(), manifest.to_json().encode(), b"{}", b""]


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), buffer, compression="zstd")
    return buffer.getvalue()
