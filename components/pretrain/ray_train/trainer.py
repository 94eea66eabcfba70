"""One training on Ray Train: its workers, and what of their failures the user is told."""

import errno
import logging
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
import torch
from safetensors import SafetensorError

from components import errors
from components.errors import MofiError, SetupError
from components.execution import cluster
from components.pretrain import recipes
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters, sharing
from components.pretrain.step import collectives
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

_RAY_TRAIN = {
    # Its workers are asked this often how they are; Ray's own two seconds are long beside a short training.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A node that is to be taken away is one that dies: checkpoints come often enough not to need a warning.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
# Seconds that workers wait for their CPUs and GPUs. Other work may hold them for a while; but where nodes come and go, Ray may
# count on one that is gone without its knowing yet, and must count anew.
_PLACEMENT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
_PATIENT, _ELASTIC = "600", "30"
# Seconds between looks for nodes that came back; taking them in costs the steps since the last checkpoint.
_LOOKS_EVERY = 60.0
_UNUSED_CALLBACKS = {"PlacementGroupCleanerCallback", "DatasetsCallback"}
_GPU, _CPU = "GPU", "CPU"
_RAY = "ray"
# How allocators of the CPU and of CUDA's libraries say it, in a RuntimeError.
_NO_MEMORY = ("can't allocate memory", "ALLOC_FAILED", "out of memory")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def fit(job: Job) -> None:
    """Runs `job` to its end on as many workers as it wants; a worker that dies is replaced and goes on from a checkpoint.

    Raises:
        MofiError: what a worker raised; such an error is not tried again.
        SetupError: if the cluster has too few CPUs or GPUs, memory does not suffice, or workers die too often.
    """
    for key, value in _RAY_TRAIN.items():
        os.environ.setdefault(key, value)
    from ray.train.v2.api.exceptions import TrainingFailedError

    cluster.connect()
    p = job.parameters
    machines = _machines()
    workers = beginning(machines, p)
    share = cpus_per_worker(machines, workers)
    shutil.rmtree(job.work / _RAY, ignore_errors=True)
    job.failure.unlink(missing_ok=True)
    logger.info("%s: starting %d workers with %d CPUs each", job.recipe, workers, share)
    trainer = _make_trainer(job, p.threads or share, share)
    try:
        with _interrupts_restored(), _placement(_ELASTIC if p.min_workers < p.workers else _PATIENT):
            trainer.fit()
    except TrainingFailedError as error:
        raise _mendable(job, error) from error
    _raise_recorded(job)


def _make_trainer(job: Job, threads: int, cpus: int) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.config import LoggingConfig

    class Trainer(TorchTrainer):  # type: ignore[misc]
        """Without two actors. One would look after a dead driver's workers, but needs Ray's dashboard and outlives the driver;
        the other serves Ray Data, which nothing here uses, and takes a CPU for seconds while the workers start.
        """

        def _create_default_callbacks(self) -> list[Any]:
            callbacks = super()._create_default_callbacks()
            return [c for c in callbacks if type(c).__name__ not in _UNUSED_CALLBACKS]

        def _initialize_and_run_controller(self, **given: Any) -> Any:
            if self.scaling_config.elasticity_enabled:
                from components.pretrain.ray_train.elastic import EvenWorkers

                given["scaling_policy"] = EvenWorkers(self.scaling_config, p.batch)
            return super()._initialize_and_run_controller(**given)

    p = job.parameters
    gpus = _have_gpus(_machines())
    return Trainer(
        _work,
        train_loop_config={"job": job, "threads": threads},
        scaling_config=ScalingConfig(
            num_workers=(p.min_workers, p.workers) if p.min_workers < p.workers else p.workers,
            use_gpu=gpus,
            resources_per_worker={_CPU: cpus} | ({_GPU: 1} if gpus else {}),
            elastic_resize_monitor_interval_s=_LOOKS_EVERY,
        ),
        run_config=RunConfig(
            # Ray would take a name that it has seen for a run to be resumed; our checkpoints are our own.
            name=f"{job.recipe}-{uuid.uuid4().hex[:8]}",
            storage_path=str(job.work / _RAY),
            failure_config=FailureConfig(
                max_failures=job.parameters.max_failures, controller_failure_limit=job.parameters.max_failures
            ),
            # A replaced worker is no error, and what ends a training is raised here, with its traceback if it needs one.
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )


@dataclass(frozen=True)
class Machine:
    """What Ray may give away of a node."""

    cpus: int
    gpus: int = 0


def _have_gpus(machines: Sequence[Machine]) -> bool:
    return any(machine.gpus for machine in machines)


def _places(machines: Sequence[Machine], cpus: int) -> int:
    """How many workers with `cpus` CPUs each find a place; where there are GPUs each takes one."""
    gpus = _have_gpus(machines)
    return sum(min(m.cpus // cpus, m.gpus) if gpus else m.cpus // cpus for m in machines)


def beginning(machines: Sequence[Machine], parameters: PretrainParameters) -> int:
    """Workers to begin with.

    Raises:
        SetupError: if fewer than `min_workers` find a place.
    """
    kind, places = _GPU if _have_gpus(machines) else _CPU, _places(machines, 1)
    count = sharing(parameters.batch, min(parameters.workers, places))
    if count < parameters.min_workers:
        raise SetupError(
            f"pretrain.workers is {parameters.workers} and pretrain.min_workers {parameters.min_workers}, but the Ray cluster "
            f"has {places} {kind}s; lower them in params.yaml"
        )
    if count < parameters.workers:
        logger.warning(
            "pretrain.workers is %d, but the Ray cluster has %d %ss: training begins with %d workers, which share the batch",
            parameters.workers,
            places,
            kind,
            count,
        )
    return count


def cpus_per_worker(machines: Sequence[Machine], workers: int) -> int:
    """The most CPUs, at least one, that each of `workers` can have where it finds a place."""
    shares = range(max((m.cpus for m in machines), default=1), 1, -1)
    return next((share for share in shares if _places(machines, share) >= workers), 1)


def _machines() -> list[Machine]:
    alive = (node["Resources"] for node in ray.nodes() if node["Alive"])
    return [Machine(int(has.get(_CPU, 0)), int(has.get(_GPU, 0))) for has in alive]


@contextmanager
def _placement(seconds: str) -> Iterator[None]:
    """What the user has set stays; the next training in this process may want another time."""
    if _PLACEMENT in os.environ:
        yield
        return
    os.environ[_PLACEMENT] = seconds
    try:
        yield
    finally:
        del os.environ[_PLACEMENT]


def _work(config: dict[str, Any]) -> None:
    """In each worker. An error that the user must mend is recorded, so that a replaced worker does not meet it again."""
    import ray.train

    from components.pretrain.ray_train.lock import work_folder_lock
    from components.pretrain.training.loop import run_worker

    job: Job = config["job"]
    rank, workers = collectives.rank(), collectives.world_size()
    # Ray's own modules tell of every report at this level; the operator wants one line every few seconds.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("components").setLevel(logging.INFO)
    if job.failure.exists():
        return
    try:
        torch.set_num_threads(config["threads"])
        with work_folder_lock(job.work, rank):
            run_worker(job, ray.train.report)
    except Exception as error:
        known = explain(job, error)
        if known is None:
            logger.warning("%s: worker %d of %d failed: %s: %s", job.recipe, rank, workers, type(error).__name__, error)
            raise
        write_json(job.failure, {"kind": type(known).__name__, "message": str(known)})
        # Others may wait for this worker; only an error makes Ray end them. One worker alone can simply stop.
        if workers > 1:
            raise


def explain(job: Job, error: Exception) -> MofiError | None:
    """The error as the user is to read it, or None for one that nobody foresaw."""
    if isinstance(error, MofiError):
        return error
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in str(error) for sign in _NO_MEMORY):
        return _out_of_memory(job, _line(error, 0))
    if (isinstance(error, OSError) and error.errno in _FULL) or isinstance(error, SafetensorError):
        return SetupError(
            f"{job.recipe}: {job.work} cannot be written ({_line(error, 0)}); make room or mend its rights, and run it again: "
            "it goes on from the newest checkpoint"
        )
    return None


def _out_of_memory(job: Job, told: str) -> SetupError:
    """First what keeps the steps that are done, since a checkpoint is of one batch and one number of negatives."""
    p = job.parameters
    head = recipes.make(job.recipe, p).uses_classes
    table = ", set pretrain.head_device: cpu" if head and p.head_device != "cpu" and torch.cuda.is_available() else ""
    negatives = f" or pretrain.negatives = {p.negatives}" if head else ""
    return SetupError(
        f"{job.recipe}: memory does not suffice for pretrain.batch = {p.batch} with {p.workers} workers ({told}). Raise "
        f"pretrain.accumulate = {p.accumulate}, set pretrain.gradient_checkpointing: true{table}, or use more "
        "pretrain.workers on other machines, and run it again: it goes on from the newest checkpoint. A lower "
        f"pretrain.batch{negatives} helps too, but is another training and begins anew"
    )


def _raise_recorded(job: Job) -> None:
    if job.failure.exists():
        recorded = read_json(job.failure)
        raise getattr(errors, recorded["kind"], MofiError)(recorded["message"])


def _mendable(job: Job, error: Exception) -> Exception:
    """What to raise for Ray's own error: the recorded one, or one about dead workers, or Ray's with its traceback."""
    try:
        _raise_recorded(job)
    except MofiError as recorded:
        return recorded
    told = str(error)
    if "OutOfMemory" in told or "low on memory" in told:
        return _out_of_memory(job, "Ray ended the worker")
    startup = getattr(error, "controller_failure", None)
    if type(startup).__name__ in ("WorkerGroupStartupFailedError", "WorkerGroupStartupTimeoutError"):
        return SetupError(
            f"{job.recipe}: Ray could not start {job.parameters.workers} workers ({_line(startup)}); see whether other work "
            "holds the cluster's CPUs (`ray status`), or lower pretrain.workers in params.yaml"
        )
    causes = list(getattr(error, "worker_failures", {}).values())
    if causes and all("died" in str(cause) for cause in causes):
        return SetupError(
            f"{job.recipe}: workers died {job.parameters.max_failures + 1} times, more than pretrain.max_failures allows "
            f"({_line(causes[0])}). If the machine ran out of memory, lower pretrain.batch; running it again goes on from the "
            "newest checkpoint"
        )
    return error


def _line(error: object, which: int = -1) -> str:
    """One line of an error's text; the last is what happened where the text is a traceback."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[which].strip()[:300]


@contextmanager
def _interrupts_restored() -> Iterator[None]:
    """Ray Train leaves its own handler of Ctrl-C behind, which ends a later stage as if it had succeeded."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
