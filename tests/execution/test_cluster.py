"""Joining Ray: the cluster that the environment names, or one of this machine's own."""

import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
import ray

from components.errors import SetupError
from components.execution import cluster
from tests import ROOT


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has no Ray yet."""
    monkeypatch.setattr(ray, "is_initialized", lambda: False)


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "nonsense", "[::1]:{port}"])
def test_a_cluster_that_does_not_answer_is_named_at_once(
    apart: None, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = address.format(port=probe.getsockname()[1])
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(SetupError) as caught:
        cluster.connect()
    assert f"RAY_ADDRESS={address} " in str(caught.value)
    assert "unset RAY_ADDRESS" in str(caught.value)


@pytest.mark.parametrize("address", ["", "auto", "local", "host-without-port"])
def test_addresses_without_a_port_are_left_to_ray(address: str) -> None:
    cluster.check(address)


def test_connecting_twice_is_connecting_once(ray_cluster: None) -> None:
    before = ray.get_runtime_context().get_job_id()
    cluster.connect()
    assert ray.get_runtime_context().get_job_id() == before


def test_usage_reports_are_off(ray_cluster: None) -> None:
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_worker_imports_the_project(ray_cluster: None) -> None:
    @ray.remote(num_cpus=0.1)
    def where() -> str:
        import components

        return str(components.__file__)

    import components

    assert ray.get(where.remote()) == str(components.__file__)


def test_nothing_outside_this_machine_reaches_a_cluster_of_our_own(ray_cluster: None) -> None:
    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = {c.laddr.ip for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def test_a_shared_cluster_is_named_to_child_processes_until_it_is_left(
    ray_cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cluster.share()
    assert os.environ["RAY_ADDRESS"] == ray.get_runtime_context().gcs_address
    code = "from components.execution import cluster; import ray; cluster.connect(); print(ray.get_runtime_context().gcs_address)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert child.stdout.split()[-1] == os.environ["RAY_ADDRESS"]


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_temporary_folder_with_too_long_a_name_is_named_before_ray_starts(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / ("x" * 99)))
    with pytest.raises(SetupError, match=r"xxx has too long a name for Ray.*TMPDIR \(or RAY_TMPDIR\) to a shorter one"):
        cluster._start()


def test_the_longest_temporary_folder_that_ray_can_use_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private.utils import validate_socket_filepath

    most = cluster._LONGEST_SOCKET - len(cluster._SOCKET.format(os.getpid()))
    for length, fits in ((most, True), (most + 1, False)):
        folder = "/" + "x" * (length - 1)
        monkeypatch.setenv("RAY_TMPDIR", folder)
        with nullcontext() if fits else pytest.raises(SetupError):
            cluster._check_temporary_folder()
        with nullcontext() if fits else pytest.raises(OSError, match="AF_UNIX"):
            validate_socket_filepath(folder + cluster._SOCKET.format(os.getpid()))


def test_what_a_failed_start_left_is_ended_with_its_own_children_and_nothing_else() -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '1000']); print('begun', flush=True); input()"
    spared = subprocess.Popen(["sleep", "1000"])
    before = set(psutil.Process().children())
    left = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert left.stdout is not None
    assert left.stdout.readline() == "begun\n"
    cluster._end_children(before)
    assert left.stdout.read() == ""  # returns when the grandchild, which holds it too, has ended
    assert spared.poll() is None
    spared.kill()
    spared.wait()
