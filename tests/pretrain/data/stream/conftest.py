"""Sources of small real shards, catalogued without a cluster."""

from pathlib import Path
from typing import Any

from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.stream import catalogue
from components.pretrain.data.stream.loader import LoaderConfig, StreamLoader
from components.pretrain.data.stream.source import StreamConfig, StreamSource
from components.pretrain.parameters import TextParameters
from components.shards.folder import ShardFolder
from components.shards.format import SUCCESS, picture_key
from components.shards.writer import Row, write_shard
from tests.pretrain.conftest import drawing

TEXT = TextParameters(name=0.4, name_and_description=0.4, alt_text=0.2)


def write(folder: Path, sizes: list[int], bad: dict[tuple[int, int], bytes] | None = None, text: str = "text") -> Path:
    """Shards of pictures: p of shard s has the text "TEXT s p", and broken bytes if in `bad`."""
    for shard, size in enumerate(sizes):
        rows = []
        for place in range(size):
            record = {
                "key": picture_key(shard, place),
                "status": SUCCESS,
                "caption": f"{text} {shard} {place}",
                "sha256": f"{shard}-{place}",
            }
            rows.append(Row(record, (bad or {}).get((shard, place), drawing(shard % 9, place))))
        write_shard(folder, shard, rows)
    return folder


def build_catalogue(location: Path | str, folder: Path, vocabulary: Path | None = None) -> Path:
    """What `catalogue.build` does, in this process."""
    shards = ShardFolder.at(location)
    file = catalogue.write_vocabulary_columns(folder, vocabulary)
    finished = folder / "finished"
    finished.mkdir()
    counts = dict[str, int]()
    for number, block in enumerate(catalogue.blocks(shards.versions())):
        for reason, count in catalogue.scan_shards(shards, file, block, number, finished).counts.items():
            counts[reason] = counts.get(reason, 0) + count
    catalogue.finish(folder, shards, finished, counts)
    return folder


def stream_config(catalogued: Path, scratch: Path, window: int = 2) -> StreamConfig:
    return StreamConfig(catalogued, scratch, 32, window, seed=5)


def source(catalogued: Path, scratch: Path, partition: BatchPartition, window: int = 2) -> StreamSource:
    return StreamSource(stream_config(catalogued, scratch, window), partition)


def loader(
    catalogued: Path,
    scratch: Path,
    partition: BatchPartition,
    *,
    decoders: int = 0,
    max_error_share: float = 0.1,
    **plan: Any,
) -> StreamLoader:
    made = LoaderConfig(stream_config(catalogued, scratch), partition, TEXT, None)
    return StreamLoader(LoaderConfig(**vars(made) | plan), 2, decoders, max_error_share)
