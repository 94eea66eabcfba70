"""The labels against the truth table."""

from typing import Any

import pyarrow.parquet as pq

from components.errors import InputError
from components.evaluate.filter_audit import audit, truth_by_key
from components.evaluate.label_quality import measure
from components.evaluate.tasks import DataTask, Inputs
from components.shards.index import read_index


class Labels(DataTask):
    """How right the labels are, and how often the image filter is right to overrule the text."""

    measures = "precision of the labels"
    main_score = "precision"

    def run(self, inputs: Inputs) -> dict[str, Any]:
        """`label_quality.measure`, and under `image_filter` the figures of `filter_audit`."""
        if not inputs.truth.is_file():
            raise InputError(f"{inputs.truth} is missing; run `mofi sample build`, or name a truth table with --truth")
        index, truth = read_index(inputs.crawl), pq.read_table(inputs.truth)
        audited = audit(inputs.labels, truth_by_key(index, truth))
        return {**measure(inputs.labels, index, truth), "image_filter": audited}
