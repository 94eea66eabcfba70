"""A cache of the shards in use, on the machine's disk and shared by its processes."""

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
from components.pretrain.data.stream.catalogue import Catalogue, read_class_index
from components.pretrain.data.usable_pictures import ClassIndex, UsablePictures, read_usable_pictures
from components.shards.format import shard_name
from components.shards.reader import picture_spans
from components.storage.file_lock import locked

logger = logging.getLogger(__name__)

_ATTEMPTS = 5


@dataclass(frozen=True)
class OpenShard:
    """One shard, memory-mapped.

    Attributes:
        tar: its bytes.
        offsets: int64 [n], of the usable pictures in the tar.
        sizes: int64 [n], of their files, bytes.
        alt_texts: n strings.
        classes: int64 [n, k], padded with -1, or None.
    """

    tar: mmap.mmap
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    alt_texts: pa.Array
    classes: npt.NDArray[np.int64] | None

    def image(self, row: int) -> bytes:
        """The picture's encoded bytes."""
        first = int(self.offsets[row])
        return self.tar[first : first + int(self.sizes[row])]


class ShardCache:
    """Keeps the `capacity` most recently used shards in a folder; fetches evicted ones again."""

    def __init__(self, catalogue: Catalogue, scratch: Path, capacity: int) -> None:
        self._catalogue, self._scratch, self._capacity = catalogue, scratch, capacity
        self._opened: OrderedDict[int, OpenShard] = OrderedDict()

    @cached_property
    def _classes(self) -> ClassIndex | None:
        return read_class_index(self._catalogue.vocabulary)

    def open(self, shard: int) -> OpenShard:
        """Opens a shard; the first process that needs it prepares it while the others wait.

        Raises:
            InputError: if the shard is missing, damaged, or changed since the run began.
            SetupError: if the disk is full, or the bucket's server keeps failing.
        """
        if shard in self._opened:
            self._opened.move_to_end(shard)
            return self._opened[shard]
        self._close_evicted()
        for _ in range(_ATTEMPTS):
            self.prepare(shard)
            # Another process may have evicted this shard meanwhile.
            with suppress(FileNotFoundError):
                self._opened[shard] = self._map(shard)
                break
        else:
            raise SetupError(
                f"{self._scratch} loses shards as fast as they are fetched; lower pretrain.window, or give each run a "
                "folder of its own"
            )
        while len(self._opened) > self._capacity:
            self._opened.popitem(last=False)
        return self._opened[shard]

    def _close_evicted(self) -> None:
        """Closes evicted shards: the disk frees their space only when no process maps them."""
        left = set(self._scratch.glob("*.arrow"))
        for shard in [one for one in self._opened if self._table(one) not in left]:
            del self._opened[shard]

    def prepare(self, shard: int) -> None:
        """Fetches a shard unless it is cached; raises as `open` does."""
        table = self._table(shard)
        if _touch(table):
            return
        self._scratch.mkdir(parents=True, exist_ok=True)  # another training may have deleted it as old
        # It only saves work: two holders of a lock file that was deleted in between do no harm.
        with locked(self._scratch / f"{shard_name(shard)}.lock"):
            if not _touch(table):
                try:
                    self._fetch(shard)
                except OSError as error:
                    raise SetupError(
                        f"{self._scratch} cannot take shard {shard_name(shard)} ({error}); free space there, or lower "
                        "pretrain.window in params.yaml"
                    ) from error
        self._evict()

    def _fetch(self, shard: int) -> None:
        name, shards = shard_name(shard), self._catalogue.shards
        part = self._scratch / f"part-{uuid4().hex}"
        part.mkdir()
        try:
            tar_version, index_version = self._catalogue.versions(shard)
            index = shards.fetch(f"{name}.parquet", index_version, part / "index")
            tar = shards.fetch(f"{name}.tar", tar_version, part / "tar")
            usable = read_usable_pictures(index, self._classes)
            if len(usable.keys) != self._catalogue.usable[shard]:
                raise shards.changed_error(f"{name}.parquet")
            _write_table(part / "table", usable, tar)
            if tar.parent == part:
                tar.replace(self._tar_copy(shard))
            (part / "table").replace(self._table(shard))
        finally:
            shutil.rmtree(part)

    def _map(self, shard: int) -> OpenShard:
        with pa.memory_map(str(self._table(shard))) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
        with self._tar_path(shard).open("rb") as stream:
            tar = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        offsets, sizes = (np.asarray(batch.column(name)) for name in ("begin", "size"))
        classes = None
        if "classes" in batch.schema.names:
            classes = np.asarray(batch.column("classes").flatten()).reshape(len(offsets), -1)
        return OpenShard(tar, offsets, sizes, batch.column("alt_text"), classes)

    def _table(self, shard: int) -> Path:
        return self._scratch / f"{shard_name(shard)}.arrow"

    def _tar_copy(self, shard: int) -> Path:
        return self._scratch / f"{shard_name(shard)}.tar"

    def _tar_path(self, shard: int) -> Path:
        """The shard's own file if it is local, else its copy.

        Raises:
            InputError: if the file is gone or has changed since its table was made.
        """
        shards, copy = self._catalogue.shards, self._tar_copy(shard)
        return shards.fetch(copy.name, self._catalogue.versions(shard)[0], copy) if shards.is_local else copy

    def _evict(self) -> None:
        """Deletes the least recently used shards; a process that maps one keeps it meanwhile."""
        ages: list[tuple[float, Path]] = []
        for table in self._scratch.glob("*.arrow"):
            with suppress(FileNotFoundError):
                ages.append((table.stat().st_mtime, table))
        for _, table in sorted(ages)[: -self._capacity]:
            for ending in (".arrow", ".tar", ".lock"):
                table.with_suffix(ending).unlink(missing_ok=True)


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write_table(path: Path, usable: UsablePictures, tar: Path) -> None:
    spans = picture_spans(tar)
    try:
        found = [spans[key] for key in usable.keys.to_pylist()]
    except KeyError as error:
        raise InputError(
            f"{tar} holds no picture {error}, which its index lists; run the stage that writes both again"
        ) from None
    columns = {
        "begin": pa.array([span.offset for span in found], pa.int64()),
        "size": pa.array([span.size for span in found], pa.int64()),
        "alt_text": usable.alt_texts,
    }
    if usable.classes is not None:
        columns["classes"] = pa.FixedSizeListArray.from_arrays(
            pa.array(usable.classes.ravel()), usable.classes.shape[1]
        )
    batch = pa.record_batch(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
