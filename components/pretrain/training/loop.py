"""The training loop of every recipe: batch, forward, loss, step, checkpoint."""

import logging
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.pretrain import recipes
from components.pretrain.checkpoints.resume import resume
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.checkpoints.store import open_store
from components.pretrain.checkpoints.writer import CheckpointWriter, RetentionPolicy
from components.pretrain.data.augment import BatchRandom, augment
from components.pretrain.data.batch import BatchPartition
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledRows
from components.pretrain.step.grad_cache import Passes
from components.pretrain.step.optimiser import rate
from components.pretrain.training.batch_metrics import measure
from components.pretrain.training.curve import Record
from components.pretrain.training.divergence import DivergenceCheck
from components.pretrain.training.open_data import open_data
from components.pretrain.training.progress import Progress
from components.pretrain.training.save import save_result
from components.pretrain.training.setup import Forward, Randomness, begin

logger = logging.getLogger(__name__)

Report = Callable[[dict[str, float]], None]


def run_worker(job: Job, report: Report) -> None:
    """Trains to the end, from the newest checkpoint if there is one; the first worker leaves model and figures in `job.work`.

    Args:
        job: what to train.
        report: called on every worker at each checkpoint with the latest figures.

    Raises:
        MofiError: when the training diverges, or what is read is missing or damaged.
    """
    p = job.parameters
    rank, workers = collectives.rank(), collectives.world_size()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    recipe = recipes.make(job.recipe, p)
    partition = BatchPartition(p.batch, rank, workers)
    samples, loader = open_data(job, recipe, partition)

    state = begin(job, recipe, samples, device)
    place = open_store(job.checkpoints, job.scratch(rank))
    if resume(state, place, job.config) and rank == 0:
        logger.info("%s goes on after step %d of %d", job.recipe, state.step, job.steps)
    state.towers.train()
    forward: nn.Module = Forward(state.towers, job.tower, device, p.precision)
    if workers > 1:
        forward = nn.parallel.DistributedDataParallel(forward)
    # Where nodes are lost a worker's share grows, not what it takes at a time.
    passes = Passes(forward, math.ceil(p.batch / (p.workers * p.accumulate)))
    progress = Progress(job.recipe, job.steps, p.batch, p.log_every)
    record = Record(job, state, progress, rank)

    with CheckpointWriter(place, job.config, RetentionPolicy(p.keep_checkpoints, p.keep_every)) as writer:
        divergence = DivergenceCheck(job, state, writer)
        for batch in progress.watched(loader.batches(state.step, job.steps)):
            random = Randomness(p.seed, batch.step, rank)
            schedule = rate(batch.step, job.steps, p.warm_up)
            random.everywhere()

            random_numbers = BatchRandom(random.augmentation(), p.batch, partition.own_slice, device)
            pictures = augment(batch.pictures.to(device), job.tower.image_size, p.augment, random_numbers)
            target, entities = _on(batch.target, device), _on(batch.entities, device)
            rows = None
            if state.table is not None and entities is not None:
                # Before the towers, since sampling waits for a GPU to have done what it was given.
                rows = state.table.sample(collectives.gather(entities), p.negatives, random.negatives())
            images, texts, logit_scale = passes.forward(pictures, _on(batch.tokens, device))

            features = Features(images, texts, logit_scale, rows, target, entities)
            losses = recipe.losses(features)
            passes.backward(torch.stack(list(losses.values())).sum())
            gradient = nn.utils.clip_grad_norm_(state.towers.parameters(), p.gradient_clip)
            named, norm, skipped = _of_all(losses, gradient, batch.skipped)
            divergence.check(named, norm)

            measures = measure(features, p.margin) if record.due(batch.step) else None
            _update(state, rows, p, schedule)
            state.skipped += skipped
            figures = {"step": state.step, "images_seen": state.step * p.batch, "loss": sum(named.values()), **named}
            figures |= {"gradient_norm": norm, "learning_rate": p.learning_rate * schedule}
            record.add(named, figures, measures)
            if state.step == job.steps or state.step % p.checkpoint_every == 0:
                writer.save(state)
                report(figures)

    classes = state.table.whole() if state.table else None
    if rank == 0:
        save_result(job, recipe, samples, state, classes)


def _on(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)


def _of_all(losses: dict[str, Tensor], norm: Tensor, skipped: int) -> tuple[dict[str, float], float, int]:
    """Losses and norm of all workers, averaged, and the sum of `skipped`.

    They are asked for at once, when the step is on its way: a GPU that is asked for a number stands still meanwhile.
    """
    numbers = torch.stack([loss.detach() for loss in losses.values()] + [norm, norm.new_tensor(skipped)])
    *means, mean_norm, share = collectives.mean(numbers).tolist()
    return dict(zip(losses, means, strict=True)), mean_norm, round(share * collectives.world_size())


def _update(state: TrainingState, rows: SampledRows | None, p: PretrainParameters, schedule: float) -> None:
    """One step along the clipped gradients that lie in the towers, and those in `rows`."""
    for group in state.optimiser.param_groups:
        group["lr"] = p.learning_rate * schedule
    state.optimiser.step()
    state.optimiser.zero_grad(set_to_none=True)
    if state.table is not None and rows is not None:
        state.table.step(rows, p.head_learning_rate * schedule)
    with torch.no_grad():
        # The learned inverse temperature stays between 1 and its limit, as CLIP has it.
        state.towers.logit_scale.clamp_(0, math.log(p.max_logit_scale))  # type: ignore[operator]
    if state.average is not None:
        state.average.update(state.step)
    state.step += 1
