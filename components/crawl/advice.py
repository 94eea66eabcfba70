"""What to look at when a crawl yields no picture."""

from collections.abc import Mapping
from typing import Any


def advice(measures: Mapping[str, Any]) -> str:
    """Where to look and what to change, as far as the counts tell."""
    pages, pairs, pictures = measures["pages"]["crawled"], measures["pairs"], measures["pictures"]["attempted"]
    if pictures:
        return "see the reasons under pictures.failed"
    if pairs["found"]:
        return "the rules drop all pairs; see the reasons under pairs.dropped, and the section crawl of params.yaml"
    if not measures["sites"]:
        if pages or pairs["dropped"]:
            return "nothing in the files is a picture with a text; see the reasons under pairs.dropped"
        return "nothing could be read from the files; the warnings above say what is wrong with them"
    if pages:
        return "no page has a picture with text; start from other pages, or raise crawl.depth in params.yaml"
    return "no page could be read; see the reasons under pages.refused, and check that the sites are up"
