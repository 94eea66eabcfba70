"""How many workers a cluster holds, and how its CPUs are shared."""

import pytest

from components.errors import SetupError
from components.pretrain.ray_train.nodes import NodeResources, cpus_per_worker, initial_workers
from tests.pretrain.conftest import MakeParameters


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [([2], 1, 2), ([8], 3, 2), ([4, 4], 2, 4), ([4, 4], 3, 2), ([5, 3], 2, 3), ([3, 3], 1, 3), ([2, 2], 4, 1)],
)
def test_each_worker_gets_as_many_cpus_as_all_can_have(nodes: list[int], workers: int, expected: int) -> None:
    assert cpus_per_worker([NodeResources(cpus) for cpus in nodes], workers) == expected
    assert sum(cpus // expected for cpus in nodes) >= workers


@pytest.mark.parametrize(
    ("nodes", "workers", "expected"),
    [
        ([NodeResources(64), NodeResources(16, 1), NodeResources(16, 1)], 2, 16),
        ([NodeResources(128, 4), NodeResources(32, 4)], 8, 8),
        ([NodeResources(128, 4), NodeResources(32, 4)], 4, 32),
        ([NodeResources(12, 8)], 8, 1),
    ],
)
def test_with_gpus_only_the_cpus_of_their_nodes_count(nodes: list[NodeResources], workers: int, expected: int) -> None:
    assert cpus_per_worker(nodes, workers) == expected


@pytest.mark.parametrize(
    ("nodes", "workers", "count"),
    [
        ([NodeResources(8)], 4, 4),
        ([NodeResources(3)], 4, 2),
        ([NodeResources(1), NodeResources(2)], 4, 2),
        ([NodeResources(8, 3)], 4, 2),
        ([NodeResources(8, 1), NodeResources(8)], 4, 1),
        ([NodeResources(2, 8), NodeResources(64)], 4, 2),
        ([NodeResources(64)], 8, 8),
    ],
)
def test_a_training_starts_with_as_many_workers_as_fit_and_divide_the_batch(
    make_parameters: MakeParameters, nodes: list[NodeResources], workers: int, count: int
) -> None:
    assert initial_workers(nodes, make_parameters(workers=workers)) == count


def test_fewer_than_min_workers_is_an_error(make_parameters: MakeParameters) -> None:
    with pytest.raises(SetupError, match=r"pretrain.workers is 8 and pretrain.min_workers 4, but .* has 3 CPUs"):
        initial_workers([NodeResources(3)], make_parameters(workers=8, min_workers=4))


@pytest.mark.parametrize(("workers", "choice"), [(3, "2 or 4"), (7, "4 or 8"), (99, "8 or 8")])
def test_workers_that_do_not_divide_the_batch_are_refused(
    make_parameters: MakeParameters, workers: int, choice: str
) -> None:
    with pytest.raises(ValueError, match=rf"does not divide batch = 8; choose {choice} workers"):
        make_parameters(workers=workers)


def test_min_workers_above_workers_is_refused(make_parameters: MakeParameters) -> None:
    with pytest.raises(ValueError, match="min_workers is 2, more than workers, which is 1"):
        make_parameters(min_workers=2)
