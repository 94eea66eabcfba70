"""Retrieval on the validation entities, which choices are made by (never by the benchmark)."""

from pathlib import Path

import numpy as np

from components.errors import InputError
from components.metrics.retrieval import mean_average_precision
from components.models.encoder import Encoder
from components.pretrain.data.picture_cache import DecodedPictures

_BATCH = 1024


def validation_map(encoder: Encoder, cache: Path, max_pictures: int | None = None) -> float:
    """mAP over the validation pictures; the best entity of each is its category.

    Each picture is a query against all others.

    Args:
        encoder: of the pictures.
        cache: decoded pictures.
        max_pictures: roughly; those of the first entities by id. None = all.

    Raises:
        InputError: if there is no picture, or one without an entity.
    """
    pictures = DecodedPictures(cache)
    unlabelled = sum(not entities for entities in pictures.entities)
    if unlabelled or not len(pictures):
        raise InputError(f"{unlabelled} of {len(pictures)} validation pictures have no entity; run `mofi curate` again")
    _, categories, counts = np.unique(
        [entities[0] for entities in pictures.entities], return_inverse=True, return_counts=True
    )
    chosen = np.arange(len(pictures))
    if max_pictures is not None:
        entities = max(1, int(np.searchsorted(np.cumsum(counts), max_pictures, side="right")))
        chosen = chosen[categories < entities]
    parts = [encoder.images(pictures.gather(chosen[i : i + _BATCH])) for i in range(0, len(chosen), _BATCH)]
    return mean_average_precision(np.concatenate(parts), categories[chosen], exclude_query=True)
