"""What is known of all shards before training: four numbers per shard, whatever its size."""

import logging
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.pretrain.data.picture_cache import drop_oldest
from components.pretrain.data.stream.mapped_vocabulary import read_columns, write_columns
from components.pretrain.data.usable_pictures import ClassIndex, read_usable_pictures
from components.pretrain.data.vocabulary import check_labels
from components.redaction import show_url
from components.shards.folder import ShardFolder
from components.shards.format import shard_name
from components.storage.arrays import save_array
from components.storage.claims import claim, release
from components.storage.code import code_mark
from components.storage.json_files import read_json, write_json
from components.storage.work import drop, fingerprint, work_folder

logger = logging.getLogger(__name__)

_BLOCK = 64  # shards per task of the map
_TABLE, _FACTS, _VOCABULARY = "shards.npy", "catalogue.json", "vocabulary.arrow"
# Columns of the table: usable pictures, most classes of a picture, versions (see `ShardFolder`).
_USABLE, _MOST, _TAR, _INDEX = range(4)
# The shards of one task: numbers, and versions of their tars and indexes.
Block = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Catalogue:
    """The shards of a folder, for recipes that read labels of one vocabulary or none.

    Attributes:
        shards: folder or bucket of the shards.
        vocabulary: Arrow file of the classes (`mapped_vocabulary.read_columns`); None without
            labels.
        table: int64 [shards, 4], memory-mapped.
        dropped: unusable pictures, by reason.
    """

    shards: ShardFolder
    vocabulary: Path | None
    table: npt.NDArray[np.int64]
    dropped: Counter[str]

    @property
    def usable(self) -> npt.NDArray[np.int64]:
        """Usable pictures of each shard: int64 [shards]."""
        return self.table[:, _USABLE]

    @property
    def most_classes(self) -> int:
        """The most classes of any picture."""
        return int(self.table[:, _MOST].max())

    def check_labels(self, max_error_share: float) -> None:
        """Raises InputError if too large a share of pictures have no class; see `check_labels`."""
        without = self.dropped["no_class"]
        check_labels(without, without + int(self.usable.sum()), max_error_share)

    def versions(self, shard: int) -> tuple[int, int]:
        """The versions of the shard's tar and index."""
        return int(self.table[shard, _TAR]), int(self.table[shard, _INDEX])


def build(shards: ShardFolder, vocabulary: Path | None, work: Path, max_error_share: float) -> Path:
    """Scans all indexes and the end of each tar over Ray, or finds the finished catalogue.

    Args:
        shards: where they lie.
        vocabulary: the classes, for recipes that train on labels.
        work: folder of the catalogues.
        max_error_share: largest allowed share of pictures without a class.

    Returns:
        The catalogue's folder, for `load`.

    Raises:
        InputError: if shards are missing, damaged, or of another layout, no picture is usable, or
            too many show no class.
        SetupError: if a bucket's server does not answer.
    """
    folder = _built(shards, vocabulary, work)
    load(folder).check_labels(max_error_share)
    return folder


def _built(shards: ShardFolder, vocabulary: Path | None, work: Path) -> Path:
    versions = shards.versions()
    marks = [shards.mark()] if shards.is_local else []
    known = fingerprint(
        code_mark(__name__), shards.location, sorted(versions.items()), *marks, *filter(None, [vocabulary])
    )
    folder = (work / known).absolute()
    claim(folder, shared=True)  # until this process ends nobody drops it
    building = folder.with_name(f"{folder.name}.building")
    claim(building, wait=True)  # of two trainings on the same shards, one looks
    if (folder / _FACTS).exists():
        folder.touch()
        release(building)
        return folder
    file = write_vocabulary_columns(folder, vocabulary)
    drop_oldest(work)
    unfinished = work_folder("pretrain_catalogue", known, work.parent)
    finished, counts = map_shards(
        partial(scan_shards, shards, file), blocks(versions), stage="pretrain: shards", work=unfinished
    )
    finish(folder, shards, finished, counts)
    drop(unfinished)
    release(building)
    return folder


def write_vocabulary_columns(folder: Path, vocabulary: Path | None) -> Path | None:
    """Makes the folder and writes the vocabulary's columns into it; returns their file."""
    folder.mkdir(parents=True, exist_ok=True)
    if vocabulary is None:
        return None
    write_columns(vocabulary, folder / _VOCABULARY)
    return folder / _VOCABULARY


def blocks(versions: Mapping[str, int]) -> list[Block]:
    """The shards of `ShardFolder.versions`, in one block per task."""
    names = [shard_name(number) for number in range(len(versions) // 2)]
    known = [(n, versions[f"{name}.tar"], versions[f"{name}.parquet"]) for n, name in enumerate(names)]
    return [known[first : first + _BLOCK] for first in range(0, len(known), _BLOCK)]


def finish(folder: Path, shards: ShardFolder, finished: Path, counts: Mapping[str, int]) -> None:
    """Writes the catalogue from the tables that `scan_shards` left in `finished`.

    Raises:
        InputError: if no picture is usable.
    """
    table = np.concatenate([np.load(path, allow_pickle=False) for path in sorted(finished.glob("*.npy"))])
    if not table[:, _USABLE].any():
        raise InputError(f"{shards.location}: no picture can be used ({dict(counts)}); check the previous stage")
    save_array(folder / _TABLE, table)
    dropped = {reason: counts[reason] for reason in ("no_alt_text", "no_class") if counts.get(reason)}
    write_json(folder / _FACTS, {"location": shards.location, "dropped": dropped})
    logger.info(
        "%s: %d shards with %d usable pictures", show_url(shards.location), len(table), int(table[:, _USABLE].sum())
    )


def load(folder: Path) -> Catalogue:
    """Loads what `build` wrote.

    Raises:
        InputError: if it is missing or damaged.
    """
    facts = read_json(folder / _FACTS)
    table = np.load(folder / _TABLE, mmap_mode="r", allow_pickle=False)
    vocabulary = folder / _VOCABULARY
    return Catalogue(
        ShardFolder(facts["location"]), vocabulary if vocabulary.exists() else None, table, Counter(facts["dropped"])
    )


def read_class_index(vocabulary: Path | None) -> ClassIndex | None:
    """The class numbers of a vocabulary's Arrow file."""
    return ClassIndex(read_columns(vocabulary)[0].column) if vocabulary else None


def scan_shards(shards: ShardFolder, vocabulary: Path | None, block: Block, number: int, out: Path) -> Outcome:
    """One block of shards → `NUMBER.npy`."""
    classes = read_class_index(vocabulary)
    table = np.zeros((len(block), 4), np.int64)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=out) as copies:
        for row, (shard, tar, index) in zip(table, block, strict=True):
            name = shard_name(shard)
            shards.check_tar_end(f"{name}.tar")
            path = shards.fetch(f"{name}.parquet", index, Path(copies) / f"{name}.parquet")
            found = read_usable_pictures(path, classes)
            row[:] = len(found.keys), 0 if found.classes is None else found.classes.shape[1], tar, index
            counts.update(found.dropped)
            counts["usable"] += len(found.keys)
    save_array(out / f"{number:05d}.npy", table)
    return Outcome(counts=dict(counts), attempted=counts.total())
