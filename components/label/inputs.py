"""What a run of the label stage reads, wherever it lies, as it was when the run began."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import InputError
from components.execution.publication import WHOLE
from components.knowledge.format import TABLE, entity_table
from components.models.find import FoundModel, find_model
from components.shards.format import numbers_among, shard_name, shard_numbers
from components.storage.location import folder_at
from components.storage.mirror import Mirror, check_unchanged, mark_of

if TYPE_CHECKING:
    from components.storage.s3 import Prefix, Version  # boto3 is slow to load; only buckets need it

logger = logging.getLogger(__name__)

_FIX = "`mofi knowledge build` makes a knowledge base"
_READ = re.compile(r"\d+\.(?:parquet|tar)")


@dataclass(frozen=True)
class Crawl:
    """Picture shards: where they lie, their numbers (0 to n - 1), and their fingerprint's parts."""

    place: "Path | Prefix"
    numbers: list[int]
    mark: "Path | str"

    @property
    def location(self) -> str:
        """Path or URL of the folder, to which `/NAME` can be appended."""
        return str(self.place).rstrip("/")


@dataclass(frozen=True)
class Inputs:
    """Crawl, knowledge base (a folder, or a mirror of a bucket) and the image filter's model."""

    crawl: Crawl
    knowledge: Path | Mirror
    model: FoundModel

    @classmethod
    def find(cls, crawl: Path | str, knowledge: Path | str, model: str) -> "Inputs":
        """Looks where they are, without reading them.

        Raises:
            InputError: if one is missing, or a bucket refuses.
            SetupError: if the model's weights cannot be loaded, or the bucket's server does not
                answer.
        """
        return cls(_find_crawl(crawl), _find_knowledge(knowledge), find_model(model))

    @property
    def places(self) -> "list[Path | Prefix]":
        """The folders that they lie in."""
        model = [self.model.name] if isinstance(self.model.name, Mirror) else [Path(self.model.name)]
        folders: list[Path | Mirror] = [self.knowledge, *model]
        return [self.crawl.place, *(one.prefix if isinstance(one, Mirror) else one for one in folders)]

    @property
    def mark(self) -> tuple[object, ...]:
        """What a fingerprint counts: bytes of local files; names, sizes and ETags of objects."""
        knowledge = self.knowledge.mark if isinstance(self.knowledge, Mirror) else self.knowledge
        return self.crawl.mark, knowledge, *self.model.mark

    def check_unchanged(self) -> None:
        """Checks that a bucket holds what it held at first, so that labels are of one crawl.

        Raises:
            InputError: if it does not.
        """
        if not isinstance(self.crawl.place, Path):
            check_unchanged(self.crawl.place, str(self.crawl.mark), _shards(self.crawl.place.versions()))
        for folder in (self.knowledge, self.model.name):
            if isinstance(folder, Mirror):
                folder.check_unchanged()


def _find_crawl(location: Path | str) -> Crawl:
    place = folder_at(location)
    if isinstance(place, Path):
        return Crawl(place.absolute(), _consecutive(shard_numbers(place), place), place)
    versions = place.versions()
    numbers = _consecutive(numbers_among(versions, place), place)
    if WHOLE not in versions:
        logger.warning("label: %s has no %s; if a crawl still writes there, wait for it", place, WHOLE)
    return Crawl(place, numbers, mark_of(_shards(versions)))


def _shards(versions: "Mapping[str, Version]") -> "dict[str, Version]":
    return {name: version for name, version in versions.items() if _READ.fullmatch(name)}


def _consecutive(numbers: list[int], where: object) -> list[int]:
    if numbers != list(range(len(numbers))):
        missing = sorted(set(range(numbers[-1])) - set(numbers))
        raise InputError(f"{where} lacks shard {shard_name(missing[0])}; run the stage that writes it again")
    return numbers


def _find_knowledge(location: Path | str) -> Path | Mirror:
    place = folder_at(location)
    if not isinstance(place, Path):
        return Mirror.of(place, holds=TABLE, fix=_FIX)
    return entity_table(place).parent.absolute()
