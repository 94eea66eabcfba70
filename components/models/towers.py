"""Image and text towers in open_clip's terms: it loads saved models without this code."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from components.errors import InputError, ParameterError, SetupError
from components.models.config import TowerConfig
from components.models.foreign.config import read_open_clip_config
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
        return _with_own_tokenizer(_read(Path(name) / "open_clip_config.json"), Path(name))
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
        config, problem = read_open_clip_config(path), "it has no `preprocess_cfg`"
    except InputError as error:
        config, problem = None, str(error)
    if config is None or not config.preprocess:
        raise ParameterError(
            f"{path} is not a tower config ({problem}); it must be JSON with `model_cfg` and `preprocess_cfg`, as "
            f"{CONFIGS.name}/resnet-small.json is"
        )
    if "multimodal_cfg" in config.model:
        raise ParameterError(f"{path} also has a caption decoder; choose a tower without one")
    return replace(config, preprocess=_with_training_resizing(config.preprocess))


def _with_own_tokenizer(config: TowerConfig, folder: Path) -> TowerConfig:
    """A model's folder has its tokenizer, whatever repository its config names."""
    text = config.model["text_cfg"]
    if not text.get("hf_tokenizer_name"):
        return config
    own = {"hf_tokenizer_name": str(folder.absolute())}
    return replace(config, model=config.model | {"text_cfg": text | own})


def _with_training_resizing(preprocess: dict[str, Any]) -> dict[str, Any]:
    """Resizing as in training, whatever the config says: middle squares, bicubic, antialiased."""
    ours = {"interpolation": "bicubic", "resize_mode": "shortest", "antialias": True}
    return preprocess | {key: value for key, value in ours.items() if key in preprocess}


def build(config: TowerConfig, seed: int) -> nn.Module:
    """Towers with random weights from `seed`; the global generator stays as it was.

    Raises:
        InputError: if there are no such towers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _make(config)


def count_numbers(config: TowerConfig) -> int:
    """How many numbers towers of a config hold; they get no memory. Raises as `build` does."""
    with torch.device("meta"):
        towers = _make(config)
    return sum(tensor.numel() for tensors in (towers.parameters(), towers.buffers()) for tensor in tensors)


def _make(config: TowerConfig) -> nn.Module:
    from open_clip.coca_model import CoCa
    from open_clip.model import CLIP, CustomTextCLIP

    model = deepcopy(config.model)
    text = model["text_cfg"].get("hf_model_name")
    if text:
        check_runs_no_code(text)
        model["text_cfg"]["hf_model_pretrained"] = False
    if model["vision_cfg"].get("timm_model_name"):
        model["vision_cfg"]["timm_model_pretrained"] = False
    custom = model.pop("custom_text", False) or bool(text)
    kind = CLIP if not custom else CoCa if "multimodal_cfg" in model else CustomTextCLIP
    try:
        towers: nn.Module = kind(**model)
    except Exception as error:  # settings that do not fit each other
        raise InputError(
            f"open_clip cannot build towers of this config ({type(error).__name__}: {error}); fix the config, or name "
            "another model"
        ) from error
    return towers


def check_runs_no_code(name: str) -> None:
    """Refuses a text tower of `transformers` whose config asks for code of its own to run.

    Raises:
        InputError: if so.
        SetupError: if the config cannot be fetched.
    """
    try:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    except (ImportError, OSError, ValueError) as error:
        raise SetupError(
            f"the config of the text tower {name} cannot be loaded ({error}); pip install 'mofi-platform[export]', and check "
            "the network"
        ) from error
    if getattr(config, "auto_map", None):
        raise InputError(f"the text tower {name} asks for code of its own to run; name another model")
