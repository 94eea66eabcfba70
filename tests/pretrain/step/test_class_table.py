"""The class table: which rows a step samples, and that its update is Adam's on these rows alone."""

import pytest
import torch

from components.pretrain.step.class_table import BETAS, EPSILON, ClassTable


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_batch_s_classes_are_always_sampled_and_padding_never() -> None:
    table = ClassTable(1000, 4, seed=1)
    for seed in range(10):
        sampled = table.sample(torch.tensor([[3, -1], [998, 500]]), 20, generator(seed))
        assert len(sampled.classes) == 21
        assert {3, 500, 998} <= set(sampled.classes.tolist())
        assert sampled.classes.min() >= 0
        assert sampled.classes.tolist() == sorted(set(sampled.classes.tolist()))


def test_more_required_classes_than_negatives_are_all_sampled() -> None:
    sampled = ClassTable(1000, 4, seed=1).sample(torch.arange(50)[:, None], 3, generator())
    assert sampled.classes.tolist() == list(range(50))


def test_negatives_are_drawn_uniformly() -> None:
    table = ClassTable(40, 4, seed=1)
    draws = generator()
    for negatives in (9, 29):  # by rejection, and by permutation
        counts = torch.zeros(40)
        for _ in range(400):
            counts[table.sample(torch.tensor([0]), negatives, draws).classes] += 1
        assert counts[0] == 400
        expected = 400 * negatives / 39
        assert (counts[1:] - expected).abs().max() < 5 * expected**0.5


def test_classes_are_found_among_the_rows_and_nothing_else_is() -> None:
    table = ClassTable(100, 4, seed=1)
    sampled = table.sample(torch.tensor([[3, 70, -1], [9, -1, -1]]), 0, generator())
    assert sampled.column_of(torch.tensor([[9, 3], [70, 99], [-1, 0]])).tolist() == [[1, 0], [2, -1], [-1, -1]]


def test_a_worker_without_rows_finds_none() -> None:
    sampled = ClassTable(100, 4, seed=1, rank=1, workers=2).sample(torch.tensor([2, 4]), 0, generator())
    assert sampled.weight.shape == (0, 4)
    assert sampled.column_of(torch.tensor([2, 4])).tolist() == [-1, -1]


def test_a_class_starts_alike_in_tables_of_any_size() -> None:
    small, large = ClassTable(50, 4, seed=1), ClassTable(40_000, 4, seed=1)
    assert torch.equal(large.weight[:50], small.weight)
    torch.testing.assert_close(large.weight.norm(dim=1), torch.ones(40_000))
    assert len(torch.unique(large.weight[:, 0])) > 39_000


def test_a_step_changes_the_sampled_rows_and_no_others() -> None:
    table = ClassTable(500, 4, seed=1)
    before = {name: tensor.clone() for name, tensor in table.state().items()}
    sampled = table.sample(torch.tensor([7, 400]), 10, generator())
    sampled.weight.sum().backward()
    table.step(sampled, 0.1)
    others = torch.ones(500, dtype=torch.bool)
    others[sampled.classes] = False
    for name, tensor in table.state().items():
        assert torch.equal(tensor[others], before[name][others])
        assert not (tensor[sampled.classes] == before[name][sampled.classes]).all(dim=-1).any()


def test_what_a_step_holds_does_not_grow_with_the_vocabulary() -> None:
    shapes = []
    for classes in (200, 20_000):
        sampled = ClassTable(classes, 4, seed=1).sample(torch.tensor([1, 2]), 30, generator())
        shapes.append((sampled.classes.shape, sampled.rows.shape, sampled.weight.shape))
        assert sampled.weight.untyped_storage().nbytes() == sampled.weight.nbytes
    assert shapes[0] == shapes[1]


def test_with_all_rows_sampled_it_is_torch_s_adam() -> None:
    table = ClassTable(12, 4, seed=1)
    reference = table.weight.detach().clone().requires_grad_()
    adam = torch.optim.Adam([reference], lr=0.05, betas=BETAS, eps=EPSILON)
    for step in range(5):
        wanted = torch.randn(12, 4, generator=generator(step))
        sampled = table.sample(torch.arange(12), 100, generator())
        (sampled.weight - wanted).square().sum().backward()
        table.step(sampled, 0.05)
        adam.zero_grad()
        (reference - wanted).square().sum().backward()
        adam.step()
        torch.testing.assert_close(table.weight, reference.detach(), atol=1e-6, rtol=1e-5)


