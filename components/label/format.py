"""Files of `data/labels/` (docs/formats.md) and intermediate files of the label stage."""

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
# `source` is what the offsets refer to: "alt" (the alt text) or "caption" (the figure caption).
LABELS_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("entities", pa.list_(pa.string())),
        ("decisions", pa.list_(DECISION_TYPE)),
        ("source", pa.string()),
    ]
)

# Scores that the image filter was calibrated on: with the own text and with another's.
PAIRS_SCHEMA = pa.schema([("matched", pa.float64()), ("shuffled", pa.float64())])

KEPT = "kept"
# Why a candidate is dropped, in the order in which the reasons are checked.
COMMON_WORD = "common_word"  # in lower case it is the common word, not its namesake
NOT_SUBJECT = "not_subject"  # the mention is outside the part that the text is about
MODIFIER = "modifier"  # the mention covers too little of that part
RIVAL = "rival"  # by the text, another candidate of the mention is likelier
UNLIKELY = "unlikely"  # the mention's likeliest candidate is unlikely in this context
IMAGE_RIVAL = "image_rival"  # first by the text, but the picture favours a rival
IMAGE_UNLIKELY = "image_unlikely"  # first by the text, but unlikely given the picture
IMAGE_THRESHOLD = "image_threshold"  # the picture scores below the threshold
SURPLUS = "surplus"  # the picture already has `max_entities`
REPEATED = "repeated"  # the entity was kept for a better mention
BY_IMAGE = frozenset({IMAGE_RIVAL, IMAGE_UNLIKELY, IMAGE_THRESHOLD})


@dataclass(frozen=True)
class Decision:
    """The outcome of one candidate: probability by the text, image score z, and the reason."""

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
    """One picture's entities, best first, and all decisions by offset, then probability."""

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
        ("miscased", pa.list_(pa.bool_())),
        ("barred", pa.list_(pa.int32())),
    ]
)
# One row per picture: the text that is linked, where it comes from, and its mentions.
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
