"""The shards that are being read: a few, on this machine's disk, shared by its processes."""

import logging
import mmap
import os
import shutil
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.errors import InputError, SetupError
from components.pretrain.data.stream.catalogue import Catalogue, classes_of
from components.pretrain.data.usable_rows import Classes, Rows, usable_rows
from components.shards.format import shard_name
from components.shards.reader import picture_places
from components.storage.file_lock import locked

logger = logging.getLogger(__name__)

_ATTEMPTS = 5


@dataclass(frozen=True)
class Opened:
    """One shard, memory-mapped: `begin` and `size` int64 [n] of the usable pictures in the tar, n alt texts, classes or None."""

    tar: mmap.mmap
    begin: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    alt_texts: pa.Array
    classes: npt.NDArray[np.int64] | None

    def image(self, row: int) -> bytes:
        """The picture's file."""
        first = int(self.begin[row])
        return self.tar[first : first + int(self.size[row])]


class Shelf:
    """Keeps `most` shards in a folder, the ones used last; what it takes away it gets again when it is asked for."""

    def __init__(self, catalogue: Catalogue, scratch: Path, most: int) -> None:
        self._catalogue, self._scratch, self._most = catalogue, scratch, most
        self._opened: OrderedDict[int, Opened] = OrderedDict()

    @cached_property
    def _classes(self) -> Classes | None:
        return classes_of(self._catalogue.vocabulary)

    def open(self, shard: int) -> Opened:
        """A shard; the first process that wants it makes it ready while the others wait.

        Raises:
            InputError: if the shard is missing, damaged, or another one than when the run began.
            SetupError: if the disk is full, or the bucket's server fails again and again.
        """
        if shard in self._opened:
            self._opened.move_to_end(shard)
            return self._opened[shard]
        self._let_go()
        for _ in range(_ATTEMPTS):
            self.stage(shard)
            # Another process may have made room meanwhile, and taken this very shard.
            with suppress(FileNotFoundError):
                self._opened[shard] = self._map(shard)
                break
        else:
            raise SetupError(
                f"{self._scratch} loses shards as fast as they come; give pretrain.window fewer shards, or every run a folder "
                "of its own"
            )
        while len(self._opened) > self._most:
            self._opened.popitem(last=False)
        return self._opened[shard]

    def _let_go(self) -> None:
        """Closes what lies in the folder no more: the disk has its room back only when no process maps it."""
        left = set(self._scratch.glob("*.arrow"))
        for shard in [one for one in self._opened if self._table(one) not in left]:
            del self._opened[shard]

    def stage(self, shard: int) -> None:
        """Makes a shard ready, if it is not; raises as `open` does."""
        table = self._table(shard)
        if _touched(table):
            return
        self._scratch.mkdir(parents=True, exist_ok=True)  # another training may have dropped it as old
        # It only saves work: two who hold locks of one name, as the file was removed in between, do no harm.
        with locked(self._scratch / f"{shard_name(shard)}.lock"):
            if not _touched(table):
                try:
                    self._fetch(shard)
                except OSError as error:
                    raise SetupError(
                        f"{self._scratch} cannot take shard {shard_name(shard)} ({error}); free space there, or lower "
                        "pretrain.window in params.yaml"
                    ) from error
        self._make_room()

    def _fetch(self, shard: int) -> None:
        name, shards = shard_name(shard), self._catalogue.shards
        part = self._scratch / f"part-{uuid4().hex}"
        part.mkdir()
        try:
            tar_version, index_version = self._catalogue.versions(shard)
            index = shards.fetch(f"{name}.parquet", index_version, part / "index")
            tar = shards.fetch(f"{name}.tar", tar_version, part / "tar")
            rows = usable_rows(index, self._classes)
            if len(rows.keys) != self._catalogue.usable[shard]:
                raise shards.changed_error(f"{name}.parquet")
            _write_table(part / "table", rows, tar)
            if tar.parent == part:
                tar.replace(self._copy(shard))
            (part / "table").replace(self._table(shard))
        finally:
            shutil.rmtree(part)

    def _map(self, shard: int) -> Opened:
        with pa.memory_map(str(self._table(shard))) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
        with self._tar(shard).open("rb") as stream:
            tar = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        begin, size = (np.asarray(batch.column(name)) for name in ("begin", "size"))
        classes = None
        if "classes" in batch.schema.names:
            classes = np.asarray(batch.column("classes").flatten()).reshape(len(begin), -1)
        return Opened(tar, begin, size, batch.column("alt_text"), classes)

    def _table(self, shard: int) -> Path:
        return self._scratch / f"{shard_name(shard)}.arrow"

    def _copy(self, shard: int) -> Path:
        return self._scratch / f"{shard_name(shard)}.tar"

    def _tar(self, shard: int) -> Path:
        """The shard's own file where it can be read as it lies, a copy of it where not.

        Raises:
            InputError: if the file has gone or changed since its table was made, perhaps by another run.
        """
        shards, copy = self._catalogue.shards, self._copy(shard)
        return shards.fetch(copy.name, self._catalogue.versions(shard)[0], copy) if shards.is_local else copy

    def _make_room(self) -> None:
        """Removes what was used longest ago. Whoever reads it still keeps it until he opens another one."""
        ages: list[tuple[float, Path]] = []
        for table in self._scratch.glob("*.arrow"):
            with suppress(FileNotFoundError):
                ages.append((table.stat().st_mtime, table))
        for _, table in sorted(ages)[: -self._most]:
            for ending in (".arrow", ".tar", ".lock"):
                table.with_suffix(ending).unlink(missing_ok=True)


def _touched(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write_table(path: Path, rows: Rows, tar: Path) -> None:
    places = picture_places(tar)
    try:
        found = [places[key] for key in rows.keys.to_pylist()]
    except KeyError as error:
        raise InputError(
            f"{tar} holds no picture {error}, which its index lists; run the stage that writes both again"
        ) from None
    begin, size = (pa.array(numbers, pa.int64()) for numbers in ([p.offset for p in found], [p.size for p in found]))
    columns = {"begin": begin, "size": size, "alt_text": rows.alt_texts}
    if rows.classes is not None:
        columns["classes"] = pa.FixedSizeListArray.from_arrays(pa.array(rows.classes.ravel()), rows.classes.shape[1])
    batch = pa.record_batch(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
