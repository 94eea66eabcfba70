"""Parameters of the knowledge base."""

from typing import Annotated, ClassVar

from pydantic import Field

from components.knowledge.qid import PATTERN
from components.section import Section


class KnowledgeParameters(Section):
    """Section `knowledge` of params.yaml."""

    WITHOUT_EFFECT: ClassVar = frozenset({"max_error_share"})

    languages: list[Annotated[str, Field(pattern=r"^[a-z][a-z-]{1,20}$")]] = Field(
        description="Wikidata language codes of labels, descriptions and aliases, the one to show first",
        min_length=1,
        max_length=20,
    )
    exclude_classes: list[Annotated[str, Field(pattern=f"^{PATTERN}$")]] = Field(
        description="Q-ids; instances of these classes and of their subclasses cannot label a picture"
    )
    max_name_length: int = Field(description="longer names are not indexed; characters", ge=1, le=10_000)
    prior_smoothing: float = Field(
        description="added to log(1 + sitelinks), so that an item without sitelinks has a chance", gt=0
    )
    anchor_smoothing: float = Field(
        description="pseudo-count of anchors for the prior by sitelinks, if there is a table of anchors", gt=0, le=1e6
    )
    max_error_share: float = Field(
        description="share of bad lines of the dump above which the build stops, 0 to 1", ge=0, le=1
    )
    embedding_size: int = Field(description="length of an entity's embedding", ge=2, le=1024)
    embedding_sample: int = Field(description="entities that the text embedding is fitted on, at most", ge=10)
    seed: int = Field(description="of the embedding's sample and its randomised SVD", ge=0)
