"""Fixtures that more than one room uses."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One Ray for the whole test session: its start is the slow part."""
    import ray

    from components import cluster

    os.environ.pop("RAY_ADDRESS", None)
    cluster.connect()
    yield
    ray.shutdown()
