"""Image and text towers in open_clip's terms: it loads saved models without this code."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from components.errors import ParameterError
from components.models.config import TowerConfig
from components.models.transformers_clip import is_clip_folder, read_clip_config

CONFIGS = Path(__file__).parent / "configs"


def names() -> list[str]:
    """The tower configs of this project."""
    return sorted(path.stem for path in CONFIGS.glob("*.json"))


def read_config(name: str) -> TowerConfig:
    """Reads a tower config.

    Args:
        name: a config of `configs/`, a JSON file in the layout of `open_clip_config.json`, a model
            folder (ours, or a CLIP of `transformers`), or a built-in config of open_clip.

    Raises:
        ParameterError: if there is no such config, or the file lacks a part.
    """
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    if path.is_file():
        return _read(path)
    if name and (Path(name) / "open_clip_config.json").is_file():
        return _read(Path(name) / "open_clip_config.json")
    if name and is_clip_folder(Path(name)):
        clip = read_clip_config(Path(name))
        return TowerConfig(clip.model, _with_training_resizing(clip.preprocess))
    import open_clip  # takes ten seconds to import, which reading our own configs need not spend

    built_in = open_clip.get_model_config(name)
    if built_in is None:
        raise ParameterError(
            f"pretrain.tower is {name!r}, which is not a tower; name one of {', '.join(names())}, a config file (.json), "
            f'a model folder, or one of open_clip\'s own (`python -c "import open_clip; print(open_clip.list_models())"`)'
        )
    if "multimodal_cfg" in built_in:
        raise ParameterError(
            f"pretrain.tower is {name!r}, which also has a caption decoder; choose a tower without one"
        )
    size = built_in["vision_cfg"]["image_size"]
    preprocess = {"size": size, "mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}
    return TowerConfig(built_in, preprocess)


def _read(path: Path) -> TowerConfig:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return TowerConfig(content["model_cfg"], _with_training_resizing(content["preprocess_cfg"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ParameterError(
            f"{path} is not a tower config ({type(error).__name__}: {error}); it must be JSON with `model_cfg` and "
            f"`preprocess_cfg`, as {CONFIGS.name}/resnet-small.json is"
        ) from error


def _with_training_resizing(preprocess: dict[str, Any]) -> dict[str, Any]:
    """Resizing as in training, whatever the config says: middle squares, bicubic, antialiased."""
    ours = {"interpolation": "bicubic", "resize_mode": "shortest", "antialias": True}
    return preprocess | {key: value for key, value in ours.items() if key in preprocess}


def build(config: TowerConfig, seed: int) -> nn.Module:
    """Towers with random weights from `seed`; the global generator stays as it was."""
    from open_clip.model import CLIP, CustomTextCLIP

    model = deepcopy(config.model)
    kind = CustomTextCLIP if model.pop("custom_text", False) else CLIP
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        towers: nn.Module = kind(**model)
    return towers
