"""Pictures and texts → embeddings, with any model that `load_model` finds."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.models import towers
from components.models.config import TowerConfig
from components.models.inference import fuse_for_inference
from components.models.load import Model, load_model
from components.models.preprocess import DEFAULT, Pictures, Resizing, read_resizing
from components.models.text_encoding import encode_texts
from components.models.tokenizer import Tokenizer, make_tokenizer

# Pictures or texts at a time; few on a CPU, so that activations stay in its caches.
_BATCH = 256 if torch.cuda.is_available() else 64
_PIXELS = _BATCH * 512 * 512  # of larger pictures there are fewer at a time


class Encoder:
    """Towers for inference: `images` and `texts` return L2-normalised float32 [n, d]."""

    def __init__(
        self,
        model: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        tokenizer: Tokenizer,
        resizing: Resizing = DEFAULT,
    ) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device, self._tokenizer, self._resizing = device, tokenizer, resizing
        size = cast(int | Sequence[int], model.get_submodule("visual").image_size)
        self.image_size = int(size if isinstance(size, int) else size[0])
        # For a whole row of pixels, [w * 3]: broadcasting three numbers takes four times as long.
        self._mean = (255 * torch.tensor(mean, device=device)).repeat(self.image_size)
        self._scale = (1 / (255 * torch.tensor(std, device=device))).repeat(self.image_size)

    def prepare(self, data: bytes, *, quick: bool = False) -> Pictures:
        """An encoded picture → grey levels 0 to 255 [s, s, 3], s = `image_size`, for `images`.

        Args:
            data: the picture's bytes.
            quick: see `Resizing.square`.

        Raises:
            BadImage: if it cannot be decoded.
        """
        return self._resizing.square(data, self.image_size, quick=quick)

    @torch.inference_mode()
    def images(self, pictures: Pictures) -> npt.NDArray[np.float32]:
        """Grey levels 0 to 255 [n, h, w, 3], any size → float32 [n, d].

        Pictures of another size are resized with antialiasing, in the model's resize mode.
        """
        batch = max(1, min(_BATCH, _PIXELS // self.image_size**2))
        parts = [self._images(torch.from_numpy(pictures[i : i + batch])) for i in range(0, len(pictures), batch)]
        return self._stack(parts)

    def _images(self, pictures: Tensor) -> Tensor:
        x, size = pictures.to(self._device), self.image_size
        if x.shape[1:3] != (size, size):
            levels = x.permute(0, 3, 1, 2).to(torch.float32).div_(255)
            x = self._resizing.resize(levels, size).mul_(255).permute(0, 2, 3, 1)
        # In place: allocating memory for every operation would cost as much as the arithmetic.
        x = torch.sub(x.reshape(len(x), size, size * 3), self._mean).mul_(self._scale)
        features: Tensor = self._model.encode_image(x.view(-1, size, size, 3).permute(0, 3, 1, 2), normalize=True)
        return features

    @torch.inference_mode()
    def texts(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """n texts → float32 [n, d]."""
        parts = []
        for i in range(0, len(texts), _BATCH):
            tokens = self._tokenizer(texts[i : i + _BATCH]).to(self._device)
            parts.append(encode_texts(self._model, tokens))
        return self._stack(parts)

    def _stack(self, parts: list[Tensor]) -> npt.NDArray[np.float32]:
        if not parts:
            width = self._model.text_projection.shape[-1]
            return np.zeros((0, width), np.float32)
        return torch.cat(parts).to("cpu", torch.float32).numpy()


def load_encoder(model: Path | str) -> Encoder:
    """The encoder of a model; raises as `load_model` and `encoder_from_model` do."""
    return encoder_from_model(load_model(model))


def untrained_encoder(tower: str, seed: int) -> Encoder:
    """An encoder of towers with random weights."""
    return encoder_from_towers(towers.build(towers.read_config(tower), seed), towers.read_config(tower))


def encoder_from_model(model: Model) -> Encoder:
    """The encoder of a loaded model, whose towers are fused for inference.

    Raises:
        InputError: if its preprocessing is not supported.
    """
    preprocess = model.config.preprocess
    resizing = read_resizing(preprocess)
    return Encoder(fuse_for_inference(model.towers), preprocess["mean"], preprocess["std"], model.tokenizer, resizing)


def encoder_from_towers(model: nn.Module, config: TowerConfig) -> Encoder:
    """An encoder of towers in memory; raises as `encoder_from_model` does."""
    preprocess = config.preprocess
    return Encoder(model, preprocess["mean"], preprocess["std"], make_tokenizer(config), read_resizing(preprocess))
