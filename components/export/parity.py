"""Whether an exported model embeds as it does here: on noise and on texts, entry by entry."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from components.errors import MofiError
from components.models.load import Model

# Largest difference of one entry of an L2-normalised embedding.
TOLERANCE = 1e-4
# Short, long, of no known word, and longer than a context.
TEXTS = ("a photo of a crane", "crane, a machine that lifts heavy things", "Q42", "the turkey and the bat " * 20)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """What both are given, and what torch gives: `pixels` float32 [n, 3, s, s] as a tower takes them, `tokens` int64 [m, l],
    `images` float32 [n, d] and `texts` float32 [m, d], L2-normalised.
    """

    pixels: Floats
    tokens: npt.NDArray[np.int64]
    images: Floats
    texts: Floats


@torch.inference_mode()
def sample(model: Model) -> Samples:
    """Three pictures of noise and a few texts through the towers as they are here."""
    size = model.config.image_size
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    tokens = model.tokenizer(list(TEXTS))
    images = model.towers.encode_image(pixels, normalize=True)  # type: ignore[operator]
    texts = model.towers.encode_text(tokens, normalize=True)  # type: ignore[operator]
    return Samples(pixels.numpy(), tokens.numpy(), images.numpy(), texts.numpy())


def differences(
    samples: Samples,
    embed_images: Callable[[Floats], Floats],
    embed_texts: Callable[[npt.NDArray[np.int64]], Floats],
) -> dict[str, float]:
    """The largest difference of an entry, by tower.

    Raises:
        MofiError: if one exceeds `TOLERANCE`, or is no number.
    """
    found = {
        "image": float(np.abs(embed_images(samples.pixels) - samples.images).max()),
        "text": float(np.abs(embed_texts(samples.tokens) - samples.texts).max()),
    }
    for tower, difference in found.items():
        if not difference <= TOLERANCE:
            raise MofiError(
                f"the exported {tower} tower embeds {difference:.1e} off what torch does, more than {TOLERANCE:.0e}; nothing was "
                "written. Please report it with the model's open_clip_config.json"
            )
    return found
