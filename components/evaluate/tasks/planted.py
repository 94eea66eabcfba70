"""The near-copies of benchmark pictures that the sample web holds, to test the crawl's hold-out."""

from typing import Any

import pyarrow as pa

from components.evaluate.tasks import DataTask, Inputs
from components.shards.format import SUCCESS
from components.shards.index import read_index
from components.storage.foreign.tables import read_table

_SCHEMA = pa.schema([pa.field("url", pa.string(), nullable=False)])
_FIX = "run `mofi sample build`, or name the table with --planted"


class Planted(DataTask):
    """How many near-copies of benchmark pictures the crawl left out."""

    measures = "near-copies of benchmark pictures that are left out"
    main_score = "left_out"

    def run(self, inputs: Inputs) -> dict[str, Any]:
        """`near_copies` in the web, and how many of them the crawl has `left_out`."""
        planted = set(read_table(inputs.planted, _SCHEMA, _FIX)["url"].to_pylist())
        index = read_index(inputs.crawl, ["url", "status"])
        rows = zip(index["url"].to_pylist(), index["status"].to_pylist(), strict=True)
        crawled = {url for url, status in rows if status == SUCCESS}
        return {"near_copies": len(planted), "left_out": len(planted - crawled)}
