"""What augmentation may do to a batch, and what it must not depend on."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.data.augment import BatchRandom, augment
from components.pretrain.parameters import AugmentParameters
from tests.pretrain.conftest import AUGMENTATION, NO_AUGMENTATION

STRONG = AugmentParameters(**AUGMENTATION)


def pictures(n: int, size: int = 40) -> Tensor:
    return torch.from_numpy(np.random.default_rng(n).integers(0, 256, (n, size, size, 3)).astype(np.uint8))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(**strengths: float) -> AugmentParameters:
    return AugmentParameters(**NO_AUGMENTATION | strengths)


def as_float(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).float() / 255


def test_the_same_seed_gives_the_same_pictures_and_another_seed_others() -> None:
    x = pictures(6)
    first, again, other = (augment(x, 32, STRONG, BatchRandom(generator(seed), 6)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_values_stay_in_0_to_1_and_memory_is_channels_last() -> None:
    x = augment(pictures(64), 32, STRONG, BatchRandom(generator(), 64))
    assert x.shape == (64, 3, 32, 32)
    assert x.dtype == torch.float32
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_without_strengths_it_is_a_plain_resize() -> None:
    x = pictures(4)
    expected = F.interpolate(as_float(x), 32, mode="bilinear", align_corners=False)
    torch.testing.assert_close(augment(x, 32, only(), BatchRandom(generator(), 4)), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(augment(x, 40, only(), BatchRandom(generator(), 4)), as_float(x), atol=1e-5, rtol=0)


def test_the_batch_handed_in_stays_as_it_is() -> None:
    x = torch.full((8, 40, 40, 3), 255, dtype=torch.uint8)
    augment(x, 32, STRONG, BatchRandom(generator(), 8))
    assert (x == 255).all()


def test_a_worker_s_part_is_cut_from_what_one_worker_would_get() -> None:
    x = pictures(8)
    whole = augment(x, 32, STRONG, BatchRandom(generator(), 8))
    parts = [augment(x[own], 32, STRONG, BatchRandom(generator(), 8, own)) for own in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-6, rtol=0)


def test_the_geometry_drawn_does_not_depend_on_other_strengths() -> None:
    x = pictures(4)
    draws = [BatchRandom(generator(), 4), BatchRandom(generator(), 4)]
    plain = augment(x, 32, only(crop_area=0.5), draws[0])
    inverted = augment(x, 32, only(crop_area=0.5, invert=1.0), draws[1])
    torch.testing.assert_close(1 - inverted, plain, atol=1e-5, rtol=0)


def test_a_certain_flip_mirrors_left_and_right() -> None:
    x = pictures(4)
    flipped = augment(x, 40, only(flip=1.0), BatchRandom(generator(), 4))
    torch.testing.assert_close(flipped, as_float(x).flip(3), atol=1e-4, rtol=0)


def test_a_certain_loss_of_colour_leaves_grey() -> None:
    x = augment(pictures(4), 40, only(grey=1.0), BatchRandom(generator(), 4))
    torch.testing.assert_close(x[:, 0], x[:, 1], atol=1e-5, rtol=0)
    torch.testing.assert_close(x[:, 0], x[:, 2], atol=1e-5, rtol=0)


def test_contrast_keeps_the_mean_of_a_picture() -> None:
    x = pictures(16) // 4 + 96  # far from the limits
    changed = augment(x, 40, only(contrast=0.4), BatchRandom(generator(), 16))
    torch.testing.assert_close(changed.mean(dim=(1, 2, 3)), as_float(x).mean(dim=(1, 2, 3)), atol=1e-4, rtol=0)
    assert (changed.std(dim=(1, 2, 3)) - as_float(x).std(dim=(1, 2, 3))).abs().max() > 0.01


def test_brightness_scales_the_mean() -> None:
    x = pictures(16) // 4 + 64
    ratio = augment(x, 40, only(brightness=0.3), BatchRandom(generator(), 16)).mean(dim=(1, 2, 3)) / as_float(x).mean(
        dim=(1, 2, 3)
    )
    assert 0.7 <= ratio.min() < 0.9
    assert 1.1 < ratio.max() <= 1.3


def test_hue_turns_colours_but_not_grey() -> None:
    grey = torch.full((8, 40, 40, 3), 90, dtype=torch.uint8)
    torch.testing.assert_close(
        augment(grey, 40, only(hue=120.0), BatchRandom(generator(), 8)), as_float(grey), atol=1e-5, rtol=0
    )
    red = torch.tensor([200, 20, 20], dtype=torch.uint8).expand(8, 40, 40, 3)
    assert (augment(red, 40, only(hue=120.0), BatchRandom(generator(), 8)) - as_float(red)).abs().amax() > 0.1


@pytest.mark.parametrize(("colour", "changes"), [(255, True), (200, False)])
def test_only_a_white_background_takes_another_colour(colour: int, changes: bool) -> None:
    x = torch.full((8, 40, 40, 3), colour, dtype=torch.uint8)
    x[:, 10:30, 10:30] = 50
    painted = augment(x, 40, only(background=1.0), BatchRandom(generator(), 8))
    assert (painted[:, :, 0, 0] - colour / 255).abs().amax(dim=1).gt(0.02).all() == changes
    torch.testing.assert_close(painted[:, :, 20, 20], torch.full((8, 3), 50 / 255), atol=1e-4, rtol=0)


def test_erasing_blanks_a_rectangle_of_at_most_its_share() -> None:
    x = pictures(32)
    erased = augment(x, 40, only(erase=1.0, erase_area=0.2), BatchRandom(generator(), 32))
    share = (erased - as_float(x)).abs().amax(dim=1).gt(1e-3).float().mean(dim=(1, 2))
    assert share.max() <= 0.24
    assert share.max() > 0.05
