"""The names that all sources count pages and pairs under."""

from collections import Counter

from components.crawl.pages.page import Page

PAGES = "pages."
CRAWLED, REFUSED = f"{PAGES}crawled", f"{PAGES}refused."
FOUND, DROPPED = "pairs.found", "pairs.dropped."


def count_page(counts: Counter[str], page: Page) -> None:
    """Counts a page and its pairs."""
    counts[CRAWLED if page.refusal is None else f"{REFUSED}{page.refusal}"] += 1
    counts[FOUND] += len(page.pairs)
    for reason, number in page.dropped.items():
        counts[f"{DROPPED}{reason}"] += number
