"""One training, as its driver plans it and its workers are told of it."""

from dataclasses import dataclass
from pathlib import Path

from components.pretrain.parameters import PretrainParameters
from components.pretrain.stream.source import Setting
from components.pretrain.towers import TowerConfig


@dataclass(frozen=True)
class Job:
    """One training: names, numbers and absolute paths, so that any worker of the cluster can be told.

    With `stream` pictures are read from shards, and `cache` is not looked at.
    """

    recipe: str
    parameters: PretrainParameters
    tower: TowerConfig
    cache: Path
    vocabulary: Path | None
    validation: Path | None
    work: Path
    stream: Setting | None = None

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

    @property
    def failure(self) -> Path:
        """What stopped a worker that must not be tried again, JSON."""
        return self.work / "failure.json"
