"""Makes batches of pictures: draws the class and the text that each picture has this time."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.errors import InputError
from components.models.tokenizer import Tokenizer
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.usable_pictures import NO_CLASS
from components.pretrain.data.vocabulary import Vocabulary
from components.pretrain.parameters import TextParameters

_CACHED_TEXTS = 1 << 18
_TEXTS = 1  # purpose of the random numbers, so that no two purposes share a stream


class Collator:
    """Draws a class and a text for each picture and returns the batch."""

    def __init__(
        self,
        partition: BatchPartition,
        seed: int,
        text: TextParameters,
        vocabulary: Vocabulary | None,
        tokenizer: Tokenizer | None,
    ) -> None:
        if partition.batch % partition.workers:
            raise InputError(
                f"pretrain.batch is {partition.batch}, which {partition.workers} workers cannot share evenly; choose a multiple"
            )
        self._partition = partition
        self._seed, self._text, self._vocabulary = seed, text, vocabulary
        self._tokens = _cached(tokenizer) if tokenizer else None

    def collate(
        self,
        step: int,
        pictures: npt.NDArray[np.uint8],
        alt_texts: list[str],
        classes: npt.NDArray[np.int64] | None,
    ) -> Batch:
        """Makes a batch of one worker's pictures.

        Args:
            step: of the training.
            pictures: uint8 [b, h, w, 3].
            alt_texts: b texts.
            classes: int64 [b, k], padded with -1; None for recipes without labels.
        """
        tensor = torch.from_numpy(pictures)
        if classes is None:
            return Batch(step, tensor, self._tokenise(alt_texts), None, None)
        # StepPictures for the whole step, then cut: a sample's class and text do not depend on the
        # number of workers.
        rng = np.random.default_rng([self._seed, _TEXTS, step])
        which, kind = (rng.random(self._partition.batch)[self._partition.own_slice] for _ in range(2))
        target = classes[np.arange(len(classes)), (which * (classes != NO_CLASS).sum(1)).astype(int)]
        tokens = self._tokenise(self._entity_texts(target, alt_texts, kind)) if self._tokens else None
        return Batch(step, tensor, tokens, torch.from_numpy(target), torch.from_numpy(classes))

    def _tokenise(self, texts: list[str]) -> Tensor | None:
        return self._tokens(texts) if self._tokens else None

    def _entity_texts(
        self, target: npt.NDArray[np.int64], alt_texts: Sequence[str], kind: npt.NDArray[np.float64]
    ) -> list[str]:
        """The alt text, name and description, or name, by `kind` in 0 to 1 (arXiv 2306.07952)."""
        vocabulary = self._vocabulary
        assert vocabulary is not None
        alt_text_below = self._text.alt_text
        description_below = alt_text_below + self._text.name_and_description
        texts = []
        for number, alt_text, drawn in zip(target, alt_texts, kind, strict=True):
            name, description = vocabulary.labels[number], vocabulary.descriptions[number]
            if drawn < alt_text_below and alt_text.strip():
                texts.append(alt_text)
            elif alt_text_below <= drawn < description_below and description:
                texts.append(f"{name}, {description}")
            else:
                texts.append(name)
        return texts


def _cached(tokenizer: Tokenizer) -> Tokenizer:
    """Caches texts' tokens: they return every epoch, and tokenising costs as much as decoding."""

    @lru_cache(maxsize=_CACHED_TEXTS)
    def one(text: str) -> Tensor:
        return tokenizer([text])[0]

    return lambda texts: torch.stack([one(text) for text in texts])
