"""How CPUs are shared, and what a user is told of failures."""

from pathlib import Path

import pytest
import torch

from components.errors import InputError, MofiError, SetupError
from components.pretrain.workers import cpus_per_worker, explain
from tests.pretrain.conftest import MakeJob


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


def test_memory_that_does_not_suffice_names_the_batch(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55)
    for error in (caught.value, MemoryError()):
        known = explain(make_job("clip", tmp_path), error)
        assert isinstance(known, SetupError)
        assert "clip: memory does not suffice for pretrain.batch = 8" in str(known)


def test_an_error_that_the_user_can_mend_stays_as_it_is(make_job: MakeJob, tmp_path: Path) -> None:
    error = InputError("x is missing")
    assert explain(make_job("clip", tmp_path), error) is error
    assert explain(make_job("clip", tmp_path), MofiError("y")) is not None


def test_an_error_that_nobody_foresaw_is_not_explained_away(make_job: MakeJob, tmp_path: Path) -> None:
    assert explain(make_job("clip", tmp_path), ZeroDivisionError("division by zero")) is None
