"""The files of `data/labels/` (docs/formats.md) and of the label stage's passes between themselves."""

from dataclasses import dataclass

import pyarrow as pa

DECISION_TYPE = pa.struct(
    [
        ("mention", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("entity_id", pa.string()),
        ("text_score", pa.float32()),
        ("image_score", pa.float32()),
        ("kept", pa.bool_()),
        ("reason", pa.string()),
    ]
)
# `source` says what the offsets point into: "alt" (the alt text) or "caption" (the figure caption).
LABELS_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("entities", pa.list_(pa.string())),
        ("decisions", pa.list_(DECISION_TYPE)),
        ("source", pa.string()),
    ]
)

# What the image filter was calibrated on: a picture's score with its own text, and with another picture's.
PAIRS_SCHEMA = pa.schema([("matched", pa.float64()), ("shuffled", pa.float64())])

KEPT = "kept"
# Why a candidate is dropped, in the order in which the reasons are looked for.
COMMON_WORD = "common_word"  # written small, it is the common word and not what is called so
NOT_SUBJECT = "not_subject"  # the mention stands outside the part that the text is about
MODIFIER = "modifier"  # the mention carries too little of that part
RIVAL = "rival"  # another candidate of the mention is likelier by the text
UNLIKELY = "unlikely"  # the mention's likeliest candidate is unlikely in this context
IMAGE_RIVAL = "image_rival"  # won by the text, but the picture speaks for a rival
IMAGE_UNLIKELY = "image_unlikely"  # won by the text, but the picture makes it unlikely
IMAGE_THRESHOLD = "image_threshold"  # the picture scores below the threshold
SURPLUS = "surplus"  # more entities than a picture may have
REPEATED = "repeated"  # the same entity stands higher already
BY_IMAGE = frozenset({IMAGE_RIVAL, IMAGE_UNLIKELY, IMAGE_THRESHOLD})


@dataclass(frozen=True)
class Decision:
    """What became of one candidate of one mention: probability by the text, standardised score of the picture, and why."""

    mention: str
    start: int
    end: int
    entity_id: str
    text_score: float
    image_score: float
    kept: bool
    reason: str


@dataclass(frozen=True)
class Label:
    """One picture's entities (kept, best first) and all decisions, in order of offset and probability."""

    entities: tuple[str, ...]
    decisions: tuple[Decision, ...]


MENTION_TYPE = pa.struct(
    [
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("subject", pa.bool_()),
        ("coverage", pa.float32()),
        ("rows", pa.list_(pa.int32())),
        ("priors", pa.list_(pa.float32())),
        ("barred", pa.list_(pa.int32())),
    ]
)
# One row per picture: the text that is linked, where it stands, and its mentions.
MENTIONS_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("site", pa.string()),
        ("page_url", pa.string()),
        ("text", pa.string()),
        ("source", pa.string()),
        ("context", pa.string()),
        ("mentions", pa.list_(MENTION_TYPE)),
    ]
)
