"""Estimates a pre-training: operations an image, memory of a worker, images a second, GPU-hours.

Symbols: B images a step over all W workers, b = B / W of one; d the width of an embedding; R
classes that a step samples of the C in the table; P trained parameters. A multiplication or an
addition is one operation.
"""

import math
from dataclasses import dataclass, replace

from components.costs.counting import PassCost, TowerCosts, count_towers
from components.costs.gpus import Precision
from components.errors import ParameterError
from components.models import towers
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.step.training_towers import training_config

_FLOAT, _COUNT = 4, 4
# Float matrices [R / W, d] besides the table: the rows, their normalised copy and the gradients of
# both in the backward pass, then new moments, the update, and intermediate results.
_ROW_COPIES = 8
# Bytes of one logit at the peak, in the backward pass: float32 logits, softmax, two gradients, and
# masks.
_MARGIN_LOGIT, _CONTRASTIVE_LOGIT = 16, 20
# The parts of a worker's memory that grow with its images.
_BY_IMAGE = ("activations", "embeddings of all parts", "logits")
# Fraction of a GPU's memory for kernels, communication and fragmentation: a choice, not measured.
HEADROOM = 0.1


@dataclass(frozen=True)
class Training:
    """What the cost depends on.

    Attributes:
        towers: counts of the towers.
        reads_texts: whether the recipe trains the text tower.
        images_seen: counted with repetition.
        batch: B.
        classes: C; 0 without a class table.
        negatives: |N'|; 0 without a class table.
        averaged: whether averaged weights are kept.
        checkpointing: whether activations of blocks are recomputed instead of kept.
        table_in_host: whether the class table is in host memory.
        parts: parts of a worker's batch that are computed one after another (`GradCache`).
    """

    towers: TowerCosts
    reads_texts: bool
    images_seen: int
    batch: int
    classes: int
    negatives: int
    averaged: bool
    checkpointing: bool
    table_in_host: bool = False
    parts: int = 1

    @property
    def sampled(self) -> int:
        """R: the classes of a step, if a batch has at most |N'| of its own."""
        return min(self.classes, max(self.negatives + 1, self.batch))

    @property
    def passes(self) -> list[PassCost]:
        """The passes of the trained towers."""
        return [self.towers.image_pass, *([self.towers.text_pass] if self.reads_texts else [])]

    @property
    def parameters(self) -> int:
        """P, without the class table."""
        return self.towers.image.parameters + (self.towers.text.parameters if self.reads_texts else 0)


def plan_training(
    recipe: str,
    parameters: PretrainParameters,
    classes: int,
    *,
    precision: Precision,
    checkpointing: bool = False,
    text_tokens: int | None = None,
) -> Training:
    """What the cost of training `recipe` with these parameters depends on.

    Args:
        recipe: a file of `components/pretrain/recipes`.
        parameters: the stage's section.
        classes: C, of the vocabulary; ignored by recipes without a class table.
        precision: of the towers' arithmetic.
        checkpointing: whether activations of blocks are recomputed.
        text_tokens: length of a text, including start and end; None = the whole context, a bound.

    Raises:
        ParameterError: if there is no such recipe or tower, the tower cannot be trained so, or a
            text is longer than the context.
    """
    planned_recipe = make_recipe(recipe, parameters)
    knobs = parameters.model_copy(update={"gradient_checkpointing": checkpointing})
    config = training_config(towers.read_config(parameters.tower), knobs)
    if text_tokens is not None and text_tokens > config.context_length:
        raise ParameterError(
            f"--text-tokens is {text_tokens}, but {parameters.tower} reads {config.context_length} at most; choose fewer"
        )
    return Training(
        towers=count_towers(config, precision, text_tokens),
        reads_texts=planned_recipe.uses_texts,
        images_seen=parameters.images_seen,
        batch=parameters.batch,
        classes=classes if planned_recipe.uses_classes else 0,
        negatives=parameters.negatives if planned_recipe.uses_classes else 0,
        averaged=parameters.average_decay > 0,
        checkpointing=checkpointing,
        table_in_host=parameters.head_device == "cpu",
        parts=parameters.accumulate,
    )


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one image, forwards and backwards."""

    forward: int
    backward: int

    @property
    def total(self) -> int:
        """Both."""
        return self.forward + self.backward


def operations(training: Training) -> dict[str, Operations]:
    """Operations by part of the step. Only matrix products and convolutions count.

    - towers: as counted (`counting`). `recomputed` is the second forward pass of gradient
      checkpointing, and that of a batch in parts.
    - class table, supervised loss of arXiv 2306.07952: cosines of b images with R rows, 2 d R an
      image; twice that for gradients.
    - contrastive loss: b images with B texts and b texts with B images, 4 d B an image; twice
      that for gradients.
    """
    width = training.towers.width
    image, text = training.towers.image_pass, training.towers.text_pass
    parts = {"image tower": Operations(image.forward, image.backward)}
    if training.reads_texts:
        parts["text tower"] = Operations(text.forward, text.backward)
    if training.checkpointing or training.parts > 1:
        parts["recomputed"] = _recomputed(training)
    if training.classes:
        parts["class table"] = Operations(*_products(width * training.sampled))
    if training.reads_texts:
        parts["contrastive"] = Operations(*_products(2 * width * training.batch))
    return parts


def _recomputed(training: Training) -> Operations:
    """What the towers compute a second time."""
    whole = sum(one.forward for one in training.passes) if training.parts > 1 else 0
    blocks = sum(one.recomputed for one in training.passes) if training.checkpointing else 0
    return Operations(whole, blocks)


def _products(pairs: int) -> tuple[int, int]:
    """Forwards and backwards: each factor's gradient costs as much as the product."""
    return 2 * pairs, 4 * pairs


