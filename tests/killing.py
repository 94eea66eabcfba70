"""Functions in processes of their own that die by SIGKILL at a given moment, as in a power cut."""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"})

_context = get_context("forkserver")
_context.set_forkserver_preload(["components.execution.shard_map", "components.knowledge.build.build", "tests.killing"])


def killed_before(change: int, function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether it was killed just before its n-th change of the file system; False if it ended."""
    return _ends_by_kill(_until_change, change, function, arguments)


def killed_in_call(name: str, call: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether it was killed at the n-th call of `name`; it runs in `folder` and joins this Ray."""
    import ray

    address = ray.get_runtime_context().gcs_address
    return _ends_by_kill(_until_call, name, call, folder, address, function, arguments)


def with_one_worker(folder: Path, function: Callable[..., Any], *arguments: Any) -> None:
    """Runs the function in a process in `folder`, with a Ray of its own with a single CPU."""
    process = _context.Process(target=_alone, args=(folder, function, arguments))
    process.start()
    process.join()
    assert process.exitcode == 0


def _ends_by_kill(target: Callable[..., None], *arguments: Any) -> bool:
    process = _context.Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"the function failed: {arguments[:2]}"
    return process.exitcode == -signal.SIGKILL


def _until_change(change: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    seen = count(1)

    def hook(event: str, details: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and next(seen) == change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    function(*arguments)


def _until_call(
    name: str, call: int, folder: Path, address: str, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ["RAY_ADDRESS"] = address
    os.chdir(folder)
    module, _, attribute = name.rpartition(".")
    original, seen = getattr(import_module(module), attribute), count(1)

    def dying(*given: Any) -> Any:
        if next(seen) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given)

    setattr(import_module(module), attribute, dying)
    function(*arguments)


def _alone(folder: Path, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    import ray

    os.environ.pop("RAY_ADDRESS", None)
    os.chdir(folder)
    ray.init(num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=100 * 1024**2)
    function(*arguments)
