"""What only a GPU can show; skipped without one."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from components.models import towers
from components.pretrain.step.precision import uses_bf16
from components.pretrain.training.loop import run_worker
from components.serve.search import Entry, Index
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.step.test_collectives import forget_from
from tests.pretrain.step.test_training_towers import curve, embeddings
from tests.pretrain.training.test_loop import RECIPES, ignore
from tests.pretrain.two_workers import train_in_two

pytestmark = pytest.mark.gpu
CPU = torch.device("cpu")


def cuda() -> torch.device:
    return torch.device("cuda")


def test_bf16_is_chosen_where_the_hardware_has_it() -> None:
    assert uses_bf16("auto", cuda()) is (torch.cuda.get_device_capability() >= (8, 0))
    assert not uses_bf16("fp32", cuda())


@pytest.mark.parametrize("tower", ["vit", "resnet"])
def test_bf16_embeddings_are_close_to_those_of_a_cpu(tower_files: dict[str, Path], tower: str) -> None:
    config = towers.read_config(str(tower_files[tower]))
    for one, two in zip(embeddings(config, "fp32", CPU), embeddings(config, "bf16", cuda()), strict=True):
        torch.testing.assert_close(one, two, atol=0.05, rtol=0)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_recipe_learns_on_a_gpu(make_job: MakeJob, tmp_path: Path, recipe: str, precision: str) -> None:
    job = make_job(recipe, tmp_path, images_seen=640, batch=16, precision=precision)
    run_worker(job, ignore)
    points = read_json(job.result)["curve"]
    first, last = (sum(point["loss"] for point in part) / 5 for part in (points[:5], points[-5:]))
    assert last < 0.8 * first


def test_a_batch_in_parts_trains_alike(make_job: MakeJob, tmp_path: Path) -> None:
    whole, parted = (curve(make_job, tmp_path / f"parts-{n}", accumulate=n, precision="fp32") for n in (1, 4))
    for left, right in itertools.zip_longest(whole, parted):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)


def test_compiled_towers_train_alike(make_job: MakeJob, tmp_path: Path) -> None:
    plain, compiled = (curve(make_job, tmp_path / str(on), compile=on, precision="fp32") for on in (False, True))
    for left, right in itertools.zip_longest(plain, compiled):
        assert left == pytest.approx(right, rel=1e-2, abs=1e-2)


def test_pictures_are_searched_on_the_gpu() -> None:
    faiss = pytest.importorskip("faiss")
    if not getattr(faiss, "get_num_gpus", int)():
        pytest.skip("faiss was installed without GPUs (faiss-cpu); install faiss-gpu")
    rng = np.random.default_rng(1)
    embeddings = rng.standard_normal((500, 16)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    index = Index(16)
    index.add(embeddings, [Entry(str(number), Path(), "", ()) for number in range(500)])
    for number, hits in enumerate(index.search(embeddings[:20], 5)):
        expected = np.argsort(-embeddings @ embeddings[number])[:5]
        assert [hit.entry.key for hit in hits] == [str(row) for row in expected]


def test_channels_last_keeps_the_embeddings(tower_files: dict[str, Path]) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    pictures = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)).cuda()
    plain = towers.build(config, 1).eval().cuda()
    last = towers.build(config, 1).eval().cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        torch.testing.assert_close(
            plain.get_submodule("visual")(pictures),
            last.get_submodule("visual")(pictures.contiguous(memory_format=torch.channels_last)),
            atol=1e-3,
            rtol=1e-3,
        )


@pytest.mark.parametrize("changes", [{}, {"head_device": "cpu"}, {"average_decay": 0.0}], ids=str)
def test_a_training_resumes_from_a_checkpoint(make_job: MakeJob, tmp_path: Path, changes: dict[str, Any]) -> None:
    """Moments, step counts, averages and the class table are loaded onto the right device."""
    whole, stopped = (make_job("multitask", tmp_path / name, "vit", **changes) for name in ("whole", "stopped"))
    for job in (whole, stopped):
        run_worker(job, ignore)
    forget_from(stopped, 10)
    run_worker(stopped, ignore)
    for left, right in itertools.zip_longest(*(read_json(job.result)["curve"] for job in (whole, stopped))):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("backend", ["gloo", "nccl"])
def test_two_workers_train_as_one_does(make_job: MakeJob, tmp_path: Path, backend: str) -> None:
    """Over NCCL each has a GPU of its own; over gloo both share the first, so that one suffices."""
    if backend == "nccl" and torch.cuda.device_count() < 2:
        pytest.skip("NCCL needs one GPU per worker")
    two, one = (make_job("multitask", tmp_path / name, "vit", negatives=3) for name in ("two", "one"))
    train_in_two([two], tmp_path / "meeting", backend=backend)
    run_worker(one, ignore)
    for left, right in itertools.zip_longest(*(read_json(job.result)["curve"] for job in (two, one))):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)
