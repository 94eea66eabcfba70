"""What a curve tells beside the losses: how a batch's embeddings lie, and how far classes are apart. Without gradient."""

import torch
from torch import Tensor

from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledRows
from components.pretrain.step.losses import share_entity

# Pairs cost the square of it, so the first pictures of a large batch stand for all.
_MOST = 1024


@torch.no_grad()
def measure(features: Features, margin: float) -> dict[str, float]:
    """Figures of the whole step's batch, by name; every worker calls it and gets the same.

    `uniformity` and `alignment` are Wang & Isola's (2020) with t = 2 and alpha = 2, the smaller the better: `alignment` over
    pairs of pictures that share an entity (absent where a batch has none), `text_alignment` over pictures and their texts.
    `margin_satisfied` is the share of pictures whose drawn class's cosine beats those of all sampled classes that they do not
    show by `margin`. `logit_scale` is the inverse temperature of the contrastive loss.
    """
    images = features.all_images.detach().float()
    figures = {"uniformity": uniformity(images[:_MOST])}
    entities = features.all_entities
    if entities is not None:
        same = share_entity(entities[:_MOST], entities[:_MOST]).triu(1)
        if same.any():
            figures["alignment"] = float(_squared_distances(images[:_MOST])[same].mean())
        if features.rows is not None and features.target is not None:
            target = collectives.gather(features.target)
            figures["margin_satisfied"] = margin_satisfied(images, features.rows, target, entities, margin)
    if features.texts is not None and features.logit_scale is not None:
        texts = collectives.gather(features.texts.detach().float())
        figures["text_alignment"] = float((images - texts).square().sum(1).mean())
        figures["logit_scale"] = float(features.logit_scale)
    return figures


def uniformity(embeddings: Tensor) -> float:
    """log of the mean of exp(-2 * squared distance) over all pairs of unit vectors, float [n, d]; 0 where all are one point."""
    pairs = torch.ones(len(embeddings), len(embeddings), dtype=torch.bool, device=embeddings.device).triu(1)
    distances = _squared_distances(embeddings)[pairs]
    return float(torch.logsumexp(-2 * distances, 0) - torch.log(torch.tensor(float(len(distances)))))


def _squared_distances(embeddings: Tensor) -> Tensor:
    """Of unit vectors float [n, d] → [n, n]."""
    return (2 - 2 * embeddings @ embeddings.T).clamp(min=0)


def margin_satisfied(images: Tensor, rows: SampledRows, target: Tensor, entities: Tensor, margin: float) -> float:
    """The share of pictures whose class wins by `margin`; `rows` may be all sampled classes or this worker's part of them.

    Args:
        images: unit vectors float [b, d] of the whole step.
        rows: sampled classes.
        target: int64 [b], the class drawn for each picture.
        entities: int64 [b, k], all its classes, padded with -1.
        margin: of cosines.
    """
    cosines = images @ torch.nn.functional.normalize(rows.weight.detach().float(), dim=1).T
    # What is not here has the column -1.
    nothing = torch.full((len(images), 1), -torch.inf, device=images.device)
    padded = torch.cat([nothing, cosines], dim=1)
    right = padded.gather(1, rows.columns(target[:, None]) + 1)
    padded.scatter_(1, rows.columns(entities) + 1, -torch.inf)
    right, rival = collectives.maximum(right[:, 0]), collectives.maximum(padded.max(dim=1).values)
    return float((right > rival + margin).float().mean())
