"""The parts of the benchmark that figures are given for."""

import numpy as np
import numpy.typing as npt

from components.evaluate.benchmark import Benchmark
from components.metrics.retrieval import mean

_DIGITS = 4


def domain_slices(benchmark: Benchmark) -> dict[str, npt.NDArray[np.bool_]]:
    """Slice → which of the n pictures are in it, bool [n].

    The slices are `all`, `emoji` (all groups of emoji, if there are any), and every domain.
    """
    kinds, domains = np.array(benchmark.kinds), np.array(benchmark.domains)
    by_domain = {str(domain): domains == domain for domain in np.unique(domains)}
    return (
        {"all": np.ones(len(domains), dtype=bool)}
        | ({"emoji": kinds == "emoji"} if "emoji" in kinds else {})
        | by_domain
    )


def by_slice(values: npt.NDArray[np.float64], benchmark: Benchmark) -> dict[str, float]:
    """Slice → mean of the pictures' values, float64 [n]; a slice where all are NaN is left out."""
    return {
        name: round(mean(values[chosen]), _DIGITS)
        for name, chosen in domain_slices(benchmark).items()
        if not np.isnan(values[chosen]).all()
    }
