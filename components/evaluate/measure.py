"""Runs the tasks of `components/evaluate/tasks` and joins what they measure."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from components.evaluate import tasks
from components.evaluate.benchmark import Benchmark
from components.evaluate.parameters import EvaluateParameters
from components.evaluate.tasks import DataTask, Embedded, Inputs, ModelTask, Task
from components.seam import find_all

_T = TypeVar("_T", bound=Task[Any])


def measure(
    embeddings: npt.NDArray[np.float32], benchmark: Benchmark, parameters: EvaluateParameters
) -> dict[str, Any]:
    """Task → figures, for every task that measures a model's embeddings, float32 [n, d]."""
    embedded = Embedded(benchmark, embeddings)
    return {name: task(parameters).run(embedded) for name, task in _found(ModelTask).items()}


def measure_data(inputs: Inputs, parameters: EvaluateParameters) -> dict[str, Any]:
    """Task → figures, for every task that measures the data.

    Raises:
        InputError: if a task's input is missing or damaged.
    """
    return {name: task(parameters).run(inputs) for name, task in _found(DataTask).items()}


def describe(figures: Mapping[str, Any]) -> str:
    """The main scores among task → figures, in a line for the log."""
    known = {name: task for name, task in _found(Task).items() if name in figures}
    scores = {task.measures: task.score(figures[name]) for name, task in known.items()}
    return ", ".join(f"{what} {score}" for what, score in scores.items())


def _found(base: type[_T]) -> dict[str, type[_T]]:
    """The tasks of a kind, sorted by name."""
    return {name: task for name, task in find_all(tasks, Task).items() if issubclass(task, base)}
