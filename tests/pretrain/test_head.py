"""The class table: which rows a step samples, and that its update is Adam's on these rows alone."""

import torch

from components.pretrain.head import BETAS, EPSILON, ClassTable


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_batch_s_classes_are_always_sampled_and_padding_never() -> None:
    table = ClassTable(1000, 4, seed=1)
    for seed in range(10):
        rows = table.sample(torch.tensor([[3, -1], [998, 500]]), 20, generator(seed))
        assert len(rows.classes) == 21
        assert {3, 500, 998} <= set(rows.classes.tolist())
        assert rows.classes.min() >= 0
        assert rows.classes.tolist() == sorted(set(rows.classes.tolist()))


def test_more_required_classes_than_negatives_are_all_sampled() -> None:
    rows = ClassTable(1000, 4, seed=1).sample(torch.arange(50)[:, None], 3, generator())
    assert rows.classes.tolist() == list(range(50))


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


def test_no_positive_is_among_a_picture_s_negatives() -> None:
    table = ClassTable(100, 4, seed=1)
    entities = torch.tensor([[3, 70, -1], [9, -1, -1], [70, 9, 5]])
    rows = table.sample(entities, 100, generator())
    positives = rows.positives(entities)
    found = [set(rows.classes[row].tolist()) for row in positives]
    assert found == [{3, 70}, {9}, {5, 9, 70}]


def test_positives_that_were_not_sampled_are_left_out() -> None:
    table = ClassTable(100, 4, seed=1)
    rows = table.sample(torch.tensor([50]), 0, generator())
    assert rows.positives(torch.tensor([[50, 99, 0]])).tolist() == [[True]]


def test_a_step_changes_the_sampled_rows_and_no_others() -> None:
    table = ClassTable(500, 4, seed=1)
    before = {name: tensor.clone() for name, tensor in table.state().items()}
    rows = table.sample(torch.tensor([7, 400]), 10, generator())
    rows.weight.sum().backward()
    table.step(rows, 0.1)
    others = torch.ones(500, dtype=torch.bool)
    others[rows.classes] = False
    for name, tensor in table.state().items():
        assert torch.equal(tensor[others], before[name][others])
        assert not (tensor[rows.classes] == before[name][rows.classes]).all(dim=-1).any()


def test_what_a_step_holds_does_not_grow_with_the_vocabulary() -> None:
    shapes = []
    for classes in (200, 20_000):
        rows = ClassTable(classes, 4, seed=1).sample(torch.tensor([1, 2]), 30, generator())
        shapes.append((rows.classes.shape, rows.weight.shape, rows.positives(torch.tensor([[1], [2]])).shape))
    assert shapes[0] == shapes[1]


def test_with_all_rows_sampled_it_is_torch_s_adam() -> None:
    table = ClassTable(12, 4, seed=1)
    reference = table.weight.clone().requires_grad_()
    adam = torch.optim.Adam([reference], lr=0.05, betas=BETAS, eps=EPSILON)
    for step in range(5):
        wanted = torch.randn(12, 4, generator=generator(step))
        rows = table.sample(torch.arange(12), 100, generator())
        (rows.weight - wanted).square().sum().backward()
        table.step(rows, 0.05)
        adam.zero_grad()
        (reference - wanted).square().sum().backward()
        adam.step()
        torch.testing.assert_close(table.weight, reference.detach(), atol=1e-6, rtol=1e-5)


def test_a_row_that_is_sampled_late_takes_a_first_step_of_full_size() -> None:
    table = ClassTable(10, 4, seed=1)
    for classes in ([0], [0], [0], [9]):
        before = table.weight.clone()
        rows = table.sample(torch.tensor(classes), 0, generator())
        rows.weight.sum().backward()
        table.step(rows, 0.1)
    torch.testing.assert_close(table.weight[9], before[9] - 0.1)


def test_the_state_taken_over_gives_the_same_next_step() -> None:
    def step(table: ClassTable, seed: int) -> None:
        rows = table.sample(torch.arange(5), 8, generator(seed))
        rows.weight.square().sum().backward()
        table.step(rows, 0.1)

    table, copy = ClassTable(20, 4, seed=1), ClassTable(20, 4, seed=2)
    step(table, 7)
    copy.load([{name: tensor.clone() for name, tensor in table.state().items()}])
    step(table, 8)
    step(copy, 8)
    for name, tensor in table.state().items():
        assert torch.equal(copy.state()[name], tensor)