def test_a_row_that_is_sampled_late_takes_a_first_step_of_full_size() -> None:
    table = ClassTable(10, 4, seed=1)
    for classes in ([0], [0], [0], [9]):
        before = table.weight.clone()
        sampled = table.sample(torch.tensor(classes), 0, generator())
        sampled.weight.sum().backward()
        table.step(sampled, 0.1)
    torch.testing.assert_close(table.weight[9], before[9] - 0.1)


def test_the_state_taken_over_gives_the_same_next_step() -> None:
    def step(table: ClassTable, seed: int) -> None:
        sampled = table.sample(torch.arange(5), 8, generator(seed))
        sampled.weight.square().sum().backward()
        table.step(sampled, 0.1)

    table, copy = ClassTable(20, 4, seed=1), ClassTable(20, 4, seed=2)
    step(table, 7)
    copied = {name: tensor.clone() for name, tensor in table.state().items()}
    copy.load(1, lambda _: copied)
    step(table, 8)
    step(copy, 8)
    for name, tensor in table.state().items():
        assert torch.equal(copy.state()[name], tensor)


def tables(workers: int, seed: int) -> list[ClassTable]:
    """A table of 11 classes on so many workers, each row after its own number of steps."""
    shards = [ClassTable(11, 4, seed, rank=rank, workers=workers) for rank in range(workers)]
    for step in range(4):
        for shard in shards:
            sampled = shard.sample(torch.arange(step, 11, 2), 0, generator(step))
            # Workers' losses add up, and the step follows their mean.
            (workers * sampled.weight.square().sum() * (step + 1)).backward()
            shard.step(sampled, 0.1)
    return shards


@pytest.mark.parametrize("saved_workers", [1, 2, 4])
@pytest.mark.parametrize("workers", [1, 3, 4])
def test_another_number_of_workers_takes_over_every_class(saved_workers: int, workers: int) -> None:
    whole = tables(1, seed=1)[0].state()
    shards = [shard.state() for shard in tables(saved_workers, seed=1)]
    for rank in range(workers):
        taken = ClassTable(11, 4, seed=2, rank=rank, workers=workers)
        taken.load(len(shards), shards.__getitem__)
        for name, tensor in taken.state().items():
            assert torch.equal(tensor, whole[name][rank::workers])


@pytest.mark.parametrize(
    ("saved_workers", "workers", "wanted"), [(4, 4, [2]), (8, 4, [2, 6]), (2, 4, [0]), (3, 4, [0, 1, 2])]
)
def test_only_shards_that_hold_its_rows_are_read(saved_workers: int, workers: int, wanted: list[int]) -> None:
    """A worker of a table of gigabytes fetches its part of a bucket's checkpoint, not all of it."""
    shards = [ClassTable(40, 4, 1, rank=rank, workers=saved_workers).state() for rank in range(saved_workers)]
    read: list[int] = []

    def shard(rank: int) -> dict[str, torch.Tensor]:
        read.append(rank)
        return shards[rank]

    ClassTable(40, 4, seed=2, rank=2, workers=workers).load(saved_workers, shard)
    assert read == wanted


def test_shards_of_another_table_are_refused() -> None:
    shards = [shard.state() for shard in tables(2, seed=1)]
    with pytest.raises(ValueError, match=r"shard 0 of 2 holds classes of shape \[6, 4\], but a table of 14 .*\[7, 4\]"):
        ClassTable(14, 4, seed=1).load(len(shards), shards.__getitem__)
    with pytest.raises(ValueError, match="shard 0 of 1 "):
        ClassTable(11, 4, seed=1).load(1, shards.__getitem__)
    with pytest.raises(ValueError, match="no shards"):
        ClassTable(11, 4, seed=1).load(0, shards.__getitem__)


@pytest.mark.gpu
def test_a_table_in_host_memory_serves_towers_on_a_gpu() -> None:
    here, there = ClassTable(50, 4, seed=1), ClassTable(50, 4, seed=1)
    for table, device in ((here, "cpu"), (there, "cuda")):
        sampled = table.sample(torch.tensor([3, 40], device=device), 9, generator())
        assert sampled.weight.device.type == sampled.classes.device.type == device
        sampled.weight.square().sum().backward()
        table.step(sampled, 0.1)
    assert there.weight.device.type == "cpu"
    torch.testing.assert_close(there.weight, here.weight)
