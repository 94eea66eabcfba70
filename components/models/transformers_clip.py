"""The CLIP layout of `transformers`, in which MOFI was released, and its names in open_clip."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.errors import InputError
from components.models.config import TowerConfig
from components.models.foreign.checks import Check, Object, checked, list_of, number, read_object, whole

# CLIP's, per colour; open_clip has them too, but takes ten seconds to import.
OPENAI_MEAN, OPENAI_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Defaults of `config.json`.
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
_SIZE, _COUNT, _WIDTH, _NUMBER = whole(1, 8192), whole(1, 512), whole(1, 65_536), whole(0, 10_000_000)
_CHECKS: dict[str, Check | Object] = {
    "vocab_size": whole(1, 10_000_000),
    "hidden_size": _WIDTH,
    "intermediate_size": _WIDTH,
    "num_hidden_layers": _COUNT,
    "num_attention_heads": _COUNT,
    "image_size": _SIZE,
    "patch_size": _SIZE,
    "hidden_act": Check("a name", lambda v: isinstance(v, str)),
    "layer_norm_eps": number(0, 1),
    "max_position_embeddings": _WIDTH,
    "eos_token_id": _NUMBER,
}
_PROJECTION = Object({"projection_dim": _WIDTH})
_SIDE = whole(1, 8192)
_PREPARED = Object(
    {
        "size": Check(
            "a size", lambda v: _SIDE.holds(v) or (isinstance(v, dict) and all(map(_SIDE.holds, v.values())))
        ),
        "resample": whole(0, 5),
        "image_mean": list_of(number(-1000, 1000), 3),
        "image_std": list_of(number(1e-6, 1000), 3),
    }
)
_CLIP_VOCABULARY, _CLIP_END = 49408, 49407
# Old files have this `eos_token_id` by mistake: texts are pooled at their highest token.
_POOL_AT_HIGHEST = 2
_BICUBIC = 3
_BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


@dataclass(frozen=True)
class NameMapping:
    """One tensor of open_clip and its counterpart.

    Attributes:
        ours: the name in open_clip.
        theirs: the names in `transformers`; several are parts of the tensor, in order.
        transposed: whether theirs is the transpose.
    """

    ours: str
    theirs: tuple[str, ...]
    transposed: bool = False


def is_clip_folder(folder: Path) -> bool:
    """Whether a folder holds a CLIP of `transformers`."""
    path = folder / "config.json"
    if not path.is_file():
        return False
    return bool(read_object(path).get("model_type") == "clip")


def name_mappings(vision_layers: int, text_layers: int) -> Iterator[NameMapping]:
    """All tensors of a CLIP with plain transformers; only `logit_scale` differs in shape."""
    yield NameMapping("logit_scale", ("logit_scale",))
    vision, text = "vision_model", "text_model"
    yield NameMapping("visual.class_embedding", (f"{vision}.embeddings.class_embedding",))
    yield NameMapping("visual.positional_embedding", (f"{vision}.embeddings.position_embedding.weight",))
    yield NameMapping("visual.conv1.weight", (f"{vision}.embeddings.patch_embedding.weight",))
    yield NameMapping("visual.proj", ("visual_projection.weight",), transposed=True)
    yield from _weight_and_bias("visual.ln_pre", f"{vision}.pre_layrnorm")
    yield from _weight_and_bias("visual.ln_post", f"{vision}.post_layernorm")
    yield from _blocks("visual.transformer", vision, vision_layers)
    yield NameMapping("token_embedding.weight", (f"{text}.embeddings.token_embedding.weight",))
    yield NameMapping("positional_embedding", (f"{text}.embeddings.position_embedding.weight",))
    yield NameMapping("text_projection", ("text_projection.weight",), transposed=True)
    yield from _weight_and_bias("ln_final", f"{text}.final_layer_norm")
    yield from _blocks("transformer", text, text_layers)


def _weight_and_bias(ours: str, theirs: str) -> Iterator[NameMapping]:
    for part in ("weight", "bias"):
        yield NameMapping(f"{ours}.{part}", (f"{theirs}.{part}",))


def _blocks(ours: str, theirs: str, layers: int) -> Iterator[NameMapping]:
    for layer in range(layers):
        our, their = f"{ours}.resblocks.{layer}", f"{theirs}.encoder.layers.{layer}"
        for part in ("weight", "bias"):
            inner = tuple(f"{their}.self_attn.{kind}_proj.{part}" for kind in "qkv")
            yield NameMapping(f"{our}.attn.in_proj_{part}", inner)
        for name, other in _BLOCK.items():
            yield from _weight_and_bias(f"{our}.{name}", f"{their}.{other}")


def to_clip(tensors: Mapping[str, Tensor], mappings: Iterator[NameMapping]) -> dict[str, Tensor]:
    """open_clip's tensors by their names in `transformers`, without shared memory."""
    renamed: dict[str, Tensor] = {}
    for mapping in mappings:
        tensor = tensors[mapping.ours]
        parts = (tensor.T if mapping.transposed else tensor).chunk(len(mapping.theirs)) if tensor.ndim else (tensor,)
        renamed |= {name: part.clone().contiguous() for name, part in zip(mapping.theirs, parts, strict=True)}
    return renamed


