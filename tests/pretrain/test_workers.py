"""How CPUs are shared, and what a user is told of failures."""

import pytest

from components.errors import SetupError
from components.pretrain.workers import cpus_per_worker


@pytest.mark.parametrize(
    ("nodes", "workers", "share"),
    [([2], 1, 2), ([8], 3, 2), ([4, 4], 2, 4), ([4, 4], 3, 2), ([5, 3], 2, 3), ([3, 3], 1, 3), ([2, 2], 4, 1)],
)
def test_each_worker_gets_as_many_cpus_as_all_can_have_on_their_machines(
    nodes: list[int], workers: int, share: int
) -> None:
    assert cpus_per_worker(nodes, workers) == share
    assert sum(cpus // share for cpus in nodes) >= workers


def test_more_workers_than_cpus_is_an_error() -> None:
    with pytest.raises(SetupError, match=r"pretrain.workers is 5, but the Ray cluster has 4 CPUs"):
        cpus_per_worker([2, 2], 5)
