"""Step time and memory of the supervised recipe from 10 thousand to 3.1 million classes.

The number of sampled classes is fixed. Towers and batch are those of `params.yaml` with embeddings
of size 64, and pictures are random. A step is everything after loading: forward, loss, backward,
and the update of towers, averaged weights and sampled rows.
"""

import argparse
import statistics
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.devices import default_device, memory_used, timestamp
from components.cli import parameters
from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.pretrain.step.class_table import ClassTable
from components.pretrain.step.optimiser import make_optimiser
from components.pretrain.step.weight_average import WeightAverage
from components.pretrain.training.forward import ForwardPass

SIZES = (10_000, 100_000, 1_000_000, 3_100_000)
_WIDTH, _ENTITIES = 64, 3
_WARM_UP = 5


@dataclass(frozen=True)
class Seconds:
    """The duration of a step, and of sampling and updating rows of the class table."""

    step: float
    table: float


class Trainer:
    """Towers that train on random pictures with any class table."""

    def __init__(self, knobs: PretrainParameters, sampled: int, device: torch.device) -> None:
        config = towers.read_config(knobs.tower)
        config = TowerConfig(config.model | {"embed_dim": _WIDTH}, config.preprocess)
        self._knobs, self._sampled, self._device = knobs, sampled, device
        self._recipe = make_recipe("supervised", knobs)
        self._draws = torch.Generator().manual_seed(knobs.seed)
        model = towers.build(config, knobs.seed).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("visual."))
        self._towers = model.train()
        self._optimiser = make_optimiser(self._towers, knobs.learning_rate, knobs.weight_decay)
        self._average = WeightAverage(self._towers, knobs.average_decay)
        self._forward = ForwardPass(self._towers, config, device)
        side = config.image_size
        pictures = torch.rand(knobs.batch, 3, side, side, generator=self._draws)
        self._pictures = pictures.to(device).contiguous(memory_format=torch.channels_last)

    def step(self, table: ClassTable) -> Seconds:
        """One step with uniformly drawn entities."""
        entities = torch.randint(table.classes, (self._knobs.batch, _ENTITIES), generator=self._draws).to(self._device)
        start = timestamp(self._device)
        images, _, _ = self._forward(self._pictures, None)
        sampling = timestamp(self._device)
        rows = table.sample(entities, self._sampled - 1, self._draws)
        sampled = timestamp(self._device)
        loss = self._recipe.losses(Features(images, sampled=rows, target=entities[:, 0], entities=entities))
        loss["supervised"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._towers.parameters(), self._knobs.gradient_clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._average.update(1000)
        updating = timestamp(self._device)
        table.step(rows, self._knobs.head_learning_rate)
        end = timestamp(self._device)
        if len(rows.classes) != self._sampled:
            raise RuntimeError(f"{len(rows.classes)} rows were sampled instead of {self._sampled}")
        return Seconds(end - start, sampled - sampling + end - updating)


def main() -> None:
    """Builds all tables, measures them in alternating rounds, and prints the results."""
    options = _options()
    knobs = parameters.load().pretrain
    device = default_device()
    trainer = Trainer(knobs, options.sampled, device)
    growth, tables = {}, []
    small = ClassTable(SIZES[0], _WIDTH, knobs.seed, device)
    _warm_up(trainer, small)  # allocates the memory of steps before memory is measured
    for classes in SIZES:
        before = memory_used(device)
        tables.append(ClassTable(classes, _WIDTH, knobs.seed, device))
        _warm_up(trainer, tables[-1])
        growth[classes] = memory_used(device) - before
    found: dict[int, list[Seconds]] = {classes: [] for classes in SIZES}
    for number in range(options.rounds):
        # The order rotates, as each step finds the cache in the state that the previous one left.
        turn = number % len(tables)
        for table in tables[turn:] + tables[:turn]:
            found[table.classes].append(trainer.step(table))
    _show(found, growth, tables, options.sampled)
    conclude(claims(found, growth, tables))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=8192, help="classes in a step's softmax, below 10,000")
    parser.add_argument("--rounds", type=int, default=60, help="steps per size")
    return parser.parse_args()


def _warm_up(trainer: Trainer, table: ClassTable) -> None:
    for _ in range(_WARM_UP):
        trainer.step(table)


def _medians(several: list[Seconds]) -> Seconds:
    return Seconds(statistics.median(s.step for s in several), statistics.median(s.table for s in several))


def claims(found: dict[int, list[Seconds]], growth: dict[int, int], tables: list[ClassTable]) -> list[Claim]:
    """Claims on step time, the most classes over the fewest, and on memory of the largest table."""
    first, last = _medians(found[SIZES[0]]), _medians(found[SIZES[-1]])
    return [
        Claim("step time, 3.1 million classes", last.step / first.step, 1.15, "10 thousand classes", at_most=True),
        Claim(
            "memory that 3.1 million classes add",
            growth[SIZES[-1]] / tables[-1].nbytes,
            1.05,
            "bytes of weights, moments and counts",
            at_most=True,
        ),
    ]


def _show(found: dict[int, list[Seconds]], growth: dict[int, int], tables: list[ClassTable], sampled: int) -> None:
    title = f"supervised step, {sampled:,} sampled classes, medians of {len(found[SIZES[0]])}"
    columns = ("step, ms", "of that the table, ms", "memory added, MB", "bytes of the table, MB")
    shown = Table("classes", *columns, title=title, box=None)
    for table in tables:
        took = _medians(found[table.classes])
        sizes = (f"{growth[table.classes] / 1e6:,.1f}", f"{table.nbytes / 1e6:,.1f}")
        shown.add_row(f"{table.classes:,}", f"{took.step * 1e3:.1f}", f"{took.table * 1e3:.2f}", *sizes)
    Console().print(shown)


if __name__ == "__main__":
    main()
