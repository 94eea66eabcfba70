"""How a picture becomes a tower's square input, as `preprocess_cfg` says in open_clip's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as torchvision

from components.errors import InputError
from components.images.decode import decode, open_rgb, squash

SHORTEST, SQUASH = "shortest", "squash"
BICUBIC, BILINEAR = "bicubic", "bilinear"
# open_clip's interpolation outside of training, where "random" has no meaning.
_INTERPOLATIONS = {BICUBIC: BICUBIC, BILINEAR: BILINEAR, "random": BICUBIC}

_LONG = 32  # times the shorter side

Pictures = npt.NDArray[np.uint8 | np.float32]


@dataclass(frozen=True)
class Resizing:
    """How pictures become squares.

    Attributes:
        squash: whether the whole picture is squashed into the square, instead of its middle square
            cut.
        interpolation: `BICUBIC` or `BILINEAR`.
        antialias: False skips pixels when shrinking, as the released MOFI does.
    """

    squash: bool = False
    interpolation: str = BICUBIC
    antialias: bool = True

    def square(self, data: bytes, size: int, *, quick: bool = False) -> Pictures:
        """An encoded picture → [size, size, 3] in 0 to 255: uint8; float32 if not antialiased.

        Args:
            data: the picture's bytes.
            size: side of the square, px.
            quick: see `images.decode`; ignored with `squash` or without antialiasing.

        Raises:
            BadImage: if it cannot be decoded.
        """
        resampling = Image.Resampling[self.interpolation.upper()]
        if self.antialias:
            return squash(data, size, resampling) if self.squash else decode(data, size, resampling, quick=quick)
        image = open_rgb(data) if self.squash else _middle(open_rgb(data))
        whole = torch.from_numpy(np.array(image)).permute(2, 0, 1).to(torch.float32)
        shape, mode = [size, size] if self.squash else [size], InterpolationMode(self.interpolation)
        # Cubic interpolation overshoots.
        resized = torchvision.resize(whole, shape, mode, antialias=False).clamp_(0, 255)
        square: Tensor = torchvision.center_crop(resized, [size, size])
        return square.permute(1, 2, 0).contiguous().numpy()

    def resize(self, x: Tensor, size: int) -> Tensor:
        """float [n, c, h, w] in 0 to 1 → [n, c, size, size], with antialiasing."""
        height, width = x.shape[2:]
        if (height, width) == (size, size):
            return x
        scale = size / min(height, width)
        shape = [size, size] if self.squash else [max(size, round(height * scale)), max(size, round(width * scale))]
        x = F.interpolate(x, shape, mode=self.interpolation, antialias=True, align_corners=False).clamp(0, 1)
        top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
        return x[:, :, top : top + size, left : left + size]


def _middle(image: Image.Image) -> Image.Image:
    """The middle of a very long picture, which would unfold to gigabytes when enlarged."""
    longest = _LONG * min(image.size)
    if max(image.size) <= longest:
        return image
    width, height = (min(side, longest) for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


DEFAULT = Resizing()


def read_resizing(preprocess: Mapping[str, Any]) -> Resizing:
    """The resizing of a `preprocess_cfg`; missing keys have open_clip's defaults.

    Raises:
        InputError: if it is not supported.
    """
    mode, interpolation = preprocess.get("resize_mode") or SHORTEST, preprocess.get("interpolation") or BICUBIC
    if mode not in (SHORTEST, SQUASH):
        raise _unknown("resize_mode", mode, (SHORTEST, SQUASH))
    if interpolation not in _INTERPOLATIONS:
        raise _unknown("interpolation", interpolation, (BICUBIC, BILINEAR))
    return Resizing(mode == SQUASH, _INTERPOLATIONS[interpolation], bool(preprocess.get("antialias", True)))


def _unknown(key: str, value: object, known: tuple[str, str]) -> InputError:
    return InputError(
        f"the model's preprocess_cfg has {key} {value!r}, which is not supported; name a model with {known[0]!r} or {known[1]!r}"
    )
