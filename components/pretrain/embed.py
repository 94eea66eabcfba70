"""Pictures and texts → embeddings, with a model folder of ours or any open_clip model."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import open_clip
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from components.errors import InputError, SetupError
from components.pretrain import towers, weights
from components.pretrain.inference import for_inference
from components.pretrain.loader import Tokenizer
from components.pretrain.texts import encode_texts
from components.pretrain.towers import TowerConfig

logger = logging.getLogger(__name__)

# Pictures or texts at a time: on a CPU few, as what the layers hand on stays in its caches.
_BATCH = 256 if torch.cuda.is_available() else 64


class Encoder:
    """The towers of a model, for use: `images` and `texts` give L2-normalised float32 [n, d]."""

    def __init__(self, model: nn.Module, mean: Sequence[float], std: Sequence[float], tokenizer: Tokenizer) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device, self._tokenizer = device, tokenizer
        size = cast(int | Sequence[int], model.get_submodule("visual").image_size)
        self.image_size = int(size if isinstance(size, int) else size[0])
        # For a whole row of pixels, [w * 3]: with three numbers at a time the same sums take four times as long.
        self._mean = (255 * torch.tensor(mean, device=device)).repeat(self.image_size)
        self._scale = (1 / (255 * torch.tensor(std, device=device))).repeat(self.image_size)

    @torch.inference_mode()
    def images(self, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """uint8 [n, h, w, 3], any size → float32 [n, d]; the short side is resized to `image_size`, the centre cropped."""
        parts = [self._images(torch.from_numpy(pictures[i : i + _BATCH])) for i in range(0, len(pictures), _BATCH)]
        return self._stack(parts)

    def _images(self, pictures: Tensor) -> Tensor:
        x, size = pictures.to(self._device), self.image_size
        if x.shape[1:3] != (size, size):
            x = resize(x.permute(0, 3, 1, 2).to(torch.float32).div_(255), size).mul_(255).permute(0, 2, 3, 1)
        # In place: fresh memory for every step would cost as much as the arithmetic.
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
    """A model folder (`open_clip_config.json` + `open_clip_model.safetensors`), or an architecture of open_clip.

    `NAME:TAG` has the weights that are published by that tag, `NAME:FILE.safetensors` those of a checkpoint, and `NAME` alone
    untrained ones, the same in every process.

    Raises:
        InputError: if there is no such model, or its weights are a pickle.
        SetupError: if its weights or its tokenizer cannot be had.
    """
    folder = Path(model)
    if (folder / "open_clip_config.json").is_file():
        return _of_folder(folder)
    name, _, source = str(model).partition(":")
    if name not in open_clip.list_models():
        raise InputError(
            f"{model} is neither a model folder (with open_clip_config.json) nor a model of open_clip; "
            f"run `mofi pretrain`, or name one of open_clip.list_models(), with `:TAG` or `:FILE{weights.SAFE}` if wanted"
        )
    if not source:
        logger.warning("%s is untrained: name its weights too, as %s:TAG or %s:FILE%s", name, name, name, weights.SAFE)
        return _architecture(name, None, {})
    if Path(source).suffix in {weights.SAFE, *weights.PICKLES}:
        return _architecture(name, weights.checkpoint(Path(source)), {})
    return _architecture(name, weights.published(name, source), open_clip.get_pretrained_cfg(name, source))


def _of_folder(folder: Path) -> Encoder:
    if not (folder / weights.PUBLISHED).is_file():
        pickles = sorted(path for path in folder.iterdir() if path.suffix in weights.PICKLES)
        mend = weights.conversion(pickles[0]) if pickles else "run `mofi pretrain` again"
        raise InputError(f"{folder} has no {weights.PUBLISHED}; {mend}")
    model = open_clip.create_model(f"local-dir:{folder}", weights_only=True)
    preprocess = model.visual.preprocess_cfg
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    return Encoder(for_inference(model), preprocess["mean"], preprocess["std"], tokenizer)


def _architecture(name: str, checkpoint: Path | None, facts: Mapping[str, Any]) -> Encoder:
    """`facts` are open_clip's of a published tag: how pictures are normalised, and the activation it was trained with."""
    try:
        tokenizer = cast(Tokenizer, open_clip.get_tokenizer(name))
    except (ImportError, OSError) as error:
        raise SetupError(
            f"the tokenizer of {name} cannot be had ({error}); pip install transformers, or choose a model without one"
        ) from error
    quick = {"force_quick_gelu": True} if facts.get("quick_gelu") else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            model = open_clip.create_model(
                name, str(checkpoint) if checkpoint else None, weights_only=True, pretrained_text=False, **quick
            )
        except (RuntimeError, SafetensorError) as error:
            raise InputError(
                f"{checkpoint} holds no weights of {name} ({str(error)[:300]}); name its own model"
            ) from error
    preprocess = model.visual.preprocess_cfg
    mean, std = (facts.get(part, preprocess[part]) for part in ("mean", "std"))
    return Encoder(for_inference(model), mean, std, tokenizer)


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
