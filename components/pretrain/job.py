"""One training, as its driver plans it and its workers are told of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.models.config import TowerConfig
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.initial import Initial
from components.pretrain.parameters import PretrainParameters
from components.storage.json_files import flatten

# They change how long a training takes, where it runs or what it tells, not what it learns. With other numbers of workers sums
# are rounded otherwise, and a tower with BatchNorm normalises by other shares of the batch.
WITHOUT_EFFECT = {
    "tower",  # its whole config counts instead of its name
    "initial",  # its content counts instead of its name
    "workers",
    "min_workers",
    "threads",
    "accumulate",  # the whole batch's gradient, to rounding
    "head_device",
    "gradient_checkpointing",  # the same numbers, computed twice
    "max_failures",
    "max_error_share",
    "prefetch",
    "source",  # what it comes to counts instead (`Sources.reading`)
    "cache_gigabytes",
    "window",
    "decoders",
    "checkpoint_every",
    "keep_checkpoints",
    "keep_every",
    "checkpoints",
    "validate_every",
    "log_every",
    "divergence",
}


@dataclass(frozen=True)
class Job:
    """One training: names, numbers and absolute paths, so that any worker of the cluster can be told.

    `data` is the fingerprint of what is read; `store` is where checkpoints lie (a path or URL) instead of in `work`.
    With `stream` pictures are read from shards, and `cache` is not looked at.
    """

    recipe: str
    parameters: PretrainParameters
    tower: TowerConfig
    cache: Path
    vocabulary: Path | None
    validation: Path | None
    work: Path
    data: str = ""
    store: str = ""
    initial: Initial | None = None
    stream: StreamConfig | None = None

    @property
    def steps(self) -> int:
        """Whole batches that make up `images_seen`, at least one."""
        return max(1, round(self.parameters.images_seen / self.parameters.batch))

    @property
    def checkpoints(self) -> str:
        """Where checkpoints lie, a path or URL."""
        return self.store or str(self.work / "checkpoints")

    @property
    def config(self) -> dict[str, Any]:
        """What the result depends on, by name: a checkpoint is of this training if it was written with equal values."""
        said = self.parameters.model_dump(mode="json", exclude=WITHOUT_EFFECT)
        known = {"recipe": self.recipe, "pretrain": said, "tower": self.tower.to_json(), "data": self.data}
        known["initial"] = self.initial.mark if self.initial else ""
        return dict(flatten(known))

    def scratch(self, rank: int) -> Path:
        """Where files on their way to or from a bucket lie for a moment."""
        return self.work / f"scratch-{rank}"

    @property
    def model(self) -> Path:
        """Where the finished model appears, whole."""
        return self.work / "model"

    @property
    def result(self) -> Path:
        """The figures of the finished training, JSON; written last."""
        return self.work / "result.json"

    @property
    def live(self) -> Path:
        """Points of the curves while they are made, JSON lines."""
        return self.work / "live.jsonl"

    @property
    def failure(self) -> Path:
        """What stopped a worker that must not be tried again, JSON."""
        return self.work / "failure.json"
