"""Small real models: plain transformers, which fit a CLIPModel, and a ResNet, which does not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.checkpoints.state import save_tensors
from components.storage.json_files import write_json
from tests.pretrain.conftest import TINY_VIT


def write_model(folder: Path, content: dict[str, Any], seed: int = 3, **changes: Any) -> Path:
    config = TowerConfig(content["model_cfg"] | changes, content["preprocess_cfg"])
    model = towers.build(config, seed)
    with torch.no_grad():  # biases and norms that were drawn as zeros and ones would hide a mistake
        for number, parameter in enumerate(model.parameters()):
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)))
    folder.mkdir(parents=True)
    save_tensors(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", config.to_json())
    write_json(folder / "mofi.json", {"recipe": "multitask", "seed": seed})
    return folder


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "vit", TINY_VIT)
