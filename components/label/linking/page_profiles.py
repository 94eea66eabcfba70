"""Page profiles: the mean embedding of the entities that a page's texts may name.

MOFI.md scores candidates by "the other entities in the same text". An alt text rarely names two,
but the other pictures of its page and site name hundreds, and a page of animals is not a page of
companies. A name with k meanings adds their prior-weighted mean, which has no clear direction;
unambiguous names dominate. A picture's own contribution is subtracted from its profile.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.text.reading import Reading
from components.label.vectors import Vector, unit

# `page_url` is empty in the row of a whole site.
SUMS_SCHEMA = pa.schema(
    [("site", pa.string()), ("page_url", pa.string()), ("weight", pa.float64()), ("sum", pa.list_(pa.float64()))]
)
_Key = tuple[str, str]


@dataclass(frozen=True)
class Share:
    """A weight and a weighted sum of embeddings, float64 [d]."""

    weight: float
    sum: npt.NDArray[np.float64]

    def __add__(self, other: "Share") -> "Share":
        return Share(self.weight + other.weight, self.sum + other.sum)

    def without(self, other: "Share") -> "Share":
        """The sum without `other`, which is part of it."""
        return Share(max(0.0, self.weight - other.weight), self.sum - other.sum)

    def times(self, factor: float) -> "Share":
        """Scaled."""
        return Share(self.weight * factor, self.sum * factor)


def contribution(reading: Reading, knowledge: KnowledgeBase) -> Share:
    """One picture's part: its subject's mentions, weighted by coverage / candidates."""
    total = Share(0.0, np.zeros(knowledge.size))
    for mention in reading.mentions:
        if mention.in_subject and mention.rows:
            mean = np.asarray(mention.priors) @ knowledge.vectors(mention.rows).astype(np.float64)
            total += Share(1.0, mean).times(mention.coverage / len(mention.rows))
    return total


def write_sums(path: Path, readings: Iterable[Reading], knowledge: KnowledgeBase) -> None:
    """One shard's sums by page and by site, as `SUMS_SCHEMA`."""
    sums: dict[_Key, Share] = {}
    for reading in readings:
        share = contribution(reading, knowledge)
        for key in ((reading.site, ""), (reading.site, reading.page_url)):
            sums[key] = sums[key] + share if key in sums else share
    _write(path, sums)


def merge_sums(paths: Iterable[Path], out: Path) -> None:
    """Adds the sums of all shards in the order of `paths`; writes them sorted by site and page."""
    sums: dict[_Key, Share] = {}
    for path in paths:
        for key, share in _read(path, None):
            sums[key] = sums[key] + share if key in sums else share
    _write(out, sums)


def _write(path: Path, sums: dict[_Key, Share]) -> None:
    rows = [
        {"site": key[0], "page_url": key[1], "weight": share.weight, "sum": share.sum.tolist()}
        for key, share in sorted(sums.items())
    ]
    pq.write_table(pa.Table.from_pylist(rows, SUMS_SCHEMA), path, compression="zstd")


def _read(path: Path, pages: set[str] | None) -> list[tuple[_Key, Share]]:
    filters = [("page_url", "in", sorted(pages))] if pages is not None else None
    table = pq.read_table(path, schema=SUMS_SCHEMA, filters=filters)
    return [((row["site"], row["page_url"]), Share(row["weight"], np.asarray(row["sum"]))) for row in table.to_pylist()]


class Profiles:
    """The profiles of the pages and sites that one shard needs."""

    def __init__(self, sums: dict[_Key, Share]) -> None:
        self._sums: defaultdict[_Key, Share | None] = defaultdict(lambda: None, sums)

    @classmethod
    def read(cls, path: Path, pages: set[str], sites: set[str]) -> "Profiles":
        """Reads the rows of these pages and of these sites."""
        return cls({key: share for key, share in _read(path, pages | {""}) if key[0] in sites})

    def around(self, reading: Reading, own: Share, shrinkage: float) -> Vector:
        """Profile of the rest of the page, float32 [d], unit or zero.

        It is shrunk towards the site's, which counts as `shrinkage` pictures.
        """
        page, site = self._sums[reading.site, reading.page_url], self._sums[reading.site, ""]
        if page is None or site is None:
            return np.zeros(own.sum.shape, dtype=np.float32)
        rest, others = page.without(own), site.without(own)
        mixed = rest.sum + (others.sum * (shrinkage / others.weight) if others.weight > 0 else 0.0)
        return unit(mixed.astype(np.float32))

    def of_site(self, site: str, size: int) -> Vector:
        """Profile of a whole site, float32 [size], unit; zero for an unknown site."""
        share = self._sums[site, ""]
        return np.zeros(size, dtype=np.float32) if share is None else unit(share.sum.astype(np.float32))
