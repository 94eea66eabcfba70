"""What only a GPU can show; skipped without one."""

import itertools
import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from components.pretrain import towers
from components.pretrain.job import Job
from components.pretrain.loop import run_worker
from components.pretrain.precision import uses_bf16
from components.stage import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.test_loop import RECIPES, ignore
from tests.pretrain.test_tower_training import curve, embeddings

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
    whole, parted = (curve(make_job, tmp_path / str(n), accumulate=n, patch_dropout=0.5) for n in (1, 1))
    assert whole == parted, "the same job gives the same numbers"
    whole, parted = (curve(make_job, tmp_path / f"parts-{n}", accumulate=n, precision="fp32") for n in (1, 4))
    for left, right in itertools.zip_longest(whole, parted):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)


def test_compiled_towers_train_alike(make_job: MakeJob, tmp_path: Path) -> None:
    plain, compiled = (curve(make_job, tmp_path / str(on), compile=on, precision="fp32") for on in (False, True))
    for left, right in itertools.zip_longest(plain, compiled):
        assert left == pytest.approx(right, rel=1e-2, abs=1e-2)


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


def train_over_nccl(job: Job, rank: int, workers: int, meeting: Path) -> None:
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method=f"file://{meeting}", rank=rank, world_size=workers)
    run_worker(job, ignore)
    dist.destroy_process_group()


def test_workers_speak_nccl(make_job: MakeJob, tmp_path: Path) -> None:
    """One worker a GPU; a machine with one GPU still runs every collective."""
    workers = 2 if torch.cuda.device_count() >= 2 else 1
    job = make_job("multitask", tmp_path / "work", "vit", precision="fp32")
    context = multiprocessing.get_context("spawn")
    running = [
        context.Process(target=train_over_nccl, args=(job, rank, workers, tmp_path / "meeting"))
        for rank in range(workers)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * workers
    assert read_json(job.result)["metrics"]["step"] == job.steps
