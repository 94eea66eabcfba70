"""Reads `open_clip_config.json`: settings of towers that build nothing but towers."""

from pathlib import Path
from typing import Any

from components.errors import InputError
from components.models.config import TowerConfig
from components.models.foreign.checks import (
    FLAG,
    NULL,
    Check,
    Object,
    checked,
    either,
    list_of,
    number,
    one_of,
    read_object,
    text,
    whole,
)

_SIZE, _COUNT, _WIDTH, _SHARE = whole(1, 8192), whole(1, 512), whole(1, 65_536), number(0, 1)
_USUAL_SIDE, _USUAL_WIDTH = 224, 64  # open_clip's defaults
_PICTURE_BYTES = 256 << 20
_WORD = text(r"[a-z0-9_]{0,64}", "a word of a-z, 0-9 and _")
_RATIO = number(1e-3, 64)
_TWO = list_of(_SIZE, 2)
# Towers see squares alone.
_SIDES = either(_SIZE, Check("two equal ones", lambda v: _TWO.holds(v) and v[0] == v[1]))
_NORM = Object({"eps": number(0, 1)}, optional=True)
_ACTIVATION = Object({"approximate": one_of("none", "tanh")}, optional=True)


def _known_text_tower(name: object) -> bool:
    """Whether open_clip has it: other repositories' configs may name kernels and code to load."""
    if name is None:
        return True
    import open_clip  # takes ten seconds to import

    configs = map(open_clip.get_model_config, open_clip.list_models())
    return name in {config["text_cfg"].get("hf_model_name") for config in configs if config}


