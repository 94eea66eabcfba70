"""Whether shards hold pictures of the size that a training wants."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import InputError
from components.shards.format import shard_name
from components.storage.location import local_copy

logger = logging.getLogger(__name__)

_NOTABLE = 0.5


def tell_of_small(shards: Path | str, side: int) -> None:
    """Warns where most pictures of the first shard have a side below `side` px, since they are enlarged to it.

    Shards whose index does not say how large pictures are, as other programs may write them, are not looked at.

    Raises:
        InputError: if the shard is missing, or its index cannot be read.
    """
    location = f"{str(shards).rstrip('/')}/{shard_name(0)}.parquet"
    with local_copy(location) as index:
        try:
            if not {"width", "height"} <= set(pq.read_schema(index).names):
                return
            table = pq.read_table(index, columns=["width", "height"])
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{location} is no index ({error}); run the stage that writes it again") from error
    shorter = np.asarray(pc.drop_null(pc.min_element_wise(table["width"], table["height"], skip_nulls=False)))
    small = int((shorter < side).sum())
    if small > _NOTABLE * len(shorter):
        logger.warning(
            "%d of %d pictures of %s are smaller than pretrain.picture_size = %d px (half have a side of at most %d px) and are "
            "enlarged; lower it and take a tower for smaller pictures, or crawl larger ones (crawl.resize, crawl.side)",
            small,
            len(shorter),
            location,
            side,
            int(np.median(shorter)),
        )
