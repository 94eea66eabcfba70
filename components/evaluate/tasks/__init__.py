"""What `mofi evaluate` measures: one file a task, found by its name.

The name of the file is the key of the task's figures in `metrics/evaluate.json`. A file holds one
subclass of `ModelTask`, which is run for every model and floor (`models.MODEL.NAME`), or of
`DataTask`, which is run once (`NAME`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from components.evaluate.benchmark import Benchmark
from components.evaluate.parameters import EvaluateParameters
from components.storage.json_files import flatten

Given = TypeVar("Given")


@dataclass(frozen=True)
class Embedded:
    """A benchmark of n pictures, and one model's embeddings of them, float32 [n, d]."""

    benchmark: Benchmark
    embeddings: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """What the stage reads."""

    models: Path
    benchmark: Path
    truth: Path
    planted: Path
    crawl: Path
    labels: Path


class Task(ABC, Generic[Given]):
    """A task of one evaluation.

    Attributes:
        measures: what the main score is, in a few words for the log.
        main_score: the figure to compare by, as a path of keys joined by dots; higher is better.
    """

    measures: ClassVar[str]
    main_score: ClassVar[str]

    def __init__(self, parameters: EvaluateParameters) -> None:
        self.parameters = parameters

    @abstractmethod
    def run(self, inputs: Given) -> dict[str, Any]:
        """The figures: what JSON can hold, the same for the same inputs.

        Raises:
            InputError: if an input is missing or damaged.
        """

    @classmethod
    def score(cls, figures: Mapping[str, Any]) -> float | None:
        """The main score among the figures of `run`; None if there was nothing to measure."""
        return dict(flatten(figures)).get(cls.main_score)


class ModelTask(Task[Embedded]):
    """Measures one model's embeddings."""


class DataTask(Task[Inputs]):
    """Measures what the stages before the training made."""
