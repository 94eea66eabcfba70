"""Prints the cost of a pre-training as tables."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from components.costs import estimate
from components.costs.estimate import Training
from components.costs.gpus import Gpu
from components.errors import ParameterError

_GIGA = 1e9
# The paper's classes: the training set's, and all that were found (arXiv 2306.07952).
PAPER_CLASSES = (2_000_000, 3_100_000)


def worker_counts(given: str) -> list[int]:
    """`1,8,64` → [1, 8, 64].

    Raises:
        ParameterError: if that is not a list of positive numbers.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise ParameterError(f"--workers is {given!r}; write whole numbers with commas, such as 1,8,64")
    return [int(part) for part in parts]


def print_tables(training: Training, workers: Sequence[int], gpu: Gpu, efficiency: float, console: Console) -> None:
    """Prints operations, memory, time, and the class table's size for the paper's classes."""
    image, text = training.towers.image.parameters, training.towers.text.parameters
    console.print(
        f"image tower {image / 1e6:.1f} M parameters, text tower {text / 1e6:.1f} M; a GPU has {gpu.tflops:,g} TFLOPS and "
        f"{gpu.memory:g} GB ({gpu.source}), and {efficiency:.0%} of the TFLOPS are assumed to be reached",
        soft_wrap=True,
    )
    for table in (
        _operations(training),
        _step(training, workers, gpu, efficiency),
        _classes(training.towers.width, workers),
    ):
        console.print(table)


def _operations(training: Training) -> Table:
    table = Table("GFLOPs an image", box=None)
    for column in ("forward", "backward", "both"):
        table.add_column(column, justify="right")
    parts = estimate.operations(training)
    for name, one in parts.items():
        table.add_row(name, *(_number(n / _GIGA) for n in (one.forward, one.backward, one.total)))
    table.add_row("all", "", "", _number(estimate.operations_per_image(training) / _GIGA))
    return table


def _step(training: Training, workers: Sequence[int], gpu: Gpu, efficiency: float) -> Table:
    table = Table("GB of a worker", box=None)
    for count in workers:
        table.add_column(f"{count:,} worker{'s' * (count > 1)}", justify="right")
    columns = [estimate.memory(training, count) for count in workers]
    for name in columns[0]:
        if any(column[name] for column in columns):
            table.add_row(name, *(_number(column[name] / _GIGA) for column in columns))
    totals = [sum(column.values()) for column in columns]
    capacity = gpu.memory * _GIGA
    table.add_row("all", *(_number(total / _GIGA) for total in totals))
    room = (1 - estimate.HEADROOM) * capacity
    table.add_row(f"fits into {_number(room / _GIGA)} GB", *("yes" if total <= room else "no" for total in totals))
    table.add_row("images of a step", *(f"{estimate.images_per_worker(training, count):,}" for count in workers))
    table.add_row("… that would fit", *(f"{estimate.most_images(training, count, capacity):,}" for count in workers))
    rates = [estimate.images_per_second(training, count, gpu.tflops * 1e12, efficiency) for count in workers]
    copies = (estimate.checkpoint_bytes(training, count) for count in workers)
    table.add_row("host memory of a checkpoint, GB", *(_number(size / _GIGA) for size in copies))
    table.add_row("images/s of all", *(_number(rate) for rate in rates))
    table.add_row(
        f"hours for {training.images_seen:,} images", *(_number(training.images_seen / rate / 3600) for rate in rates)
    )
    table.add_row("GPU-hours", *(_number(estimate.gpu_hours(training, gpu.tflops * 1e12, efficiency)) for _ in workers))
    return table


def _classes(width: int, workers: Sequence[int]) -> Table:
    table = Table(f"class table, {width} wide", box=None)
    shared = [count for count in workers if count > 1]
    for column in ("million numbers", "GB", *(f"GB each of {count:,}" for count in shared)):
        table.add_column(column, justify="right")
    for classes in PAPER_CLASSES:
        sizes = [estimate.table_bytes(classes, width, count) / _GIGA for count in (1, *shared)]
        table.add_row(f"{classes:,} classes", _number(classes * width / 1e6), *(_number(size) for size in sizes))
    return table


def _number(value: float) -> str:
    """Three significant digits, or all before the point."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 or not value else 3
    return f"{value:,.{digits}f}"
