"""A user's table of anchor counts → names with counts: how often texts link a name to an item.

The table (.parquet, .csv or .tsv) has the columns `name`, `entity_id` (Q-id) and `count`. Only
names that some item has count: other link texts ("here", "this page") name nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from components.errors import InputError
from components.execution.shard_map import Outcome
from components.knowledge.base.format import IDS, partition_of
from components.knowledge.base.knowledge_base import open_entities
from components.knowledge.base.names import normalise
from components.knowledge.build.merge import NameRow, write_partitions
from components.knowledge.parameters import KnowledgeParameters
from components.knowledge.qid import numbers_of

_COLUMNS = {"name": pa.string(), "entity_id": pa.string(), "count": pa.int64()}
_BATCH = 500_000  # rows
_MOST = 1 << 40  # links of one name to one item


def read_anchors(path: Path) -> Iterator[pa.RecordBatch]:
    """Batches of the columns `name`, `entity_id` and `count`.

    Raises:
        InputError: if the file is missing, of another kind, or lacks a column.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; name a table of anchor counts with --anchors, or leave the option out")
    try:
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as table:
                yield from _cast(path, table.iter_batches(_BATCH, columns=list(_COLUMNS)))
        elif path.suffix in (".csv", ".tsv"):
            yield from _cast(path, _open_csv(path))
        else:
            raise InputError(f"{path} ends in {path.suffix!r}; a table of anchors ends in .parquet, .csv or .tsv")
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as columns name, entity_id, count: {error}") from error


def _open_csv(path: Path) -> Any:
    return pyarrow.csv.open_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=16 << 20),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter="\t" if path.suffix == ".tsv" else ",", quote_char=False if path.suffix == ".tsv" else '"'
        ),
        convert_options=pyarrow.csv.ConvertOptions(column_types=_COLUMNS, include_columns=list(_COLUMNS)),
    )


def _cast(path: Path, batches: Any) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        missing = [name for name in _COLUMNS if name not in batch.schema.names]
        if missing:
            raise InputError(f"{path} lacks the column {missing[0]!r}; it must have name, entity_id and count")
        columns = [batch.column(n).cast(t) for n, t in _COLUMNS.items()]
        found = pa.record_batch(columns, names=list(_COLUMNS))
        found.validate(full=True)
        yield found


@dataclass(frozen=True)
class AnchorJob:
    """`base` holds the table of entities."""

    base: Path
    partitions: int
    parameters: KnowledgeParameters


def resolve_anchors(job: AnchorJob, batch: pa.RecordBatch, number: int, out: Path) -> Outcome:
    """Writes `NUMBER_names.arrow` (`NAME_SCHEMA`, a batch per partition); a task of the shard map.

    Rows are counted as `placed`, `unknown_entity` (the base lacks the item) or `bad_row` (no name,
    no Q-id, no positive count).
    """
    names, counts = batch.column("name").to_pylist(), batch.column("count").to_pylist()
    rows, weights = _rows(batch.column("entity_id"), job)
    seen: Counter[str] = Counter()
    kept: list[list[NameRow]] = [[] for _ in range(job.partitions)]
    for text, count, row, weight in zip(names, counts, rows.tolist(), weights.tolist(), strict=True):
        name = normalise(text or "")
        if row == -1 or not (0 < len(name) <= job.parameters.max_name_length) or not 0 < (count or 0) < _MOST:
            seen["bad_row"] += 1
        elif row < 0:
            seen["unknown_entity"] += 1
        else:
            seen["placed"] += 1
            kept[partition_of(name, job.partitions)].append((name, row, weight, count, False, False))
    write_partitions(kept, out / f"{number:05d}_names.arrow")
    return Outcome(seen, attempted=len(names), errors=seen["bad_row"])


def _rows(ids: Any, job: AnchorJob) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The entity row of each Q-id and its weight; -1: no Q-id, -2: an item that the base lacks."""
    wanted = numbers_of(ids)
    numbers = np.load(job.base / IDS, mmap_mode="r")
    rows = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    known = numbers[rows] == wanted
    sitelinks = open_entities(job.base).column("sitelinks").take(pa.array(rows)).to_numpy()
    weights = np.log1p(sitelinks) + job.parameters.prior_smoothing
    return np.where(known, rows, np.where(wanted > 0, -2, -1)), weights
