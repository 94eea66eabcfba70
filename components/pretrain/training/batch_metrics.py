"""Metrics of a batch's embeddings, besides the losses. Without gradient."""

import torch
from torch import Tensor

from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledClasses
from components.pretrain.step.losses import share_entity

# The number of pairs is quadratic, so a large batch is measured by its first pictures.
_MAX_PICTURES = 1024


@torch.no_grad()
def measure_batch(features: Features, margin: float) -> dict[str, float]:
    """Metrics of the whole step's batch, by name; collective, the same on all workers.

    `uniformity` and `alignment` are those of Wang & Isola (2020) with t = 2 and alpha = 2, the
    smaller
    the better: `alignment` is over pairs of pictures that share an entity (absent if there are
    none), `text_alignment` over pictures and their texts. `margin_satisfied` is the share of
    pictures whose drawn class beats the cosines of all other sampled classes by `margin`, apart
    from their other entities. `logit_scale` is the inverse temperature of the contrastive loss.
    """
    images = features.all_images.detach().float()
    metrics = {"uniformity": uniformity(images[:_MAX_PICTURES])}
    entities = features.all_entities
    if entities is not None:
        same = share_entity(entities[:_MAX_PICTURES], entities[:_MAX_PICTURES]).triu(1)
        if same.any():
            metrics["alignment"] = float(_squared_distances(images[:_MAX_PICTURES])[same].mean())
        if features.sampled is not None and features.target is not None:
            target = collectives.gather(features.target)
            metrics["margin_satisfied"] = margin_satisfied(images, features.sampled, target, entities, margin)
    if features.texts is not None and features.logit_scale is not None:
        texts = collectives.gather(features.texts.detach().float())
        metrics["text_alignment"] = float((images - texts).square().sum(1).mean())
        metrics["logit_scale"] = float(features.logit_scale)
    return metrics


def uniformity(embeddings: Tensor) -> float:
    """Log mean of exp(-2 * squared distance) over pairs of unit vectors [n, d]; 0 for one."""
    pairs = torch.ones(len(embeddings), len(embeddings), dtype=torch.bool, device=embeddings.device).triu(1)
    distances = _squared_distances(embeddings)[pairs]
    return float(torch.logsumexp(-2 * distances, 0) - torch.log(torch.tensor(float(len(distances)))))


def _squared_distances(embeddings: Tensor) -> Tensor:
    """Unit vectors float [n, d] → [n, n]."""
    return (2 - 2 * embeddings @ embeddings.T).clamp(min=0)


def margin_satisfied(images: Tensor, sampled: SampledClasses, target: Tensor, entities: Tensor, margin: float) -> float:
    """The share of pictures whose class wins by `margin`.

    Args:
        images: unit vectors float [b, d] of the whole step.
        sampled: all sampled classes, or this worker's part of them.
        target: int64 [b], the class drawn for each picture.
        entities: int64 [b, k], all classes of each picture, padded with -1.
        margin: of cosines.
    """
    cosines = images @ torch.nn.functional.normalize(sampled.weight.detach().float(), dim=1).T
    # Classes that are not here have the column -1.
    nothing = torch.full((len(images), 1), -torch.inf, device=images.device)
    padded = torch.cat([nothing, cosines], dim=1)
    right = padded.gather(1, sampled.column_of(target[:, None]) + 1)
    padded.scatter_(1, sampled.column_of(entities) + 1, -torch.inf)
    right, rival = collectives.maximum(right[:, 0]), collectives.maximum(padded.max(dim=1).values)
    return float((right > rival + margin).float().mean())
