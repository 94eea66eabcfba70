from typing import Any

import pytest

from components.crawl.advice import advice


def measures(sites: int = 0, pages: int = 0, found: int = 0, attempted: int = 0, **dropped: int) -> dict[str, Any]:
    return {
        "sites": sites,
        "pages": {"crawled": pages},
        "pairs": {"found": found, "dropped": dropped},
        "pictures": {"attempted": attempted},
    }


@pytest.mark.parametrize(
    ("counts", "where"),
    [
        (measures(sites=1), "check that the sites are up"),
        (measures(sites=1, pages=3), "raise crawl.depth"),
        (measures(), "could be read from the files"),
        (measures(bad_address=3), "pairs.dropped"),
        (measures(pages=3, no_source=2), "pairs.dropped"),
        (measures(found=3, language=3), "the rules drop all pairs; see the reasons under pairs.dropped"),
        (measures(sites=1, pages=1, found=3, language=3), "the rules drop all pairs"),
        (measures(found=3, attempted=3), "pictures.failed"),
        (measures(attempted=3), "pictures.failed"),
    ],
)
def test_the_advice_names_what_was_lost_last(counts: dict[str, Any], where: str) -> None:
    assert where in advice(counts)
    assert ("site" in advice(counts)) == (where == "check that the sites are up")
