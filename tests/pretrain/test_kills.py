"""Trainings whose workers, drivers and disk fail at random moments."""

import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
import torch
import torch.distributed as dist

from components.pretrain.checkpoints.store import MANIFEST
from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests import ROOT
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore
from tests.processes import command_line, has_ended

logger = logging.getLogger(__name__)

QUICK = {"images_seen": 480, "checkpoint_every": 3}
LONG = {"images_seen": 1600, "checkpoint_every": 4}
# Bytes that a file may have when the disk is short: enough for curves, too little for a tower.
SHORT = 500_000
_PATIENCE = 120.0  # seconds without any new step, after which the training hangs
_UNWRITTEN = "could not be written"


def log_to(job: Job) -> None:
    with (job.work / "log.txt").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logging.basicConfig(level=logging.INFO)


def supervise(job: Job, workers: int) -> None:
    """Trains with processes that are all replaced when one dies, as by Ray Train, but quickly."""
    log_to(job)
    for attempt in range(1000):
        children = [_forked(job, rank, workers, job.work / f"meeting-{attempt}") for rank in range(workers)]
        ends = [_ended(child, children) for child in children]
        if not any(ends):
            return


def _forked(job: Job, rank: int, workers: int, meeting: Path) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        torch.set_num_threads(1)
        if workers > 1:
            dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=workers)
        run_worker(job, ignore)
        if workers > 1:
            dist.barrier()
        code = 0
    except Exception:
        logging.exception("worker %d", rank)
    finally:
        os._exit(code)


def _ended(child: int, children: list[int]) -> int:
    """Waits for a child; if it failed, the others are killed."""
    status = os.waitpid(child, 0)[1]
    if status:
        for other in children:
            try:
                os.kill(other, signal.SIGKILL)
            except ProcessLookupError:
                continue
    return status


@dataclass
class Run:
    """A training in its own processes, and the faults injected into it.

    Attributes:
        tree: the descendants of killed drivers; they end by themselves.
        torn: the checkpoints that were truncated.
    """

    job: Job
    chance: random.Random
    launch: Callable[[], psutil.Process]
    is_worker: Callable[[psutil.Process], bool]
    hits: Counter[str] = field(default_factory=Counter)
    tree: set[psutil.Process] = field(default_factory=set)
    torn: set[Path] = field(default_factory=set)

    def start(self) -> None:
        self.process = self.launch()

    def running(self) -> bool:
        return self.process.is_running() and not has_ended(self.process.pid)

    def points(self) -> int:
        """Points of the curve so far, including those of repeated steps."""
        return self.job.live_curve.read_bytes().count(b"\n") if self.job.live_curve.exists() else 0

    def reaches(self, points: int) -> bool:
        """Waits for so many more points; False if the training ends first."""
        target, last, before = self.points() + points, time.monotonic(), -1
        while self.running():
            now = self.points()
            if now >= target:
                return True
            if now != before:
                before, last = now, time.monotonic()
            assert time.monotonic() - last < _PATIENCE, self.log()[-3000:]
            time.sleep(0.005)
        return False

    def log(self) -> str:
        return (self.job.work / "log.txt").read_text(errors="replace")

    def workers(self) -> list[psutil.Process]:
        return sorted(
            (p for p in self.process.children(recursive=True) if self.is_worker(p)), key=lambda process: process.pid
        )

    def kill_worker(self) -> bool:
        found = self.workers()
        if found:
            self.chance.choice(found).kill()
        return bool(found)

    def kill_after_a_checkpoint(self) -> bool:
        """As `kill_worker`, once there is a checkpoint to resume from that is not torn."""
        whole = {manifest.parent for manifest in Path(self.job.checkpoints).glob(f"[0-9]*/{MANIFEST}")}
        return bool(whole - self.torn) and self.kill_worker()

    def kill_driver(self) -> bool:
        self.tree.update(self.process.children(recursive=True))
        alive = self.running()
        self.process.kill()
        self.process.wait()
        self.start()
        return alive

    def tear(self) -> bool:
        """Truncates a file of the newest checkpoint, as after a power cut; then kills a worker."""
        whole = sorted(p.parent for p in Path(self.job.checkpoints).glob(f"[0-9]*/{MANIFEST}"))
        if not whole or not self.workers():
            return False
        file = self.chance.choice(sorted(whole[-1].iterdir()))
        try:
            os.truncate(file, self.chance.randrange(file.stat().st_size))
        except FileNotFoundError:  # it was superseded meanwhile
            return False
        self.torn.add(whole[-1])
        return self.kill_worker()

    def fill_disk(self) -> bool:
        """No large file can be written until a checkpoint has failed; then there is room again."""
        before, hit = self.log().count(_UNWRITTEN), False
        for process in self.workers():
            _limit(process, SHORT)
        while self.running() and self.workers() and not hit:
            hit = self.log().count(_UNWRITTEN) > before
            time.sleep(0.005)
        for process in self.workers():
            _limit(process, -1)
        return hit

    def hits_with(self, fault: str) -> bool:
        hit = bool(getattr(self, fault)())
        self.hits[fault] += hit
        return hit

    def disturbed(self, faults: list[str], least: int, most: int) -> None:
        """Trains to the end through `faults`, each some points after the previous; counts hits."""
        self.start()
        for fault in faults:
            points = self.chance.randint(least, most)
            while self.reaches(points) and not self.hits_with(fault):
                points = 1  # nothing to hit; tries again a little later
        while self.reaches(sys.maxsize):
            pass

    def end(self) -> None:
        """Kills leftover processes, and asserts that killed drivers left none."""
        self.tree.update(self.process.children(recursive=True) if self.running() else [])
        if self.running():
            self.process.kill()
        _, left = psutil.wait_procs(self.tree, timeout=_PATIENCE)
        for process in left:
            process.kill()
        assert not left, left


