"""The training loop of every recipe: batch, forward, loss, step, checkpoint."""

import logging
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.pretrain.checkpoints.resume import resume
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.checkpoints.store import open_store
from components.pretrain.checkpoints.writer import CheckpointWriter, RetentionPolicy
from components.pretrain.data.augment import BatchRandom, augment
from components.pretrain.data.batch import BatchPartition
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledClasses
from components.pretrain.step.grad_cache import GradCache
from components.pretrain.step.optimiser import learning_rate_factor
from components.pretrain.training.batch_metrics import measure_batch
from components.pretrain.training.curve import CurveRecorder
from components.pretrain.training.data_source import open_data
from components.pretrain.training.divergence import DivergenceCheck
from components.pretrain.training.forward import ForwardPass
from components.pretrain.training.progress import Progress
from components.pretrain.training.save import save_result
from components.pretrain.training.seeds import StepSeeds
from components.pretrain.training.setup import make_training_state

logger = logging.getLogger(__name__)

Report = Callable[[dict[str, float]], None]


def run_worker(job: Job, report: Report) -> None:
    """Trains to the end, from the newest checkpoint if there is one.

    The first worker leaves the model and its metrics in `job.work`.

    Args:
        job: the training.
        report: called on every worker at each checkpoint, with the latest metrics.

    Raises:
        MofiError: if the training diverges, or its input is missing or damaged.
    """
    p = job.parameters
    rank, workers = collectives.rank(), collectives.world_size()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    recipe = make_recipe(job.recipe, p)
    partition = BatchPartition(p.batch, rank, workers)
    data, loader = open_data(job, recipe, partition)

    state = make_training_state(job, recipe, data, device)
    store = open_store(job.checkpoints, job.scratch(rank))
    if resume(state, store, job.config) and rank == 0:
        logger.info("%s resumes after step %d of %d", job.recipe, state.step, job.steps)
    state.towers.train()
    forward: nn.Module = ForwardPass(state.towers, job.tower, device, p.precision)
    if workers > 1:
        forward = nn.parallel.DistributedDataParallel(forward)
    # When nodes are lost, each worker's part of the batch grows, but not what it computes at a
    # time.
    grad_cache = GradCache(forward, math.ceil(p.batch / (p.workers * p.accumulate)))
    progress = Progress(job.recipe, job.steps, p.batch, p.log_every)
    curve = CurveRecorder(job, state, progress, rank)

    with CheckpointWriter(store, job.config, RetentionPolicy(p.keep_checkpoints, p.keep_every)) as writer:
        divergence = DivergenceCheck(job, state, writer)
        for batch in progress.timed(loader.batches(state.step, job.steps)):
            seeds = StepSeeds(p.seed, batch.step, rank)
            factor = learning_rate_factor(batch.step, job.steps, p.warm_up)
            seeds.seed_globals()

            random = BatchRandom(seeds.augmentation(), p.batch, partition.own_slice, device)
            pictures = augment(batch.pictures.to(device), job.tower.image_size, p.augment, random)
            target, entities = _to(batch.target, device), _to(batch.entities, device)
            sampled = None
            if state.table is not None and entities is not None:
                # Before the towers, since sampling waits until a GPU has finished its queued work.
                sampled = state.table.sample(collectives.gather(entities), p.negatives, seeds.negatives())
            images, texts, logit_scale = grad_cache.forward(pictures, _to(batch.tokens, device))

            features = Features(images, texts, logit_scale, sampled, target, entities)
            losses = recipe.losses(features)
            grad_cache.backward(torch.stack(list(losses.values())).sum())
            gradient = nn.utils.clip_grad_norm_(state.towers.parameters(), p.gradient_clip)
            mean_losses, norm, skipped = _reduce(losses, gradient, batch.skipped)
            divergence.check(mean_losses, norm)

            measures = measure_batch(features, p.margin) if curve.due(batch.step) else None
            _update(state, sampled, p, factor)
            state.skipped += skipped
            loss = sum(mean_losses.values())
            metrics = {"step": state.step, "images_seen": state.step * p.batch, "loss": loss, **mean_losses}
            metrics |= {"gradient_norm": norm, "learning_rate": p.learning_rate * factor}
            curve.add(mean_losses, metrics, measures)
            if state.step == job.steps or state.step % p.checkpoint_every == 0:
                writer.save(state)
                report(metrics)

    classes = state.table.full_weight() if state.table else None
    if rank == 0:
        save_result(job, recipe, data, state, classes)


def _to(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)


def _reduce(losses: dict[str, Tensor], norm: Tensor, skipped: int) -> tuple[dict[str, float], float, int]:
    """Losses and norm averaged over workers, and the sum of `skipped`.

    All in one transfer, after the step is queued: a GPU idles while it is asked for a number.
    """
    numbers = torch.stack([loss.detach() for loss in losses.values()] + [norm, norm.new_tensor(skipped)])
    *means, mean_norm, mean_skipped = collectives.mean(numbers).tolist()
    return dict(zip(losses, means, strict=True)), mean_norm, round(mean_skipped * collectives.world_size())


def _update(state: TrainingState, sampled: SampledClasses | None, p: PretrainParameters, factor: float) -> None:
    """One optimiser step along the clipped gradients of the towers, and of the sampled classes."""
    for group in state.optimiser.param_groups:
        group["lr"] = p.learning_rate * factor
    state.optimiser.step()
    state.optimiser.zero_grad(set_to_none=True)
    if state.table is not None and sampled is not None:
        state.table.step(sampled, p.head_learning_rate * factor)
    with torch.no_grad():
        # The learned inverse temperature stays between 1 and its limit, as in CLIP.
        state.towers.logit_scale.clamp_(0, math.log(p.max_logit_scale))  # type: ignore[operator]
    if state.average is not None:
        state.average.update(state.step)
    state.step += 1
