"""The CLIP layout of Hugging Face `transformers`, in which MOFI was released, and how its names stand for open_clip's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.errors import InputError
from components.models.config import TowerConfig
from components.storage.json_files import read_json

# CLIP's, per colour; open_clip has them too, but takes ten seconds of a CPU to import.
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# What `config.json` leaves out has these values.
_VISION = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
_TEXT = {
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "eos_token_id": 49407,
}
_CLIP_VOCABULARY, _CLIP_END = 49408, 49407
# A text is read out at its highest token where `eos_token_id` has this value, which old files have by mistake.
_READ_AT_HIGHEST = 2
_BICUBIC = 3
_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


@dataclass(frozen=True)
class Names:
    """One tensor of open_clip and what holds it there: several tensors are its parts in order, a `turned` one its transpose."""

    ours: str
    theirs: tuple[str, ...]
    turned: bool = False


def is_clip_folder(folder: Path) -> bool:
    """Whether a folder holds a CLIP of `transformers`."""
    path = folder / "config.json"
    if not path.is_file():
        return False
    content = read_json(path)
    return isinstance(content, dict) and content.get("model_type") == "clip"


def names(vision_layers: int, text_layers: int) -> Iterator[Names]:
    """Every tensor of a CLIP with plain transformers, but for `logit_scale`'s shape."""
    yield Names("logit_scale", ("logit_scale",))
    see, read = "vision_model", "text_model"
    yield Names("visual.class_embedding", (f"{see}.embeddings.class_embedding",))
    yield Names("visual.positional_embedding", (f"{see}.embeddings.position_embedding.weight",))
    yield Names("visual.conv1.weight", (f"{see}.embeddings.patch_embedding.weight",))
    yield Names("visual.proj", ("visual_projection.weight",), turned=True)
    yield from _weight_and_bias("visual.ln_pre", f"{see}.pre_layrnorm")
    yield from _weight_and_bias("visual.ln_post", f"{see}.post_layernorm")
    yield from _blocks("visual.transformer", see, vision_layers)
    yield Names("token_embedding.weight", (f"{read}.embeddings.token_embedding.weight",))
    yield Names("positional_embedding", (f"{read}.embeddings.position_embedding.weight",))
    yield Names("text_projection", ("text_projection.weight",), turned=True)
    yield from _weight_and_bias("ln_final", f"{read}.final_layer_norm")
    yield from _blocks("transformer", read, text_layers)


def _weight_and_bias(ours: str, theirs: str) -> Iterator[Names]:
    for part in ("weight", "bias"):
        yield Names(f"{ours}.{part}", (f"{theirs}.{part}",))


def _blocks(ours: str, theirs: str, layers: int) -> Iterator[Names]:
    for number in range(layers):
        our, their = f"{ours}.resblocks.{number}", f"{theirs}.encoder.layers.{number}"
        for part in ("weight", "bias"):
            inner = tuple(f"{their}.self_attn.{kind}_proj.{part}" for kind in "qkv")
            yield Names(f"{our}.attn.in_proj_{part}", inner)
        for name, other in _BLOCK.items():
            yield from _weight_and_bias(f"{our}.{name}", f"{their}.{other}")


def to_clip(tensors: Mapping[str, Tensor], pairs: Iterator[Names]) -> dict[str, Tensor]:
    """open_clip's tensors by their names in `transformers`; each shares no memory with another."""
    given: dict[str, Tensor] = {}
    for pair in pairs:
        tensor = tensors[pair.ours]
        parts = (tensor.T if pair.turned else tensor).chunk(len(pair.theirs)) if tensor.ndim else (tensor,)
        given |= {name: part.clone().contiguous() for name, part in zip(pair.theirs, parts, strict=True)}
    return given


