"""Fixtures that more than one room uses."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.endpoint import Endpoint, serve_s3

# The same examples in every run: new ones would fail at random, in an unrelated clone.
hypothesis.settings.register_profile("same-examples", derandomize=True)
hypothesis.settings.load_profile("same-examples")


# What `pytest -n` runs in one process, by the fixtures that make it once for a process.
_SHARED = {"ray": {"ray_cluster", "two_nodes"}, "samples": {"modules"}}


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Names of cases in which every process agrees: gzip writes the time into its bytes."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return f"{argname} of {len(val)} bytes"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups for `pytest -n`, and tests marked `gpu` are skipped where there is none."""
    groups = _groups(items)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.path]))
    items.sort(key=lambda item: groups[item.path] != "ray")  # the longest group begins first
    _skip_without_gpu(items)


def _groups(items: list[pytest.Item]) -> dict[Path, str]:
    """File → its group: what shares something expensive, or the file alone."""
    groups: dict[Path, str] = {}
    for item in items:
        needed = set(getattr(item, "fixturenames", ()))
        shared = next((name for name, fixtures in _SHARED.items() if needed & fixtures), None)
        if shared or item.path not in groups:
            groups[item.path] = shared or str(item.path)
    return groups


def _skip_without_gpu(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command that a test runs sends the process's log to the stream that this test captures."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One Ray for the whole test session: its start is the slow part."""
    import ray

    from components.execution import cluster

    os.environ.pop("RAY_ADDRESS", None)
    cluster.connect()
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """One S3 endpoint for the whole test session; who uses it takes a prefix of its own."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as served:
        yield served


@pytest.fixture
def s3(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """This process may use the endpoint; libraries' cached credentials are cleared."""
    from s3fs import S3FileSystem

    from components.storage.s3 import _client

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in endpoint.environment.items():
        monkeypatch.setenv(name, value)
    for forget in (_client.cache_clear, S3FileSystem.clear_instance_cache):
        forget()
    yield endpoint
    for forget in (_client.cache_clear, S3FileSystem.clear_instance_cache):
        forget()


@pytest.fixture(scope="module")
def two_nodes(endpoint: Endpoint) -> Iterator[str]:
    """Two nodes of one CPU each on this machine, which know the endpoint."""
    from ray.cluster_utils import Cluster

    from components.execution import cluster

    cluster._stay_on_loopback()
    node = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (cluster.RAY_ENVIRONMENT | endpoint.environment).items():
            patch.setenv(name, value)
        nodes = Cluster(initialize_head=True, head_node_args=node | {"include_dashboard": False})
        nodes.add_node(**node)
    yield nodes.address
    nodes.shutdown()
