"""Page profiles: the mean embedding of the entities that a page's texts may name.

The MOFI paper scores candidates by "the other entities in the same text". An alt text rarely names
two, but the other pictures of its page and site name hundreds, and a page of animals is not a page
of companies. A name with k meanings adds their prior-weighted mean, which has no clear direction;
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
from components.label.text.picture_text import PictureText
from components.label.vectors import Vector, unit
from components.storage.foreign.tables import read_table, without_nulls

PAGES = "pages.parquet"
# `page_url` is empty in the row of a whole site.
SUMS_SCHEMA = pa.schema(
    [("site", pa.string()), ("page_url", pa.string()), ("weight", pa.float64()), ("sum", pa.list_(pa.float64()))]
)
_NEEDED = without_nulls(SUMS_SCHEMA)
_Key = tuple[str, str]


@dataclass(frozen=True)
class WeightedSum:
    """A weight and a weighted sum of embeddings, float64 [d]."""

    weight: float
    sum: npt.NDArray[np.float64]

    def __add__(self, other: "WeightedSum") -> "WeightedSum":
        return WeightedSum(self.weight + other.weight, self.sum + other.sum)

    def without(self, other: "WeightedSum") -> "WeightedSum":
        """The sum without `other`, which is part of it."""
        return WeightedSum(max(0.0, self.weight - other.weight), self.sum - other.sum)

    def times(self, factor: float) -> "WeightedSum":
        """Scaled."""
        return WeightedSum(self.weight * factor, self.sum * factor)


def contribution(picture_text: PictureText, knowledge: KnowledgeBase) -> WeightedSum:
    """One picture's part: its subject's mentions, weighted by coverage / candidates."""
    total = WeightedSum(0.0, np.zeros(knowledge.size))
    for mention in picture_text.mentions:
        if mention.in_subject and mention.rows:
            mean = np.asarray(mention.priors) @ knowledge.vectors(mention.rows).astype(np.float64)
            total += WeightedSum(1.0, mean).times(mention.coverage / len(mention.rows))
    return total


def write_sums(path: Path, picture_texts: Iterable[PictureText], knowledge: KnowledgeBase) -> None:
    """One shard's sums by page and by site, as `SUMS_SCHEMA`."""
    sums: dict[_Key, WeightedSum] = {}
    for picture_text in picture_texts:
        part = contribution(picture_text, knowledge)
        for key in ((picture_text.site, ""), (picture_text.site, picture_text.page_url)):
            sums[key] = sums[key] + part if key in sums else part
    _write(path, sums)


def merge_sums(paths: Iterable[Path], out: Path) -> None:
    """Adds the sums of all shards in the order of `paths`; writes them sorted by site and page."""
    sums: dict[_Key, WeightedSum] = {}
    for path in paths:
        for key, part in _read(path, None):
            sums[key] = sums[key] + part if key in sums else part
    _write(out, sums)


def _write(path: Path, sums: dict[_Key, WeightedSum]) -> None:
    rows = [
        {"site": key[0], "page_url": key[1], "weight": part.weight, "sum": part.sum.tolist()}
        for key, part in sorted(sums.items())
    ]
    pq.write_table(pa.Table.from_pylist(rows, SUMS_SCHEMA), path, compression="zstd")


def _read(path: Path, pages: set[str] | None) -> list[tuple[_Key, WeightedSum]]:
    filters = [("page_url", "in", sorted(pages))] if pages is not None else None
    table = read_table(path, _NEEDED, "run `mofi label run` again", filters)
    return [
        ((row["site"], row["page_url"]), WeightedSum(row["weight"], np.asarray(row["sum"])))
        for row in table.to_pylist()
    ]


class Profiles:
    """The profiles of the pages and sites that one shard needs."""

    def __init__(self, sums: dict[_Key, WeightedSum]) -> None:
        self._sums: defaultdict[_Key, WeightedSum | None] = defaultdict(lambda: None, sums)

    @classmethod
    def read(cls, path: Path, pages: set[str], sites: set[str]) -> "Profiles":
        """Reads the rows of these pages and of these sites."""
        return cls({key: part for key, part in _read(path, pages | {""}) if key[0] in sites})

    def page_profile(self, picture_text: PictureText, own: WeightedSum, shrinkage: float) -> Vector:
        """Profile of the rest of the page, float32 [d], unit or zero.

        It is shrunk towards the site's, which counts as `shrinkage` pictures.
        """
        page, site = self._sums[picture_text.site, picture_text.page_url], self._sums[picture_text.site, ""]
        if page is None or site is None:
            return np.zeros(own.sum.shape, dtype=np.float32)
        rest, others = page.without(own), site.without(own)
        mixed = rest.sum + (others.sum * (shrinkage / others.weight) if others.weight > 0 else 0.0)
        return unit(mixed.astype(np.float32))

    def site_profile(self, site: str, size: int) -> Vector:
        """Profile of a whole site, float32 [size], unit; zero for an unknown site."""
        part = self._sums[site, ""]
        return np.zeros(size, dtype=np.float32) if part is None else unit(part.sum.astype(np.float32))
