"""All measures of one set of embeddings on the benchmark."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from components.evaluate.benchmark import Benchmark
from components.evaluate.parameters import EvaluateParameters
from components.metrics.knn import leave_one_out
from components.metrics.retrieval import average_precisions, mean

EXCLUDED, INCLUDED, ACROSS = "query_excluded", "query_included", "across_foundries"
_DIGITS = 4


def measure(
    embeddings: npt.NDArray[np.float32], benchmark: Benchmark, parameters: EvaluateParameters
) -> dict[str, Any]:
    """Retrieval (mAP) and kNN (share of right answers), over all queries and by the query's domain.

    Returns:
        `retrieval.{query_excluded,query_included,across_foundries}.{all,DOMAIN…}` and `knn.{all,DOMAIN…}`. A domain
        where no query has anything to find is left out.
    """
    categories, foundries = benchmark.categories, benchmark.foundries
    precisions = {
        EXCLUDED: average_precisions(embeddings, categories, exclude_query=True),
        INCLUDED: average_precisions(embeddings, categories, exclude_query=False),
        ACROSS: average_precisions(embeddings, categories, exclude_query=True, foundries=foundries),
    }
    right = leave_one_out(
        embeddings, categories, neighbours=parameters.knn_neighbours, temperature=parameters.knn_temperature
    )
    slices = domain_slices(benchmark)
    return {
        "retrieval": {protocol: _by_slice(values, slices) for protocol, values in precisions.items()},
        "knn": _by_slice(right.astype(np.float64), slices),
    }


def domain_slices(benchmark: Benchmark) -> dict[str, npt.NDArray[np.bool_]]:
    """`all`, `emoji` (all emoji groups together, where there are several), and every domain → which pictures."""
    kinds, domains = np.array(benchmark.kinds), np.array(benchmark.domains)
    named = {str(domain): domains == domain for domain in np.unique(domains)}
    return (
        {"all": np.ones(len(domains), dtype=bool)} | ({"emoji": kinds == "emoji"} if "emoji" in kinds else {}) | named
    )


def _by_slice(values: npt.NDArray[np.float64], slices: Mapping[str, npt.NDArray[np.bool_]]) -> dict[str, float]:
    return {
        name: round(mean(values[chosen]), _DIGITS)
        for name, chosen in slices.items()
        if not np.isnan(values[chosen]).all()
    }
