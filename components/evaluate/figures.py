"""What the report draws of the embeddings: nearest pictures of some queries, and a map."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.evaluate.benchmark import Benchmark, choose
from components.evaluate.format import EXAMPLES_SCHEMA, MAP_SCHEMA
from components.evaluate.parameters import EvaluateParameters
from components.metrics.retrieval import unit_rows


def nearest(
    model: str, embeddings: npt.NDArray[np.float32], benchmark: Benchmark, parameters: EvaluateParameters
) -> pa.Table:
    """The nearest other pictures of the chosen queries, right or wrong (`EXAMPLES_SCHEMA`)."""
    unit = unit_rows(embeddings)
    rows = []
    for query in choose(benchmark, parameters.examples, parameters.seed):
        cosines = unit @ unit[query]
        cosines[query] = -np.inf
        for rank, found in enumerate(np.argsort(-cosines, kind="stable")[: parameters.top], start=1):
            rows.append(
                {
                    "model": model,
                    "query": benchmark.files[query],
                    "domain": benchmark.domains[query],
                    "rank": rank,
                    "file": benchmark.files[found],
                    "cosine": float(cosines[found]),
                    "right": bool(benchmark.categories[found] == benchmark.categories[query]),
                }
            )
    return pa.Table.from_pylist(rows, schema=EXAMPLES_SCHEMA)


def plane(embeddings: npt.NDArray[np.float32], benchmark: Benchmark, parameters: EvaluateParameters) -> pa.Table:
    """t-SNE of pictures drawn at random (`MAP_SCHEMA`); coordinates in [0, 1]."""
    from sklearn.manifold import TSNE

    generator = np.random.default_rng(parameters.seed)
    number = min(parameters.map_pictures, len(benchmark))
    drawn = np.sort(generator.permutation(len(benchmark))[:number])
    perplexity = min(parameters.map_perplexity, max(1.5, (number - 1) / 3.1))
    layout = TSNE(perplexity=perplexity, init="pca", random_state=parameters.seed, metric="cosine", n_jobs=1)
    points = layout.fit_transform(unit_rows(embeddings)[drawn])
    points = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-9)
    rows = [
        {"file": benchmark.files[i], "domain": benchmark.domains[i], "x": float(x), "y": float(y)}
        for i, (x, y) in zip(drawn, points, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=MAP_SCHEMA)
