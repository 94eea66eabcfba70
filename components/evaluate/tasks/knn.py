"""Leave-one-out kNN (arXiv 2306.07952, evaluation)."""

from typing import Any

import numpy as np

from components.evaluate.slices import by_slice
from components.evaluate.tasks import Embedded, ModelTask
from components.metrics.knn import leave_one_out


class Knn(ModelTask):
    """The nearest other pictures vote on the category of each."""

    measures = "kNN accuracy"
    main_score = "all"

    def run(self, inputs: Embedded) -> dict[str, Any]:
        """`SLICE`, shares of pictures that get their own category."""
        right = leave_one_out(
            inputs.embeddings,
            inputs.benchmark.categories,
            neighbours=self.parameters.knn_neighbours,
            temperature=self.parameters.knn_temperature,
        )
        return by_slice(right.astype(np.float64), inputs.benchmark)
