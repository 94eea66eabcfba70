"""What a pre-training costs: operations an image, memory of a worker, images a second, GPU-hours.

Symbols: B images a step over all W workers, b = B / W of one; d the width of an embedding; R classes that a step samples of
the C in the table; P parameters that are trained. An operation is a multiplication or an addition.
"""

import math
from dataclasses import dataclass, replace

from components.costs.counting import Pass, Towers, count_towers
from components.costs.gpus import Precision
from components.errors import ParameterError
from components.models import towers
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.step.towers import in_training

_FLOAT, _COUNT = 4, 4
# Float matrices [R / W, d] beside the table: the rows, their normalised copy and the gradients of both in the backward pass, then
# their new moments, the change, and what is in between.
_ROW_COPIES = 8
# Bytes of one logit at the peak, which is in the backward pass: float32 logits, their softmax and two gradients, and masks.
_MARGIN_LOGIT, _CONTRASTIVE_LOGIT = 16, 20
# What of a worker's memory grows with its images.
_BY_IMAGE = ("activations", "embeddings of all parts", "logits")
# Share of a GPU's memory that is left to kernels, communication and gaps between blocks: ours, not measured.
HEADROOM = 0.1


@dataclass(frozen=True)
class Training:
    """What the cost depends on.

    `classes` and `negatives` are 0 without a class table, which `table_in_host` keeps off the GPU; `averaged` says whether
    averaged weights are kept, `checkpointing` whether the towers' blocks are computed anew in the backward pass instead of kept,
    `parts` into how many a worker's share of a batch is cut (`accumulate.Passes`).
    """

    towers: Towers
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
        """R: the classes of a step, where a batch has no more than |N'| of its own."""
        return min(self.classes, max(self.negatives + 1, self.batch))

    @property
    def passes(self) -> list[Pass]:
        """Those of the towers that are trained."""
        return [self.towers.image_pass, *([self.towers.text_pass] if self.reads_texts else [])]

    @property
    def parameters(self) -> int:
        """P, without the class table."""
        return self.towers.image.parameters + (self.towers.text.parameters if self.reads_texts else 0)


def plan(
    recipe: str,
    parameters: PretrainParameters,
    classes: int,
    *,
    precision: Precision,
    checkpointing: bool = False,
    text_tokens: int | None = None,
) -> Training:
    """What the cost of training `recipe` with a parameter file depends on.

    Args:
        recipe: a file of `components/pretrain/recipes`.
        parameters: the stage's section.
        classes: C, of the vocabulary; a recipe without a class table has none.
        precision: of the towers' arithmetic.
        checkpointing: whether the towers' blocks are computed anew in the backward pass.
        text_tokens: length of a text, start and end included; None = the whole context, which bounds it.

    Raises:
        ParameterError: if there is no such recipe or tower, the tower cannot train so, or a text is longer than the context.
    """
    wants = make_recipe(recipe, parameters)
    knobs = parameters.model_copy(update={"gradient_checkpointing": checkpointing})
    config = in_training(towers.read_config(parameters.tower), knobs)
    if text_tokens is not None and text_tokens > config.context_length:
        raise ParameterError(
            f"--text-tokens is {text_tokens}, but {parameters.tower} reads {config.context_length} at most; name fewer"
        )
    return Training(
        towers=count_towers(config, precision, text_tokens),
        reads_texts=wants.uses_texts,
        images_seen=parameters.images_seen,
        batch=parameters.batch,
        classes=classes if wants.uses_classes else 0,
        negatives=parameters.negatives if wants.uses_classes else 0,
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
    """By part of the step, in the order of the step; what is not a matrix product or a convolution counts as nothing.

    - towers: as counted (`counting`). `recomputed` is gradient checkpointing's second forward pass, and the one more that a batch
      in parts takes.
    - class table, MOFI.md, supervised: cosines of b images with R rows, 2 d R an image; their gradients twice that.
    - contrastive, MOFI.md, contrastive: b images with B texts and b texts with B images, 4 d B an image; twice that backwards.
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
    """Forwards and backwards: each side of a product has a gradient, and each costs as much as the product."""
    return 2 * pairs, 4 * pairs


def operations_per_image(training: Training) -> int:
    """All of `operations` together."""
    return sum(part.total for part in operations(training).values())


def table_rows(classes: int, workers: int) -> int:
    """Rows of the fullest worker: the table is shared out evenly."""
    return -(-classes // workers)


def table_bytes(classes: int, width: int, workers: int = 1) -> int:
    """Of one worker's rows: the weight and both of Adam's moments in float32, 12 d a row, and the count of its updates."""
    return table_rows(classes, workers) * (3 * _FLOAT * width + _COUNT)


def memory(training: Training, workers: int) -> dict[str, int]:
    """Bytes of one worker by what they are for. Their sum bounds the peak from above.

    It is a bound because activations are given back while gradients appear, and the sampled rows' update comes after both.
    Batches that were made ahead lie in host memory.

    - gradients 4 P; with several workers DistributedDataParallel's buckets hold them once more.
    - AdamW: two moments, 8 P, and a step count a tensor.
    - activations: b times what the towers keep of an image and its text, of one part where a batch is cut into several.
    - embeddings of all parts: 2 b floats [d] of images, and as many of texts, since each has a gradient; with one part they are
      among the activations.
    - sampled rows: 8 float matrices [R / W, d].
    - logits: b R of the class table, since a worker has a share of the rows for all images; twice b B of the contrastive loss.

    Raises:
        ParameterError: if the workers cannot share the batch evenly.
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
    """What the first worker holds in host memory while a checkpoint is written beside the next steps: all that changes."""
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
        ParameterError: if the workers cannot share the batch evenly.
    """
    if training.batch % workers:
        raise ParameterError(
            f"pretrain.batch is {training.batch}, which {workers} workers cannot share evenly; choose a multiple"
        )
    return training.batch // workers


def most_images(training: Training, workers: int, capacity: float) -> int:
    """The most images of a step that a worker has room for, at that number of workers; 0 if not even one in each part.

    Args:
        training: whose batch is taken for the columns of the contrastive logits.
        workers: W.
        capacity: of one GPU's memory, bytes; `HEADROOM` of it stays free.
    """
    sizes = memory(training, workers)
    still = sum(size for name, size in sizes.items() if name not in _BY_IMAGE)
    room = (1 - HEADROOM) * capacity - still
    # One image of every part: activations are kept of a single part.
    each = _kept(training) + training.parts * (_embeddings(training) + _logits(training))
    return max(0, int(room // each)) * training.parts


def images_per_second(training: Training, workers: int, peak: float, efficiency: float) -> float:
    """W * efficiency * peak / operations an image.

    Args:
        training: what is trained.
        workers: W, a GPU each.
        peak: operations a second of one GPU.
        efficiency: share of the peak that the whole training reaches, waiting for data and other workers included. Where
            nothing is recomputed it is the model FLOPs utilisation (MFU).
    """
    return workers * efficiency * peak / operations_per_image(training)


def gpu_hours(training: Training, peak: float, efficiency: float) -> float:
    """For `images_seen`, however many GPUs share it at that efficiency."""
    return training.images_seen / images_per_second(training, 1, peak, efficiency) / 3600
