"""Second pass: a plan → one shard of the data set, its pictures read from the crawl's shards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.curate.card.figures import Figures
from components.errors import InputError
from components.execution.shard_map import Outcome
from components.knowledge.qid import qid_of
from components.shards.format import LABELLED_INDEX_SCHEMA, PICTURE_SCHEMA, picture_key, shard_name
from components.shards.index import read_shard_index
from components.shards.writer import Row, write_shard


@dataclass(frozen=True)
class Source:
    """A planned picture: the crawl's record of it, its tar and its line of the survey."""

    record: dict[str, Any]
    tar: Path
    line: dict[str, Any]


def reshard(crawl: Path, surveys: Path, plan: Path, number: int, out: Path) -> Outcome:
    """Writes the shard (`LABELLED_INDEX_SCHEMA`) and `NUMBER_figures.json`.

    Records are held for one shard, pictures one at a time. Bytes are copied as the crawl stored
    them.
    """
    planned = pq.read_table(plan)
    figures = Figures()
    sources = _sources(crawl, surveys, planned)
    write_shard(out, number, _rows(sources, planned, number, figures), LABELLED_INDEX_SCHEMA)
    figures.write(out / f"{shard_name(number)}_figures.json")
    return Outcome(Counter(pictures=len(sources)), attempted=len(sources))


def _sources(crawl: Path, surveys: Path, planned: pa.Table) -> list[Source]:
    """The sources of the plan's pictures, in its order; each file of the crawl is opened once."""
    shards, rows = planned["shard"].to_pylist(), planned["row"].to_pylist()
    found: dict[int, Source] = {}
    for shard in sorted(set(shards)):
        positions = [n for n, s in enumerate(shards) if s == shard]
        name = f"{shard_name(shard)}.parquet"
        lines = pq.read_table(surveys / name).take([rows[n] for n in positions]).to_pylist()
        index = read_shard_index(crawl / name, PICTURE_SCHEMA.names)
        records = index.take([line["row"] for line in lines]).to_pylist()
        tar = (crawl / name).with_suffix(".tar")
        found |= {n: Source(record, tar, line) for n, record, line in zip(positions, records, lines, strict=True)}
    return [found[n] for n in range(len(shards))]


def _rows(sources: list[Source], planned: pa.Table, number: int, figures: Figures) -> Iterator[Row]:
    for position, (source, entities) in enumerate(zip(sources, planned["entities"].to_pylist(), strict=True)):
        line = source.line
        record = source.record | {"key": picture_key(number, position), "entities": [qid_of(e) for e in entities]}
        evidence = dict(zip(line["entities"], zip(line["candidates"], line["overruled"], strict=True), strict=True))
        candidates, overruled = evidence.get(entities[0], (0, False))
        figures.add(record, line["size"], line["extension"], candidates, overruled)
        yield Row(record, _read(source), line["extension"], {"crawl_key": source.record["key"]})


def _read(source: Source) -> bytes:
    with source.tar.open("rb") as stream:
        stream.seek(source.line["offset"])
        data = stream.read(source.line["size"])
    if len(data) != source.line["size"]:
        raise InputError(f"{source.tar} ends within the picture {source.record['key']}; run the crawl again")
    return data
