"""A warning about shards whose pictures are smaller than the training's picture size."""

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.redaction import show_url
from components.shards.format import shard_name
from components.shards.index import FIX
from components.storage.foreign.tables import naming, read_table
from components.storage.location import local_copy

logger = logging.getLogger(__name__)

_SMALL_SHARE = 0.5
_SIZES = pa.schema([("width", pa.int64()), ("height", pa.int64())])


def warn_of_small_pictures(shards: Path | str, side: int) -> None:
    """Warns if most pictures of the first shard have a side below `side` px, which enlarges them.

    Indexes without sizes, as other programs may write them, are skipped.

    Raises:
        InputError: if the shard is missing, or its index cannot be read.
    """
    location = f"{str(shards).rstrip('/')}/{shard_name(0)}.parquet"
    with local_copy(location) as index:
        with naming(index, "an index of pictures", FIX):
            if not set(_SIZES.names) <= set(pq.read_schema(index).names):
                return
        table = read_table(index, _SIZES, FIX)
    shorter = np.asarray(pc.drop_null(pc.min_element_wise(table["width"], table["height"], skip_nulls=False)))
    small = int((shorter < side).sum())
    if small > _SMALL_SHARE * len(shorter):
        logger.warning(
            "%d of %d pictures of %s are smaller than pretrain.picture_size = %d px (half have a side of at most %d px) and are "
            "enlarged; lower it and choose a tower for smaller pictures, or crawl larger ones (crawl.resize, crawl.side)",
            small,
            len(shorter),
            show_url(location),
            side,
            int(np.median(shorter)),
        )
