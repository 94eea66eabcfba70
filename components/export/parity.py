"""Checks that an exported model embeds as in torch, entry by entry, on noise and on texts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from components.errors import MofiError
from components.models.load import Model

# Largest difference of one entry of an L2-normalised embedding.
TOLERANCE = 1e-4
# Short, long, without a known word, and longer than a context.
TEXTS = ("a photo of a crane", "crane, a machine that lifts heavy things", "Q42", "the turkey and the bat " * 20)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """Inputs, and their embeddings in torch.

    Attributes:
        pixels: float32 [n, 3, s, s], normalised.
        tokens: int64 [m, l].
        images: float32 [n, d], L2-normalised embeddings.
        texts: float32 [m, d], L2-normalised embeddings.
    """

    pixels: Floats
    tokens: npt.NDArray[np.int64]
    images: Floats
    texts: Floats


@torch.inference_mode()
def sample_embeddings(model: Model) -> Samples:
    """Embeds three pictures of noise and a few texts."""
    size = model.config.image_size
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    tokens = model.tokenizer(list(TEXTS))
    images = model.towers.encode_image(pixels, normalize=True)  # type: ignore[operator]
    texts = model.towers.encode_text(tokens, normalize=True)  # type: ignore[operator]
    return Samples(pixels.numpy(), tokens.numpy(), images.numpy(), texts.numpy())


def check_parity(
    samples: Samples,
    embed_images: Callable[[Floats], Floats],
    embed_texts: Callable[[npt.NDArray[np.int64]], Floats],
) -> dict[str, float]:
    """The largest difference of an entry, by tower.

    Raises:
        MofiError: if one exceeds `TOLERANCE`, or is not a number.
    """
    differences = {
        "image": float(np.abs(embed_images(samples.pixels) - samples.images).max()),
        "text": float(np.abs(embed_texts(samples.tokens) - samples.texts).max()),
    }
    for tower, difference in differences.items():
        if not difference <= TOLERANCE:
            raise MofiError(
                f"the exported {tower} tower differs from torch by {difference:.1e}, more than {TOLERANCE:.0e}; nothing was "
                "written. Please report it with the model's open_clip_config.json"
            )
    return differences
