"""The sampled head compared with a full softmax: step time and accuracy.

The peer is plain torch: one matrix of all classes, `cross_entropy` and fused AdamW. Accuracy is
measured on held-out examples of synthetic classes with a full softmax, however the head was
trained.
"""

import argparse
import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.devices import default_device, timestamp
from components import svg
from components.cli import parameters
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.pretrain.step.class_table import ClassTable

WIDTH = 64
_INPUT, _NOISE = 128, 1.0
# The colours of the curves; the full softmax is the last one.
_COLOURS = (svg.CURVE, svg.LIMIT, svg.INK)
# step, loss and accuracy on held-out examples
Curve = list[tuple[int, float, float]]


class Sampled:
    """The project's head: the sampled part of the class table."""

    def __init__(self, classes: int, sampled: int, learning_rate: float) -> None:
        self.knobs = parameters.load().pretrain
        self._recipe = make_recipe("supervised", self.knobs)
        self.table = ClassTable(classes, WIDTH, seed=1, device=default_device())
        self._sampled, self._learning_rate = sampled, learning_rate
        self._draws = torch.Generator().manual_seed(2)

    def step(self, images: Tensor, target: Tensor) -> None:
        """Loss, backward pass into `images`, update."""
        entities = target[:, None]
        rows = self.table.sample(entities, self._sampled - 1, self._draws)
        losses = self._recipe.losses(Features(images, sampled=rows, target=target, entities=entities))
        losses["supervised"].backward()  # type: ignore[no-untyped-call]
        self.table.step(rows, self._learning_rate)

    @property
    def weight(self) -> Tensor:
        """float [classes, d]."""
        return self.table.weight


class Full:
    """The same loss over all classes, with the same initial weights."""

    def __init__(self, classes: int, learning_rate: float) -> None:
        self.knobs = parameters.load().pretrain
        self.weight = nn.Parameter(ClassTable(classes, WIDTH, seed=1, device=default_device()).weight.contiguous())
        self._optimiser = torch.optim.AdamW([self.weight], lr=learning_rate, weight_decay=0.0, fused=True)

    def step(self, images: Tensor, target: Tensor) -> None:
        """Loss, backward pass into `images`, update."""
        logits = self.knobs.scale * images @ F.normalize(self.weight, dim=1).T
        margin = torch.zeros_like(logits).scatter_(1, target[:, None], self.knobs.scale * self.knobs.margin)
        F.cross_entropy(logits - margin, target).backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)


