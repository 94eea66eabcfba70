"""Towers in a training step: with patch dropout, gradient checkpointing, or compiled."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from components.errors import ParameterError
from components.models.config import TowerConfig
from components.models.towers import build
from components.pretrain.parameters import PretrainParameters


def training_config(config: TowerConfig, parameters: PretrainParameters) -> TowerConfig:
    """The config of the towers in training, with patch dropout.

    Raises:
        ParameterError: if the image tower has no patches to drop, or no blocks to checkpoint.
    """
    if isinstance(config.model["vision_cfg"].get("layers"), list):
        for name, wanted in (
            ("patch_dropout", parameters.patch_dropout),
            ("gradient_checkpointing", parameters.gradient_checkpointing),
        ):
            if wanted:
                raise ParameterError(
                    f"pretrain.{name} is {wanted}, but {parameters.tower} is a ResNet, which does not support it in "
                    "open_clip; switch it off, or choose a ViT"
                )
    dropped = {"patch_dropout": parameters.patch_dropout} if parameters.patch_dropout else {}
    return replace(config, model=config.model | {"vision_cfg": config.model["vision_cfg"] | dropped})


def build_for_training(config: TowerConfig, parameters: PretrainParameters) -> nn.Module:
    """Towers for the parameters, with random weights; raises as `training_config` does."""
    model: Any = build(training_config(config, parameters), parameters.seed)
    if parameters.gradient_checkpointing:
        model.set_grad_checkpointing()
    if parameters.compile:
        compile_in_place(model, parameters.gradient_checkpointing)
    towers: nn.Module = model
    return towers


def compile_in_place(model: nn.Module, gradient_checkpointing: bool) -> None:
    """Compiles the towers, keeping weights' names; texts have dynamic lengths."""
    if gradient_checkpointing:
        # Dynamo cannot split graphs for DistributedDataParallel together with gradient
        # checkpointing.
        torch._dynamo.config.optimize_ddp = False
    model.get_submodule("visual").compile()
    model.get_submodule("text" if hasattr(model, "text") else "transformer").compile(dynamic=True)
