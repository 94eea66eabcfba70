"""The smoke query: does the promoted model answer, and sensibly?"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.evaluate.benchmark import choose, read_benchmark
from components.serve.parameters import QueryParameters
from components.serve.search import Embed, Entry, build, read_labels, thumbnail
from components.shards.reader import read_shard
from components.storage.atomic import new_folder
from components.storage.layout import Layout

logger = logging.getLogger(__name__)

LAYOUT = Layout("mofi query", ("results.parquet",), column="query_thumbnail")

RESULTS_SCHEMA = pa.schema(
    [
        ("query", pa.string()),
        ("rank", pa.int32()),
        ("key", pa.string()),
        ("cosine", pa.float32()),
        ("caption", pa.string()),
        ("entity_id", pa.string()),
        ("label", pa.string()),
        ("query_thumbnail", pa.binary()),
        ("thumbnail", pa.binary()),
    ]
)
# Cosine of a picture with itself, up to float32 rounding.
_ITSELF = 1 - 1e-3


def query(embed: Embed, data: Path, benchmark_folder: Path, parameters: QueryParameters, out: Path) -> dict[str, Any]:
    """Indexes the data set, looks benchmark pictures up and replaces `out`.

    Returns:
        The content of `metrics/query.json`.

    Raises:
        InputError: if an input is missing, an embedding is not finite, or a picture indexed does
            not find itself.
    """
    index = build(data, embed)
    benchmark = read_benchmark(benchmark_folder)
    chosen = choose(benchmark, parameters.pictures, parameters.seed)
    pictures = [benchmark.bytes_of(number) for number in chosen]
    answers = index.search(embed(pictures), parameters.top)
    own = _finds_itself(embed, index.search, index.entries[0])
    labels = read_labels(data)
    stored = _bytes_of({(hit.entry.shard, hit.entry.key) for hits in answers for hit in hits})
    rows = [
        {
            "query": benchmark.files[number],
            "rank": rank,
            "key": hit.entry.key,
            "cosine": hit.cosine,
            "caption": hit.entry.caption,
            "entity_id": next(iter(hit.entry.entities), None),
            "label": labels.get(next(iter(hit.entry.entities), ""), ""),
            "query_thumbnail": thumbnail(picture),
            "thumbnail": thumbnail(stored[hit.entry.shard, hit.entry.key]),
        }
        for number, picture, hits in zip(chosen, pictures, answers, strict=True)
        for rank, hit in enumerate(hits, start=1)
    ]
    with new_folder(out) as folder:
        pq.write_table(pa.Table.from_pylist(rows, schema=RESULTS_SCHEMA), folder / "results.parquet")
    return {
        "indexed": len(index.entries),
        **({"left_out": dict(sorted(index.left_out.items()))} if index.left_out else {}),
        "queries": len(chosen),
        "mean_top_cosine": round(float(np.mean([hits[0].cosine for hits in answers])), 3),
        "finds_itself": own,
    }


def _finds_itself(embed: Embed, search: Any, entry: Entry) -> bool:
    """Whether a picture of the data set, as a query, is found first (or an exact copy of it)."""
    picture = next(picture for picture in read_shard(entry.shard) if picture.key == entry.key)
    hit = search(embed([picture.image]), 1)[0][0]
    if hit.cosine < _ITSELF:
        raise InputError(
            f"picture {picture.key} of {entry.shard} does not find itself (best cosine {hit.cosine:.4f}): the index does not "
            "belong to this model; run `mofi query` again"
        )
    return True


def _bytes_of(wanted: set[tuple[Path, str]]) -> dict[tuple[Path, str], bytes]:
    """Each shard is read once."""
    found: dict[tuple[Path, str], bytes] = {}
    for shard in sorted({shard for shard, _ in wanted}):
        for picture in read_shard(shard):
            if (shard, picture.key) in wanted:
                found[shard, picture.key] = picture.image
    return found
