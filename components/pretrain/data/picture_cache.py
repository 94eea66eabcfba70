"""Decoded pictures on disk: a memory-mapped array and a table of labels for each shard."""

import logging
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.images.decode import BadImage, decode
from components.shards.folder import ShardFolder
from components.shards.format import shard_name
from components.shards.reader import read_shard
from components.storage.claims import claim, release
from components.storage.code import code_mark
from components.storage.json_files import read_json, write_json
from components.storage.work import drop_unused, fingerprint

logger = logging.getLogger(__name__)

SAMPLE_SCHEMA = pa.schema([("key", pa.string()), ("alt_text", pa.string()), ("entities", pa.list_(pa.string()))])
KEPT_CACHES = 4
_LEFT_OUT = "_left_out.json"


def decode_shards(folder: Path | str, size: int, work: Path, max_error_share: float) -> Path:
    """Decodes all pictures of the shards in `folder` over Ray, or finds them in the cache.

    Args:
        folder: picture shards, by path or URL.
        size: side of the decoded pictures, px.
        work: folder of the caches; the oldest beyond a few are deleted.
        max_error_share: largest allowed share of undecodable pictures.

    Returns:
        The folder of `NUMBER.npy` (uint8 [n, size, size, 3]) and `NUMBER.parquet`
            (`SAMPLE_SCHEMA`).

    Raises:
        InputError: if there is no shard, or too many pictures are bad.
    """
    shards = ShardFolder.at(folder)
    cache = work / fingerprint(code_mark(__name__), shards.mark(), size)
    claim(cache, shared=True)  # until this process ends nobody drops it
    building = cache.with_name(f"{cache.name}.building")
    claim(building, wait=True)  # of two trainings on the same shards, one decodes
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    drop_oldest(work)
    tars = [(name, version) for name, version in shards.versions().items() if name.endswith(".tar")]
    finished, counts = map_shards(
        partial(_decode_shard, shards, size),
        tars,
        stage="pretrain",
        work=cache.absolute(),
        max_error_share=max_error_share,
    )
    release(building)
    logger.info("%s decoded to %d px: %s", folder, size, dict(sorted(counts.items())))
    return finished


def _decode_shard(shards: ShardFolder, size: int, tar: tuple[str, int], number: int, out: Path) -> Outcome:
    name, version = tar
    copy = out / f"{name}.copy"
    try:
        return decode_shard(size, shards.fetch(name, version, copy), number, out)
    finally:
        copy.unlink(missing_ok=True)


def decode_shard(size: int, tar: Path, number: int, out: Path) -> Outcome:
    """One tar → `NUMBER.npy` and `NUMBER.parquet` in `out`; counts what is left out, and why.

    If anything is, the counts are in `NUMBER_left_out.json`, too.
    """
    rows: list[dict[str, object]] = []
    counts: Counter[str] = Counter()
    name = shard_name(number)
    with (out / f"{name}.npy").open("wb") as stream:
        _write_header(stream, 0, size)
        for picture in read_shard(tar, counts):
            try:
                stream.write(np.ascontiguousarray(decode(picture.image, size)).data)
            except BadImage as error:
                counts["bad_picture"] += 1
                if counts["bad_picture"] <= 3:
                    logger.warning("%s: picture %s is skipped: %s", tar, picture.key, error)
                continue
            rows.append({"key": picture.key, "alt_text": picture.caption, "entities": list(picture.entities)})
        stream.seek(0)
        _write_header(stream, len(rows), size)
    if counts:
        write_json(out / f"{name}{_LEFT_OUT}", dict(sorted(counts.items())))
    counts["decoded"] = len(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), out / f"{name}.parquet")
    return Outcome(counts=dict(counts), attempted=counts.total(), errors=counts["bad_picture"])


def _write_header(stream: BinaryIO, pictures: int, size: int) -> None:
    """The header of a `.npy`, which is of one length whatever the number of pictures."""
    descr = np.lib.format.dtype_to_descr(np.dtype(np.uint8))
    header = {"descr": descr, "fortran_order": False, "shape": (pictures, size, size, 3)}
    np.lib.format.write_array_header_1_0(stream, header)


def drop_oldest(work: Path) -> None:
    """Deletes all but the newest `KEPT_CACHES` folders and those that other runs use."""
    ages: list[tuple[float, Path]] = []
    for path in work.iterdir():
        with suppress(FileNotFoundError):
            if path.is_dir():
                ages.append((path.stat().st_mtime, path))
    for _, old in sorted(ages)[:-KEPT_CACHES]:
        if drop_unused(old) is None:
            logger.info("deleted the cache %s, the oldest of more than %d", old, KEPT_CACHES)


class DecodedPictures:
    """The pictures of a cache as one memory-mapped sequence, with their texts and entities.

    Attributes:
        left_out: what the tars hold besides, by reason.
    """

    def __init__(self, cache: Path) -> None:
        names = sorted(path.stem for path in cache.glob("*.npy"))
        if not names:
            raise InputError(f"{cache} holds no decoded pictures; delete the folder and run the stage again")
        self._parts = [np.load(cache / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names]
        self._ends = np.cumsum([len(part) for part in self._parts])
        table = pa.concat_tables([pq.read_table(cache / f"{name}.parquet") for name in names])
        self.alt_texts: list[str] = table["alt_text"].to_pylist()
        self.entities: list[list[str]] = table["entities"].to_pylist()
        self.left_out: Counter[str] = Counter()
        for path in sorted(cache.glob(f"*{_LEFT_OUT}")):
            self.left_out.update(read_json(path))

    def __len__(self) -> int:
        return int(self._ends[-1])

    def gather(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """int [b] → uint8 [b, size, size, 3], in that order."""
        part = np.searchsorted(self._ends, positions, side="right")
        start = np.concatenate([[0], self._ends[:-1]])
        return np.stack([self._parts[p][i] for p, i in zip(part, positions - start[part], strict=True)])