def main() -> None:
    """Times and trains both heads, and prints the results."""
    options = _options()
    seconds = step_times(options)
    curves = {
        f"{sampled:,} sampled": learn(Sampled(options.learnt, sampled, options.rate), options)
        for sampled in options.learnt_sampled
    }
    curves[f"all {options.learnt:,}"] = learn(Full(options.learnt, options.rate), options)
    _show(curves)
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    options.picture.write_text(draw(curves), encoding="utf-8")
    print(f"the curves are drawn in {options.picture}")
    *_, sampled, full = (curve[-1] for curve in curves.values())
    conclude(
        [
            Claim(
                f"head at {options.classes:,} classes: {1e3 * seconds['sampled']:.1f} ms a step, times faster",
                seconds["full"] / seconds["sampled"],
                30.0,
                f"full softmax with AdamW, {1e3 * seconds['full']:.0f} ms",
            ),
            Claim(
                f"accuracy on {options.learnt:,} classes, {options.learnt_sampled[-1]:,} sampled",
                sampled[2] / full[2],
                0.98,
                "full softmax, equal steps",
            ),
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1_000_000, help="classes of the timed heads")
    parser.add_argument("--sampled", type=int, default=8192, help="classes that a timed step samples")
    parser.add_argument("--batch", type=int, default=64, help="pictures of a timed step")
    parser.add_argument(
        "--rounds", type=int, default=10, help="timed steps of the full softmax; the sampled one takes 10 per round"
    )
    parser.add_argument("--learnt", type=int, default=10_000, help="classes to learn")
    parser.add_argument(
        "--learnt-sampled",
        type=int,
        nargs="+",
        default=[1024, 8192],
        help="sampled classes while learning, at most two numbers",
    )
    parser.add_argument("--learnt-batch", type=int, default=256, help="examples per learning step")
    parser.add_argument("--steps", type=int, default=1000, help="learning steps")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate of the heads")
    parser.add_argument(
        "--picture", type=Path, default=Path(".work/benchmarks/head_curves.svg"), help="output file for the curves, SVG"
    )
    return parser.parse_args()


def step_times(options: argparse.Namespace) -> dict[str, float]:
    """Median step seconds of each head, in alternating rounds."""
    heads: dict[str, Sampled | Full] = {
        "sampled": Sampled(options.classes, options.sampled, options.rate),
        "full": Full(options.classes, options.rate),
    }
    device, generator = default_device(), torch.Generator().manual_seed(3)
    found: dict[str, list[float]] = {name: [] for name in heads}
    for number in range(options.rounds + 2):
        for name, head in heads.items():
            for _ in range(10 if name == "sampled" else 1):
                images = F.normalize(torch.randn(options.batch, WIDTH, generator=generator)).to(device).requires_grad_()
                target = torch.randint(options.classes, (options.batch,), generator=generator).to(device)
                start = timestamp(device)
                head.step(images, target)
                # The first two rounds allocate memory and AdamW's state.
                if number >= 2:
                    found[name].append(timestamp(device) - start)
    return {name: statistics.median(several) for name, several in found.items()}


def examples(classes: int) -> Callable[[int, torch.Generator], tuple[Tensor, Tensor]]:
    """Returns a sampler of examples [n, input] and classes [n].

    Examples lie near their class's direction.
    """
    device, centres = (
        default_device(),
        F.normalize(torch.randn(classes, _INPUT, generator=torch.Generator().manual_seed(4))),
    )

    def draw_examples(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        target = torch.randint(classes, (count,), generator=generator)
        noise = torch.randn(count, _INPUT, generator=generator) * _NOISE / _INPUT**0.5
        return F.normalize(centres[target] + noise).to(device), target.to(device)

    return draw_examples


def learn(head: Sampled | Full, options: argparse.Namespace) -> Curve:
    """Trains a head and a linear tower, on the same examples for all heads."""
    draw_examples = examples(options.learnt)
    generator = torch.Generator().manual_seed(5)
    held_out = draw_examples(2000, torch.Generator().manual_seed(6))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        tower = nn.Linear(_INPUT, WIDTH, bias=False).to(default_device())
    optimiser = torch.optim.AdamW(tower.parameters(), lr=1e-3, fused=True)
    curve: Curve = []
    for step in range(options.steps + 1):
        if step % max(1, options.steps // 10) == 0:
            curve.append((step, *_measure(head, tower, *held_out)))
        inputs, target = draw_examples(options.learnt_batch, generator)
        head.step(F.normalize(tower(inputs)), target)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    return curve


@torch.no_grad()
def _measure(head: Sampled | Full, tower: nn.Module, inputs: Tensor, target: Tensor) -> tuple[float, float]:
    """Loss without margin, and accuracy, both over all classes."""
    logits = head.knobs.scale * F.normalize(tower(inputs)) @ F.normalize(head.weight, dim=1).T
    return float(F.cross_entropy(logits, target)), float((logits.argmax(1) == target).double().mean())


def _show(curves: dict[str, Curve]) -> None:
    headings = [f"{what}, {name}" for what in ("loss", "accuracy") for name in curves]
    table = Table("step", *headings, title="held-out examples, softmax over all classes", box=None)
    for points in zip(*curves.values(), strict=True):
        figures = [f"{point[part]:.3f}" for part in (1, 2) for point in points]
        table.add_row(f"{points[0][0]:,}", *figures)
    Console().print(table)


def draw(curves: dict[str, Curve]) -> str:
    """Draws loss (left) and accuracy (right) as an SVG."""
    top, bottom, width = 60.0, 370.0, 270.0
    steps = next(iter(curves.values()))[-1][0]
    highest = max(point[1] for curve in curves.values() for point in curve)
    parts = []
    for left, part, heading, limit in ((60.0, 1, "loss", highest), (420.0, 2, "accuracy", 1.0)):
        parts += [
            svg.text(left, top - 12, heading, "start", svg.INK),
            svg.text(left + width, bottom + 18, f"{steps:,} steps", "end"),
        ]
        for tick in (0.0, 0.5, 1.0):
            y = bottom + tick * (top - bottom)
            parts += [
                svg.line(left, y, left + width, y, svg.GRID),
                svg.text(left - 6, y + 4, f"{tick * limit:.2g}", "end"),
            ]
        for number, (curve, colour) in enumerate(zip(curves.values(), _COLOURS, strict=False)):
            places = [
                (left + width * point[0] / steps, bottom + point[part] / limit * (top - bottom)) for point in curve
            ]
            dashed = ' stroke-width="2"' + (' stroke-dasharray="6 4"' if number else "")
            parts += [svg.line(*start, *end, colour, dashed) for start, end in pairwise(places)]
    for number, (name, colour) in enumerate(zip(curves, _COLOURS, strict=False)):
        parts.append(svg.text(60.0 + 200 * number, bottom + 42, f"— {name}", "start", colour))
    return svg.page("Sampled and full softmax", "held-out loss and accuracy by step", 60.0, parts)


if __name__ == "__main__":
    main()
