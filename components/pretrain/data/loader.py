"""Whole batches in a seeded order, made ready in the background. A batch depends on its step alone, so a resume is exact."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.errors import InputError
from components.execution.prefetch import ahead
from components.models.tokenizer import Tokenizer
from components.pretrain.data.samples import NO_CLASS, Samples, Vocabulary
from components.pretrain.parameters import TextParameters

_TOKEN_MEMORY = 1 << 18
# What a random number is for, so that no two purposes share a stream.
_ORDER, _TEXTS = 0, 1


@dataclass(frozen=True)
class Batch:
    """One worker's share of a step: `pictures` uint8 [b, h, w, 3], `tokens` int64 [b, l], `target` int64 [b] (the class drawn
    for each picture), `entities` int64 [b, k] (all its classes, padded with -1). What a recipe does not use is None.
    `skipped` counts the pictures that could not be decoded, and that others stand in for.
    """

    step: int
    pictures: Tensor
    tokens: Tensor | None
    target: Tensor | None
    entities: Tensor | None
    skipped: int = 0


@dataclass(frozen=True)
class Share:
    """The part of every step that one worker takes."""

    batch: int
    rank: int = 0
    workers: int = 1

    @property
    def own(self) -> slice:
        """This worker's part of a step's batch."""
        size = self.batch // self.workers
        return slice(self.rank * size, (self.rank + 1) * size)

    def positions(self, step: int) -> npt.NDArray[np.int64]:
        """Places in the endless stream of samples: int64 [batch / workers]."""
        return step * self.batch + np.arange(self.batch)[self.own]


class Order:
    """The endless stream of samples: one seeded permutation after another, each holding every sample once."""

    def __init__(self, samples: int, seed: int) -> None:
        self._samples, self._seed = samples, seed
        self._permutation = lru_cache(maxsize=2)(self._permute)

    def _permute(self, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng([self._seed, _ORDER, epoch]).permutation(self._samples)

    def at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which sample stands at each place of the stream; same shape."""
        epochs, offsets = np.divmod(positions, self._samples)
        chosen = np.empty_like(positions)
        for epoch in np.unique(epochs):
            inside = epochs == epoch
            chosen[inside] = self._permutation(int(epoch))[offsets[inside]]
        return chosen


class Composer:
    """Makes batches of pictures that were drawn: which class and which text a picture has this time."""

    def __init__(
        self,
        share: Share,
        seed: int,
        text: TextParameters,
        vocabulary: Vocabulary | None,
        tokenizer: Tokenizer | None,
    ) -> None:
        if share.batch % share.workers:
            raise InputError(
                f"pretrain.batch is {share.batch}, which {share.workers} workers cannot share evenly; choose a multiple"
            )
        self.share = share
        self._seed, self._text, self._vocabulary = seed, text, vocabulary
        self._tokens = _remembering(tokenizer) if tokenizer else None

    def compose(
        self,
        step: int,
        pictures: npt.NDArray[np.uint8],
        alt_texts: list[str],
        classes: npt.NDArray[np.int64] | None,
    ) -> Batch:
        """uint8 [b, h, w, 3], b texts and int64 [b, k], padded with -1, or None for recipes without labels → a batch."""
        tensor = torch.from_numpy(pictures)
        if classes is None:
            return Batch(step, tensor, self._tokenise(alt_texts), None, None)
        # Drawn for the whole step, then cut: a sample's class and text do not depend on the number of workers.
        rng = np.random.default_rng([self._seed, _TEXTS, step])
        which, kind = (rng.random(self.share.batch)[self.share.own] for _ in range(2))
        target = classes[np.arange(len(classes)), (which * (classes != NO_CLASS).sum(1)).astype(int)]
        tokens = self._tokenise(self._entity_texts(target, alt_texts, kind)) if self._tokens else None
        return Batch(step, tensor, tokens, torch.from_numpy(target), torch.from_numpy(classes))

    def _tokenise(self, texts: list[str]) -> Tensor | None:
        return self._tokens(texts) if self._tokens else None

    def _entity_texts(
        self, target: npt.NDArray[np.int64], alt_texts: Sequence[str], kind: npt.NDArray[np.float64]
    ) -> list[str]:
        """MOFI.md, Losses, contrastive: the alt text, or name and description, or the name, as `kind` in 0 to 1 falls."""
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


class Loader:
    """Serves `Batch`es of decoded pictures from `start` to `stop`; closes its thread when the iteration ends."""

    def __init__(
        self,
        samples: Samples,
        share: Share,
        seed: int,
        prefetch: int,
        text: TextParameters,
        tokenizer: Tokenizer | None,
    ) -> None:
        self._samples, self._share, self._prefetch = samples, share, prefetch
        self._composer = Composer(share, seed, text, samples.vocabulary, tokenizer)
        self._order = Order(len(samples), seed)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of the steps `start` to `stop` - 1."""
        return ahead(map(self.batch, range(start, stop)), self._prefetch)

    def batch(self, step: int) -> Batch:
        """The batch of one step, made now."""
        samples = self._samples
        chosen = self._order.at(self._share.positions(step))
        places = samples.positions[chosen]
        alt_texts = [samples.pictures.alt_texts[i] for i in places]
        classes = None if samples.classes is None else samples.classes[chosen]
        return self._composer.compose(step, samples.pictures.gather(places), alt_texts, classes)


def _remembering(tokenizer: Tokenizer) -> Tokenizer:
    """Tokenising costs as much as decoding a picture; the same text comes back every epoch."""

    @lru_cache(maxsize=_TOKEN_MEMORY)
    def one(text: str) -> Tensor:
        return tokenizer([text])[0]

    return lambda texts: torch.stack([one(text) for text in texts])
