"""The training loop of every recipe: batch, forward, loss, step, checkpoint."""

import logging
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.pretrain import checkpoint, parallel, recipes
from components.pretrain.accumulate import Passes
from components.pretrain.augment import Draw, augment
from components.pretrain.cache import Pictures
from components.pretrain.checkpoint import TrainingState
from components.pretrain.embed import encoder_of, tokenizer_of
from components.pretrain.head import SampledRows
from components.pretrain.job import Job
from components.pretrain.loader import Loader, Share
from components.pretrain.optimiser import rate
from components.pretrain.parameters import PretrainParameters
from components.pretrain.progress import Progress
from components.pretrain.recipes import Features
from components.pretrain.samples import read_vocabulary, select
from components.pretrain.save import save_result
from components.pretrain.session import Forward, Randomness, begin, final_towers, stop_unless_finite
from components.pretrain.validate import validation_map

logger = logging.getLogger(__name__)

# Points of the recorded curve, whatever the number of steps.
_CURVE_POINTS = 100
Report = Callable[[dict[str, float]], None]


def run_worker(job: Job, report: Report) -> None:
    """Trains to the end, from the newest checkpoint if there is one; the first worker leaves model and figures in `job.work`.

    Args:
        job: what to train.
        report: called on every worker at each checkpoint with the latest figures.

    Raises:
        MofiError: when a loss is no number any more, or what is read is missing or damaged.
    """
    p = job.parameters
    rank, workers = parallel.world()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    recipe = recipes.make(job.recipe, p)
    samples = select(Pictures(job.cache), recipe, read_vocabulary(job.vocabulary) if job.vocabulary else None)
    share = Share(p.batch, rank, workers)
    loader = Loader(samples, share, p.seed, p.prefetch, p.text, tokenizer_of(job.tower) if recipe.uses_texts else None)

    state = begin(job, recipe, samples, device)
    if checkpoint.resume(state, job.checkpoints) and rank == 0:
        logger.info("%s goes on after step %d of %d", job.recipe, state.step, job.steps)
    state.towers.train()
    forward: nn.Module = Forward(state.towers, job.tower, device, p.precision)
    if workers > 1:
        forward = nn.parallel.DistributedDataParallel(forward)
    passes = Passes(forward, p.accumulate)
    progress = Progress(job.recipe, job.steps, p.batch, p.log_every)

    for batch in loader.batches(state.step, job.steps):
        random = Randomness(p.seed, batch.step, rank)
        schedule = rate(batch.step, job.steps, p.warm_up)
        random.everywhere()

        draw = Draw(random.augmentation(), p.batch, share.own, device)
        pictures = augment(batch.pictures.to(device), job.tower.image_size, p.augment, draw)
        images, texts, logit_scale = passes.forward(pictures, _on(batch.tokens, device))
        target, entities = _on(batch.target, device), _on(batch.entities, device)
        rows = None
        if state.table is not None and entities is not None:
            rows = state.table.sample(parallel.gather(entities), p.negatives, random.negatives())

        losses = recipe.losses(Features(images, texts, logit_scale, rows, target, entities))
        total = torch.stack(list(losses.values()))
        named = dict(zip(losses, parallel.mean(total.detach()).tolist(), strict=True))
        stop_unless_finite(job.recipe, batch.step, named)
        passes.backward(total.sum())

        norm = _update(state, rows, p, schedule)
        last = state.step == job.steps
        figures = {"step": state.step, "images_seen": state.step * p.batch, "loss": sum(named.values()), **named}
        figures |= {"gradient_norm": norm, "learning_rate": p.learning_rate * schedule}
        if last or batch.step % max(1, job.steps // _CURVE_POINTS) == 0:
            state.curve.append(figures)
        if rank == 0:
            progress.show(state.step, named)
            _validate(job, state)
        if last or state.step % p.checkpoint_every == 0:
            checkpoint.save(state, job.checkpoints)
            report(figures)

    classes = state.table.whole() if state.table else None
    if rank == 0:
        save_result(job, recipe, samples, state, classes)


def _on(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)


def _update(state: TrainingState, rows: SampledRows | None, p: PretrainParameters, schedule: float) -> float:
    """One step along the gradients that lie in the towers and in `rows`; returns the norm of the towers' gradient."""
    norm = nn.utils.clip_grad_norm_(state.towers.parameters(), p.gradient_clip)
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
    return float(norm)


def _validate(job: Job, state: TrainingState) -> None:
    """A line about the validation entities, when it is time; what is measured at the end belongs to the result."""
    every = job.parameters.validate_every
    if job.validation and every and state.step % every == 0 and state.step < job.steps:
        value = validation_map(encoder_of(final_towers(job, state), job.tower), job.validation)
        logger.info("%s: validation mAP %.4f after step %d", job.recipe, value, state.step)
