"""Towers as a training step computes them: patches dropped, activations computed again, compiled."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from components.errors import ParameterError
from components.models.config import TowerConfig
from components.models.towers import build
from components.pretrain.parameters import PretrainParameters


def in_training(config: TowerConfig, parameters: PretrainParameters) -> TowerConfig:
    """The towers as a step computes them, which leaves out the patches that are dropped.

    Raises:
        ParameterError: if the image tower has no patches to drop, or no blocks to compute again.
    """
    if isinstance(config.model["vision_cfg"].get("layers"), list):
        for name, wanted in (
            ("patch_dropout", parameters.patch_dropout),
            ("gradient_checkpointing", parameters.gradient_checkpointing),
        ):
            if wanted:
                raise ParameterError(
                    f"pretrain.{name} is {wanted}, but {parameters.tower} is a ResNet, which open_clip has no such thing for; "
                    "switch it off, or choose a ViT"
                )
    dropped = {"patch_dropout": parameters.patch_dropout} if parameters.patch_dropout else {}
    return replace(config, model=config.model | {"vision_cfg": config.model["vision_cfg"] | dropped})


def for_training(config: TowerConfig, parameters: PretrainParameters) -> nn.Module:
    """Untrained towers, as `build` makes them from the seed, that train as the parameters say; raises as `in_training` does."""
    model: Any = build(in_training(config, parameters), parameters.seed)
    if parameters.gradient_checkpointing:
        model.set_grad_checkpointing()
    if parameters.compile:
        compile_in_place(model, parameters.gradient_checkpointing)
    towers: nn.Module = model
    return towers


def compile_in_place(model: nn.Module, gradient_checkpointing: bool) -> None:
    """Compiles what the towers spend their time in; names of weights stay. Texts come in any length, pictures in one."""
    if gradient_checkpointing:
        # Dynamo cannot cut a graph for DistributedDataParallel where activations are computed again.
        torch._dynamo.config.optimize_ddp = False
    model.get_submodule("visual").compile()
    model.get_submodule("text" if hasattr(model, "text") else "transformer").compile(dynamic=True)
