"""First pass: one shard of the crawl and its labels → the labelled pictures and their offsets."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.curate.format import SURVEY_SCHEMA, UNLABELLED
from components.errors import InputError
from components.execution.shard_map import Outcome
from components.knowledge.qid import number_of
from components.label.format import IMAGE_RIVAL
from components.label.reader import check_pictures, read_labels
from components.shards.format import SUCCESS, shard_name
from components.shards.index import read_shard_index
from components.shards.reader import PictureSpan, picture_spans

CRAWLED, LABELLED = "crawled", "labelled"
_RELABEL = "the labels are of another crawl; run `mofi label run` again"


def survey(crawl: Path, labels: Path, number: int, _: int, out: Path) -> Outcome:
    """Writes `NUMBER.parquet` (`SURVEY_SCHEMA`) in key order; counts labelled pictures and others.

    Raises:
        InputError: if crawl and labels do not match, or the tar does not match its index.
    """
    path = crawl / f"{shard_name(number)}.parquet"
    table = read_shard_index(path, ["key", "status", "sha256"])
    rows = [row | {"row": n} for n, row in enumerate(table.to_pylist()) if row["status"] == SUCCESS]
    rows.sort(key=lambda row: str(row["key"]))
    label_rows = _labels_of(labels, crawl, number, [row["key"] for row in rows])
    spans = picture_spans(path.with_suffix(".tar"))
    found = [_record(row, label, spans, path) for row, label in zip(rows, label_rows, strict=True) if label["entities"]]
    pq.write_table(pa.Table.from_pylist(found, SURVEY_SCHEMA), out / path.name, compression="zstd")
    counts = Counter({CRAWLED: len(rows), LABELLED: len(found), UNLABELLED: len(rows) - len(found)})
    return Outcome(counts, attempted=len(rows))


def _labels_of(folder: Path, crawl: Path, number: int, keys: list[str]) -> list[dict[str, Any]]:
    """The label rows of a shard; they must be of exactly these pictures, in key order."""
    index = crawl / f"{shard_name(number)}.parquet"
    path, table = folder / index.name, read_labels(folder, number, ["key", "entities", "decisions"])
    if table.num_rows != len(keys):
        raise InputError(f"{path} has {table.num_rows} rows for the {len(keys)} pictures of {index}; {_RELABEL}")
    for row, (key, labelled) in enumerate(zip(keys, table["key"].to_pylist(), strict=True)):
        if key != labelled:
            raise InputError(f"row {row} of {path} is of picture {labelled}, where {index} has {key}; {_RELABEL}")
    check_pictures(table, number, folder, crawl)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _record(row: dict[str, Any], label: dict[str, Any], spans: dict[str, PictureSpan], index: Path) -> dict[str, Any]:
    key = row["key"]
    span = spans.get(key)
    if span is None:
        raise InputError(f"{index.with_suffix('.tar')} lacks the picture {key} of its index; run the crawl again")
    if not row["sha256"]:
        raise InputError(
            f"{index} has no sha256 for {key}, so duplicates cannot be found; crawl with it (img2dataset: --compute_hash sha256)"
        )
    entities = list(dict.fromkeys(label["entities"]))
    evidence = [_evidence(entity, label["decisions"] or []) for entity in entities]
    return {
        "row": row["row"],
        "sha256": bytes.fromhex(row["sha256"]),
        "offset": span.offset,
        "size": span.size,
        "extension": span.extension,
        "entities": [_number(entity, index) for entity in entities],
        "candidates": [count for count, _ in evidence],
        "overruled": [overruled for _, overruled in evidence],
    }


def _number(entity: str, index: Path) -> int:
    try:
        return number_of(entity)
    except ValueError:
        raise InputError(
            f"the labels of {index} name the entity {entity!r}; an entity is a Q-id such as Q42. Label again"
        ) from None


def _evidence(entity: str, decisions: list[dict[str, Any]]) -> tuple[int, bool]:
    """How many candidates the entity's mention had, and whether the picture overruled the text."""
    span = next(((d["start"], d["end"]) for d in decisions if d["kept"] and d["entity_id"] == entity), None)
    rivals = [d for d in decisions if (d["start"], d["end"]) == span]
    return len(rivals), any(d["reason"] == IMAGE_RIVAL for d in rivals)
