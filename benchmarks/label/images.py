"""Speed of the image filter: its pass over shards, compared with the tower's bare forward pass.

The pass reads shards, decodes, embeds and writes (`tasks.survey`); the bare forward pass runs
open_clip's model on prepared tensors with the same batch and threads. Both alternate in the same
processes, which have a worker's environment. With as many processes as CPUs, decoding competes with
embedding; with fewer, a spare CPU prefetches. Batched texts are compared with one text at a time.
"""

import argparse
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.photographs import photographs
from components.cli import parameters
from components.execution import cpu_environment
from components.label import tasks, workers
from components.label.image_filter.batches import batches_ahead
from components.label.parameters import LabelParameters
from components.shards.folder import ShardFolder
from components.shards.format import INDEX_SCHEMA, picture_key
from components.shards.reader import read_shard
from components.shards.writer import Row, write_shard

WORK = Path(".work/benchmarks/label_images")
_PHOTOGRAPHS = 64


@dataclass(frozen=True)
class Setting:
    """A tower and the shards that it is measured on."""

    name: str
    model: str
    crawl: Path
    pictures: int
    batch: int


def main() -> None:
    """Measures every setting with each number of processes, then texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, default=Path("data/crawl"))
    parser.add_argument("--knowledge", type=Path, default=Path("data/knowledge"))
    parser.add_argument("--model", default="models/clip", help="a small tower")
    parser.add_argument("--large", default="ViT-B-32", help="a full-size tower; its weights do not matter")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    for key, value in cpu_environment.ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    knobs = parameters.load().label
    mosaics = photographs(options.crawl, WORK / "photographs", _PHOTOGRAPHS)
    settings = [
        Setting("small tower, drawings", options.model, options.crawl, 6000, knobs.image_batch),
        Setting("large tower, drawings", options.large, options.crawl, 64, 32),
        Setting("large tower, JPEGs of 1024 x 768", options.large, mosaics, _PHOTOGRAPHS, 32),
    ]
    claims = []
    for setting in settings:
        for processes in options.processes:
            claims.append(_claim(setting, processes, options.rounds, knobs))
    for model, count in ((options.model, 2048), (options.large, 256)):
        claims.append(_texts(model, options.knowledge, count))
    conclude(claims)


def _claim(setting: Setting, processes: int, rounds: int, knobs: LabelParameters) -> Claim:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.SimpleQueue()
    knobs = knobs.model_copy(update={"image_batch": setting.batch})
    running = [
        context.Process(target=_turns, args=(setting, rounds, knobs, barrier, results, n)) for n in range(processes)
    ]
    for process in running:
        process.start()
    taken = np.array([results.get() for _ in running])  # [processes, rounds, 2], seconds
    for process in running:
        process.join()
    slowest = taken.max(axis=0)
    pass_rate, bare_rate = (processes * setting.pictures / median(slowest[:, n]) for n in (0, 1))
    ratio = median(bare / whole for whole, bare in slowest)
    figure = f"pass / forward pass: {setting.name}, {processes} of {os.cpu_count()} CPUs"
    return Claim(
        figure, float(ratio), 0.9, f"{pass_rate:.1f} against {bare_rate:.1f} pictures/s, batches of {setting.batch}"
    )


def _turns(setting: Setting, rounds: int, knobs: LabelParameters, barrier: Barrier, results: Any, process: int) -> None:
    """Runs all rounds with one torch thread, as in a worker, in step with the other processes."""
    import torch

    torch.set_num_threads(1)
    part = _part(setting, WORK / f"part-{process}")
    job = tasks.Job(str(part), Path(), setting.model, WORK, knobs)
    out = WORK / f"out-{process}"
    out.mkdir(parents=True, exist_ok=True)
    forward = _forward(setting, part)
    tasks.survey(job, 0, 0, out)  # warm-up
    forward()
    seconds = [
        (_seconds(lambda: tasks.survey(job, 0, 0, out), barrier), _seconds(forward, barrier)) for _ in range(rounds)
    ]
    results.put(seconds)


def _part(setting: Setting, folder: Path) -> Path:
    """Writes the measured pictures of the crawl to one shard."""
    rows: list[Row] = []
    for tar in ShardFolder.at(setting.crawl).local_tars():
        index = {r["key"]: r for r in pq.read_table(tar.with_suffix(".parquet")).to_pylist()}
        for picture in read_shard(tar):
            if len(rows) < setting.pictures:
                record = index[picture.key] | {"key": picture_key(0, len(rows))}
                rows.append(Row(record, picture.image, picture.extension))
    write_shard(folder, 0, rows, INDEX_SCHEMA)
    return folder


def _forward(setting: Setting, part: Path) -> Callable[[], None]:
    """The bare forward pass: open_clip's model on prepared tensors."""
    import open_clip
    import torch

    name = f"local-dir:{setting.model}" if Path(setting.model).is_dir() else setting.model
    model = open_clip.create_model(name).eval().to(memory_format=torch.channels_last)
    prepare = partial(workers.encoder(setting.model).prepare, quick=True)
    batches = [
        (torch.from_numpy(p).permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)
        for _, p in batches_ahead(part / "00000.tar", prepare, setting.batch)
    ]

    def run() -> None:
        with torch.inference_mode():
            for batch in batches:
                model.encode_image(batch, normalize=True)

    return run


def _seconds(turn: Callable[[], Any], barrier: Barrier) -> float:
    barrier.wait()
    start = time.perf_counter()
    turn()
    return time.perf_counter() - start


def _texts(model: str, knowledge: Path, count: int) -> Claim:
    """Texts of the knowledge base, embedded in blocks as in the label stage, and one by one."""
    base = workers.knowledge_base(knowledge)
    encoder = workers.encoder(model)
    workers.encoder.cache_clear()
    texts = [workers.entity_text(base, row) for row in range(count)]
    encoder.texts(texts[:64])
    start = time.perf_counter()
    encoder.texts(texts)
    blocks = time.perf_counter() - start
    alone = texts[: count // 4]
    start = time.perf_counter()
    for text in alone:
        encoder.texts([text])
    one = (time.perf_counter() - start) * count / len(alone)
    against = f"{count / blocks:.0f} against {count / one:.0f} texts/s"
    return Claim(f"texts in blocks / one at a time: {model}", one / blocks, 1.5, against)


if __name__ == "__main__":
    main()
