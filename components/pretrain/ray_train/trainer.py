"""Runs one training on Ray Train."""

import logging
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from components.execution import cluster
from components.pretrain.job import Job
from components.pretrain.ray_train.failures import explain_failure, failure_to_raise, raise_recorded
from components.pretrain.ray_train.nodes import CPU, GPU, alive_nodes, cpus_per_worker, have_gpus, initial_workers
from components.pretrain.step import collectives
from components.storage.json_files import write_json

logger = logging.getLogger(__name__)

_RAY_TRAIN = {
    # Ray's default of two seconds is long for a short training.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A preempted node counts as dead: checkpoints are frequent enough not to need a warning.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
# Seconds that workers wait for their CPUs and GPUs, which other work may hold for a while. When
# nodes come and go, Ray may count on one that is gone, and must be made to count again.
_PLACEMENT_VARIABLE = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
_PLACEMENT_SECONDS, _ELASTIC_PLACEMENT_SECONDS = "600", "30"
# Seconds between checks for new nodes; adding one costs the steps since the last checkpoint.
_RESIZE_INTERVAL = 60.0
_UNUSED_CALLBACKS = {"PlacementGroupCleanerCallback", "DatasetsCallback"}
_RAY = "ray"


def fit(job: Job) -> None:
    """Runs `job` to its end; a worker that dies is replaced and resumes from a checkpoint.

    Raises:
        MofiError: as a worker raised it; such errors are not retried.
        SetupError: if the cluster has too few CPUs or GPUs, memory does not suffice, or workers die
            too often.
    """
    for key, value in _RAY_TRAIN.items():
        os.environ.setdefault(key, value)
    from ray.train.v2.api.exceptions import TrainingFailedError

    cluster.connect()
    p = job.parameters
    nodes = alive_nodes()
    workers = initial_workers(nodes, p)
    cpus = cpus_per_worker(nodes, workers)
    shutil.rmtree(job.work / _RAY, ignore_errors=True)
    job.failure.unlink(missing_ok=True)
    logger.info("%s: starting %d workers with %d CPUs each", job.recipe, workers, cpus)
    trainer = _make_trainer(job, p.threads or cpus, cpus)
    timeout = _ELASTIC_PLACEMENT_SECONDS if p.min_workers < p.workers else _PLACEMENT_SECONDS
    try:
        with (
            _interrupts_restored(),
            _placement_timeout(timeout),
        ):
            trainer.fit()
    except TrainingFailedError as error:
        raise failure_to_raise(job, error) from error
    raise_recorded(job)


def _make_trainer(job: Job, threads: int, cpus: int) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.config import LoggingConfig

    class Trainer(TorchTrainer):  # type: ignore[misc]
        """Without two of Ray's actors.

        One cleans up after a dead driver, but needs Ray's dashboard and outlives the driver; the
        other serves Ray Data, which is not used here, and takes a CPU while the workers start.
        """

        def _create_default_callbacks(self) -> list[Any]:
            callbacks = super()._create_default_callbacks()
            return [c for c in callbacks if type(c).__name__ not in _UNUSED_CALLBACKS]

        def _initialize_and_run_controller(self, **kwargs: Any) -> Any:
            if self.scaling_config.elasticity_enabled:
                from components.pretrain.ray_train.scaling_policy import EvenSplitPolicy

                kwargs["scaling_policy"] = EvenSplitPolicy(self.scaling_config, p.batch)
            return super()._initialize_and_run_controller(**kwargs)

    p = job.parameters
    gpus = have_gpus(alive_nodes())
    return Trainer(
        _train_worker,
        train_loop_config={"job": job, "threads": threads},
        scaling_config=ScalingConfig(
            num_workers=(p.min_workers, p.workers) if p.min_workers < p.workers else p.workers,
            use_gpu=gpus,
            resources_per_worker={CPU: cpus} | ({GPU: 1} if gpus else {}),
            elastic_resize_monitor_interval_s=_RESIZE_INTERVAL,
        ),
        run_config=RunConfig(
            # A known name would make Ray resume that run; this code has its own checkpoints.
            name=f"{job.recipe}-{uuid.uuid4().hex[:8]}",
            storage_path=str(job.work / _RAY),
            failure_config=FailureConfig(
                max_failures=job.parameters.max_failures, controller_failure_limit=job.parameters.max_failures
            ),
            # A replaced worker is not an error; the error that ends a training is raised here.
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )


@contextmanager
def _placement_timeout(seconds: str) -> Iterator[None]:
    """Sets Ray's timeout unless the user has, for this training only."""
    if _PLACEMENT_VARIABLE in os.environ:
        yield
        return
    os.environ[_PLACEMENT_VARIABLE] = seconds
    try:
        yield
    finally:
        del os.environ[_PLACEMENT_VARIABLE]


def _train_worker(config: dict[str, Any]) -> None:
    """Runs in each worker. Records an error that the user must fix, to avoid retries."""
    import ray.train

    from components.pretrain.ray_train.lock import work_folder_lock
    from components.pretrain.training.loop import run_worker

    job: Job = config["job"]
    rank, workers = collectives.rank(), collectives.world_size()
    # Ray's modules log every report at INFO; the operator wants one line every few seconds.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("components").setLevel(logging.INFO)
    if job.failure.exists():
        return
    try:
        torch.set_num_threads(config["threads"])
        with work_folder_lock(job.work, rank):
            run_worker(job, ray.train.report)
    except Exception as error:
        known = explain_failure(job, error)
        if known is None:
            logger.warning("%s: worker %d of %d failed: %s: %s", job.recipe, rank, workers, type(error).__name__, error)
            raise
        write_json(job.failure, {"kind": type(known).__name__, "message": str(known)})
        # Other workers may wait for this one; only an error makes Ray stop them.
        if workers > 1:
            raise


@contextmanager
def _interrupts_restored() -> Iterator[None]:
    """Removes Ray Train's Ctrl-C handler, with which a later stage would exit as a success."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
