"""The retrieval benchmark on disk: an index next to a folder of pictures in GPR1200's layout."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import InputError, reason
from components.evaluate.format import INDEX_SCHEMA
from components.images.decode import BadImage, decode
from components.storage.foreign.tables import read_table

_BATCH = 512
_SAMPLE = Path("data/sample/benchmark")


@dataclass(frozen=True)
class Benchmark:
    """Pictures in the order of the index; `categories` and `foundries` int64 [n]."""

    folder: Path
    files: tuple[str, ...]
    categories: npt.NDArray[np.int64]
    foundries: npt.NDArray[np.int64]
    domains: tuple[str, ...]
    art_sets: tuple[str, ...]
    concepts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def kinds(self) -> tuple[str, ...]:
        """`emoji`, `flag` or `brand`: what stands before the colon of the concept's key."""
        return tuple(concept.partition(":")[0] for concept in self.concepts)

    def bytes_of(self, number: int) -> bytes:
        """A picture as it is stored.

        Raises:
            InputError: if the file is missing, or cannot be read.
        """
        path = self.folder / "images" / self.files[number]
        try:
            return path.read_bytes()
        except OSError as error:
            raise InputError(
                f"{path} is in the benchmark's index but cannot be read ({reason(error)}); "
                f"{_fix(self.folder, 'put it there, or take it out of the index')}"
            ) from None

    def batches(self, size: int) -> Iterator[npt.NDArray[np.uint8]]:
        """All pictures in batches, uint8 [b, size, size, 3]; raises as `prepared` does."""
        return self.prepared(partial(decode, size=size))

    def prepared(self, prepare: Callable[[bytes], npt.NDArray[Any]]) -> Iterator[npt.NDArray[Any]]:
        """What `prepare` makes of each picture's bytes, a few hundred at a time, stacked.

        Raises:
            InputError: if a picture cannot be decoded; a benchmark with holes measures something
                else.
        """
        for start in range(0, len(self), _BATCH):
            yield np.stack([self._prepare(number, prepare) for number in range(start, min(start + _BATCH, len(self)))])

    def _prepare(self, number: int, prepare: Callable[[bytes], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        try:
            return prepare(self.bytes_of(number))
        except BadImage as error:
            raise InputError(
                f"{self.folder / 'images' / self.files[number]}: {error}; "
                f"{_fix(self.folder, 'replace it, or take it out of the index')}"
            ) from error


def _fix(folder: Path, own: str) -> str:
    """What helps: the sample's benchmark is built, a user's own is in the user's hands."""
    is_sample = folder == _SAMPLE or (folder.parent / "planted.parquet").exists()
    return "run `mofi sample build`" if is_sample else own


def read_benchmark(folder: Path) -> Benchmark:
    """Reads `images.parquet` of a benchmark folder.

    Raises:
        InputError: if it is missing, empty, no such table, or lists a picture twice.
    """
    path = folder / "images.parquet"
    if not path.is_file():
        raise InputError(
            f"{path} is missing; {_fix(folder, 'write it (docs/formats.md)')}, or name a benchmark with --benchmark"
        )
    table = read_table(path, INDEX_SCHEMA, _fix(folder, "write it as docs/formats.md says"))
    if table.num_rows == 0:
        raise InputError(f"{path} lists no picture; {_fix(folder, 'list some')}")
    columns = table.to_pydict()
    outside = [name for name in columns["file"] if not _is_inside(name)]
    if outside:
        raise InputError(
            f"{path} names {outside[0][:200]!r}, which is no file below images/; fetch the benchmark again"
        )
    twice = [name for name, number in Counter(columns["file"]).items() if number > 1]
    if twice:
        raise InputError(
            f"{path} lists {twice[0]!r} more than once, which would find itself; {_fix(folder, 'keep one of the rows')}"
        )
    return Benchmark(
        folder,
        tuple(columns["file"]),
        np.array(columns["category"], dtype=np.int64),
        np.unique(columns["foundry"], return_inverse=True)[1].astype(np.int64),
        tuple(columns["domain"]),
        tuple(columns["art_set"]),
        tuple(columns["concept"]),
    )


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and "\0" not in name and not path.is_absolute() and ".." not in path.parts


def choose(benchmark: Benchmark, number: int, seed: int) -> list[int]:
    """Queries for show: domains in turn, drawn at random within each, never by how well they do."""
    generator = np.random.default_rng(seed)
    queues = []
    for domain in sorted(set(benchmark.domains)):
        members = np.flatnonzero(np.array(benchmark.domains) == domain)
        queues.append(list(generator.permutation(members)))
    chosen: list[int] = []
    while len(chosen) < min(number, len(benchmark)):
        for queue in queues:
            if queue and len(chosen) < number:
                chosen.append(int(queue.pop()))
    return chosen