def operations_per_image(training: Training) -> int:
    """The sum of `operations`."""
    return sum(part.total for part in operations(training).values())


def table_rows(classes: int, workers: int) -> int:
    """Rows on the fullest worker."""
    return -(-classes // workers)


def table_bytes(classes: int, width: int, workers: int = 1) -> int:
    """One worker's rows: weight and two moments, float32 (12 d bytes), and a count of updates."""
    return table_rows(classes, workers) * (3 * _FLOAT * width + _COUNT)


def memory(training: Training, workers: int) -> dict[str, int]:
    """Bytes of one worker, by use. Their sum is an upper bound of the peak.

    It is a bound because activations are freed while gradients appear, and the sampled rows' update
    comes after both. Prefetched batches are in host memory.

    - gradients 4 P; with several workers once more in DistributedDataParallel's buckets.
    - AdamW: two moments, 8 P, and a step count per tensor.
    - activations: b times what the towers keep for an image and its text, of one part if a batch is
      computed in parts.
    - embeddings of all parts: 2 b floats [d] of images, and as many of texts, for values and
      gradients; with one part they are among the activations.
    - sampled rows: 8 float matrices [R / W, d].
    - logits: b R of the class table, since a worker has part of the rows for all images; twice b B
        of
      the contrastive loss.

    Raises:
        ParameterError: if the workers do not divide the batch.
    """
    own = images_per_worker(training, workers)
    towers, width = training.towers, training.towers.width
    trained = [towers.image, *([towers.text] if training.reads_texts else [])]
    gradients = _FLOAT * training.parameters
    rows = table_rows(training.sampled, workers)
    return {
        "weights": towers.image.state + towers.text.state,
        "gradients": gradients,
        "gradient buckets": gradients if workers > 1 else 0,
        "AdamW": 2 * gradients + _FLOAT * sum(size.tensors for size in trained),
        "averaged weights": sum(size.averaged for size in trained) if training.averaged else 0,
        "bf16 copies of weights": sum(one.copies for one in training.passes),
        "activations": math.ceil(own / training.parts) * _kept(training),
        "embeddings of all parts": own * _embeddings(training),
        "class table": 0 if training.table_in_host else table_bytes(training.classes, width, workers),
        "sampled rows": _ROW_COPIES * _FLOAT * rows * width,
        "logits": own * _logits(training),
    }


def checkpoint_bytes(training: Training, workers: int) -> int:
    """Host memory of the first worker while a checkpoint is written: all that steps change."""
    parts = memory(replace(training, table_in_host=False), workers)
    return sum(parts[name] for name in ("weights", "AdamW", "averaged weights", "class table"))


def _kept(training: Training) -> int:
    return sum(one.kept_checkpointed if training.checkpointing else one.kept for one in training.passes)


def _embeddings(training: Training) -> int:
    """Bytes of an image's embeddings between its two forward passes."""
    return 2 * _FLOAT * training.towers.width * len(training.passes) if training.parts > 1 else 0


def _logits(training: Training) -> int:
    """Bytes of an image's logits."""
    contrastive = _CONTRASTIVE_LOGIT * training.batch if training.reads_texts else 0
    return _MARGIN_LOGIT * training.sampled + contrastive


def images_per_worker(training: Training, workers: int) -> int:
    """b.

    Raises:
        ParameterError: if the workers do not divide the batch.
    """
    if training.batch % workers:
        raise ParameterError(
            f"pretrain.batch is {training.batch}, which {workers} workers cannot share evenly; choose a multiple"
        )
    return training.batch // workers


def most_images(training: Training, workers: int, capacity: float) -> int:
    """The largest batch that fits into a worker's memory; 0 if not even one image per part does.

    Args:
        training: its batch gives the columns of the contrastive logits.
        workers: W.
        capacity: of one GPU's memory, bytes; `HEADROOM` of it stays free.
    """
    sizes = memory(training, workers)
    fixed = sum(size for name, size in sizes.items() if name not in _BY_IMAGE)
    room = (1 - HEADROOM) * capacity - fixed
    # One image of every part; only one part's activations are kept at a time.
    each = _kept(training) + training.parts * (_embeddings(training) + _logits(training))
    return max(0, int(room // each)) * training.parts


def images_per_second(training: Training, workers: int, peak: float, efficiency: float) -> float:
    """W * efficiency * peak / operations an image.

    Args:
        training: what is trained.
        workers: W, one GPU each.
        peak: operations a second of one GPU.
        efficiency: fraction of the peak that the whole training reaches, including waiting for data
            and other workers. Without recomputation it is the model FLOPs utilisation (MFU).
    """
    return workers * efficiency * peak / operations_per_image(training)


def gpu_hours(training: Training, peak: float, efficiency: float) -> float:
    """For `images_seen`, on any number of GPUs with that efficiency."""
    return training.images_seen / images_per_second(training, 1, peak, efficiency) / 3600
