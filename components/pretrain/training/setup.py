"""The state that training starts with, and the towers it ends with."""

import logging

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.models import towers
from components.pretrain import initial_weights
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.job import Job
from components.pretrain.recipes import Recipe
from components.pretrain.step import collectives
from components.pretrain.step.class_table import ClassTable
from components.pretrain.step.optimiser import make_optimiser
from components.pretrain.step.training_towers import build_for_training
from components.pretrain.step.weight_average import WeightAverage
from components.pretrain.training.data_source import TrainingData

logger = logging.getLogger(__name__)


def make_training_state(job: Job, recipe: Recipe, data: TrainingData, device: torch.device) -> TrainingState:
    """Random or initial towers, and the optimiser, class table and average that the recipe trains.

    Raises:
        InputError: if the initial weights do not fit.
    """
    p = job.parameters
    model = build_for_training(job.tower, p)
    if job.initial is not None:
        initial_weights.load_initial_weights(model, job.initial)
    for name, parameter in model.named_parameters():
        # The bias belongs to SigLIP's loss, which no recipe uses.
        parameter.requires_grad_(name.startswith("visual.") or (recipe.uses_texts and name != "logit_bias"))
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    table = None
    if recipe.uses_classes and data.vocabulary is not None:
        table_device = torch.device("cpu") if p.head_device == "cpu" else device
        table = ClassTable(
            len(data.vocabulary), job.tower.width, p.seed, table_device, collectives.rank(), collectives.world_size()
        )
    rank, workers = collectives.rank(), collectives.world_size()
    if workers > 1 and rank == 0 and any(isinstance(module, _BatchNorm) for module in model.modules()):
        logger.warning(
            "the tower has BatchNorm: each of %d workers normalises by its part of the batch, so results differ from "
            "training on one worker (a ViT has no BatchNorm)",
            workers,
        )
    optimiser = make_optimiser(model, p.learning_rate, p.weight_decay)
    return TrainingState(model, optimiser, table, WeightAverage(model, p.average_decay) if p.average_decay else None)


def final_towers(job: Job, state: TrainingState) -> nn.Module:
    """The towers for use: with averaged weights, if the state has them."""
    model = towers.build(job.tower, job.parameters.seed)
    weights = dict(state.towers.state_dict())
    if state.average is not None:
        weights |= state.average.tensors
    model.load_state_dict(weights)
    return model.eval()
