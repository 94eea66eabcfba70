"""Inputs of a run of the label stage, local or remote, as they were when the run began."""

import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from components.execution.publication import WHOLE
from components.knowledge.base.fingerprint import FINGERPRINT, fingerprint_in, read_fingerprint
from components.knowledge.base.format import TABLE, entity_table
from components.models.find import FoundModel, find_model
from components.shards.folder import ShardFolder
from components.storage.location import folder_at
from components.storage.mirror import Mirror, local

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 is slow to load; only buckets need it

logger = logging.getLogger(__name__)

_FIX = "`mofi knowledge build` makes a knowledge base"


@dataclass(frozen=True)
class Crawl:
    """Picture shards: their folder, their numbers (0 to n - 1), and their fingerprint."""

    shards: ShardFolder
    numbers: list[int]
    mark: str

    @property
    def location(self) -> str:
        """Path or URL of the folder, to which `/NAME` can be appended."""
        return self.shards.location


@dataclass(frozen=True)
class Inputs:
    """Crawl, knowledge base (a folder, or a mirror of a bucket) and the image filter's model."""

    crawl: Crawl
    knowledge: Path | Mirror
    model: FoundModel

    @classmethod
    def find(cls, crawl: Path | str, knowledge: Path | str, model: str) -> "Inputs":
        """Locates the inputs without reading them.

        Raises:
            InputError: if one is missing, or a bucket refuses.
            SetupError: if the model's weights cannot be loaded, or the bucket's server does not
                answer.
        """
        return cls(_find_crawl(crawl), _find_knowledge(knowledge), find_model(model))

    @property
    def folders(self) -> "list[Path | Prefix]":
        """The folders of all inputs."""
        model = [self.model.name] if isinstance(self.model.name, Mirror) else [Path(self.model.name)]
        folders: list[Path | Mirror] = [self.knowledge, *model]
        return [self.crawl.shards.folder, *(one.prefix if isinstance(one, Mirror) else one for one in folders)]

    @property
    def mark(self) -> tuple[object, ...]:
        """Fingerprint of the inputs: bytes of local files; names, sizes and ETags of objects."""
        knowledge = self.knowledge.mark if isinstance(self.knowledge, Mirror) else self.knowledge
        return self.crawl.mark, knowledge, *self.model.mark

    def knowledge_fingerprint(self) -> str:
        """The fingerprint of the knowledge base; of one in a bucket only a small file is read.

        Raises:
            InputError: if the file is damaged, or the bucket refuses.
        """
        base = self.knowledge
        if not isinstance(base, Mirror) or FINGERPRINT not in base.prefix.names():
            return read_fingerprint(local(base))
        with TemporaryDirectory() as folder:
            base.prefix.get(FINGERPRINT, Path(folder) / FINGERPRINT)
            return fingerprint_in(Path(folder) / FINGERPRINT)

    def check_unchanged(self) -> None:
        """Checks that buckets are unchanged, so that all labels are of one crawl.

        Raises:
            InputError: if one has changed.
        """
        self.crawl.shards.check_unchanged(self.crawl.mark)
        for folder in (self.knowledge, self.model.name):
            if isinstance(folder, Mirror):
                folder.check_unchanged()


def _find_crawl(location: Path | str) -> Crawl:
    shards = ShardFolder.at(location)
    folder, numbers = shards.folder, shards.numbers()
    if not isinstance(folder, Path) and WHOLE not in folder.names():
        logger.warning("label: %s has no %s; if a crawl still writes there, wait for it", folder, WHOLE)
    return Crawl(shards, numbers, shards.mark())


def _find_knowledge(location: Path | str) -> Path | Mirror:
    folder = folder_at(location)
    if not isinstance(folder, Path):
        return Mirror.of(folder, holds=TABLE, fix=_FIX)
    return entity_table(folder).parent.absolute()
