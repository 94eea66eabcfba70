"""The knobs of curation."""

from pydantic import Field, ValidationInfo, field_validator

from components.section import Section


class CurateParameters(Section):
    """Section `curate` of params.yaml."""

    seed: int = Field(
        description="chooses the validation entities, the order of pictures, and who stays below max_images", ge=0
    )
    min_images: int = Field(description="distinct pictures that an entity must have; 1 or more", ge=1)
    max_images: int = Field(
        description="pictures kept per best entity, at most; 0 = all, else at least min_images", ge=0
    )
    validation_share: float = Field(
        description="share of the entities that is held out for validation, 0 to 0.5", ge=0, le=0.5
    )
    shard_size: int = Field(description="pictures per shard, at most; 1 to 10000", ge=1, le=10_000)

    @field_validator("max_images")
    @classmethod
    def _leaves_enough(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("min_images", 0)
        if 0 < value < least:
            raise ValueError(
                f"an entity would lose the {least} pictures that min_images asks for; use 0 (no cap) or at least {least}"
            )
        return value
