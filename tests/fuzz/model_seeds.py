"""Small model folders to mutate, each joined to one input."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

BETWEEN = b"\n=====\n"
_BLOCK = {"width": 8, "layers": 1, "heads": 1}
_MODEL = {
    "embed_dim": 4,
    "vision_cfg": {"image_size": 8, "layers": 1, "width": 8, "head_width": 4, "patch_size": 4},
    "text_cfg": {"context_length": 8, "vocab_size": 64, **_BLOCK},
}
_PREPROCESS = {"size": 8, "mode": "RGB", "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "interpolation": "bicubic"}
_CLIP = {
    "model_type": "clip",
    "projection_dim": 4,
    "vision_config": {
        **{"image_size": 8, "num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "patch_size": 4},
        **{"hidden_act": "gelu", "intermediate_size": 32},
    },
    "text_config": {
        **{"max_position_embeddings": 8, "vocab_size": 64, "hidden_size": 8, "num_attention_heads": 1},
        **{"num_hidden_layers": 1, "hidden_act": "gelu", "intermediate_size": 32, "eos_token_id": 2},
    },
}
_PREPARED = {"size": {"shortest_edge": 8}, "resample": 3, "image_mean": [0.5] * 3, "image_std": [0.2] * 3}
_WORDS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "a", "photo", "of", "crab", "##s"]


def join_files(**files: Any) -> bytes:
    """Files as one input; values other than bytes become JSON."""
    parts = (
        name.replace("__", ".").encode() + b"\n" + (data if isinstance(data, bytes) else json.dumps(data).encode())
        for name, data in files.items()
    )
    return BETWEEN.join(parts)


def configs() -> list[bytes]:
    """Of open_clip and of `transformers`."""
    ours = {"model_cfg": _MODEL, "preprocess_cfg": _PREPROCESS}
    text = _MODEL["text_cfg"] | {"hf_tokenizer_name": "x", "tokenizer_kwargs": {"clean": "lower"}, "pool_type": "eos"}  # type: ignore[operator]
    timm = {"timm_model_name": "resnet18", "timm_model_pretrained": False, "timm_pool": "avg", "image_size": 8}
    named = {"model_cfg": _MODEL | {"text_cfg": text, "vision_cfg": timm, "custom_text": True}, "preprocess_cfg": None}
    square = {**_PREPARED, "size": {"height": 8, "width": 8}}
    return [
        join_files(open_clip_config__json=ours),
        join_files(open_clip_config__json=named),
        join_files(config__json=_CLIP, preprocessor_config__json=_PREPARED),
        join_files(config__json=_CLIP, preprocessor_config__json=square),
        join_files(config__json=_CLIP),
    ]


def tokenizers() -> list[bytes]:
    """A vocabulary of words, with a slow and with a fast tokenizer."""
    text = {**_BLOCK, "context_length": 8, "vocab_size": 64, "hf_tokenizer_name": "x"}
    config = {"model_cfg": _MODEL | {"text_cfg": text}, "preprocess_cfg": _PREPROCESS}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 8, "pad_token": "[PAD]"}
    fast = {
        **{"version": "1.0", "added_tokens": [], "normalizer": {"type": "Lowercase"}},
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": {word: n for n, word in enumerate(_WORDS)}, "unk_token": "[UNK]"},
    }
    return [
        join_files(
            open_clip_config__json=config,
            tokenizer_config__json=settings,
            vocab__txt="\n".join(_WORDS).encode(),
            special_tokens_map__json={"pad_token": "[PAD]", "unk_token": {"content": "[UNK]", "lstrip": False}},
            added_tokens__json={"crabs": 9},
        ),
        join_files(
            open_clip_config__json=config,
            tokenizer_config__json=settings | {"tokenizer_class": "PreTrainedTokenizerFast"},
            tokenizer__json=fast,
        ),
    ]


@cache
def models() -> list[bytes]:
    """Towers with weights."""
    import open_clip.model
    from safetensors.torch import save_file

    towers = open_clip.model.CLIP(**_MODEL)  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "open_clip_model.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in towers.state_dict().items()}, path)
        weights = path.read_bytes()
    config = {"model_cfg": _MODEL, "preprocess_cfg": _PREPROCESS}
    return [join_files(open_clip_config__json=config, open_clip_model__safetensors=weights)]
