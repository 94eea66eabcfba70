"""Builds everything under `data/sample/`: web, benchmark, truth table and knowledge base."""

import logging
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import track

from components.cli.parameters import SampleParameters
from components.storage.atomic import PARTIAL, publish_folder, remove
from components.storage.layout import Layout
from components.storage.output import without_readers, writing
from samples import benchmark, packages
from samples.concepts import SETS, Concept, Drawing, all_concepts, held_out
from samples.facts import depicted, read_facts
from samples.knowledge import territory_entities, write_dump
from samples.site import Builder, Planted
from samples.texts import ShortCodes

logger = logging.getLogger(__name__)

LAYOUT = Layout(
    "mofi sample build",
    ("benchmark/images.parquet",),
    column="art_set",
    replaces=("benchmark", "web", "knowledge.json.bz2", "planted.parquet", "truth.parquet"),
)

TRUTH_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("concept", pa.string()),
        ("domain", pa.string()),
        ("art_set", pa.string()),
        ("entity_id", pa.string()),
    ]
)
PLANTED_SCHEMA = pa.schema([("url", pa.string()), ("file", pa.string())])


@dataclass(frozen=True)
class _SiteJob:
    """One site for a worker process to build."""

    art_set: str
    served: list[tuple[Concept, Drawing]]
    planted: list[Planted]
    excluded: list[tuple[Concept, Drawing]]


@dataclass(frozen=True)
class _SiteResult:
    """A worker's result: rows of the truth table, and the number of excluded drawings."""

    truth: list[tuple[str, str, str, str]]
    left_out: int


def build(parameters: SampleParameters, out: Path) -> dict[str, Any]:
    """Builds the sample deterministically; returns its counts.

    What is in `out` stays until all is built; other files there stay as they are.
    """
    out = out.resolve()
    outside, within = out.with_name(f"{out.name}{PARTIAL}"), out / f"{out.name}{PARTIAL}"
    with writing(out, wait=True):
        for leftover in (outside, within):
            remove(leftover)
        # A folder may be a disk of its own, which nothing can be moved to in one step.
        partial = within if out.is_dir() else outside
        try:
            counts = _build(parameters, partial)
            out.mkdir(parents=True, exist_ok=True)
            with without_readers(out):  # who reads several parts gets all of one build
                for made in sorted(partial.iterdir()):
                    if made.is_dir():
                        publish_folder(made, out / made.name)
                    else:
                        made.replace(out / made.name)
        finally:
            remove(partial)
    return counts


def _build(parameters: SampleParameters, out: Path) -> dict[str, Any]:
    modules = packages.fetch()
    concepts = all_concepts(modules, parameters.drawings)
    entity_of = territory_entities(modules) | depicted(read_facts())
    held_out_concepts = [c for c in concepts if held_out(c.key)]
    served = [c for c in concepts if not held_out(c.key)]
    listed = benchmark.entries(held_out_concepts)
    planted = benchmark.near_copies(modules, listed, parameters.planted, parameters.seed)
    (out / "web").mkdir(parents=True)
    (out / "benchmark" / "images").mkdir(parents=True)
    jobs = [_SiteJob(s, _of(s, served), planted.get(s, []), _of(s, held_out_concepts)) for s in SETS]
    builder = Builder(
        modules.absolute(),
        ShortCodes.load(modules),
        parameters.seed,
        parameters.port,
        parameters.page_pictures,
        parameters.useless_share,
    )
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=_end_with_parent) as pool:
        sites = list(_progress(pool.map(partial(_write_site, builder, out / "web"), jobs), len(jobs), "sites"))
        pictures = pool.map(
            partial(_write_entry, modules.absolute(), out / "benchmark" / "images"), listed, chunksize=64
        )
        drawn = sum(_progress(pictures, len(listed), "benchmark pictures"))
    truth = [row for site in sites for row in site.truth]
    benchmark.write_index(out / "benchmark" / "images.parquet", listed, entity_of)
    _write_truth(out, truth, entity_of, planted, parameters.port)
    items = write_dump(out / "knowledge.json.bz2", modules)
    return _counts(concepts, held_out_concepts, truth, entity_of) | {
        "benchmark_pictures": drawn,
        "left_out_as_benchmark_pictures": sum(site.left_out for site in sites),
        "knowledge_items": items,
        "planted": sum(map(len, planted.values())),
    }


def _progress(results: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    return track(results, description=what, total=total, transient=True)


def _end_with_parent() -> None:
    """Makes a worker exit if the build is killed."""

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _of(art_set: str, concepts: list[Concept]) -> list[tuple[Concept, Drawing]]:
    return [(c, d) for c in concepts for d in c.drawings if d.art_set == art_set]


def _write_site(builder: Builder, folder: Path, job: _SiteJob) -> _SiteResult:
    site = builder.build(job.art_set, job.served, job.planted, job.excluded)
    site.write(folder)
    truth = [
        (f"http://{site.address}{path}", concept.key, concept.domain, job.art_set)
        for path, concept in sorted(site.truth.items())
    ]
    return _SiteResult(truth, site.left_out)


def _write_entry(modules: Path, folder: Path, entry: benchmark.Entry) -> int:
    (folder / entry.file).write_bytes(benchmark.draw(modules, entry))
    return 1


def _write_truth(
    out: Path,
    truth: list[tuple[str, str, str, str]],
    entity_of: dict[str, str],
    planted: dict[str, list[Planted]],
    port: int,
) -> None:
    rows = [
        {"url": url, "concept": key, "domain": domain, "art_set": art_set, "entity_id": entity_of.get(key)}
        for url, key, domain, art_set in sorted(truth)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=TRUTH_SCHEMA), out / "truth.parquet")
    copies = [
        {"url": f"http://{art_set}.localhost:{port}{copy.path}", "file": copy.source}
        for art_set, several in sorted(planted.items())
        for copy in several
    ]
    pq.write_table(pa.Table.from_pylist(copies, schema=PLANTED_SCHEMA), out / "planted.parquet")


def _counts(
    concepts: list[Concept],
    held_out_concepts: list[Concept],
    truth: list[tuple[str, str, str, str]],
    entity_of: dict[str, str],
) -> dict[str, Any]:
    linkable = {key for _, key, _, _ in truth if key in entity_of}
    return {
        "concepts": len(concepts),
        "drawings": sum(len(c.drawings) for c in concepts),
        "concepts_held_out": len(held_out_concepts),
        "web_pictures": len(truth),
        "web_concepts_linkable": len(linkable),
        "web_pictures_linkable": sum(key in entity_of for _, key, _, _ in truth),
        "sites": len(SETS),
    }
