"""WARC pages per second, compared with warcio and BeautifulSoup by the same rules."""

import argparse
import logging

from benchmarks.harness.archives import write_warc
from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.extraction import WORK, measure, show
from benchmarks.harness.pages import pages
from components.crawl.pair import Pair
from components.crawl.sources.warc import Warc

# BeautifulSoup's default parser, and its fastest.
_PARSERS = ("html.parser", "lxml")


def main() -> None:
    """Writes the archive, reads it in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=600, help="pages in the archive")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each reader")
    options = parser.parse_args()
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
