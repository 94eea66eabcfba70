"""Augmentation of whole batches: one affine grid for geometry, one affine map for colour.

Per-picture transforms would cost 1.5 ms a picture on a CPU, more than the network's step. All
random numbers come from the given generator, in an order that does not depend on the strengths.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.parameters import AugmentParameters

# Luma weights of Rec. 601.
_LUMA = torch.tensor([0.299, 0.587, 0.114])
# A corner at least this bright in every channel counts as white background (15 / 16 of a byte's
# range).
_WHITE = 240
_CPU = torch.device("cpu")


class BatchRandom:
    """Random numbers of one step: drawn for the whole batch on the CPU, then sliced for one worker.

    So augmentation does not depend on the number of workers, nor on the device.
    """

    def __init__(
        self, generator: torch.Generator, batch: int, own: slice = slice(None), device: torch.device = _CPU
    ) -> None:
        self._generator, self._batch, self._own, self.device = generator, batch, own, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float [own, …] between `low` and `high`."""
        numbers = torch.rand(self._batch, *shape, generator=self._generator)[self._own]
        return (low + (high - low) * numbers).to(self.device)

    def bernoulli(self, probability: float) -> Tensor:
        """bool [own], true with that probability."""
        return self.uniform(0, 1) < probability


def augment(pictures: Tensor, size: int, strengths: AugmentParameters, random: BatchRandom) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, size, size] in 0 to 1, channels last in memory.

    Args:
        pictures: decoded pictures, on the device of `random`.
        size: side of the tower's input, px.
        strengths: of each part.
        random: the step's random numbers, for as many pictures.
    """
    x = _background(pictures, strengths, random)
    x = _geometry(to_float(x), size, strengths, random)
    x = _colour(x, strengths, random)
    x = _erase(x, strengths, random)
    return x.contiguous(memory_format=torch.channels_last)


def to_float(pictures: Tensor) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, h, w] in 0 to 1; the memory layout stays channels last."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _background(pictures: Tensor, strengths: AugmentParameters, random: BatchRandom) -> Tensor:
    """Recolours white backgrounds, which otherwise tell cut-out drawings from other pictures."""
    colour = random.uniform(0, 255, 3)
    wanted = random.bernoulli(strengths.background)
    corners = pictures[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    chosen = (wanted & (corners.amin(dim=(1, 2)) >= _WHITE)).nonzero()[:, 0]
    if not len(chosen):
        return pictures
    x = pictures[chosen].to(torch.float32)
    white = ((x.amin(dim=3, keepdim=True) - _WHITE) / (255 - _WHITE)).clamp_(0, 1)
    coloured = x.lerp_(colour[chosen, None, None], white).round_().to(torch.uint8)
    return pictures.index_copy(0, chosen, coloured)


def _geometry(x: Tensor, size: int, strengths: AugmentParameters, random: BatchRandom) -> Tensor:
    """Random resized crop, flip and rotation in one resampling, padded with border pixels."""
    area = random.uniform(strengths.crop_area, 1)
    aspect = random.uniform(-1, 1).mul(math.log(strengths.crop_aspect)).exp()
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    shift_x = random.uniform(-1, 1) * (1 - width)
    shift_y = random.uniform(-1, 1) * (1 - height)
    mirror = 1 - 2 * random.bernoulli(strengths.flip).to(x.dtype)
    angle = random.uniform(-1, 1) * math.radians(strengths.rotation)
    cos, sin = angle.cos(), angle.sin()
    grid = torch.stack(
        [
            _coordinates(width * cos * mirror, -height * sin, shift_x, size),
            _coordinates(width * sin * mirror, height * cos, shift_y, size),
        ],
        dim=3,
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _coordinates(right: Tensor, down: Tensor, middle: Tensor, size: int) -> Tensor:
    """[b] each → [b, size, size]: pixel centres in -1 to 1, mapped as by `F.affine_grid`."""
    coordinate = (2 * torch.arange(size, device=right.device) + 1) / size - 1
    return (right[:, None] * coordinate + middle[:, None])[:, None, :] + (down[:, None] * coordinate)[:, :, None]


def _colour(x: Tensor, strengths: AugmentParameters, random: BatchRandom) -> Tensor:
    """Brightness, saturation, hue, grey, contrast, negatives: one affine map, clamped."""
    brightness = random.uniform(1 - strengths.brightness, 1 + strengths.brightness)
    contrast = random.uniform(1 - strengths.contrast, 1 + strengths.contrast)
    saturation = random.uniform(1 - strengths.saturation, 1 + strengths.saturation)
    angle = random.uniform(-1, 1) * math.radians(strengths.hue)
    saturation = torch.where(random.bernoulli(strengths.grey), torch.zeros_like(saturation), saturation)
    negative = random.bernoulli(strengths.invert)[:, None, None]

    flat = x.flatten(2)
    matrix = brightness[:, None, None] * (_saturate(saturation) @ _rotate_hue(angle))
    mean = (matrix @ flat.mean(dim=2, keepdim=True)).mean(dim=1, keepdim=True)
    matrix, shift = contrast[:, None, None] * matrix, (1 - contrast[:, None, None]) * mean
    # 1 - clamp(y) is clamp(1 - y), so a negative is an affine map too.
    matrix, shift = torch.where(negative, -matrix, matrix), torch.where(negative, 1 - shift, shift)
    return torch.baddbmm(shift, matrix, flat).clamp_(0, 1).view_as(x)


def _saturate(amount: Tensor) -> Tensor:
    """[b] → [b, 3, 3]: blends each colour with its grey; 0 = grey, 1 = unchanged."""
    identity = torch.eye(3, device=amount.device)
    grey = _LUMA.to(amount.device).expand(3, 3)
    blended: Tensor = grey.lerp(identity, amount[:, None, None])
    return blended


def _rotate_hue(angle: Tensor) -> Tensor:
    """[b] radians → [b, 3, 3]: rotation about the grey axis (Rodrigues)."""
    axis = torch.full((3,), 3**-0.5, device=angle.device)
    cross = torch.linalg.cross(torch.eye(3, device=angle.device), axis.expand(3, 3))
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    rotation: Tensor = cos * torch.eye(3, device=angle.device) + sin * cross + (1 - cos) * torch.outer(axis, axis)
    return rotation


def _erase(x: Tensor, strengths: AugmentParameters, random: BatchRandom) -> Tensor:
    """Fills a rectangle with one colour in some pictures."""
    wanted = random.bernoulli(strengths.erase)
    half_side = random.uniform(0, 1).mul(strengths.erase_area).sqrt() / 2
    middle = random.uniform(0, 1, 2)
    colour = random.uniform(0, 1, 3)
    chosen = wanted.nonzero()[:, 0]
    size = x.shape[-1]
    coordinate = (torch.arange(size, device=x.device) + 0.5) / size
    inside = (coordinate - middle[chosen, :, None]).abs() < half_side[chosen, None, None]
    rectangle = inside[:, 0, :, None] & inside[:, 1, None, :]
    return x.index_copy(0, chosen, torch.where(rectangle[:, None], colour[chosen, :, None, None], x[chosen]))
