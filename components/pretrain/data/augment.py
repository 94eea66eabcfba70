"""Augmentation of whole batches on tensors: one affine grid for geometry, one affine map a picture for colour.

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
# A corner at least this bright in every channel counts as white background (15 / 16 of a byte's range).
_WHITE = 240
_CPU = torch.device("cpu")


class Draw:
    """Random numbers of one step: drawn for the whole batch on the CPU, then cut to one worker's part of it.

    So a picture is augmented alike however many workers share the step, and on whatever device it lies.
    """

    def __init__(
        self, generator: torch.Generator, batch: int, own: slice = slice(None), device: torch.device = _CPU
    ) -> None:
        self._generator, self._batch, self._own, self.device = generator, batch, own, device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """float [own, …] between `low` and `high`."""
        numbers = torch.rand(self._batch, *shape, generator=self._generator)[self._own]
        return (low + (high - low) * numbers).to(self.device)

    def chance(self, probability: float) -> Tensor:
        """bool [own], true with that probability."""
        return self.uniform(0, 1) < probability


def augment(pictures: Tensor, size: int, strengths: AugmentParameters, draw: Draw) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, size, size] in 0 to 1, channels last in memory.

    Args:
        pictures: decoded pictures, on the device of `draw`.
        size: side of what the tower takes, px.
        strengths: which part how strongly.
        draw: the step's random numbers, for as many pictures.
    """
    x = _background(pictures, strengths, draw)
    x = _geometry(to_float(x), size, strengths, draw)
    x = _colour(x, strengths, draw)
    x = _erase(x, strengths, draw)
    return x.contiguous(memory_format=torch.channels_last)


def to_float(pictures: Tensor) -> Tensor:
    """uint8 [b, h, w, 3] → float [b, 3, h, w] in 0 to 1; memory stays as it lies (channels last)."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32).div_(255)


def _background(pictures: Tensor, strengths: AugmentParameters, draw: Draw) -> Tensor:
    """Gives pictures on white another page colour; drawings cut out on white are otherwise told apart from tiles by it."""
    colour = draw.uniform(0, 255, 3)
    wanted = draw.chance(strengths.background)
    corners = pictures[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    chosen = (wanted & (corners.amin(dim=(1, 2)) >= _WHITE)).nonzero()[:, 0]
    if not len(chosen):
        return pictures
    x = pictures[chosen].to(torch.float32)
    white = ((x.amin(dim=3, keepdim=True) - _WHITE) / (255 - _WHITE)).clamp_(0, 1)
    coloured = x.lerp_(colour[chosen, None, None], white).round_().to(torch.uint8)
    return pictures.index_copy(0, chosen, coloured)


def _geometry(x: Tensor, size: int, strengths: AugmentParameters, draw: Draw) -> Tensor:
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
    grid = torch.stack(
        [
            _plane(width * cos * mirror, -height * sin, shift_x, size),
            _plane(width * sin * mirror, height * cos, shift_y, size),
        ],
        dim=3,
    )
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _plane(right: Tensor, down: Tensor, middle: Tensor, size: int) -> Tensor:
    """[b] each → [b, size, size]: `middle` plus so much per half picture to the right and downwards (as `F.affine_grid`)."""
    place = (2 * torch.arange(size, device=right.device) + 1) / size - 1
    return (right[:, None] * place + middle[:, None])[:, None, :] + (down[:, None] * place)[:, :, None]


def _colour(x: Tensor, strengths: AugmentParameters, draw: Draw) -> Tensor:
    """Brightness, saturation, hue, loss of colour, contrast about the mean, and negatives: one affine map, then the limits."""
    brightness = draw.uniform(1 - strengths.brightness, 1 + strengths.brightness)
    contrast = draw.uniform(1 - strengths.contrast, 1 + strengths.contrast)
    saturation = draw.uniform(1 - strengths.saturation, 1 + strengths.saturation)
    angle = draw.uniform(-1, 1) * math.radians(strengths.hue)
    saturation = torch.where(draw.chance(strengths.grey), torch.zeros_like(saturation), saturation)
    negative = draw.chance(strengths.invert)[:, None, None]

    flat = x.flatten(2)
    matrix = brightness[:, None, None] * (_saturate(saturation) @ _rotate_hue(angle))
    mean = (matrix @ flat.mean(dim=2, keepdim=True)).mean(dim=1, keepdim=True)
    matrix, shift = contrast[:, None, None] * matrix, (1 - contrast[:, None, None]) * mean
    # 1 - limit(y) is limit(1 - y), so a negative is an affine map too.
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


def _erase(x: Tensor, strengths: AugmentParameters, draw: Draw) -> Tensor:
    """Blanks a rectangle with one colour in some pictures."""
    wanted = draw.chance(strengths.erase)
    half_side = draw.uniform(0, 1).mul(strengths.erase_area).sqrt() / 2
    middle = draw.uniform(0, 1, 2)
    colour = draw.uniform(0, 1, 3)
    chosen = wanted.nonzero()[:, 0]
    size = x.shape[-1]
    place = (torch.arange(size, device=x.device) + 0.5) / size
    inside = (place - middle[chosen, :, None]).abs() < half_side[chosen, None, None]
    hole = inside[:, 0, :, None] & inside[:, 1, None, :]
    return x.index_copy(0, chosen, torch.where(hole[:, None], colour[chosen, :, None, None], x[chosen]))