def from_clip(tensors: Mapping[str, Tensor], pairs: Iterator[Names], where: object) -> dict[str, Tensor]:
    """The tensors of a CLIP of `transformers` by their names in open_clip.

    Raises:
        InputError: if one is missing.
    """
    given: dict[str, Tensor] = {}
    for pair in pairs:
        missing = [name for name in pair.theirs if name not in tensors]
        if missing:
            raise InputError(f"{where} holds no tensor {missing[0]}; name a folder with all weights of a CLIPModel")
        parts = [tensors[name] for name in pair.theirs]
        whole = torch.cat(parts) if len(parts) > 1 else parts[0]
        given[pair.ours] = whole.T.contiguous() if pair.turned else whole
    return given


def read_clip_config(folder: Path) -> TowerConfig:
    """The towers that `config.json` describes, in open_clip's terms, and how pictures are prepared for them.

    Pictures are prepared as `preprocessor_config.json` says. Where there is none, as beside the released MOFI, they are prepared
    as that is (MOFI.md, Evaluation protocols): the short side resized without antialiasing, CLIP's mean and deviation.

    Raises:
        InputError: if the folder describes what open_clip's towers cannot be.
    """
    path = folder / "config.json"
    content = read_json(path)
    vision, text = _VISION | (content.get("vision_config") or {}), _TEXT | (content.get("text_config") or {})
    if vision["hidden_act"] != text["hidden_act"] or vision["hidden_act"] not in ("gelu", "quick_gelu"):
        raise InputError(
            f"{path}: hidden_act is {vision['hidden_act']!r} and {text['hidden_act']!r}; both towers must have gelu, or quick_gelu"
        )
    model: dict[str, Any] = {
        "embed_dim": content.get("projection_dim", 512),
        "vision_cfg": {
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "patch_size": vision["patch_size"],
            **_rest(vision),
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
            **_rest(text),
            **_reading(text, folder),
        },
    }
    if vision["hidden_act"] == "quick_gelu":
        model["quick_gelu"] = True
    return TowerConfig(model, _preparation(folder, int(vision["image_size"])))


def _rest(part: Mapping[str, Any]) -> dict[str, Any]:
    """What is said only where it differs from open_clip's own default."""
    rest: dict[str, Any] = {}
    if part["intermediate_size"] != 4 * part["hidden_size"]:
        rest["mlp_ratio"] = part["intermediate_size"] / part["hidden_size"]
    if part["layer_norm_eps"] != 1e-5:
        rest["norm_kwargs"] = {"eps": part["layer_norm_eps"]}
    return rest


def _reading(text: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Which token a text is read out at, and the tokenizer, where they are not CLIP's own, which open_clip has."""
    end = text["eos_token_id"]
    if text["vocab_size"] == _CLIP_VOCABULARY and end in (_READ_AT_HIGHEST, _CLIP_END):
        return {}
    return {
        "hf_tokenizer_name": str(folder.absolute()),
        **({} if end == _READ_AT_HIGHEST else {"pool_type": "eos", "eos_id": end}),
    }


def _preparation(folder: Path, size: int) -> dict[str, Any]:
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return {
            "size": size,
            "mode": "RGB",
            "mean": list(OPENAI_MEAN),
            "std": list(OPENAI_STD),
            "interpolation": "bilinear",
            "resize_mode": "shortest",
            "antialias": False,
        }
    content = read_json(path)
    side, square = content.get("size", size), {"height": size, "width": size}
    squashed = isinstance(side, dict) and {key: side.get(key) for key in square} == square
    shortest = side.get("shortest_edge") if isinstance(side, dict) else side
    if shortest != size and not squashed:
        raise InputError(
            f"{path}: pictures are resized to {side}, but the tower takes {size} px; only "
            f'{{"shortest_edge": {size}}} and {{"height": {size}, "width": {size}}} are known here'
        )
    return {
        "size": size,
        "mode": "RGB",
        "mean": content.get("image_mean", list(OPENAI_MEAN)),
        "std": content.get("image_std", list(OPENAI_STD)),
        "interpolation": "bicubic" if content.get("resample", _BICUBIC) == _BICUBIC else "bilinear",
        "resize_mode": "squash" if squashed else "shortest",
    }