def _limit(process: psutil.Process, size: int) -> None:
    try:
        process.rlimit(psutil.RLIMIT_FSIZE, (size, -1))
    except psutil.NoSuchProcess:
        return


def same_model(one: Job, other: Job) -> bool:
    names = sorted(path.name for path in other.model.iterdir())
    return names == sorted(path.name for path in one.model.iterdir()) and all(
        (one.model / name).read_bytes() == (other.model / name).read_bytes() for name in names
    )


def spawned(target: Callable[..., None], *args: object) -> psutil.Process:
    process = get_context("spawn").Process(target=target, args=args)
    process.start()
    return psutil.Process(process.pid)


def disturb(run: Run, faults: list[str], least: int, most: int) -> None:
    try:
        run.disturbed(faults, least, most)
    finally:
        run.end()
    assert run.job.result.exists(), run.log()[-3000:]


def test_kills_and_a_bad_disk_change_nothing(make_job: MakeJob, tmp_path: Path) -> None:
    faults = ["kill_worker", "tear", "fill_disk", "tear", "kill_after_a_checkpoint"]
    job, whole = (make_job("multitask", tmp_path / name, **QUICK) for name in ("disturbed", "whole"))
    run = Run(job, random.Random(1), lambda: spawned(supervise, job, 1), lambda process: True)
    disturb(run, faults, 2, 7)
    assert run.hits == Counter(faults), run.log()[-3000:]
    run_worker(whole, ignore)
    assert same_model(job, whole)
    assert read_json(job.result) == read_json(whole.result)
    assert "is damaged" in run.log()
    assert "resumes after step" in run.log()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_and_a_bad_disk_change_nothing_with_two_workers(make_job: MakeJob, tmp_path: Path) -> None:
    faults = ["kill_worker", "tear", "fill_disk", "kill_worker", "tear", "kill_worker", "fill_disk", "tear"]
    jobs = [make_job("multitask", tmp_path / name, "vit", **LONG) for name in ("disturbed", "whole")]
    for job, met in zip(jobs, (faults, []), strict=True):
        run = Run(job, random.Random(2), lambda job=job: spawned(supervise, job, 2), lambda process: True)  # type: ignore[misc]
        disturb(run, met, 2, 12)
        assert run.hits == Counter(met), run.log()[-3000:]
    assert same_model(*jobs)
    assert read_json(jobs[0].result) == read_json(jobs[1].result)


def drive(job: Job) -> None:
    """A driver with a Ray of its own."""
    log_to(job)
    os.environ.pop("RAY_ADDRESS", None)
    os.chdir(ROOT)
    from components.pretrain.ray_train import trainer

    trainer.fit(job)


def is_ray_train_worker(process: psutil.Process) -> bool:
    return "RayTrainWorker" in command_line(process)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1])
def test_a_training_on_ray_survives_25_faults_with_the_same_result(
    make_job: MakeJob, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    faults = ["kill_worker"] * 10 + ["kill_driver"] * 5 + ["tear"] * 5 + ["fill_disk"] * 5
    chance.shuffle(faults)
    job, whole = (make_job("multitask", tmp_path / name, **LONG, max_failures=40) for name in ("disturbed", "whole"))
    run = Run(job, chance, lambda: spawned(drive, job), is_ray_train_worker)
    disturb(run, faults, 1, 8)
    logger.info("the training went through %s", dict(run.hits))
    assert run.hits == Counter(faults), run.log()[-3000:]
    run_worker(whole, ignore)
    assert same_model(job, whole)
    assert read_json(job.result) == read_json(whole.result)
