"""What a worker begins with, its forward pass, and the random numbers of a step."""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.models import towers
from components.models.config import TowerConfig
from components.models.texts import encode_texts
from components.pretrain import initial
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.job import Job
from components.pretrain.recipes import Recipe
from components.pretrain.step import collectives
from components.pretrain.step.class_table import ClassTable
from components.pretrain.step.optimiser import Average, make_optimiser
from components.pretrain.step.precision import autocast
from components.pretrain.step.towers import for_training
from components.pretrain.training.open_data import TrainingData

logger = logging.getLogger(__name__)


def begin(job: Job, recipe: Recipe, samples: TrainingData, device: torch.device) -> TrainingState:
    """Untrained towers, or with initial weights, and around them what the recipe trains. Towers that it does not train stay so.

    Raises:
        InputError: if initial weights do not fit.
    """
    p = job.parameters
    model = for_training(job.tower, p)
    if job.initial is not None:
        initial.begin_with(model, job.initial)
    for name, parameter in model.named_parameters():
        # The bias belongs to a loss that no recipe has (SigLIP's).
        parameter.requires_grad_(name.startswith("visual.") or (recipe.uses_texts and name != "logit_bias"))
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    table = None
    if recipe.uses_classes and samples.vocabulary is not None:
        place = torch.device("cpu") if p.head_device == "cpu" else device
        table = ClassTable(
            len(samples.vocabulary), job.tower.width, p.seed, place, collectives.rank(), collectives.world_size()
        )
    rank, workers = collectives.rank(), collectives.world_size()
    if workers > 1 and rank == 0 and any(isinstance(module, _BatchNorm) for module in model.modules()):
        logger.warning(
            "the tower has BatchNorm: each of %d workers normalises by its share of the batch, which trains otherwise than one "
            "worker would (a ViT does not)",
            workers,
        )
    optimiser = make_optimiser(model, p.learning_rate, p.weight_decay)
    return TrainingState(model, optimiser, table, Average(model, p.average_decay) if p.average_decay else None)


def final_towers(job: Job, state: TrainingState) -> nn.Module:
    """The towers to be used: with averaged weights, if the state has any."""
    model = towers.build(job.tower, job.parameters.seed)
    weights = dict(state.towers.state_dict())
    if state.average is not None:
        weights |= state.average.tensors
    model.load_state_dict(weights)
    return model.eval()


class Forward(nn.Module):
    """A batch through the towers. One module and one call, since that is what DistributedDataParallel averages gradients of.

    With several workers each normalises by its own share's statistics where a tower has BatchNorm, and the first worker's
    running statistics are kept; towers without it train alike with any number of workers.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, config: TowerConfig, device: torch.device, precision: str = "fp32") -> None:
        super().__init__()
        self._precision = precision
        self.towers = model
        for name in ("mean", "std"):
            values = torch.tensor(config.preprocess[name], device=device)[:, None, None]
            self.register_buffer(name, values, persistent=False)

    def forward(self, pictures: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
        """float [b, 3, h, w] in 0 to 1 and int64 [b, l] → image and text embeddings [b, d], and the inverse temperature."""
        with autocast(self._precision, pictures.device):
            # Texts first: their lengths must be known here, and so early a GPU has little else to do before it can tell them.
            texts = None if tokens is None else encode_texts(self.towers, tokens).float()
            images = self.towers.encode_image((pictures - self.mean) / self.std, normalize=True)  # type: ignore[operator]
        return images.float(), texts, self.towers.logit_scale.exp()  # type: ignore[operator]


@dataclass(frozen=True)
class Randomness:
    """Random numbers that depend on (seed, step) alone, so that a resumed run draws what an undisturbed one does.

    Only what happens inside a tower also depends on the worker; the rest is drawn alike by all, who take their own part.
    """

    seed: int
    step: int
    rank: int

    def everywhere(self) -> None:
        """Seeds the global generators, for dropout inside a tower."""
        torch.manual_seed(self._number(0, self.rank))

    def augmentation(self) -> torch.Generator:
        """For the pictures of the whole step."""
        return torch.Generator().manual_seed(self._number(1, 0))

    def negatives(self) -> torch.Generator:
        """For the sampled classes."""
        return torch.Generator().manual_seed(self._number(2, 0))

    def _number(self, purpose: int, rank: int) -> int:
        return int(np.random.SeedSequence([self.seed, self.step, purpose, rank]).generate_state(1, np.uint64)[0] >> 1)
