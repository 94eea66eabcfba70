"""Which pairs stay: those that no filter of `components/crawl/filters` drops."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import pyarrow as pa

from components.crawl import filters
from components.crawl.counts import DROPPED, FOUND
from components.crawl.filters import Filter, PairFilter, PartFilter
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.seam import find_all

_F = TypeVar("_F", bound=Filter)


def pair_filters(parameters: CrawlParameters) -> dict[str, PairFilter]:
    """The enabled filters that judge a pair by itself, by name, in their order."""
    return _enabled(parameters, PairFilter)


def part_filters(parameters: CrawlParameters) -> dict[str, PartFilter]:
    """The enabled filters that judge pairs by each other, by name, in their order."""
    return _enabled(parameters, PartFilter)


def _enabled(parameters: CrawlParameters, base: type[_F]) -> dict[str, _F]:
    found = {name: kind(parameters) for name, kind in find_all(filters, Filter).items() if issubclass(kind, base)}
    ordered = sorted(found.items(), key=lambda item: (item[1].order, item[0]))
    return {name: one for name, one in ordered if one.enabled}


def keep(pairs: Iterable[Pair], asked: Mapping[str, PairFilter], counts: Counter[str]) -> Iterator[Pair]:
    """The pairs that no filter drops; the others move from found to dropped, by reason."""
    for pair in pairs:
        reason = dropped_as(pair, asked)
        if reason is None:
            yield pair
        else:
            counts[FOUND] -= 1
            counts[f"{DROPPED}{reason}"] += 1


def dropped_as(pair: Pair, asked: Mapping[str, PairFilter]) -> str | None:
    """The name of the first filter that drops a pair; None if it stays."""
    return next((name for name, one in asked.items() if one.drops(pair)), None)


def keep_of_part(pairs: pa.Table, asked: Mapping[str, PartFilter]) -> tuple[pa.Table, Counter[str]]:
    """The pairs of a part that no filter drops, and how many each has dropped."""
    dropped: Counter[str] = Counter()
    for name, one in asked.items():
        kept = pairs.filter(pa.array(~one.drops(pairs)))
        dropped[name] = len(pairs) - len(kept)
        pairs = kept
    return pairs, dropped
