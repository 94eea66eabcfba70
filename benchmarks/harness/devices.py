"""Time and memory on the device that training uses."""

import time

import psutil
import torch


def default_device() -> torch.device:
    """The first GPU, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def timestamp(device: torch.device) -> float:
    """Monotonic seconds, after pending GPU work has finished."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def memory_used(device: torch.device) -> int:
    """Bytes allocated on the GPU, or resident in this process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
