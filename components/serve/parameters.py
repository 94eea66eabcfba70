"""The knobs of the smoke query."""

from pydantic import Field

from components.section import Section


class QueryParameters(Section):
    """Section `query` of params.yaml."""

    pictures: int = Field(description="benchmark pictures that are looked up", ge=1, le=100)
    top: int = Field(description="pictures returned for each", ge=1, le=100)
    seed: int = Field(description="chooses the benchmark pictures", ge=0)
