"""Time and memory on the device that trainings would use."""

import time

import psutil
import torch


def chosen() -> torch.device:
    """The first GPU, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def now(device: torch.device) -> float:
    """Seconds of a clock that only runs on; what a GPU was given to do is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def used(device: torch.device) -> int:
    """Bytes that tensors hold on a GPU, or this process in memory."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
