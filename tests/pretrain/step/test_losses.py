"""The losses against the formulas of their definition, computed naively."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.step.losses import info_nce, large_margin_softmax, share_entity

MARGIN, SCALE = 0.2, 12.0
# Pictures without other entities.
NONE = torch.full((5, 1), -1)


def cosines(b: int, c: int) -> Tensor:
    generator = torch.Generator().manual_seed(b * 100 + c)
    images, classes = (F.normalize(torch.randn(n, 8, generator=generator), dim=1) for n in (b, c))
    return images @ classes.T


def naive_margin(cos: Tensor, target: list[int], left_out: set[tuple[int, int]]) -> float:
    total = 0.0
    for row, y in enumerate(target):
        own = math.exp(SCALE * (float(cos[row, y]) - MARGIN))
        others = sum(
            math.exp(SCALE * float(cos[row, c])) for c in range(cos.shape[1]) if c != y and (row, c) not in left_out
        )
        total -= math.log(own / (own + others))
    return total / len(target)


def test_margin_softmax_is_its_formula() -> None:
    cos, target = cosines(5, 7), [0, 3, 6, 3, 1]
    loss = large_margin_softmax(cos, torch.tensor(target), NONE, margin=MARGIN, scale=SCALE).mean()
    assert math.isclose(float(loss), naive_margin(cos, target, set()), rel_tol=1e-5)


def test_other_entities_of_a_picture_are_not_its_negatives() -> None:
    cos, target = cosines(3, 6), [0, 2, 5]
    others = torch.tensor([[4, -1], [-1, -1], [1, 3]])
    loss = large_margin_softmax(cos, torch.tensor(target), others, margin=MARGIN, scale=SCALE).mean()
    assert math.isclose(float(loss), naive_margin(cos, target, {(0, 4), (2, 1), (2, 3)}), rel_tol=1e-5)


def test_the_gradient_of_the_margin_softmax_is_that_of_its_values() -> None:
    others = torch.tensor([[4, -1], [-1, -1], [1, 3]])

    def losses(cos: Tensor) -> Tensor:
        return large_margin_softmax(cos, torch.tensor([0, 2, 5]), others, margin=MARGIN, scale=SCALE)

    assert torch.autograd.gradcheck(losses, cosines(3, 6).double().requires_grad_())


def test_the_margin_softmax_of_extreme_logits_is_finite() -> None:
    cos = torch.tensor([[-1.0, 1.0], [1.0, -1.0]], requires_grad=True)
    losses = large_margin_softmax(cos, torch.tensor([0, 0]), NONE[:2], margin=0.0, scale=1e4)
    losses.sum().backward()
    assert losses.tolist() == [2e4, 0.0]
    assert cos.grad is not None
    assert cos.grad.tolist() == [[-1e4, 1e4], [0.0, 0.0]]


def test_a_larger_margin_gives_a_larger_loss() -> None:
    cos, target = cosines(4, 6), torch.tensor([0, 1, 2, 3])
    losses = [float(large_margin_softmax(cos, target, NONE[:4], margin=m, scale=SCALE).mean()) for m in (0.0, 0.1, 0.3)]
    assert losses == sorted(losses)
    assert losses[0] < losses[2]


def test_the_margin_is_taken_off_the_right_class_only_and_changes_no_input() -> None:
    cos = cosines(2, 4)
    before = cos.clone()
    large_margin_softmax(cos, torch.tensor([1, 2]), NONE[:2], margin=MARGIN, scale=SCALE)
    assert torch.equal(cos, before)


def naive_info_nce(logits: Tensor, left_out: set[tuple[int, int]]) -> float:
    n, total = len(logits), 0.0
    for i in range(n):
        for get in (lambda i, j: float(logits[i, j]), lambda i, j: float(logits[j, i])):
            others = [j for j in range(n) if j == i or (i, j) not in left_out]
            total -= math.log(math.exp(get(i, i)) / sum(math.exp(get(i, j)) for j in others))
    return total / (2 * n)


def test_info_nce_is_its_formula() -> None:
    logits = 5 * cosines(6, 6)
    loss = info_nce(logits, logits.T, torch.arange(6))
    assert math.isclose(float(loss), naive_info_nce(logits, set()), rel_tol=1e-5)


def test_pictures_of_one_entity_do_not_repel_each_other_s_texts() -> None:
    logits = 5 * cosines(4, 4)
    entities = torch.tensor([[7, -1], [3, 9], [9, -1], [7, 8]])
    same = share_entity(entities, entities)
    assert same.tolist() == [
        [True, False, False, True],
        [False, True, True, False],
        [False, True, True, False],
        [True, False, False, True],
    ]
    loss = info_nce(logits, logits.T, torch.arange(4), same)
    assert math.isclose(float(loss), naive_info_nce(logits, {(0, 3), (3, 0), (1, 2), (2, 1)}), rel_tol=1e-5)


def test_padding_is_no_entity_in_common() -> None:
    entities = torch.tensor([[1, -1], [2, -1]])
    assert share_entity(entities, entities).tolist() == [[True, False], [False, True]]


def test_a_row_s_partner_may_stand_in_any_column() -> None:
    logits = 5 * cosines(4, 4)
    own = info_nce(logits[2:], logits.T[2:], torch.tensor([2, 3]))
    rest = info_nce(logits[:2], logits.T[:2], torch.tensor([0, 1]))
    assert math.isclose(float(own + rest) / 2, naive_info_nce(logits, set()), rel_tol=1e-5)
