"""The files of `data/i2e/` (docs/formats.md), and those between passes of the curate stage."""

import pyarrow as pa

TRAIN, VALIDATION = "train", "validation"
SPLITS = (TRAIN, VALIDATION)

VOCABULARY_SCHEMA = pa.schema(
    [
        ("entity_id", pa.string()),
        ("label", pa.string()),
        ("description", pa.string()),
        ("images", pa.int32()),
        ("split", pa.string()),
    ]
)
# A labelled picture of the crawl: its row in the crawl's index, where its bytes stand in the tar,
# and its entities, best first. For each entity: how many candidates its mention had (0 = unknown),
# and whether the picture overruled the text about that mention.
SURVEY_SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("sha256", pa.binary(32)),
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("extension", pa.string()),
        ("entities", pa.list_(pa.int64())),
        ("candidates", pa.list_(pa.int32())),
        ("overruled", pa.list_(pa.bool_())),
    ]
)
# A picture of an output shard, in order: shard of the crawl, row of that shard's survey, entities
# of the vocabulary.
PLAN_SCHEMA = pa.schema([("shard", pa.int32()), ("row", pa.int32()), ("entities", pa.list_(pa.int64()))])

# Why a picture is dropped before the filters (`components/curate/filters`) are asked, in this
# order.
UNLABELLED = "unlabelled"  # the label stage kept no entity
DUPLICATE = "duplicate"  # another picture has the same bytes
CONTRADICTED = "contradicted"  # no entity is named by most of its copies
# Why an entity is dropped.
TOO_FEW = "too_few_pictures"  # from the beginning
LOST_PICTURES = "lost_pictures"  # its pictures went for other reasons
