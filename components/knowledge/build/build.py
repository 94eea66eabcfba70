"""Dump → the files of a knowledge base, by shard maps: parse, merge, index, embed.

Each step resumes where a killed run stopped. No process holds more than a block of the dump, a
range of entities or a partition of the names.
"""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.execution.publication import publish
from components.execution.shard_map import map_shards
from components.knowledge.base import format as files
from components.knowledge.base.fingerprint import write_fingerprint
from components.knowledge.build.anchors import AnchorJob, read_anchors, resolve_anchors
from components.knowledge.build.dump import blocks
from components.knowledge.build.embed import EmbedJob, embed, fit
from components.knowledge.build.index import write_partition
from components.knowledge.build.merge import MergeJob, merge, split_ranges, with_subclasses
from components.knowledge.build.parse import parse
from components.knowledge.parameters import KnowledgeParameters
from components.storage.arrays import new_array
from components.storage.json_files import write_json
from components.storage.layout import Layout
from components.storage.work import drop_finished

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

logger = logging.getLogger(__name__)

_STEP = "knowledge: {}"
LAYOUT = Layout("mofi knowledge build", (files.TABLE, files.IDS, files.NAMES), column="sitelinks")


@dataclass(frozen=True)
class Sizes:
    """Approximate units of work: bytes per block, items per range, items per index partition."""

    block: int = 8 << 20
    range: int = 200_000
    partition: int = 200_000

    def partitions(self, items: int) -> int:
        """Number of index partitions for the names of this many items."""
        return max(1, round(items / self.partition))


def build(
    dump: str | Path,
    out: "Path | Prefix",
    parameters: KnowledgeParameters,
    work: Path,
    anchors: Path | None = None,
    sizes: Sizes = Sizes(),
) -> dict[str, Any]:
    """Builds the knowledge base of `dump` in `work`, publishes it to `out`, returns its counts.

    Args:
        dump: path or URL of a Wikidata JSON dump.
        out: replaced by the base; a folder, or a prefix of a bucket.
        parameters: section `knowledge`.
        work: folder for unfinished work on this dump, these anchors and these parameters.
        anchors: table of how often texts link a name to an item (`anchors.py`), for sharper priors.
        sizes: units of work; they change the index partitions and nothing else.

    Raises:
        InputError: if the dump or the anchors cannot be used.
    """
    work = work.absolute()
    parts, counts = map_shards(
        partial(parse, parameters),
        blocks(str(dump), sizes.block),
        stage=_STEP.format("parse"),
        work=work / "parse",
        max_error_share=parameters.max_error_share,
    )
    spans = split_ranges(parts, sizes.range)
    excluded = tuple(with_subclasses(parts, parameters.exclude_classes))
    job = MergeJob(parts, excluded, sizes.partitions(counts["kept"]), parameters)
    ranges, merged = map_shards(partial(merge, job), spans, stage=_STEP.format("merge"), work=work / "merge")
    items = merged.pop("items")
    counts.update(merged)
    if not items:
        raise InputError(
            f"{dump} holds no item with a label in {parameters.languages} ({dict(counts)}); check knowledge.languages"
        )
    logger.info("%d of %d items kept", items, counts["lines"])
    folder = work / "knowledge"
    bounds = write_entities(ranges, len(spans), items, folder)
    name_counts = write_index(ranges, bounds, job, work, folder, anchors)
    _embed(bounds, parameters, work, folder)
    lines = {name: count for name, count in sorted(counts.items()) if count}
    measures = {"items": items, **name_counts, "lines": lines}
    write_json(folder / "stats.json", measures)
    write_fingerprint(folder)
    publish(folder, out, "knowledge", work / "upload")
    drop_finished(work)
    return measures


def write_entities(ranges: Path, count: int, items: int, folder: Path) -> list[int]:
    """Writes the merged ranges as one table; returns the first row of each, then the row count."""
    shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
    folder.mkdir(parents=True)
    ids = new_array(folder / files.IDS, np.int64, (items,))
    bounds = [0]
    with (
        pa.OSFile(str(folder / files.ENTITIES), "wb") as file,
        pa.ipc.new_file(file, files.ENTITY_SCHEMA) as arrow,
        pq.ParquetWriter(folder / files.TABLE, files.ENTITY_SCHEMA, compression="zstd") as parquet,
    ):
        for n in range(count):
            with files.open_arrow(ranges / f"{n:05d}.arrow") as reader:
                table = reader.read_all()
                bounds.append(bounds[-1] + len(table))
                ids[bounds[-2] : bounds[-1]] = table.column("number").to_numpy()
                entities = table.drop_columns("number")
                arrow.write_table(entities)
                parquet.write_table(entities)
    ids.flush()
    return bounds


def write_index(
    ranges: Path, bounds: Sequence[int], job: MergeJob, work: Path, folder: Path, anchors: Path | None
) -> dict[str, int]:
    """Writes the name index of the merged ranges; returns counts of names and ambiguous names."""
    sources = [(ranges / f"{n:05d}_names.arrow", row) for n, row in enumerate(bounds[:-1])]
    if anchors is not None:
        linked, counts = map_shards(
            partial(resolve_anchors, AnchorJob(folder, job.partitions, job.parameters)),
            read_anchors(anchors),
            stage=_STEP.format("anchors"),
            work=work / "anchors",
        )
        logger.info("anchors: %s", dict(counts))
        sources += [(path, 0) for path in sorted(linked.iterdir())]
    make = partial(_partition, sources, folder / files.IDS, job.parameters.anchor_smoothing)
    index, counts = map_shards(make, range(job.partitions), stage=_STEP.format("index"), work=work / "index")
    shutil.copytree(index, folder / files.NAMES)
    return {"names": counts["names"], "ambiguous_names": counts["ambiguous_names"]}


def _partition(sources: list[tuple[Path, int]], ids: Path, smoothing: float, _: int, number: int, out: Path) -> Any:
    return write_partition(sources, ids, smoothing, number, out)


def _embed(bounds: Sequence[int], parameters: KnowledgeParameters, work: Path, folder: Path) -> None:
    job = EmbedJob(folder, folder, parameters)
    fitted, _ = map_shards(partial(fit, job), [None], stage=_STEP.format("fit"), work=work / "fit")
    for path in fitted.iterdir():
        shutil.copyfile(path, folder / path.name)
    parts, _ = map_shards(partial(embed, job), list(pairwise(bounds)), stage=_STEP.format("embed"), work=work / "embed")
    first = np.load(parts / "00000.npy", mmap_mode="r")
    shape = (bounds[-1], first.shape[1])
    embeddings = new_array(folder / files.EMBEDDINGS, np.float16, shape)
    for n, (low, high) in enumerate(pairwise(bounds)):
        embeddings[low:high] = np.load(parts / f"{n:05d}.npy", mmap_mode="r")
    embeddings.flush()
