"""A model folder of others: configs, tokenizer, weights. A folder is one input (`join_files`)."""

import re
from collections.abc import Iterable
from pathlib import Path

from components.errors import MofiError
from components.models.foreign.config import read_open_clip_config
from components.models.load import load_model
from components.models.preprocess import read_resizing
from components.models.tokenizer import make_tokenizer
from components.models.transformers_clip import is_clip_folder, read_clip_config
from components.models.weights import WEIGHTS_FILE, count_numbers
from tests.fuzz import model_seeds
from tests.fuzz.change import GENERAL, multiply
from tests.fuzz.model_seeds import BETWEEN
from tests.fuzz.reader import Reader, folder_of

_FILE = re.compile(rb"\A([a-z_]{1,32}\.[a-z]{1,16})\n")
_TEXTS = ["a photo of a crab", "", "ein Würfel 🦀"]


def _folder(data: bytes) -> Path:
    found = {}
    for part in data.split(BETWEEN):
        name = _FILE.match(part)
        if name is not None:
            found[name[1].decode().replace(".", "__")] = part[name.end() :]
    return folder_of(**found)


def read_configs(data: bytes) -> Iterable[str]:
    """The configs → what the towers and the preprocessing are asked to be."""
    folder = _folder(data)
    outcomes = []
    try:
        config = read_open_clip_config(folder / "open_clip_config.json")
        assert min(config.image_size, config.context_length, config.width) > 0
        read_resizing(config.preprocess)
        config.to_json()
        outcomes.append("open_clip")
    except MofiError as error:
        outcomes.append(f"open_clip: {type(error).__name__}")
    try:
        if is_clip_folder(folder):
            clip = read_clip_config(folder)
            assert min(clip.image_size, clip.context_length, clip.width) > 0
            read_resizing(clip.preprocess)
            outcomes.append("clip")
    except MofiError as error:
        outcomes.append(f"clip: {type(error).__name__}")
    return outcomes


def read_tokenizer(data: bytes) -> Iterable[str]:
    """The tokenizer's files → tokens."""
    folder = _folder(data)
    try:
        config = read_open_clip_config(folder / "open_clip_config.json")
        tokens = make_tokenizer(config, folder)(_TEXTS)
    except MofiError as error:
        return [type(error).__name__]
    assert tokens.shape == (len(_TEXTS), config.context_length)
    return ["tokens"]


def read_model(data: bytes) -> Iterable[str]:
    """The whole folder → towers with these weights."""
    folder = _folder(data)
    try:
        if (folder / WEIGHTS_FILE).is_file():
            count_numbers(folder / WEIGHTS_FILE)
        load_model(folder)
    except MofiError as error:
        return [type(error).__name__]
    return ["model"]


READERS = {
    "model_configs": Reader(read_configs, model_seeds.configs, (*GENERAL, multiply)),
    "tokenizer": Reader(read_tokenizer, model_seeds.tokenizers),
    "model": Reader(read_model, model_seeds.models),
}
