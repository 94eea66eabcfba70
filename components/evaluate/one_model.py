"""One model on the benchmark, whatever its origin; it needs no other output of the pipeline."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.evaluate.benchmark import read_benchmark
from components.evaluate.evaluate import embed
from components.evaluate.format import ACROSS
from components.evaluate.measure import measure
from components.evaluate.parameters import EvaluateParameters
from components.models.encoder import encoder_from_model
from components.models.find import find_model
from components.models.load import load_model
from components.redaction import show_url

logger = logging.getLogger(__name__)


def evaluate_one(
    location: str, benchmark: Path, parameters: EvaluateParameters, *, antialias: bool | None = None
) -> dict[str, Any]:
    """The figures of `measure`, the model's location and its preprocessing.

    Args:
        location: what `find_model` finds.
        benchmark: its folder.
        parameters: the stage's section.
        antialias: whether pictures are resized with antialiasing; None as the model says.

    Raises:
        InputError: if the model or the benchmark is missing or damaged.
        SetupError: if the model's weights cannot be had.
    """
    pictures = read_benchmark(benchmark)
    model = load_model(find_model(location).local())
    if antialias is not None:
        config = replace(model.config, preprocess=model.config.preprocess | {"antialias": antialias})
        model = replace(model, config=config)
    preprocess = model.config.preprocess
    logger.info("%s on %d pictures, prepared by %s", show_url(location), len(pictures), preprocess)
    measures = measure(embed(encoder_from_model(model), pictures), pictures, parameters)
    return {"model": show_url(location), "preprocess": dict(preprocess), **measures}


def summary(figures: Mapping[str, Any]) -> str:
    """The figures over all pictures, one a line; where there is none, why."""
    scores = {f"mAP, {protocol.replace('_', ' ')}": values for protocol, values in figures["retrieval"].items()}
    none = {f"mAP, {ACROSS.replace('_', ' ')}": "no picture has another of its category from another foundry"}
    return "\n".join(
        f"{name}: {values['all']:.4f}"
        if "all" in values
        else f"{name}: – ({none.get(name, 'no category has two pictures')})"
        for name, values in (scores | {"kNN": figures["knn"]}).items()
    )
