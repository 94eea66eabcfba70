"""Archives → pairs: what all sources that are archives of pages have in common."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from fastwarc.warc import WarcRecord, WarcRecordType

from components.crawl.archives.effort import Effort, TooCostly
from components.crawl.archives.records import read_records
from components.crawl.counts import REFUSED, count_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from components.crawl.unreadable import Unreadable

# What a page and each of its pictures cost, in units of `Effort`.
_PAGE, _PICTURE = 1 << 16, 1 << 13
_LONGEST = 200  # characters of a message


# Reads a record's page, or the reason why it has none; "" for a record to ignore.
PageReader = Callable[[WarcRecord, Effort], Page | Unreadable | str]


def read_pages(
    stream: BinaryIO, kind: WarcRecordType, read: PageReader, counts: Counter[str]
) -> Iterator[Pair | Unreadable]:
    """Yields the pairs of an archive's pages, and unreadable records in their place.

    Args:
        stream: a seekable stream at its start.
        kind: the type of the records that may be pages.
        read: reads a page; whatever it raises makes its record unreadable, and only that.
        counts: receives the counts of pages and pairs.
    """
    reported = -1
    size = stream.seek(0, 2)
    if not size:  # a download that failed; the least archive has a record that describes it
        yield Unreadable(0, "it is empty")
        return
    effort = Effort(size)
    try:
        for record in read_records(stream, kind, effort):
            found = record if isinstance(record, Unreadable) else _read(read, record, effort)
            if isinstance(found, Page):
                count_page(counts, found)
                yield from found.pairs
                effort.spend(_PAGE + _PICTURE * (len(found.pairs) + sum(found.dropped.values())))
            elif isinstance(found, str):
                counts.update([f"{REFUSED}{found}"] if found else [])
            elif found.offset != reported:
                reported = found.offset
                yield found
    except TooCostly as error:
        yield Unreadable(effort.place, f"{error}; what follows was not read")


def _read(read: PageReader, record: WarcRecord, effort: Effort) -> Page | Unreadable | str:
    try:
        return read(record, effort)
    except TooCostly:
        raise
    except Exception as error:  # noqa: BLE001 - one record must not cost the others
        return Unreadable(record.stream_pos, f"{type(error).__name__}: {error}"[:_LONGEST])
