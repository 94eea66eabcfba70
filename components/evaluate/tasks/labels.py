"""The labels against the truth table."""

from typing import Any

import pyarrow as pa

from components.evaluate.filter_audit import audit, truth_by_key
from components.evaluate.label_quality import measure
from components.evaluate.tasks import DataTask, Inputs
from components.label.reader import check_crawl
from components.shards.index import read_index
from components.storage.foreign.tables import read_table

_SCHEMA = pa.schema(
    [
        pa.field("url", pa.string(), nullable=False),
        ("concept", pa.string()),
        ("domain", pa.string()),
        ("entity_id", pa.string()),
    ]
)
_FIX = "run `mofi sample build`, or name a truth table with --truth"


class Labels(DataTask):
    """How right the labels are, and how often the image filter is right to overrule the text."""

    measures = "precision of the labels"
    main_score = "precision"

    def run(self, inputs: Inputs) -> dict[str, Any]:
        """`label_quality.measure`, and under `image_filter` the figures of `filter_audit`."""
        check_crawl(inputs.labels, inputs.crawl)
        index, truth = read_index(inputs.crawl, ["key", "url"]), read_table(inputs.truth, _SCHEMA, _FIX)
        audited = audit(inputs.labels, truth_by_key(index, truth))
        return {**measure(inputs.labels, index, truth), "image_filter": audited}
