"""The benchmark's index, and what `mofi evaluate` writes for its readers."""

import pyarrow as pa

EXCLUDED, INCLUDED, ACROSS = "query_excluded", "query_included", "across_foundries"
UNTRAINED = "untrained"
PIXEL_SIDES = (8, 32)
CENTRED_SIDE = 8

# `images.parquet` of a benchmark; further columns are ignored.
INDEX_SCHEMA = pa.schema(
    [
        pa.field(name, pa.int64() if name == "category" else pa.string(), nullable=False)
        for name in ("file", "category", "domain", "art_set", "foundry", "concept")
    ]
)
# `retrieval_examples.parquet` and `map.parquet`.
EXAMPLES_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("query", pa.string()),
        ("domain", pa.string()),
        ("rank", pa.int32()),
        ("file", pa.string()),
        ("cosine", pa.float32()),
        ("right", pa.bool_()),
    ]
)
MAP_SCHEMA = pa.schema([("file", pa.string()), ("domain", pa.string()), ("x", pa.float32()), ("y", pa.float32())])
