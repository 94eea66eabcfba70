"""An index of a data set's pictures, searched by picture."""

import io
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.errors import InputError
from components.images.decode import BadImage, decode
from components.shards.folder import ShardFolder
from components.shards.reader import Picture, read_shard
from components.storage.foreign.tables import read_table

logger = logging.getLogger(__name__)

_BATCH = 256
_NAMES = pa.schema([pa.field("entity_id", pa.string(), nullable=False), ("label", pa.string())])
_DRAWN, _FEW = 512, 20  # pictures that say how near others are, and what is too few to say it
# Pictures' bytes → float32 [n, d], L2-normalised.
Embed = Callable[[Sequence[bytes]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Entry:
    """Where an indexed picture lies, and what it shows."""

    key: str
    shard: Path
    caption: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """A picture found, with its cosine to the query."""

    entry: Entry
    cosine: float


class Index:
    """Exact search by cosine, on the GPU where faiss sees one."""

    def __init__(self, width: int) -> None:
        index = faiss.IndexFlatIP(width)
        gpus = getattr(faiss, "get_num_gpus", int)()
        self._index = faiss.index_cpu_to_all_gpus(index) if gpus else index
        self.entries: list[Entry] = []
        self._drawn = Drawn(_DRAWN)
        self.left_out: Counter[str] = Counter()  # what the shards hold besides, by reason

    def add(self, embeddings: npt.NDArray[np.float32], entries: Iterable[Entry]) -> None:
        """float32 [n, d] and what they stand for.

        Raises:
            InputError: if an embedding is not finite.
        """
        self._index.add(_finite(embeddings))
        self.entries.extend(entries)
        self._drawn.add(embeddings)

    def search(self, embeddings: npt.NDArray[np.float32], top: int) -> list[list[Hit]]:
        """float32 [n, d] → the `top` nearest of each, best first; or all of a smaller index."""
        cosines, rows = self._index.search(
            np.ascontiguousarray(embeddings, dtype=np.float32), min(top, len(self.entries))
        )
        return [
            [Hit(self.entries[row], float(cosine)) for row, cosine in zip(found, scores, strict=True)]
            for found, scores in zip(rows, cosines, strict=True)
        ]

    def usual_cosine(self, share: float = 0.05) -> float | None:
        """What all but a `share` of the index's own pictures have with their nearest other one.

        A query whose best cosine is lower shows something else, or shows it otherwise. It is
        estimated from some pictures drawn at random; None for fewer than `_FEW`.
        """
        if len(self.entries) < _FEW:
            return None
        cosines, rows = self._index.search(self._drawn.embeddings, 2)
        own = rows == self._drawn.positions[:, None]
        # A copy may be found before the picture itself; either way one of the two is another.
        others = np.where(own[:, 0], cosines[:, 1], cosines[:, 0])
        return float(np.quantile(others, share))


class Drawn:
    """Up to `most` of the embeddings that are added, drawn at random, the same each time."""

    def __init__(self, most: int) -> None:
        self._most, self._seen, self._chance = most, 0, np.random.default_rng(0)
        self._kept: list[tuple[int, npt.NDArray[np.float32]]] = []

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """float32 [n, d]."""
        return np.ascontiguousarray([embedding for _, embedding in self._kept], dtype=np.float32)

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Their numbers in the order in which they were added, int64 [n]."""
        return np.array([position for position, _ in self._kept], dtype=np.int64)

    def add(self, embeddings: npt.NDArray[np.float32]) -> None:
        """float32 [n, d]."""
        for embedding in embeddings:
            if self._seen < self._most:
                self._kept.append((self._seen, embedding.copy()))
            elif (place := int(self._chance.integers(self._seen + 1))) < self._most:
                self._kept[place] = (self._seen, embedding.copy())
            self._seen += 1


def _finite(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not np.isfinite(embeddings).all():
        raise InputError("the model gives embeddings that are not finite; train it again and promote that one")
    return np.ascontiguousarray(embeddings, dtype=np.float32)


def build(data: Path, embed: Embed) -> Index:
    """Indexes every picture of `data`: of its `train/` and `validation/`, or of itself.

    Raises:
        InputError: if there is no picture, or a shard is missing or broken.
    """
    index: Index | None = None
    left_out: Counter[str] = Counter()
    for found in batches(_pictures(data, left_out)):
        embeddings, pictures = _embedded(embed, found)
        left_out["undecodable"] += len(found) - len(pictures)
        if not pictures:
            continue
        index = index or Index(embeddings.shape[1])
        index.add(embeddings, [_entry(shard, picture) for shard, picture in pictures])
    if index is None:
        raise InputError(
            f"{data} holds no picture to index{_named(left_out)}; run `mofi curate`, or name another data set with --data"
        )
    index.left_out = +left_out
    logger.info("indexed %d pictures of %s%s", len(index.entries), data, _named(left_out))
    return index


def _named(left_out: Counter[str]) -> str:
    return f" (left out: {json.dumps(dict(sorted((+left_out).items())))})" if +left_out else ""


def _embedded(
    embed: Embed, pictures: list[tuple[Path, Picture]]
) -> tuple[npt.NDArray[np.float32], list[tuple[Path, Picture]]]:
    """The embeddings of the pictures that can be decoded, and those pictures."""
    try:
        return embed([picture.image for _, picture in pictures]), pictures
    except BadImage:  # seldom, so that nothing is decoded twice
        pictures = [(shard, picture) for shard, picture in pictures if _is_decodable(picture.image)]
        images = [picture.image for _, picture in pictures]
        return embed(images) if images else np.zeros((0, 0), np.float32), pictures


def _is_decodable(image: bytes) -> bool:
    try:
        decode(image, 1)
    except BadImage:
        return False
    return True


def batches(items: Iterable[tuple[Path, Picture]], size: int = _BATCH) -> Iterator[list[tuple[Path, Picture]]]:
    """Lists of at most `size`."""
    part: list[tuple[Path, Picture]] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def _pictures(data: Path, left_out: Counter[str]) -> Iterator[tuple[Path, Picture]]:
    folders = [folder for folder in (data / "train", data / "validation") if folder.is_dir()] or [data]
    for folder in folders:
        shards = ShardFolder.at(folder)
        if folder != data and not shards.has_shards():
            continue
        for shard in shards.local_tars():
            yield from ((shard, picture) for picture in read_shard(shard, left_out))


def _entry(shard: Path, picture: Picture) -> Entry:
    return Entry(picture.key, shard, picture.caption, picture.entities)


def entity_scores(hits: Sequence[Hit], temperature: float = 0.07) -> list[tuple[str, float]]:
    """Entities of the hits by their share of a vote weighted by exp(cosine / temperature)."""
    votes: dict[str, float] = defaultdict(float)
    for hit in hits:
        for entity in hit.entry.entities[:1]:
            votes[entity] += float(np.exp((hit.cosine - 1) / temperature))
    total = sum(votes.values())
    return sorted(((e, v / total) for e, v in votes.items()), key=lambda item: (-item[1], item[0])) if total else []


def read_labels(data: Path) -> dict[str, str]:
    """Q-id → label, from the data set's vocabulary; empty if it has none."""
    path = data / "vocabulary.parquet"
    if not path.is_file():
        return {}
    table = read_table(path, _NAMES, "run `mofi curate` again")
    labels = (label or "" for label in table["label"].to_pylist())
    return dict(zip(table["entity_id"].to_pylist(), labels, strict=True))


def thumbnail(data: bytes, side: int = 96) -> bytes:
    """A picture, small, as PNG on white."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(decode(data, side)).save(buffer, "PNG")
    return buffer.getvalue()
