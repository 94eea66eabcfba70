"""Augmentation of whole batches on tensors: one affine grid for geometry, one 3 x 3 matrix a picture for colour.

Per-picture transforms cost 1.5 ms a picture on a CPU, more than the network's own step. Every random number comes from the
generator that is handed in, in an order that does not depend on the strengths.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.parameters import AugmentParameters

# Luma weights of Rec. 601, as grey conversion has them.
_LUMA = torch.tensor([0.299, 0.587, 0.114])
# A corner brighter than this in every channel counts as white background.
_WHITE = 0.94


def augment(pictures: Tensor, size: int, strengths: AugmentParameters, generator: torch.Generator) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, size, size] in 0 to 1, channels last in memory.

    Args:
        pictures: decoded pictures, on any device.
        size: side of what the tower takes, px.
        strengths: which part how strongly.
        generator: on the CPU.
    """
    draw = _Draw(len(pictures), generator, pictures.device)
    x = to_float(pictures)
    x = _background(x, strengths, draw)
    x = _geometry(x, size, strengths, draw)
    x = _colour(x, strengths, draw)
    x = _erase(x, strengths, draw)
    return x.contiguous(memory_format=torch.channels_last)


def to_float(pictures: Tensor) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, h, w] in 0 to 1; memory stays as it lies (channels last)."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32) / 255


class _Draw:
    """Random numbers of one batch: float [b, …], drawn on the CPU, wherever the pictures are."""

    def __init__(self, batch: int, generator: torch.Generator, device: torch.device) -> None:
        self.batch, self.generator, self.device = batch, generator, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        numbers = torch.rand(self.batch, *shape, generator=self.generator)
        return (low + (high - low) * numbers).to(self.device)

    def chance(self, probability: float) -> Tensor:
        return self.uniform(0, 1) < probability


def _background(x: Tensor, strengths: AugmentParameters, draw: _Draw) -> Tensor:
    """Gives pictures on white another page colour; drawings cut out on white are otherwise told apart from tiles by it."""
    colour = draw.uniform(0, 1, 3)
    wanted = draw.chance(strengths.background)
    if strengths.background == 0:
        return x
    corners = x[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    chosen = wanted & (corners.amin(dim=(1, 2)) > _WHITE)
    white = ((x.amin(dim=1, keepdim=True) - _WHITE) / (1 - _WHITE)).clamp(0, 1) * chosen[:, None, None, None]
    return x * (1 - white) + colour[:, :, None, None] * white


def _geometry(x: Tensor, size: int, strengths: AugmentParameters, draw: _Draw) -> Tensor:
    """Random resized crop, flip and rotation in one resampling; what lies outside repeats the border."""
    area = draw.uniform(strengths.crop_area, 1)
    aspect = draw.uniform(-1, 1).mul(math.log(strengths.crop_aspect)).exp()
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    shift_x = draw.uniform(-1, 1) * (1 - width)
    shift_y = draw.uniform(-1, 1) * (1 - height)
    mirror = 1 - 2 * draw.chance(strengths.flip).to(x.dtype)
    angle = draw.uniform(-1, 1) * math.radians(strengths.rotation)
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([width * cos * mirror, -height * sin, shift_x], dim=1),
            torch.stack([width * sin * mirror, height * cos, shift_y], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, [len(x), 3, size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _colour(x: Tensor, strengths: AugmentParameters, draw: _Draw) -> Tensor:
    """Brightness, saturation, hue and loss of colour as one matrix; then contrast about the mean, and negatives."""
    brightness = draw.uniform(1 - strengths.brightness, 1 + strengths.brightness)
    contrast = draw.uniform(1 - strengths.contrast, 1 + strengths.contrast)
    saturation = draw.uniform(1 - strengths.saturation, 1 + strengths.saturation)
    angle = draw.uniform(-1, 1) * math.radians(strengths.hue)
    saturation = torch.where(draw.chance(strengths.grey), torch.zeros_like(saturation), saturation)
    negative = draw.chance(strengths.invert)

    matrix = brightness[:, None, None] * (_saturate(saturation) @ _rotate_hue(angle))
    flat = x.permute(0, 2, 3, 1).flatten(1, 2) @ matrix.transpose(1, 2)
    mean = flat.mean(dim=(1, 2), keepdim=True)
    flat = (mean + (flat - mean) * contrast[:, None, None]).clamp_(0, 1)
    flat = torch.where(negative[:, None, None], 1 - flat, flat)
    return flat.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)


def _saturate(amount: Tensor) -> Tensor:
    """[b] → [b, 3, 3]: blends each colour with its grey; 0 = grey, 1 = unchanged."""
    identity = torch.eye(3, device=amount.device)
    grey = _LUMA.to(amount.device).expand(3, 3)
    return grey + amount[:, None, None] * (identity - grey)


def _rotate_hue(angle: Tensor) -> Tensor:
    """[b] radians → [b, 3, 3]: rotation about the grey axis (Rodrigues)."""
    axis = torch.full((3,), 3**-0.5, device=angle.device)
    cross = torch.linalg.cross(torch.eye(3, device=angle.device), axis.expand(3, 3))
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cos * torch.eye(3, device=angle.device) + sin * cross + (1 - cos) * torch.outer(axis, axis)


def _erase(x: Tensor, strengths: AugmentParameters, draw: _Draw) -> Tensor:
    """Blanks a rectangle with one colour in some pictures."""
    wanted = draw.chance(strengths.erase)
    half_side = draw.uniform(0, 1).mul(strengths.erase_area).sqrt() / 2
    middle = draw.uniform(0, 1, 2)
    colour = draw.uniform(0, 1, 3)
    if strengths.erase == 0:
        return x
    size = x.shape[-1]
    place = (torch.arange(size, device=x.device) + 0.5) / size
    rows = (place - middle[:, :1]).abs() < half_side[:, None]
    columns = (place - middle[:, 1:]).abs() < half_side[:, None]
    hole = wanted[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return torch.where(hole[:, None], colour[:, :, None, None], x)
