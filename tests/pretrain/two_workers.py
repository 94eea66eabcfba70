"""Two processes that train together."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from components.pretrain.checkpoints.store import MANIFEST
from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json


def train_in_two(
    jobs: list[Job], meeting: Path, then: Callable[[int], None] | None = None, *, backend: str = "gloo"
) -> None:
    """Runs the jobs in two workers, which finally call `then` with their ranks.

    Args:
        jobs: one after another.
        meeting: a file that does not exist yet, for the rendezvous.
        then: a function of a module, or `partial` of one: the workers are new processes.
        backend: of their process group; over NCCL each takes a GPU of its own.
    """
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_train, args=(jobs, meeting, then, backend, rank)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]


def _train(jobs: list[Job], meeting: Path, then: Callable[[int], None] | None, backend: str, rank: int) -> None:
    torch.set_num_threads(1)
    if backend == "nccl":
        torch.cuda.set_device(rank)
    dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=2)
    for job in jobs:
        run_worker(job, lambda _: None)
        dist.barrier()
    if then is not None:
        then(rank)
    dist.destroy_process_group()


def writers(job: Job) -> list[int]:
    """How many workers wrote each of the present checkpoints, by step."""
    manifests = sorted(Path(job.checkpoints).glob(f"[0-9]*/{MANIFEST}"))
    return [read_json(path)["workers"] for path in manifests]
