"""One training, as the driver plans it and sends it to workers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.models.config import TowerConfig
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.initial_weights import InitialWeights
from components.pretrain.parameters import PretrainParameters
from components.storage.json_files import flatten

# They change how long a training takes, where it runs or what it logs, not what it learns. With
# other numbers of workers sums are rounded differently, and BatchNorm sees other parts of the
# batch.
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
    "source",  # what it resolves to counts instead (`Sources.mode`)
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
    """One training: names, numbers and absolute paths, which any worker of the cluster can use.

    Attributes:
        recipe: one of `recipes.RECIPES`.
        parameters: the stage's section.
        tower: the config of the towers.
        cache: folder of decoded pictures, or the catalogue when streaming.
        vocabulary: of recipes with labels.
        validation: folder of decoded validation pictures.
        work: the work folder.
        data: fingerprint of the data.
        store: path or URL of the checkpoints; empty = in `work`.
        initial: the initial weights.
        stream: how pictures are read from shards; None = from `cache`.
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
    initial: InitialWeights | None = None
    stream: StreamConfig | None = None

    @property
    def steps(self) -> int:
        """Whole batches in `images_seen`, at least one."""
        return max(1, round(self.parameters.images_seen / self.parameters.batch))

    @property
    def checkpoints(self) -> str:
        """Path or URL of the checkpoints."""
        return self.store or str(self.work / "checkpoints")

    @property
    def config(self) -> dict[str, Any]:
        """What the result depends on, by name; a checkpoint with an equal config is of this
        training.
        """
        effective = self.parameters.model_dump(mode="json", exclude=WITHOUT_EFFECT)
        config = {"recipe": self.recipe, "pretrain": effective, "tower": self.tower.to_json(), "data": self.data}
        config["initial"] = self.initial.mark if self.initial else ""
        return dict(flatten(config))

    def scratch(self, rank: int) -> Path:
        """Local folder for files on their way to or from a bucket."""
        return self.work / f"scratch-{rank}"

    @property
    def model(self) -> Path:
        """Where the finished model folder appears."""
        return self.work / "model"

    @property
    def result(self) -> Path:
        """The metrics of the finished training, JSON; written last."""
        return self.work / "result.json"

    @property
    def live_curve(self) -> Path:
        """Points of the curves while training runs, JSON lines."""
        return self.work / "live.jsonl"

    @property
    def failure(self) -> Path:
        """An error that must not be retried, JSON."""
        return self.work / "failure.json"