def from_clip(tensors: Mapping[str, Tensor], mappings: Iterator[NameMapping], where: object) -> dict[str, Tensor]:
    """The tensors of a CLIP of `transformers` by their names in open_clip.

    Raises:
        InputError: if one is missing.
    """
    renamed: dict[str, Tensor] = {}
    for mapping in mappings:
        missing = [name for name in mapping.theirs if name not in tensors]
        if missing:
            raise InputError(f"{where} holds no tensor {missing[0]}; name a folder with all weights of a CLIPModel")
        parts = [tensors[name] for name in mapping.theirs]
        whole = torch.cat(parts) if len(parts) > 1 else parts[0]
        renamed[mapping.ours] = whole.T.contiguous() if mapping.transposed else whole
    return renamed


def read_clip_config(folder: Path) -> TowerConfig:
    """The towers of `config.json`, in open_clip's terms, and their preprocessing.

    Preprocessing follows `preprocessor_config.json`. Without that file it is the released MOFI's:
    short side resized without antialiasing, CLIP's mean and deviation.

    Raises:
        InputError: if open_clip's towers cannot represent the config.
    """
    path = folder / "config.json"
    content = read_object(path)
    vision, text = (_part(content, name, known, path) for name, known in (("vision", _VISION), ("text", _TEXT)))
    if vision["hidden_act"] != text["hidden_act"] or vision["hidden_act"] not in ("gelu", "quick_gelu"):
        raise InputError(
            f"{path}: hidden_act is {vision['hidden_act']!r} and {text['hidden_act']!r}; both towers must have gelu, or quick_gelu"
        )
    model: dict[str, Any] = {
        "embed_dim": checked({"projection_dim": content.get("projection_dim", 512)}, _PROJECTION, path, "config")[
            "projection_dim"
        ],
        "vision_cfg": {
            "image_size": vision["image_size"],
            "layers": vision["num_hidden_layers"],
            "width": vision["hidden_size"],
            "head_width": vision["hidden_size"] // vision["num_attention_heads"],
            "patch_size": vision["patch_size"],
            **_non_defaults(vision),
        },
        "text_cfg": {
            "context_length": text["max_position_embeddings"],
            "vocab_size": text["vocab_size"],
            "width": text["hidden_size"],
            "heads": text["num_attention_heads"],
            "layers": text["num_hidden_layers"],
            **_non_defaults(text),
            **_text_pooling(text, folder),
        },
    }
    if vision["hidden_act"] == "quick_gelu":
        model["quick_gelu"] = True
    return TowerConfig(model, _preprocess_cfg(folder, int(vision["image_size"])))


def _part(content: Mapping[str, Any], name: str, defaults: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The settings of a tower that are used here; no library sees the others."""
    said = content.get(f"{name}_config") or {}
    known = {key: value for key, value in said.items() if key in defaults} if isinstance(said, dict) else said
    return {**defaults, **checked(known, Object(_CHECKS), path, f"{name}_config")}


def _non_defaults(part: Mapping[str, Any]) -> dict[str, Any]:
    """Values that are listed only if they differ from open_clip's default."""
    rest: dict[str, Any] = {}
    if part["intermediate_size"] != 4 * part["hidden_size"]:
        rest["mlp_ratio"] = part["intermediate_size"] / part["hidden_size"]
    if part["layer_norm_eps"] != 1e-5:
        rest["norm_kwargs"] = {"eps": part["layer_norm_eps"]}
    return rest


def _text_pooling(text: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The pooled token of a text, and the tokenizer, if they are not CLIP's own."""
    end = text["eos_token_id"]
    if text["vocab_size"] == _CLIP_VOCABULARY and end in (_POOL_AT_HIGHEST, _CLIP_END):
        return {}
    return {
        "hf_tokenizer_name": str(folder.absolute()),
        **({} if end == _POOL_AT_HIGHEST else {"pool_type": "eos", "eos_id": end}),
    }


def _preprocess_cfg(folder: Path, size: int) -> dict[str, Any]:
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
    read = {key: value for key, value in read_object(path).items() if key in _PREPARED.keys and value is not None}
    content = checked(read, _PREPARED, path, "preprocessor")
    side, square = content.get("size", size), {"height": size, "width": size}
    squashed = isinstance(side, dict) and {key: side.get(key) for key in square} == square
    shortest = side.get("shortest_edge") if isinstance(side, dict) else side
    if shortest != size and not squashed:
        raise InputError(
            f"{path}: pictures are resized to {side}, but the tower takes {size} px; only "
            f'{{"shortest_edge": {size}}} and {{"height": {size}, "width": {size}}} are supported'
        )
    return {
        "size": size,
        "mode": "RGB",
        "mean": content.get("image_mean", list(OPENAI_MEAN)),
        "std": content.get("image_std", list(OPENAI_STD)),
        "interpolation": "bicubic" if content.get("resample", _BICUBIC) == _BICUBIC else "bilinear",
        "resize_mode": "squash" if squashed else "shortest",
    }
