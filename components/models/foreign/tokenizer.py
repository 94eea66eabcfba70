"""Reads a folder's tokenizer of `transformers`: its vocabulary and known settings alone."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.errors import InputError
from components.models.foreign.checks import (
    FLAG,
    NULL,
    Check,
    Object,
    checked,
    either,
    number,
    read_object,
    text,
    whole,
)
from components.models.foreign.files import VOCABULARIES
from components.storage.json_files import write_json

_CONFIG, _SPECIAL, _ADDED, _MODEL = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
)
_TOKEN_KEYS = frozenset({"__type", "content", "lstrip", "rstrip", "normalized", "single_word", "special", "id"})
# Paths of the machine that wrote it, and what is not for tokens. They are left out.
_LEFT_OUT = frozenset(
    [
        "chat_template",
        "name_or_path",
        "special_tokens_map_file",
        "tokenizer_file",
        "vocab_file",
        "merges_file",
        "processor_class",
        "is_local",
        "local_files_only",
        "device_map",
        "max_memory",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "additional_special_tokens_ids",
        "image_processor_type",
        "feature_extractor_type",
        "use_fast",
        "from_slow",
        "_commit_hash",
        "_from_auto",
    ]
)
_EMPTY = Check("empty", lambda v: not v)
_PATTERN = Check("a string", lambda v: isinstance(v, str) and len(v) <= 4096)
_INTEGER = either(whole(-(10**9), 10**9), NULL)


def _is_token(value: object) -> bool:
    if isinstance(value, dict):
        return value.keys() <= _TOKEN_KEYS and all(isinstance(part, (str, bool, int)) for part in value.values())
    return value is None or isinstance(value, str)


_TOKEN = Check("a token", _is_token)
_TOKENS = Check(
    "tokens",
    lambda v: v is None or (isinstance(v, list) and all(map(_is_token, v))) or (isinstance(v, dict) and _are_tokens(v)),
)


def _are_tokens(value: Mapping[str, Any]) -> bool:
    return all(_is_token(token) for token in value.values())


_SPECIAL_TOKENS: dict[str, Check | Object] = {
    **{
        f"{name}_token": _TOKEN
        for name in ["bos", "eos", "unk", "sep", "pad", "cls", "mask", "eot", "sot", "image", "boi", "eoi"]
    },
    "additional_special_tokens": _TOKENS,
    "extra_special_tokens": _TOKENS,
    "model_specific_special_tokens": _TOKENS,
}
_KNOWN = Object(
    {
        **_SPECIAL_TOKENS,
        "added_tokens_decoder": Check("tokens by number", lambda v: isinstance(v, dict) and _are_tokens(v)),
        "tokenizer_class": either(text(r"[A-Z][A-Za-z0-9_]{0,80}", "a class's name"), NULL),
        "backend": either(text(r"[a-z_]{0,32}", "a word"), NULL),
        "errors": text(r"strict|ignore|replace|surrogateescape|backslashreplace", "an error handler"),
        **dict.fromkeys(
            [
                "add_prefix_space",
                "add_bos_token",
                "add_eos_token",
                "add_dummy_prefix",
                "clean_up_tokenization_spaces",
                "do_lower_case",
                "do_basic_tokenize",
                "keep_accents",
                "legacy",
                "legacy_behaviour",
                "lowercase",
                "remove_space",
                "spaces_between_special_tokens",
                "split_special_tokens",
                "strip_accents",
                "tokenize_chinese_chars",
                "trim_offsets",
                "use_default_system_prompt",
                "use_source_tokenizer",
                "wordpieces",
            ],
            either(FLAG, NULL),
        ),
        **dict.fromkeys(
            ["extra_ids", "max_length", "offset", "pad_to_multiple_of", "pad_token_type_id", "stride", "vocab_size"],
            _INTEGER,
        ),
        # "As long as you like" is written as 10^30.
        "model_max_length": either(number(0, 1e31), NULL),
        **dict.fromkeys(
            [
                "padding_side",
                "truncation_side",
                "truncation_strategy",
                "padding_strategy",
                "src_lang",
                "tgt_lang",
                "wordpieces_prefix",
                "prefix",
                "suffix",
            ],
            either(_PATTERN, NULL),
        ),
        **dict.fromkeys(
            ("model_input_names", "never_split", "language_codes"),
            either(
                Check("a list of strings", lambda v: isinstance(v, list) and all(isinstance(p, str) for p in v)),
                _PATTERN,
                NULL,
            ),
        ),
        # Arguments of constructors: paths, and options of libraries in C++.
        "init_inputs": _EMPTY,
        "sp_model_kwargs": _EMPTY,
    }
)


def sanitized(folder: Path) -> "TemporaryDirectory[str]":
    """A copy of a tokenizer without anything that could run code or name a file.

    It has the vocabulary's files as they are, and configs of known keys with checked values.

    Raises:
        InputError: if a config is damaged, asks for code, or has a key that is not known.
    """
    copy = TemporaryDirectory(prefix="mofi-tokenizer-")
    try:
        _write(folder, Path(copy.name))
    except BaseException:
        copy.cleanup()
        raise
    return copy


def _write(folder: Path, copy: Path) -> None:
    for name in sorted(VOCABULARIES):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, copy / name)
    if (folder / _CONFIG).is_file():
        content = {k: v for k, v in read_object(folder / _CONFIG).items() if k not in _LEFT_OUT}
        _check_class(content.get("tokenizer_class"), folder / _CONFIG)
        write_json(copy / _CONFIG, checked(content, _KNOWN, folder / _CONFIG, "tokenizer"))
    if (folder / _SPECIAL).is_file():
        known = Object(_SPECIAL_TOKENS)
        write_json(copy / _SPECIAL, checked(read_object(folder / _SPECIAL), known, folder / _SPECIAL, "tokens"))
    if (folder / _ADDED).is_file():
        added = read_object(folder / _ADDED)
        number_each = Object(dict.fromkeys(added, whole(0, 10**9)))
        write_json(copy / _ADDED, checked(added, number_each, folder / _ADDED, "tokens"))
    if (folder / _MODEL).is_file():
        kind = _model_kind(read_object(folder / _MODEL))
        if kind:
            write_json(copy / _MODEL, kind)


def _check_class(name: object, file: Path) -> None:
    """Only tokenizers of `transformers` itself may be named: other classes read other files."""
    if name is None:
        return
    from transformers import PreTrainedTokenizerBase
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    plain = isinstance(name, str) and name.isidentifier() and "Auto" not in name
    found = (tokenizer_class_from_name(name) or tokenizer_class_from_name(f"{name}Fast")) if plain else None
    if not isinstance(found, type) or not issubclass(found, PreTrainedTokenizerBase):
        raise InputError(
            f"{file}: tokenizer_class is {str(name)[:80]!r}, which is no tokenizer of transformers; name another model, or "
            "install the transformers that has it"
        )


def _model_kind(config: Mapping[str, Any]) -> dict[str, str]:
    """The entries of a model's config by which `transformers` chooses a tokenizer's class."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    kind = config.get("model_type")
    return {"model_type": kind} if isinstance(kind, str) and kind in CONFIG_MAPPING_NAMES else {}
