"""How CPUs are shared, and what a user is told of failures."""

from pathlib import Path

import pytest
import torch

from components.errors import InputError, MofiError, SetupError
from components.pretrain.ray_train.trainer import Machine, beginning, cpus_per_worker, explain
from tests.pretrain.conftest import MakeJob, MakeParameters


@pytest.mark.parametrize(
    ("nodes", "workers", "share"),
    [([2], 1, 2), ([8], 3, 2), ([4, 4], 2, 4), ([4, 4], 3, 2), ([5, 3], 2, 3), ([3, 3], 1, 3), ([2, 2], 4, 1)],
)
def test_each_worker_gets_as_many_cpus_as_all_can_have_on_their_machines(
    nodes: list[int], workers: int, share: int
) -> None:
    assert cpus_per_worker([Machine(cpus) for cpus in nodes], workers) == share
    assert sum(cpus // share for cpus in nodes) >= workers


@pytest.mark.parametrize(
    ("machines", "workers", "share"),
    [
        ([Machine(64), Machine(16, 1), Machine(16, 1)], 2, 16),
        ([Machine(128, 4), Machine(32, 4)], 8, 8),
        ([Machine(128, 4), Machine(32, 4)], 4, 32),
        ([Machine(12, 8)], 8, 1),
    ],
)
def test_where_there_are_gpus_only_their_machines_cpus_count(machines: list[Machine], workers: int, share: int) -> None:
    assert cpus_per_worker(machines, workers) == share


@pytest.mark.parametrize(
    ("machines", "workers", "count"),
    [
        ([Machine(8)], 4, 4),
        ([Machine(3)], 4, 2),
        ([Machine(1), Machine(2)], 4, 2),
        ([Machine(8, 3)], 4, 2),
        ([Machine(8, 1), Machine(8)], 4, 1),
        ([Machine(2, 8), Machine(64)], 4, 2),
        ([Machine(64)], 8, 8),
    ],
)
def test_a_training_begins_with_as_many_workers_as_find_a_place_and_share_the_batch(
    make_parameters: MakeParameters, machines: list[Machine], workers: int, count: int
) -> None:
    assert beginning(machines, make_parameters(workers=workers)) == count


def test_fewer_than_the_least_is_an_error(make_parameters: MakeParameters) -> None:
    with pytest.raises(SetupError, match=r"pretrain.workers is 8 and pretrain.min_workers 4, but .* has 3 CPUs"):
        beginning([Machine(3)], make_parameters(workers=8, min_workers=4))


@pytest.mark.parametrize(("workers", "choice"), [(3, "2 or 4"), (7, "4 or 8"), (99, "8 or 8")])
def test_workers_that_do_not_divide_the_batch_are_refused(
    make_parameters: MakeParameters, workers: int, choice: str
) -> None:
    with pytest.raises(ValueError, match=rf"does not divide batch = 8; choose {choice} workers"):
        make_parameters(workers=workers)


def test_more_workers_at_least_than_at_most_are_refused(make_parameters: MakeParameters) -> None:
    with pytest.raises(ValueError, match="min_workers is 2, more than workers, which is 1"):
        make_parameters(min_workers=2)


def test_a_full_disk_is_named(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, Path("/dev/full").open("w") as full:
        full.write("x")
    known = explain(make_job("clip", tmp_path), caught.value)
    assert isinstance(known, SetupError)
    assert "cannot be written ([Errno 28] No space left on device); make room" in str(known)


def test_memory_that_does_not_suffice_names_the_batch(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55)
    cublas = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    for error in (caught.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), cublas):
        known = explain(make_job("clip", tmp_path), error)
        assert isinstance(known, SetupError)
        assert "clip: memory does not suffice for pretrain.batch = 8 with 1 workers (" in str(known)
    known = explain(make_job("supervised", tmp_path / "head"), MemoryError())
    assert "A lower pretrain.batch or pretrain.negatives = 100 helps too, but is another training" in str(known)


def test_an_error_that_the_user_can_mend_stays_as_it_is(make_job: MakeJob, tmp_path: Path) -> None:
    error = InputError("x is missing")
    assert explain(make_job("clip", tmp_path), error) is error
    assert explain(make_job("clip", tmp_path), MofiError("y")) is not None


def test_an_error_that_nobody_foresaw_is_not_explained_away(make_job: MakeJob, tmp_path: Path) -> None:
    assert explain(make_job("clip", tmp_path), ZeroDivisionError("division by zero")) is None
