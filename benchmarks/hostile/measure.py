"""Measures one read in a process of its own."""

import contextlib
import ctypes
import gc
import logging
import multiprocessing
import resource
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.hostile.case import MEGABYTE, Cost

# A process that takes more is ended: nothing that is within bounds comes near.
_CPU_SECONDS, _MEMORY = 120, 12 << 30
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measure(reader: str, path: Path) -> Cost:
    """What it costs the reader to read a file, in a fresh process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.hostile.readers"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(reader, path, theirs))
    process.start()
    theirs.close()
    try:
        seconds, megabytes, outcome = ours.recv()
    except EOFError:
        process.join()
        seconds, megabytes, outcome = float("inf"), float("inf"), f"ended with exit code {process.exitcode}"
    process.join()
    return Cost(path.stat().st_size, seconds, megabytes, outcome)


def _run(name: str, path: Path, answer: Connection) -> None:
    from benchmarks.hostile.ordinary import ordinary
    from benchmarks.hostile.readers import READERS

    logging.disable(logging.CRITICAL)
    reader = READERS[name]
    with TemporaryDirectory() as folder:
        usual = Path(folder) / f"usual{reader.ending}"
        usual.write_bytes(ordinary(name))
        reader.read(usual.read_bytes() if reader.of_bytes else usual)
    given = path.read_bytes() if reader.of_bytes else path
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with measured() as cost:
        outcome = _outcome(reader.read, given)
    answer.send((cost["seconds"], cost["megabytes"], outcome))


def _outcome(read: Any, given: Any) -> str:
    try:
        return str(read(given))
    except Exception as error:  # noqa: BLE001 - whatever it raises is what came of it
        return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def measured() -> Iterator[dict[str, float]]:
    """CPU time and peak memory of the block, with the processes that it starts and waits for."""
    cost: dict[str, float] = {}
    _give_back()
    _RESET.write_text("5")  # the peak becomes what the process has now
    idle, others = _memory("VmRSS"), resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.process_time()
    try:
        yield cost
    finally:
        seconds = time.process_time() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds += after.ru_utime + after.ru_stime - others.ru_utime - others.ru_stime
        started = after.ru_maxrss * 1024 if after.ru_maxrss > others.ru_maxrss else 0
        cost["seconds"], cost["megabytes"] = seconds, (_memory("VmHWM") - idle + started) / MEGABYTE


def _give_back() -> None:
    """What is free but still resident would be used again, and not be seen as a cost."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _memory(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
