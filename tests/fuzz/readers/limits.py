"""The parameters that readers are fuzzed with: limits as `params.yaml` has them."""

from functools import cache
from typing import Any

from components.cli.parameters import load
from components.crawl.parameters import CrawlParameters
from tests import ROOT
from tests.crawl.conftest import knobs

_LIMITS = ("max_page_bytes", "max_picture_bytes", "max_pixels", "min_text", "max_text", "candidate_width", "languages")


def crawl_knobs(**changes: Any) -> CrawlParameters:
    """Section `crawl` for tests, with the limits of the product."""
    return knobs(**_limits() | changes)


@cache
def _limits() -> dict[str, Any]:
    section = load(ROOT / "params.yaml").crawl
    return {name: getattr(section, name) for name in _LIMITS}