# Both towers.
_BLOCKS: dict[str, Check | Object] = {
    "width": either(_WIDTH, NULL),
    "mlp_ratio": _RATIO,
    "ls_init_value": either(number(0, 10), NULL),
    "final_ln_after_pool": FLAG,
    "pool_type": _WORD,
    "output_tokens": FLAG,
    "act_kwargs": _ACTIVATION,
    "norm_kwargs": _NORM,
    "block_type": either(_WORD, NULL),
    "qk_norm": FLAG,
    "scaled_cosine_attn": FLAG,
    "scale_heads": FLAG,
    "scale_attn_inner": FLAG,
    "scale_attn": FLAG,
    "scale_fc": FLAG,
}
_VISION: dict[str, Check | Object] = {
    **_BLOCKS,
    "layers": either(_COUNT, list_of(_COUNT, 4), NULL),
    "head_width": _WIDTH,
    "patch_size": either(_SIZE, list_of(_SIZE, 2), NULL),
    "image_size": _SIDES,
    "patch_dropout": _SHARE,
    "attentional_pool": either(FLAG, _WORD),
    "attn_pooler_queries": _WIDTH,
    "attn_pooler_heads": _COUNT,
    "no_ln_pre": FLAG,
    "pos_embed_type": _WORD,
    # A name of timm's own: `hf-hub:` and `local-dir:` would read another model's files.
    "timm_model_name": either(text(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?", "a name of a model of timm"), NULL),
    "timm_model_pretrained": FLAG,
    "timm_pool": either(_WORD, NULL),
    "timm_proj": either(_WORD, NULL),
    "timm_proj_bias": FLAG,
    "timm_drop": _SHARE,
    "timm_drop_path": either(_SHARE, NULL),
}
# Which text is cleaned how. open_clip passes all others on to `transformers`, or opens files.
_TOKENIZER = Object(
    {
        "clean": one_of("lower", "whitespace", "canonicalize"),
        "strip_sep_token": FLAG,
        "language": either(text(r"[A-Za-z_-]{1,32}", "a language's code"), NULL),
    },
    optional=True,
)
_TEXT: dict[str, Check | Object] = {
    **_BLOCKS,
    "context_length": _WIDTH,
    "vocab_size": whole(1, 10_000_000),
    # Of the folder itself the tokenizer's files are read, of others never.
    "hf_tokenizer_name": either(text(r"[^\x00-\x1f]{0,4096}", "a name"), NULL),
    "tokenizer_mode": either(one_of("", "clips"), NULL),
    "tokenizer_kwargs": _TOKENIZER,
    "heads": _COUNT,
    "layers": _COUNT,
    "embed_cls": FLAG,
    "pad_id": whole(0, 10_000_000),
    "eos_id": whole(0, 10_000_000),
    "no_causal_mask": FLAG,
    "proj_bias": FLAG,
    "proj_type": either(_WORD, NULL),
    "hf_model_name": Check("a text tower of open_clip's own configs, or null", _known_text_tower),
    "hf_model_pretrained": FLAG,
    "hf_proj_type": either(_WORD, NULL),
    "hf_pooler_type": either(_WORD, NULL),
}
_CAPTIONS: dict[str, Check | Object] = {
    **_TEXT,
    "dim_head": _WIDTH,
    "n_queries": _WIDTH,
    "attn_pooler_heads": _COUNT,
}
_MODEL = Object(
    {
        "embed_dim": _WIDTH,
        "vision_cfg": Object(_VISION),
        "text_cfg": Object(_TEXT),
        "multimodal_cfg": Object(_CAPTIONS),
        "custom_text": FLAG,
        "quick_gelu": FLAG,
        "init_logit_scale": number(-1000, 1000),
        "init_logit_bias": either(number(-1000, 1000), NULL),
        "nonscalar_logit_scale": FLAG,
        "output_dict": FLAG,
    }
)
_COLOURS = list_of(number(-1000, 1000), 3)
_PREPROCESS: dict[str, Check] = {
    "size": _SIDES,
    "mode": one_of("RGB"),
    "mean": _COLOURS,
    "std": list_of(number(1e-6, 1000), 3),
    "interpolation": _WORD,
    "resize_mode": _WORD,
    "antialias": FLAG,
    "fill_color": whole(0, 255),
}


def read_open_clip_config(path: Path) -> TowerConfig:
    """The towers and the preprocessing of an `open_clip_config.json`; {} if it names none.

    Raises:
        InputError: if it is damaged, or has a setting of the model that is not known.
    """
    content = read_object(path)
    return TowerConfig(check_model(content.get("model_cfg"), path), _preprocess(content.get("preprocess_cfg"), path))


def check_model(content: object, where: object) -> dict[str, Any]:
    """A copy of a `model_cfg` that has known settings with right values alone.

    Raises:
        InputError: otherwise.
    """
    model = checked(content, _MODEL, where, "model_cfg")
    missing = [part for part in ("embed_dim", "vision_cfg", "text_cfg") if part not in model]
    if missing:
        raise InputError(f"{where}: model_cfg has no {missing[0]}; fetch the model again")
    _check_picture_memory(model["vision_cfg"], where)
    return model


def _check_picture_memory(vision: dict[str, Any], where: object) -> None:
    """Refuses towers whose pictures are far too large: of convolutions, the weights do not tell.

    Estimated are the pixels as float32 and, of a tower of convolutions, its first layers, which
    have half as many numbers a pixel as the tower is wide. Other towers have a weight for each
    patch of a picture.
    """
    given = vision.get("image_size", _USUAL_SIDE)
    height, width = given if isinstance(given, list) else (given, given)
    convolves = isinstance(vision.get("layers"), list) or bool(vision.get("timm_model_name"))
    channels = _USUAL_WIDTH if vision.get("timm_model_name") else vision.get("width") or _USUAL_WIDTH
    needed = 4 * height * width * (3 + (channels / 2 if convolves else 0))
    if needed > _PICTURE_BYTES:
        raise InputError(
            f"{where}: model_cfg.vision_cfg.image_size is {given}; a picture of that size would take some "
            f"{needed / 2**20:,.0f} MB of memory, more than the {_PICTURE_BYTES // 2**20} MB that a model may use for one. Name "
            "another model, or one for smaller pictures"
        )


def _preprocess(content: object, where: object) -> dict[str, Any]:
    """What is unknown is left out: it reaches no library, and changes no pixel."""
    if content is None:
        return {}
    known = (
        {k: v for k, v in content.items() if k in _PREPROCESS and v is not None}
        if isinstance(content, dict)
        else content
    )
    return checked(known, Object(_PREPROCESS), where, "preprocess_cfg")
