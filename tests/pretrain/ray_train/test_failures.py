"""Failures as the user reads them."""

from pathlib import Path

import pytest
import torch

from components.errors import InputError, MofiError, SetupError
from components.pretrain.ray_train.failures import explain_failure
from tests.pretrain.conftest import MakeJob


def test_a_full_disk_is_named(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, Path("/dev/full").open("w") as full:
        full.write("x")
    known = explain_failure(make_job("clip", tmp_path), caught.value)
    assert isinstance(known, SetupError)
    assert "cannot be written ([Errno 28] No space left on device); free space" in str(known)


def test_running_out_of_memory_names_the_batch(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 55)
    cublas = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    for error in (caught.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), cublas):
        known = explain_failure(make_job("clip", tmp_path), error)
        assert isinstance(known, SetupError)
        assert "clip: memory does not suffice for pretrain.batch = 8 with 1 workers (" in str(known)
    known = explain_failure(make_job("supervised", tmp_path / "head"), MemoryError())
    assert "A lower pretrain.batch or pretrain.negatives = 100 helps too, but is another training" in str(known)


def test_an_error_that_the_user_can_fix_is_kept(make_job: MakeJob, tmp_path: Path) -> None:
    error = InputError("x is missing")
    assert explain_failure(make_job("clip", tmp_path), error) is error
    assert explain_failure(make_job("clip", tmp_path), MofiError("y")) is not None


def test_an_unforeseen_error_is_not_explained(make_job: MakeJob, tmp_path: Path) -> None:
    assert explain_failure(make_job("clip", tmp_path), ZeroDivisionError("division by zero")) is None
