"""Retrieval on the validation entities: what schedules, strengths and towers are chosen by (never the benchmark)."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.pretrain.cache import Pictures
from components.pretrain.embed import Encoder


def validation_map(encoder: Encoder, cache: Path) -> float:
    """Mean average precision over the validation pictures, each a query against all others; its best entity is its category."""
    pictures = Pictures(cache)
    embeddings = encoder.images(pictures.gather(np.arange(len(pictures))))
    _, categories = np.unique([entities[0] for entities in pictures.entities], return_inverse=True)
    return mean_average_precision(embeddings, categories)


def mean_average_precision(embeddings: npt.NDArray[np.float32], categories: npt.NDArray[np.int64]) -> float:
    """Query excluded; queries without another picture of their category do not count.

    Args:
        embeddings: float32 [n, d], L2-normalised.
        categories: int [n].
    """
    precisions = []
    for query, category in enumerate(categories):
        ranking = np.argsort(-(embeddings @ embeddings[query]), kind="stable")
        hits = categories[ranking[ranking != query]] == category
        if hits.any():
            ranks = np.flatnonzero(hits) + 1
            precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
    return float(np.mean(precisions)) if precisions else 0.0
