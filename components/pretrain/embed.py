"""Pictures and texts → embeddings, with a model folder of ours or any open_clip model."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.errors import InputError
from components.pretrain import towers
from components.pretrain.loader import Tokenizer
from components.pretrain.texts import encode_texts
from components.pretrain.towers import TowerConfig

_BATCH = 256


class Encoder:
    """The towers of a model, for use: `images` and `texts` give L2-normalised float32 [n, d]."""

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float], tokenizer: Tokenizer) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device, self._tokenizer = device, tokenizer
        self._mean = torch.tensor(mean, device=device)[:, None, None]
        self._std = torch.tensor(std, device=device)[:, None, None]
        size = cast(int | Sequence[int], model.get_submodule("visual").image_size)
        self.image_size = int(size if isinstance(size, int) else size[0])

    @torch.inference_mode()
    def images(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 [n, h, w, 3], any size → float32 [n, d]; the short side is resized to `image_size`, the centre cropped."""
        parts = [self._images(torch.from_numpy(pictures[i : i + _BATCH])) for i in range(0, len(pictures), _BATCH)]
        return self._stack(parts)

    def _images(self, pictures: Tensor) -> Tensor:
        x = pictures.to(self._device).permute(0, 3, 1, 2).to(torch.float32) / 255
        x = (resize(x, self.image_size) - self._mean) / self._std
        features: Tensor = self._model.encode_image(x.contiguous(memory_format=torch.channels_last), normalize=True)
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


def resize(x: Tensor, size: int) -> Tensor:
    """float [n, c, h, w] → [n, c, size, size]: short side resized with antialiasing, centre cropped."""
    height, width = x.shape[2:]
    if (height, width) == (size, size):
        return x
    scale = size / min(height, width)
    shape = [max(size, round(height * scale)), max(size, round(width * scale))]
    x = F.interpolate(x, shape, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
    return x[:, :, top : top + size, left : left + size]


def load_encoder(model: Path | str) -> Encoder:
    """A model folder (`open_clip_config.json` + `open_clip_model.safetensors`), or `NAME` / `NAME:PRETRAINED` of open_clip.

    Raises:
        InputError: if there is neither.
    """
    folder = Path(model)
    if (folder / "open_clip_config.json").is_file():
        if not (folder / "open_clip_model.safetensors").is_file():
            raise InputError(f"{folder} has no open_clip_model.safetensors; run `mofi pretrain` again")
        return _from_open_clip(f"local-dir:{folder}", None)
    name, _, pretrained = str(model).partition(":")
    if name in open_clip.list_models():
        return _from_open_clip(name, pretrained or None)
    raise InputError(
        f"{model} is neither a model folder (with open_clip_config.json) nor a model of open_clip; "
        "run `mofi pretrain`, or name one of open_clip.list_models(), with `:PRETRAINED` if wanted"
    )


def _from_open_clip(name: str, pretrained: str | None) -> Encoder:
    model = open_clip.create_model(name, pretrained=pretrained, weights_only=True)
    preprocess = model.visual.preprocess_cfg
    return Encoder(model, preprocess["mean"], preprocess["std"], open_clip.get_tokenizer(name))


def untrained(tower: str, seed: int) -> Encoder:
    """The encoder that a tower is before any training."""
    return encoder_of(towers.build(towers.read_config(tower), seed), towers.read_config(tower))


def encoder_of(model: nn.Module, config: TowerConfig) -> Encoder:
    """An encoder of towers in memory."""
    return Encoder(model, config.preprocess["mean"], config.preprocess["std"], tokenizer_of(config))


def tokenizer_of(config: TowerConfig) -> Tokenizer:
    """The tokenizer that fits a tower's vocabulary and context."""
    text = config.model["text_cfg"]
    if text.get("hf_tokenizer_name"):
        return cast(Tokenizer, open_clip.HFTokenizer(text["hf_tokenizer_name"], context_length=config.context_length))
    return cast(Tokenizer, open_clip.SimpleTokenizer(context_length=config.context_length))
