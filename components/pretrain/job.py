"""One training, as the driver plans it and sends it to workers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.models.config import TowerConfig
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.initial_weights import InitialWeights
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import foreign_knobs
from components.storage.json_files import flatten

# A training goes on with other values of these, too: its result is the same but for rounding, or
# depends on what they come to, which is marked instead.
_GOES_ON_WITH = {
    "tower",  # its whole config is marked
    "initial",  # its content is marked
    "source",  # what it comes to is marked (`Sources.mode`)
    "cache_gigabytes",
    "window",
    "workers",  # sums are rounded differently, and BatchNorm sees other parts of the batch
    "threads",
    "accumulate",  # the gradient is the whole batch's
    "head_device",
    "gradient_checkpointing",  # the same numbers, computed twice
    "validate_every",
}


def without_effect(recipe: str) -> set[str]:
    """The parameters whose values a training of this recipe does not depend on."""
    return set(PretrainParameters.WITHOUT_EFFECT) | _GOES_ON_WITH | foreign_knobs(recipe)


@dataclass(frozen=True)
class Job:
    """One training: names, numbers and absolute paths, which any worker of the cluster can use.

    Attributes:
        recipe: a file of `components/pretrain/recipes`.
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
        code: the mark of the code that trains.
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
    code: str = ""

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
        """What the result depends on, by name; checkpoints with an equal config can resume it."""
        effective = self.parameters.model_dump(mode="json", exclude=without_effect(self.recipe))
        config = {"recipe": self.recipe, "pretrain": effective, "tower": self.tower.to_json(), "data": self.data}
        config["code"] = self.code
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
