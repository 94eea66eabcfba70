"""Exports a model as a CLIPModel of Hugging Face `transformers`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
import transformers
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from components.errors import InputError
from components.export import sidecars
from components.export.parity import Floats, check_parity, sample_embeddings
from components.models.config import TowerConfig
from components.models.load import Model
from components.models.tokenizer import TransformersTokenizer
from components.models.transformers_clip import name_mappings, to_clip

# Settings that a CLIPModel has too; all others must have open_clip's defaults.
_SHARED = {"layers", "width", "mlp_ratio", "norm_kwargs"}
_VISION = _SHARED | {"head_width", "patch_size", "image_size", "patch_dropout"}
_TEXT = _SHARED | {
    "heads",
    "context_length",
    "vocab_size",
    "hf_tokenizer_name",
    "tokenizer_kwargs",
    "pool_type",
    "eos_id",
}
# Its progress bars are noise for two files.
transformers.utils.logging.disable_progress_bar()
_MODEL = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text", "init_logit_scale"}
_FIX = "export it with --to onnx, which holds other towers too, or choose one of plain transformers, as open_clip's ViT-B-16 is"


def write(model: Model, folder: Path) -> dict[str, Any]:
    """Writes weights, config, tokenizer and preprocessor; returns their entries of the card.

    Raises:
        InputError: if a CLIPModel cannot hold the towers.
        MofiError: if it embeds differently.
    """
    check_supported(model.config)
    config = CLIPConfig(**clip_config(model))
    mappings = name_mappings(model.config.model["vision_cfg"]["layers"], model.config.model["text_cfg"]["layers"])
    clip = CLIPModel(config)
    clip.load_state_dict(to_clip(_plain_names(model.towers.state_dict()), mappings))
    clip.save_pretrained(folder)
    sidecars.write_tokenizer(model, folder)
    sidecars.write_preprocessor(model, folder)
    return {"parity": _parity(model, folder), "transformers": transformers.__version__}


def _plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The names of a model without a separate text tower."""
    return {name.removeprefix("text."): tensor.float() for name, tensor in tensors.items()}


def check_supported(config: TowerConfig) -> None:
    """Raises InputError that names the first part of a tower that a CLIPModel lacks."""
    for reason in _reasons(config.model):
        raise InputError(f"a CLIPModel of transformers cannot hold this model: {reason}; {_FIX}")


def _reasons(model: Mapping[str, Any]) -> list[str]:
    vision, text = model["vision_cfg"], model["text_cfg"]
    if isinstance(vision.get("layers"), list | tuple):
        return ["its image tower is a ResNet (vision_cfg.layers is a list)"]
    if vision.get("timm_model_name"):
        return [f"its image tower is timm's {vision['timm_model_name']}"]
    if text.get("hf_model_name"):
        return [f"its text tower is {text['hf_model_name']}"]
    reasons = [
        f"{key} is {value!r}" for key, value in model.items() if key not in _MODEL and value not in (None, False)
    ]
    for part, given, allowed, default in (
        ("vision_cfg", vision, _VISION, open_clip.CLIPVisionCfg()),
        ("text_cfg", text, _TEXT, open_clip.CLIPTextCfg()),
    ):
        reasons += [
            f"{part}.{key} is {value!r}"
            for key, value in given.items()
            if key not in allowed and value != getattr(default, key, None)
        ]
        if set(given.get("norm_kwargs") or {}) - {"eps"}:
            reasons.append(f"{part}.norm_kwargs is {given['norm_kwargs']!r}")
    if text.get("pool_type", "argmax") not in ("argmax", "eos"):
        reasons.append(f"text_cfg.pool_type is {text['pool_type']!r}")
    if not isinstance(vision["patch_size"], int):
        reasons.append(f"vision_cfg.patch_size is {vision['patch_size']!r}")
    return reasons


def clip_config(model: Model) -> dict[str, Any]:
    """The content of `config.json`, without what transformers adds."""
    config = model.config.model
    vision = vars(open_clip.CLIPVisionCfg(**config["vision_cfg"]))
    text = vars(open_clip.CLIPTextCfg(**config["text_cfg"]))
    shared = {"hidden_act": "quick_gelu" if config.get("quick_gelu") else "gelu", "projection_dim": model.config.width}
    end, start, padding = _special_tokens(model, text)
    return {
        "projection_dim": model.config.width,
        "vision_config": {
            **shared,
            **_transformer(vision, vision["width"] // vision["head_width"]),
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
        },
        "text_config": {
            **shared,
            **_transformer(text, text["heads"]),
            "vocab_size": text["vocab_size"],
            "max_position_embeddings": text["context_length"],
            "eos_token_id": end,
            "bos_token_id": start,
            "pad_token_id": padding,
        },
    }


def _transformer(part: Mapping[str, Any], heads: int) -> dict[str, Any]:
    return {
        "hidden_size": part["width"],
        "intermediate_size": int(part["width"] * part["mlp_ratio"]),
        "num_hidden_layers": part["layers"],
        "num_attention_heads": heads,
        "layer_norm_eps": (part["norm_kwargs"] or {}).get("eps", 1e-5),
    }


def _special_tokens(model: Model, text: Mapping[str, Any]) -> tuple[int, int | None, int | None]:
    """The end, start and padding tokens. CLIP pools texts at the highest token, its end token."""
    tokenizer = model.tokenizer
    if isinstance(tokenizer, TransformersTokenizer):
        own = tokenizer.load().tokenizer
        # 2 makes transformers pool a text at its highest token, as open_clip's "argmax" does.
        return (text["eos_id"] if text["pool_type"] == "eos" else 2), own.bos_token_id, own.pad_token_id
    end = tokenizer.eot_token_id  # type: ignore[attr-defined]
    return end, tokenizer.sot_token_id, end  # type: ignore[attr-defined]


@torch.inference_mode()
def _parity(model: Model, folder: Path) -> dict[str, float]:
    """Checks the folder as it was written."""
    clip = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    samples = sample_embeddings(model)

    def embed(pixels: Tensor, tokens: Tensor) -> Any:
        return clip(pixel_values=pixels, input_ids=tokens)

    one_picture, one_text = torch.from_numpy(samples.pixels[:1]), torch.from_numpy(samples.tokens[:1])

    def images(pixels: Floats) -> Floats:
        embedded: Floats = embed(torch.from_numpy(pixels), one_text).image_embeds.numpy()
        return embedded

    def texts(tokens: npt.NDArray[np.int64]) -> Floats:
        embedded: Floats = embed(one_picture, torch.from_numpy(tokens)).text_embeds.numpy()
        return embedded

    return check_parity(samples, images, texts)
