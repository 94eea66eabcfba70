"""Pairs from the pages of a WARC, pages a second, beside warcio and BeautifulSoup by the same rules, one process each."""

import argparse
import logging

from benchmarks.archives import write_warc
from benchmarks.claim import Claim, conclude
from benchmarks.extraction import WORK, measure, show
from benchmarks.pages import pages
from components.crawl.pair import Pair
from components.crawl.sources.warc import Warc

# What BeautifulSoup uses unless told otherwise, and its quickest.
_PARSERS = ("html.parser", "lxml")


def main() -> None:
    """Writes the archive, reads it, prints."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--pages", type=int, default=600, help="pages in the archive")
    reader.add_argument("--rounds", type=int, default=5, help="times that each reads it")
    options = reader.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "pages.warc.gz"
    total = write_warc(path, pages(options.pages))
    found = {p: measure(Warc(), ["warc_soup.py", p], path, options.pages, _columns, options.rounds) for p in _PARSERS}
    rows = {f"warcio + BeautifulSoup on {parser}": rates.peers for parser, rates in found.items()}
    ours = [rate for rates in found.values() for rate in rates.ours]
    title = f"WARC of {options.pages} pages, {total / options.pages / 1000:.0f} kB each"
    show(title, "pages", {"ours": ours} | rows)
    usual, *others = _PARSERS
    print(f"ratio to {', '.join(f'{parser}: {found[parser].ratio:.1f}' for parser in others)}")
    conclude([Claim("pages a second, pairs from a WARC", found[usual].ratio, 20, f"warcio + BeautifulSoup on {usual}")])


def _columns(pair: Pair) -> tuple[str, ...]:
    return pair.url, pair.caption, pair.context, pair.page_url, pair.page_title


if __name__ == "__main__":
    main()
