"""What a worker is told, what it begins with, and the random numbers of a step."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from components.errors import MofiError
from components.pretrain import towers
from components.pretrain.checkpoint import TrainingState
from components.pretrain.head import ClassTable
from components.pretrain.optimiser import Average, make_optimiser
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Recipe
from components.pretrain.samples import Samples
from components.pretrain.towers import TowerConfig


@dataclass(frozen=True)
class Job:
    """One training: names, numbers and absolute paths, so that any worker of the cluster can be told."""

    recipe: str
    parameters: PretrainParameters
    cache: Path
    vocabulary: Path | None
    validation: Path | None
    work: Path
    threads: int

    @property
    def steps(self) -> int:
        """Whole batches that make up `images_seen`, at least one."""
        return max(1, round(self.parameters.images_seen / self.parameters.batch))

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.work / "checkpoints"

    @property
    def model(self) -> Path:
        """Where the finished model appears, whole."""
        return self.work / "model"

    @property
    def result(self) -> Path:
        """The figures of the finished training, JSON; written last."""
        return self.work / "result.json"


def begin(job: Job, recipe: Recipe, config: TowerConfig, samples: Samples, device: torch.device) -> TrainingState:
    """Untrained towers, and around them what the recipe trains. Towers that it does not train stay as drawn."""
    p = job.parameters
    model = towers.build(config, p.seed)
    if not recipe.uses_texts:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("visual."))
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    table = None
    if recipe.uses_classes and samples.vocabulary is not None:
        table = ClassTable(len(samples.vocabulary), config.width, p.seed, device)
    optimiser = make_optimiser(model, p.learning_rate, p.weight_decay)
    return TrainingState(model, optimiser, table, Average(model, p.average_decay) if p.average_decay else None)


def final_towers(state: TrainingState, config: TowerConfig, seed: int) -> nn.Module:
    """The towers to be used: with averaged weights, if the state has any."""
    model = towers.build(config, seed)
    weights = dict(state.towers.state_dict())
    if state.average is not None:
        weights |= state.average.tensors
    model.load_state_dict(weights)
    return model.eval()


class Normalise:
    """float [b, 3, h, w] in 0 to 1 → what the tower was configured for."""

    def __init__(self, config: TowerConfig, device: torch.device) -> None:
        self._mean = torch.tensor(config.preprocess["mean"], device=device)[:, None, None]
        self._std = torch.tensor(config.preprocess["std"], device=device)[:, None, None]

    def __call__(self, pictures: Tensor) -> Tensor:
        return (pictures - self._mean) / self._std


@dataclass(frozen=True)
class Randomness:
    """Random numbers that depend on (seed, step, worker) alone, so that a resumed run draws what an undisturbed one does."""

    seed: int
    step: int
    rank: int

    def everywhere(self) -> None:
        """Seeds the global generators, for dropout inside a tower."""
        torch.manual_seed(self._number(0, self.rank))

    def augmentation(self) -> torch.Generator:
        """For this worker's pictures."""
        return torch.Generator().manual_seed(self._number(1, self.rank))

    def negatives(self) -> torch.Generator:
        """For the sampled classes: the same on all workers."""
        return torch.Generator().manual_seed(self._number(2, 0))

    def _number(self, purpose: int, rank: int) -> int:
        return int(np.random.SeedSequence([self.seed, self.step, purpose, rank]).generate_state(1, np.uint64)[0] >> 1)


def stop_unless_finite(recipe: str, step: int, losses: dict[str, Tensor]) -> None:
    """Raises MofiError, naming recipe, step and loss, when a loss is no number any more."""
    for name, value in losses.items():
        if not math.isfinite(float(value.detach())):
            raise MofiError(
                f"{recipe}: the {name} loss is {float(value.detach())} at step {step}; lower pretrain.learning_rate or "
                "pretrain.gradient_clip in params.yaml, or lengthen pretrain.warm_up"
            )
