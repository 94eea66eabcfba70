"""Joins the Ray cluster that the environment names, or starts one on this machine."""

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import ray

from components.errors import SetupError
from components.execution import cpu_environment, watchdog
from components.redaction import show_url

logger = logging.getLogger(__name__)

# No telemetry, no colours in worker logs, and version 2 of Ray Train, which recipes rely on.
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_COLOR_PREFIX": "0",
    "RAY_DEDUP_LOGS": "1",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # If several tasks fail at once, the first error ends the stage; no tracebacks of the others.
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
}
# Keeps a worker's memory flat over thousands of tasks: Arrow's own allocator holds some 30 MB more
# than the C library's, which gives threads pools of their own, in which every task leaves
# something.
_WORKERS = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2"}
_PATIENCE = 10.0  # seconds
_STARTS = 4
# What Ray says where this machine was slower than it waits, which may be another time.
_SLOW_STARTS = ("timed out", "took too long", "failed to start", "not become available", "no node info")
# The longest address of a socket, in bytes, and what Ray appends to its folder to make one.
_LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
_SOCKET = "/ray/session_2000-01-01_00-00-00_000000_{}/sockets/plasma_store"


def connect() -> None:
    """Joins `RAY_ADDRESS` if it is set, else starts a local Ray (once per process).

    The object store is small: shards travel as files. Only blocks of a stream are objects, two per
    CPU at a time.

    Raises:
        SetupError: if no Ray answers at `RAY_ADDRESS`.
    """
    if ray.is_initialized():
        return
    for key, value in (RAY_ENVIRONMENT | cpu_environment.ENVIRONMENT).items():
        os.environ.setdefault(key, value)
    # Ray says at every start that its cluster asks for a token. That is as it should be.
    logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
    address = os.environ.get("RAY_ADDRESS")
    if not address or address.startswith("127.0.0.1:"):
        _stay_on_loopback()
    if address:
        check(address)
        runtime = {"env_vars": _worker_environment()}
        try:
            ray.init(address=address, runtime_env=runtime, log_to_driver=True, logging_level=logging.WARNING)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _silent(address, error) from error
        logger.info("joined the Ray cluster at %s", show_url(address))
    else:
        _start()
        logger.info("started Ray on this machine with %s CPUs", int(ray.cluster_resources().get("CPU", 0)))


def _start() -> None:
    """Starts Ray on this machine. Ray gives each start 30 seconds, which a busy machine may exceed.

    Raises:
        SetupError: if it does so again and again, or cannot start at all.
    """
    _check_temporary_folder()
    watchdog.start()
    for _ in range(_STARTS):
        before = set(psutil.Process().children())
        try:
            with _environment(_worker_environment()):
                ray.init(
                    address="local",  # never a cluster that somebody else started here
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",  # nothing outside this machine is to reach it
                    object_store_memory=max(256, 32 * (os.cpu_count() or 1)) * 1024**2,
                    logging_level=logging.WARNING,
                )
        except Exception as error:
            ray.shutdown()
            _end_children(before)
            if not any(words in str(error).lower() for words in _SLOW_STARTS):
                said = str(error).strip().splitlines()
                raise SetupError(
                    f"Ray could not start ({type(error).__name__}: {said[0] if said else 'no reason given'}); `mofi -v` and the "
                    f"logs below {_temporary_folder()}/ray say more"
                ) from error
            logger.warning("Ray took too long to start; trying again")
        else:
            return
    raise SetupError(
        f"Ray could not start in {_STARTS} attempts of 30 seconds: this machine is too busy; end other work and run it again"
    )


def _end_children(spared: set[psutil.Process]) -> None:
    """Ends what a failed start left, which would make the next one slower."""
    left = [child for child in psutil.Process().children() if child not in spared]
    for child in left:
        for process in (*_below(child), child):
            with suppress(psutil.Error):
                process.kill()
    psutil.wait_procs(left, timeout=_PATIENCE)


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []


def _temporary_folder() -> str:
    """Where Ray keeps its sockets and logs."""
    return os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - Ray's own default


def _check_temporary_folder() -> None:
    folder = _temporary_folder()
    socket_name = folder + _SOCKET.format(os.getpid())
    if len(os.fsencode(socket_name)) > _LONGEST_SOCKET:
        raise SetupError(
            f"the temporary folder {folder} has too long a name for Ray, whose sockets lie below it; set TMPDIR (or "
            "RAY_TMPDIR) to a shorter one, such as /tmp"
        )
    if Path(folder).exists() and not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(
            f"the temporary folder {folder} cannot be written, and Ray needs it; make it writable, or set TMPDIR (or RAY_TMPDIR) "
            "to another one"
        )


def _worker_environment() -> dict[str, str]:
    """What a Ray worker needs: the driver's code, installed or not, and fast CPUs."""
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    variables = {key: os.environ.get(key, value) for key, value in (cpu_environment.ENVIRONMENT | _WORKERS).items()}
    return {"PYTHONPATH": paths} | variables


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets variables for the processes that start meanwhile, which are Ray's idle workers.

    If Ray itself set them, it would start other workers, and only when there is work.
    """
    before = {key: os.environ.get(key) for key in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _stay_on_loopback() -> None:
    """Keeps Ray from listening on the machine's public address when it is given 127.0.0.1."""
    from ray._private import ray_constants

    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"  # for the processes that Ray starts
    ray_constants.ENABLE_RAY_CLUSTER = False  # for this one, which has read it


def check(address: str) -> None:
    """Checks that `[ray://]HOST:PORT` answers; Ray would try for minutes. Other forms pass.

    Raises:
        SetupError: if nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise _silent(address, error) from None


def _silent(address: str, error: Exception) -> SetupError:
    return SetupError(
        f"no Ray cluster answers at RAY_ADDRESS={show_url(address)} ({error}); start it, or unset RAY_ADDRESS to use this machine"
    )


def share() -> None:
    """Lets child processes join the Ray of this process (through `RAY_ADDRESS`)."""
    connect()
    os.environ.setdefault("RAY_ADDRESS", ray.get_runtime_context().gcs_address)


def cpus() -> int:
    """The CPUs of the cluster that this process has joined."""
    return int(ray.cluster_resources().get("CPU", 1))


def leave() -> None:
    """Ends the Ray that this process started, or leaves the one that it joined."""
    if ray.is_initialized():
        if os.environ.get("RAY_ADDRESS") == ray.get_runtime_context().gcs_address:
            del os.environ["RAY_ADDRESS"]
        ray.shutdown()
