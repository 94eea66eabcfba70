"""Mean average precision by the GPR1200 protocol (arXiv 2306.07952, evaluation)."""

from typing import Any

from components.evaluate.format import ACROSS, EXCLUDED, INCLUDED
from components.evaluate.slices import by_slice
from components.evaluate.tasks import Embedded, ModelTask
from components.metrics.retrieval import average_precisions


class Retrieval(ModelTask):
    """Every picture is a query for the others of its category."""

    measures = "mAP"
    main_score = f"{EXCLUDED}.all"

    def run(self, inputs: Embedded) -> dict[str, Any]:
        """`{query_excluded,query_included,across_foundries}.SLICE`, mean average precisions."""
        embeddings, categories = inputs.embeddings, inputs.benchmark.categories
        foundries = inputs.benchmark.foundries
        precisions = {
            EXCLUDED: average_precisions(embeddings, categories, exclude_query=True),
            INCLUDED: average_precisions(embeddings, categories, exclude_query=False),
            ACROSS: average_precisions(embeddings, categories, exclude_query=True, foundries=foundries),
        }
        return {protocol: by_slice(values, inputs.benchmark) for protocol, values in precisions.items()}
