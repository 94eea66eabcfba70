"""The errors of failed trainings, as the user reads them."""

import errno

import torch
from safetensors import SafetensorError

from components import errors
from components.errors import MofiError, SetupError
from components.pretrain.job import Job
from components.pretrain.recipe import make_recipe
from components.storage.json_files import read_json

# Messages of RuntimeErrors from the allocators of the CPU and of CUDA's libraries.
_NO_MEMORY = ("can't allocate memory", "ALLOC_FAILED", "out of memory")
_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


def explain_failure(job: Job, error: Exception) -> MofiError | None:
    """The error as the user is to read it; None for an unforeseen one."""
    if isinstance(error, MofiError):
        return error
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(message in str(error) for message in _NO_MEMORY):
        return _out_of_memory(job, _line(error, 0))
    if (isinstance(error, OSError) and error.errno in _UNWRITABLE) or isinstance(error, SafetensorError):
        return SetupError(
            f"{job.recipe}: {job.work} cannot be written ({_line(error, 0)}); free space or fix its permissions, and run "
            "again: it resumes from the newest checkpoint"
        )
    return None


def _out_of_memory(job: Job, reason: str) -> SetupError:
    """Names fixes that keep finished steps first: checkpoints fit one batch and `negatives`."""
    p = job.parameters
    head = make_recipe(job.recipe, p).uses_classes
    table = ", set pretrain.head_device: cpu" if head and p.head_device != "cpu" and torch.cuda.is_available() else ""
    negatives = f" or pretrain.negatives = {p.negatives}" if head else ""
    return SetupError(
        f"{job.recipe}: memory does not suffice for pretrain.batch = {p.batch} with {p.workers} workers ({reason}). Raise "
        f"pretrain.accumulate = {p.accumulate}, set pretrain.gradient_checkpointing: true{table}, or use more "
        "pretrain.workers on other machines, and run again: it resumes from the newest checkpoint. A lower "
        f"pretrain.batch{negatives} helps too, but is another training and starts from scratch"
    )


def raise_recorded(job: Job) -> None:
    """Raises the error that a worker recorded, if there is one."""
    if job.failure.exists():
        recorded = read_json(job.failure)
        raise getattr(errors, recorded["kind"], MofiError)(recorded["message"])


def failure_to_raise(job: Job, error: Exception) -> Exception:
    """The error to raise for Ray's: the recorded one, one about dead workers, or Ray's own."""
    try:
        raise_recorded(job)
    except MofiError as recorded:
        return recorded
    reason = str(error)
    if "OutOfMemory" in reason or "low on memory" in reason:
        return _out_of_memory(job, "Ray ended the worker")
    startup = getattr(error, "controller_failure", None)
    if type(startup).__name__ in ("WorkerGroupStartupFailedError", "WorkerGroupStartupTimeoutError"):
        return SetupError(
            f"{job.recipe}: Ray could not start {job.parameters.workers} workers ({_line(startup)}); check whether other "
            "work holds the cluster's CPUs (`ray status`), or lower pretrain.workers in params.yaml"
        )
    causes = list(getattr(error, "worker_failures", {}).values())
    if causes and all("died" in str(cause) for cause in causes):
        return SetupError(
            f"{job.recipe}: workers died {job.parameters.max_failures + 1} times, more than pretrain.max_failures allows "
            f"({_line(causes[0])}). If the machine ran out of memory, lower pretrain.batch; running again resumes from the "
            "newest checkpoint"
        )
    return error


def _line(error: object, index: int = -1) -> str:
    """One line of an error's text, of a traceback the last one."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[index].strip()[:300]
