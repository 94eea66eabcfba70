"""`mofi cost`."""

from pathlib import Path
from typing import Annotated

import typer

from components.costs.gpus import Precision


def cost(
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
    recipe: Annotated[str, typer.Option(help="clip, supervised, contrastive or multitask.")] = "multitask",
    classes: Annotated[int, typer.Option(help="Entities of the vocabulary.", min=1)] = 2_000_000,
    workers: Annotated[
        str | None, typer.Option(help="Numbers of workers, a GPU each: 1,8,64.", show_default="pretrain.workers")
    ] = None,
    gpu: Annotated[str, typer.Option(help="The GPU; its data sheet says peak and memory.")] = "h100",
    peak_tflops: Annotated[float | None, typer.Option(help="Its peak, 10^12 operations a second.", min=1e-3)] = None,
    memory_gb: Annotated[float | None, typer.Option(help="Its memory, 10^9 bytes.", min=1e-3)] = None,
    efficiency: Annotated[
        float, typer.Option(help="Share of the peak that is reached: assumed.", min=1e-3, max=1)
    ] = 0.4,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of the towers' arithmetic.", show_default="pretrain.precision; auto is bf16"),
    ] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--gradient-checkpointing/--no-gradient-checkpointing",
            help="The towers' blocks are recomputed, not kept.",
            show_default="pretrain.gradient_checkpointing",
        ),
    ] = None,
    text_tokens: Annotated[
        int | None, typer.Option(help="Length of a text, start and end included.", min=3, show_default="the context")
    ] = None,
) -> None:
    """Estimate what a pre-training costs in operations, memory and GPU-hours, without training."""
    from rich.console import Console

    from components.cli import parameters
    from components.costs import gpus, table
    from components.costs.estimate import plan_training

    knobs = parameters.load(params).pretrain
    counts = table.worker_counts(workers) if workers else [knobs.workers]
    arithmetic = precision or (Precision.FP32 if knobs.precision == "fp32" else Precision.BF16)
    chosen = gpus.choose_gpu(gpu, peak_tflops, memory_gb, arithmetic)
    checkpointing = knobs.gradient_checkpointing if gradient_checkpointing is None else gradient_checkpointing
    training = plan_training(
        recipe, knobs, classes, precision=arithmetic, checkpointing=checkpointing, text_tokens=text_tokens
    )
    table.print_tables(training, counts, chosen, efficiency, Console())
