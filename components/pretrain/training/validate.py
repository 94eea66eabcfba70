"""Retrieval on the validation entities: what schedules, strengths and towers are chosen by (never the benchmark)."""

from pathlib import Path

import numpy as np

from components.errors import InputError
from components.metrics.retrieval import mean_average_precision
from components.models.encoder import Encoder
from components.pretrain.data.picture_cache import DecodedPictures

_BATCH = 1024


def validation_map(encoder: Encoder, cache: Path, most: int | None = None) -> float:
    """mAP over the validation pictures, each a query against all others (itself excluded); its best entity is its category.

    Args:
        encoder: of the pictures.
        cache: decoded pictures.
        most: pictures to look at, roughly; those of the first entities in the order of their ids. None is all.

    Raises:
        InputError: if there is no picture, or one without an entity.
    """
    pictures = DecodedPictures(cache)
    bare = sum(not entities for entities in pictures.entities)
    if bare or not len(pictures):
        raise InputError(
            f"{bare} of {len(pictures)} validation pictures have no entity; `mofi curate` writes the validation shards anew"
        )
    _, categories, counts = np.unique(
        [entities[0] for entities in pictures.entities], return_inverse=True, return_counts=True
    )
    places = np.arange(len(pictures))
    if most is not None:
        entities = max(1, int(np.searchsorted(np.cumsum(counts), most, side="right")))
        places = places[categories < entities]
    parts = [encoder.images(pictures.gather(places[i : i + _BATCH])) for i in range(0, len(places), _BATCH)]
    return mean_average_precision(np.concatenate(parts), categories[places], exclude_query=True)
