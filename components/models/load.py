"""Loads a model: a folder of ours, a CLIP of `transformers`, or a model of open_clip."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from components.errors import InputError
from components.models import towers, weights
from components.models.config import TowerConfig
from components.models.foreign.config import read_open_clip_config
from components.models.tokenizer import Tokenizer, TransformersTokenizer, make_tokenizer
from components.models.transformers_clip import from_clip, is_clip_folder, name_mappings, read_clip_config

logger = logging.getLogger(__name__)

CONFIG = "open_clip_config.json"
# The preprocessing of a published tag, by its keys in `preprocess_cfg`.
_PREPARATION = ("mean", "std", "interpolation", "resize_mode")
# Numbers of towers that are not stored: masks, and positions beyond those of the weights.
_COMPUTED = 1 << 26


@dataclass(frozen=True)
class Model:
    """Towers in memory (float32, on the CPU), their config, and their tokenizer."""

    towers: nn.Module
    config: TowerConfig
    tokenizer: Tokenizer


def load_model(location: Path | str) -> Model:
    """Loads a model folder, a folder of a CLIP of `transformers`, or a model of open_clip.

    A model folder has `open_clip_config.json` and `open_clip_model.safetensors`, a CLIP of
    `transformers` (as MOFI was released) `config.json` and `*.safetensors`. `NAME:TAG` has the
    weights published under that tag, `NAME:FILE.safetensors` those of a checkpoint, and `NAME`
    untrained ones, the same in every process. Weights of any precision become float32.

    Raises:
        InputError: if there is no such model, its weights are a pickle, or its config has a setting
            that might make a library run code.
        SetupError: if its weights or tokenizer cannot be loaded.
    """
    folder = Path(location)
    if (folder / CONFIG).is_file():
        return _from_folder(folder)
    if is_clip_folder(folder):
        return _from_clip_folder(folder)
    name, _, source = str(location).partition(":")
    if name not in open_clip.list_models():
        raise InputError(
            f"{location} is neither a model folder (with {CONFIG}, or config.json of a CLIP of transformers) nor a model "
            "of open_clip; run `mofi pretrain`, or name one of open_clip.list_models(), with `:TAG` or "
            f"`:FILE{weights.SAFETENSORS}` if wanted"
        )
    if not source:
        logger.warning(
            "%s is untrained: name its weights too, as %s:TAG or %s:FILE%s", name, name, name, weights.SAFETENSORS
        )
        return _architecture(name, None, {})
    if Path(source).suffix in {weights.SAFETENSORS, *weights.PICKLES}:
        return _architecture(name, weights.checkpoint_file(Path(source)), {})
    return _architecture(name, weights.fetch_published(name, source), open_clip.get_pretrained_cfg(name, source))


def _from_folder(folder: Path) -> Model:
    if not (folder / weights.WEIGHTS_FILE).is_file():
        raise InputError(
            f"{folder} has no {weights.WEIGHTS_FILE}; {weights.fix_hint(folder, 'run `mofi pretrain` again')}"
        )
    config = read_open_clip_config(folder / CONFIG)
    model = _build(config, [folder / weights.WEIGHTS_FILE])
    try:
        open_clip.load_checkpoint(model, str(folder / weights.WEIGHTS_FILE))
    except Exception as error:  # whatever names and shapes a foreign file has
        raise InputError(
            f"the weights of {folder} do not fit its {CONFIG} ({str(error)[:300]}); fetch or write the folder again"
        ) from error
    return Model(model, replace(config, preprocess=_whole_preprocess(config, model)), make_tokenizer(config, folder))


def _build(config: TowerConfig, files: Sequence[Path]) -> nn.Module:
    """Towers for the weights in these files; a config that asks for far more is refused first."""
    asked, stored = towers.count_numbers(config), sum(map(weights.count_numbers, files))
    if files and asked > stored + _COMPUTED:
        raise InputError(
            f"the config of {files[0].parent} describes towers with {asked:,} numbers, but its weights have {stored:,}; fetch "
            "or write the folder again"
        )
    return towers.build(config, seed=0)


def _whole_preprocess(config: TowerConfig, model: nn.Module) -> dict[str, Any]:
    """What a config says of pictures, with open_clip's defaults and the image tower's size."""
    said: dict[str, Any] = merge_preprocess_dict(PreprocessCfg(), config.preprocess)
    return config.preprocess | said | {"size": model.get_submodule("visual").image_size}


def _from_clip_folder(folder: Path) -> Model:
    config = read_clip_config(folder)
    model = _build(config, sorted(folder.glob(f"*{weights.SAFETENSORS}")))
    tensors = read_clip_tensors(folder, config)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"the weights of {folder} do not fit its config.json ({str(error)[:300]}); fetch the folder again"
        ) from error
    return Model(model, config, make_tokenizer(config))


def read_clip_tensors(folder: Path, config: TowerConfig) -> dict[str, Tensor]:
    """The weights of a CLIP of `transformers`, by their names in open_clip.

    Raises:
        InputError: if the folder has no safetensors, or lacks a tensor.
    """
    files = sorted(folder.glob(f"*{weights.SAFETENSORS}"))
    if not files:
        raise InputError(
            f"{folder} has no {weights.SAFETENSORS} file; {weights.fix_hint(folder, 'fetch the weights too')}"
        )
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= read_tensors(file)
    layers = (config.model[part]["layers"] for part in ("vision_cfg", "text_cfg"))
    return from_clip(tensors, name_mappings(*layers), folder)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: if it is damaged.
    """
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} cannot be read ({error}); fetch or write it again") from error


def _architecture(name: str, checkpoint: Path | None, facts: Mapping[str, Any]) -> Model:
    """A model of open_clip; `facts` are those of a published tag: preprocessing and activation."""
    quick = {"force_quick_gelu": True} if facts.get("quick_gelu") else {}
    described = open_clip.get_model_config(name) | ({"quick_gelu": True} if quick else {})
    tokenizer = make_tokenizer(TowerConfig(described, {}))
    if described["text_cfg"].get("hf_model_name") and isinstance(tokenizer, TransformersTokenizer):
        tokenizer.load()  # the tower needs the same files, and would report missing ones less clearly
        towers.check_runs_no_code(described["text_cfg"]["hf_model_name"])
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
    # open_clip gets a file here, so it does not know the tag's preprocessing.
    published = {part: facts[part] for part in _PREPARATION if facts.get(part) is not None}
    return Model(model, TowerConfig(described, preprocess | published), tokenizer)
