"""The class table and its softmax on 2 and 4 real workers give the same as on 1."""

import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.class_table import ClassTable
from tests.pretrain.conftest import MakeParameters

CLASSES, WIDTH, BATCH, STEPS = 23, 16, 8, 5
# In the last step every class is a multiple of 4: of 4 workers three have no row at all, of 2 one.
NEGATIVES = (9, 12, 22, 3, 0)
Found = dict[str, Tensor]


def labels(step: int) -> tuple[Tensor, Tensor]:
    """Targets [b] and entities [b, 3], one to three per picture, of one step's whole batch."""
    generator = torch.Generator().manual_seed(100 + step)
    drawn = torch.stack([torch.randperm(CLASSES, generator=generator)[:3] for _ in range(BATCH)])
    if NEGATIVES[step] == 0:
        drawn = torch.stack([torch.randperm(5, generator=generator)[:3] * 4 for _ in range(BATCH)])
    entities = drawn.masked_fill(torch.arange(3) > torch.arange(BATCH)[:, None] % 3, -1)
    return entities[torch.arange(BATCH), torch.arange(BATCH) % 3 // 2], entities


def train_head(parameters: PretrainParameters, rank: int, workers: int) -> Found:
    """A linear tower and the head through all steps; everything that a worker saw."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        tower: nn.Module = nn.Linear(12, WIDTH, bias=False)
        pictures = torch.randn(STEPS, BATCH, 12)
    weights = next(tower.parameters())
    if workers > 1:
        tower = nn.parallel.DistributedDataParallel(tower)
    table = ClassTable(CLASSES, WIDTH, 5, rank=rank, workers=workers)
    recipe = make_recipe("supervised", parameters)
    found: Found = {"start": table.weight.contiguous()}
    own = slice(rank * BATCH // workers, (rank + 1) * BATCH // workers)
    for step in range(STEPS):
        target, entities = (part[own] for part in labels(step))
        generator = torch.Generator().manual_seed(step)
        rows = table.sample(collectives.gather(entities), NEGATIVES[step], generator)
        images = F.normalize(tower(pictures[step, own]), dim=1)
        images.retain_grad()
        loss = recipe.losses(Features(images, sampled=rows, target=target, entities=entities))["supervised"]
        loss.backward()
        assert rows.weight.grad is not None and images.grad is not None and weights.grad is not None
        with torch.no_grad():
            logits = collectives.gather(images) @ F.normalize(rows.weight, dim=1).T
        found |= {
            f"{step}/classes": rows.classes,
            f"{step}/logits": logits.T.contiguous(),
            f"{step}/loss": collectives.mean(loss.detach())[None],
            # DistributedDataParallel divides what reaches the tower by the number of workers; so
            # does the table.
            f"{step}/images": images.grad / workers,
            f"{step}/rows": rows.weight.grad / workers,
            f"{step}/tower": weights.grad.clone(),
        }
        table.step(rows, 0.1)
        with torch.no_grad():
            weights -= 0.5 * weights.grad
            weights.grad = None
    found |= {f"end/{name}": tensor.contiguous() for name, tensor in table.state().items()}
    whole = table.full_weight()
    assert (whole is None) == (rank > 0)
    return found | ({"whole": whole.contiguous()} if whole is not None else {})


def work(parameters: PretrainParameters, rank: int, folder: Path) -> None:
    """One of four processes, two of which work as a pair afterwards."""
    torch.set_num_threads(1)
    for workers in (4, 2):
        if rank < workers:
            dist.init_process_group(
                "gloo", init_method=f"file://{folder / str(workers)}", rank=rank, world_size=workers
            )
            save_file(train_head(parameters, rank, workers), folder / f"{rank}-of-{workers}.safetensors")
            dist.barrier()
            dist.destroy_process_group()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, make_parameters: MakeParameters) -> dict[int, list[Found]]:
    """What each worker saw, by the number of workers."""
    torch.set_num_threads(1)
    parameters = make_parameters("vit")
    folder = tmp_path_factory.mktemp("runs")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # torch is imported once, not four times
    processes = [context.Process(target=work, args=(parameters, rank, folder)) for rank in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    several = {
        workers: [load_file(folder / f"{rank}-of-{workers}.safetensors") for rank in range(workers)]
        for workers in (2, 4)
    }
    return {1: [train_head(parameters, 0, 1)]} | several


def by_class(parts: list[Found], step: int, name: str) -> Tensor:
    """Rows of all workers in the order of their classes."""
    classes = torch.cat([part[f"{step}/classes"] for part in parts])
    return torch.cat([part[f"{step}/{name}"] for part in parts])[classes.argsort()]


def interleaved(parts: list[Found], name: str) -> Tensor:
    """The whole table out of each worker's rows."""
    result = torch.empty(CLASSES, *parts[0][name].shape[1:], dtype=parts[0][name].dtype)
    for rank, part in enumerate(parts):
        result[rank :: len(parts)] = part[name]
    return result


several = pytest.mark.parametrize("workers", [2, 4])


@several
def test_workers_sample_parts_of_one_sample(runs: dict[int, list[Found]], workers: int) -> None:
    for step in range(STEPS):
        parts = [part[f"{step}/classes"] for part in runs[workers]]
        assert all((part % workers == rank).all() for rank, part in enumerate(parts))
        assert torch.equal(torch.cat(parts).sort().values, runs[1][0][f"{step}/classes"])
    assert not len(runs[workers][1][f"{STEPS - 1}/classes"])


@several
def test_a_class_starts_alike_on_any_number_of_workers(runs: dict[int, list[Found]], workers: int) -> None:
    assert torch.equal(interleaved(runs[workers], "start"), runs[1][0]["start"])


@several
@pytest.mark.parametrize("name", ["logits", "rows"])
def test_logits_and_gradients_of_rows_are_those_of_one_worker(
    runs: dict[int, list[Found]], workers: int, name: str
) -> None:
    for step in range(STEPS):
        torch.testing.assert_close(
            by_class(runs[workers], step, name), by_class(runs[1], step, name), atol=2e-6, rtol=1e-5
        )


@several
def test_losses_are_those_of_one_worker_and_known_to_all(runs: dict[int, list[Found]], workers: int) -> None:
    for step in range(STEPS):
        for part in runs[workers]:
            torch.testing.assert_close(part[f"{step}/loss"], runs[1][0][f"{step}/loss"], atol=1e-6, rtol=1e-6)


@several
def test_gradients_of_pictures_and_tower_are_those_of_one_worker(runs: dict[int, list[Found]], workers: int) -> None:
    for step in range(STEPS):
        images = torch.cat([part[f"{step}/images"] for part in runs[workers]])
        torch.testing.assert_close(images, runs[1][0][f"{step}/images"], atol=1e-6, rtol=1e-5)
        for part in runs[workers]:
            torch.testing.assert_close(part[f"{step}/tower"], runs[1][0][f"{step}/tower"], atol=1e-6, rtol=1e-5)


@several
def test_the_trained_table_is_that_of_one_worker(runs: dict[int, list[Found]], workers: int) -> None:
    alone = runs[1][0]
    for name in ("weight", "first_moment", "second_moment"):
        torch.testing.assert_close(
            interleaved(runs[workers], f"end/{name}"), alone[f"end/{name}"], atol=1e-5, rtol=1e-4
        )
    assert torch.equal(interleaved(runs[workers], "end/updates"), alone["end/updates"])
    assert not torch.equal(alone["end/weight"], alone["start"])


@several
def test_the_first_worker_gets_the_whole_table(runs: dict[int, list[Found]], workers: int) -> None:
    assert torch.equal(runs[workers][0]["whole"], interleaved(runs[workers], "end/weight"))


def test_the_loss_of_one_worker_is_the_formula(runs: dict[int, list[Found]], make_parameters: MakeParameters) -> None:
    """Against torch's own cross entropy over the masked logits."""
    p, alone = make_parameters("vit"), runs[1][0]
    for step in range(STEPS):
        target, entities = labels(step)
        classes, logits = alone[f"{step}/classes"], p.scale * alone[f"{step}/logits"].T
        own = classes == target[:, None]
        others = (classes == entities[:, :, None]).any(1) & ~own
        logits = (logits - p.scale * p.margin * own).masked_fill(others, -torch.inf)
        expected = F.cross_entropy(logits, own.int().argmax(1))
        torch.testing.assert_close(alone[f"{step}/loss"][0], expected, atol=1e-6, rtol=1e-6)
