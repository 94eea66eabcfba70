"""The parameters of pre-training: towers, losses, schedule, augmentation."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.section import Section


class TextParameters(Section):
    """The chances of a sample's kinds of text (arXiv 2306.07952, contrastive loss)."""

    name: float = Field(description="chance of the entity's name alone, 0 to 1", ge=0, le=1)
    name_and_description: float = Field(description="chance of 'name, description', 0 to 1", ge=0, le=1)
    alt_text: float = Field(description="chance of the picture's own alt text, 0 to 1", ge=0, le=1)

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = self.name + self.name_and_description + self.alt_text
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the three chances sum to {total:g}; they must sum to 1")
        return self


class AugmentParameters(Section):
    """Strengths of the batch augmentation; zero turns a part off."""

    crop_area: float = Field(description="smallest share of the picture's area that a crop keeps, 0 to 1", gt=0, le=1)
    crop_aspect: float = Field(description="largest ratio of a crop's sides, 1 = always square", ge=1, le=4)
    flip: float = Field(description="chance of a left-right flip, 0 to 1", ge=0, le=1)
    rotation: float = Field(description="largest rotation either way, degrees", ge=0, le=180)
    brightness: float = Field(description="largest relative change of brightness, 0 to 1", ge=0, le=1)
    contrast: float = Field(description="largest relative change of contrast, 0 to 1", ge=0, le=1)
    saturation: float = Field(description="largest relative change of saturation, 0 to 1", ge=0, le=1)
    hue: float = Field(description="largest rotation of hue either way, degrees", ge=0, le=180)
    grey: float = Field(description="chance of becoming grey, 0 to 1", ge=0, le=1)
    invert: float = Field(description="chance of a negative, 0 to 1", ge=0, le=1)
    background: float = Field(description="chance that a white background takes another colour, 0 to 1", ge=0, le=1)
    erase: float = Field(description="chance that a rectangle is blanked, 0 to 1", ge=0, le=1)
    erase_area: float = Field(description="largest share of the area blanked, 0 to 1", ge=0, le=1)


class PretrainParameters(Section):
    """One section for all recipes, so that images, tower and augmentation are comparable."""

    WITHOUT_EFFECT: ClassVar = frozenset(
        {
            "checkpoint_every",
            "checkpoints",
            "decoders",
            "divergence",
            "keep_checkpoints",
            "keep_every",
            "log_every",
            "max_error_share",
            "max_failures",
            "min_workers",
            "prefetch",
        }
    )

    tower: str = Field(description="a config of components/models/configs, or any built-in name of open_clip")
    initial: str = Field(
        default="",
        description="weights to start from: a model folder, models:/NAME@ALIAS, or FILE.safetensors of `tower`; empty = from "
        "scratch",
    )
    seed: int = Field(description="seed of weights, order, texts, augmentation and negatives", ge=0)
    images_seen: int = Field(description="pictures a recipe is trained on, counted with repetition", ge=1)
    batch: int = Field(description="pictures per step, over all workers together", ge=2)
    workers: int = Field(description="Ray Train workers", ge=1)
    min_workers: int = Field(description="fewest workers to continue with when nodes are lost", ge=1)
    accumulate: int = Field(
        description="parts that a worker's batch is computed in, to save memory; the gradient is the whole batch's",
        ge=1,
    )
    threads: int = Field(description="CPU threads per worker; 0 = all CPUs, shared evenly between workers", ge=0)
    max_failures: int = Field(description="times that dead workers are replaced before training stops", ge=0)
    picture_size: int = Field(description="side of the decoded pictures in the cache, px", ge=16)
    source: Literal["auto", "cache", "stream"] = Field(
        description="cache: decoded pictures; stream: shards; auto: by size"
    )
    cache_gigabytes: float = Field(description="largest size of decoded pictures that auto caches, GB", ge=0)
    window: int = Field(description="stream: shards whose pictures are mixed", ge=1)
    decoders: int = Field(description="stream: decoding processes per worker; 0 = a thread", ge=0)
    max_error_share: float = Field(description="share of undecodable pictures above which training stops", ge=0, le=1)
    prefetch: int = Field(description="batches to prefetch", ge=1)

    precision: Literal["auto", "fp32", "bf16"] = Field(
        description="arithmetic of the towers; auto = bf16 on GPUs that support it in hardware, else fp32"
    )
    gradient_checkpointing: bool = Field(
        description="whether the backward pass recomputes activations; saves memory, costs a third more time"
    )
    patch_dropout: float = Field(description="share of a ViT's patches that a training step drops, 0 to 1", ge=0, lt=1)
    compile: bool = Field(
        description="whether towers are compiled (torch.compile); takes minutes, then is faster on GPUs"
    )

    learning_rate: float = Field(description="peak learning rate of the towers (AdamW)", gt=0)
    head_learning_rate: float = Field(description="peak learning rate of the class table (lazy Adam)", gt=0)
    weight_decay: float = Field(description="AdamW's decay of matrices (not of biases, norms, embeddings)", ge=0)
    warm_up: float = Field(description="share of all steps with rising learning rate, 0 to 1", ge=0, lt=1)
    gradient_clip: float = Field(description="largest norm of the towers' gradient", gt=0)
    average_decay: float = Field(description="decay of the averaged weights per step; 0 = no averaging", ge=0, lt=1)

    margin: float = Field(
        description="m of the large-margin softmax: subtracted from the right class's cosine", ge=0, le=1
    )
    scale: float = Field(description="s of the large-margin softmax: logits are s * cosine", gt=0)
    negatives: int = Field(description="|N'|: classes that a step's softmax holds at most", ge=1)
    head_device: Literal["auto", "cpu"] = Field(
        description="device of the class table: auto = the towers' device, cpu = host memory, rows are moved per step"
    )
    supervised_share: float = Field(description="lambda of the multi-task loss, 0 to 1", ge=0, le=1)
    max_logit_scale: float = Field(description="largest learned inverse temperature of the contrastive loss", gt=0)
    text: TextParameters = Field(description="what a sample's text is made of")
    augment: AugmentParameters = Field(description="strengths of the augmentation")

    divergence: float = Field(description="times the first step's loss at which training stops as diverged", gt=1)
    checkpoint_every: int = Field(description="steps between checkpoints", ge=1)
    keep_checkpoints: int = Field(description="newest checkpoints to keep", ge=1)
    keep_every: int = Field(description="steps between checkpoints that are kept for good; 0 = none", ge=0)
    checkpoints: str = Field(
        description="location of the checkpoints: a path or s3://BUCKET/PREFIX; empty = in the work folder"
    )
    validate_every: int = Field(description="steps between validations; 0 = only at the end", ge=0)
    log_every: float = Field(description="seconds between log lines", gt=0)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.min_workers > self.workers:
            raise ValueError(f"min_workers is {self.min_workers}, more than workers, which is {self.workers}")
        if self.batch % self.workers:
            less = largest_even_split(self.batch, self.workers - 1)
            more = next((n for n in range(self.workers, self.batch) if self.batch % n == 0), self.batch)
            raise ValueError(
                f"workers is {self.workers}, which does not divide batch = {self.batch}; choose {less} or {more} workers"
            )
        return self


def largest_even_split(batch: int, most: int) -> int:
    """The largest number of workers up to `most` that divides the batch; 0 if there is none."""
    return next((count for count in range(min(most, batch), 0, -1) if batch % count == 0), 0)
