"""Knobs of the sample web."""

from pydantic import Field

from components.section import Section


class SampleParameters(Section):
    """Section `sample` of params.yaml."""

    seed: int = Field(description="chooses words, sizes and dirt; the held-out concepts do not depend on it", ge=0)
    port: int = Field(description="loopback port of all sample sites; 1024 to 65535", ge=1024, le=65535)
    page_pictures: int = Field(description="pictures on one page of a sample site", ge=4, le=500)
    drawings: int = Field(description="a concept is in the sample if at least this many sets draw it", ge=2, le=12)
    useless_share: float = Field(description="share of pictures whose alt text says nothing, 0 to 1", ge=0, le=1)
    planted: int = Field(description="near-copies of benchmark pictures left in the web on purpose", ge=0, le=200)
