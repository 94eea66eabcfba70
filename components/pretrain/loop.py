"""The training loop of every recipe: batch, forward, loss, step, checkpoint."""

import logging
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.pretrain import checkpoint, parallel, recipes, towers
from components.pretrain.augment import augment
from components.pretrain.cache import Pictures
from components.pretrain.embed import encoder_of, tokenizer_of
from components.pretrain.loader import Loader, Share
from components.pretrain.optimiser import rate
from components.pretrain.progress import Progress
from components.pretrain.recipes import Features
from components.pretrain.samples import read_vocabulary, select
from components.pretrain.save import save_result
from components.pretrain.session import Job, Normalise, Randomness, begin, final_towers, stop_unless_finite
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
        MofiError: when a loss is no number any more.
    """
    p = job.parameters
    torch.set_num_threads(job.threads)
    rank, workers = parallel.world()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    recipe = recipes.make(job.recipe, p)
    samples = select(Pictures(job.cache), recipe, read_vocabulary(job.vocabulary) if job.vocabulary else None)
    config = towers.read_config(p.tower)
    tokenizer = tokenizer_of(config) if recipe.uses_texts else None
    loader = Loader(samples, Share(p.batch, rank, workers), p.seed, p.prefetch, p.text, tokenizer)
    normalise = Normalise(config, device)

    state = begin(job, recipe, config, samples, device)
    if checkpoint.resume(state, job.checkpoints):
        logger.info("%s goes on after step %d of %d", job.recipe, state.step, job.steps)
    model = nn.parallel.DistributedDataParallel(state.towers) if workers > 1 else state.towers
    progress = Progress(job.recipe, job.steps, p.batch, p.log_every)

    for batch in loader.batches(state.step, job.steps):
        random = Randomness(p.seed, batch.step, rank)
        schedule = rate(batch.step, job.steps, p.warm_up)
        state.towers.train()
        random.everywhere()

        pictures = augment(batch.pictures.to(device), config.image_size, p.augment, random.augmentation())
        images, texts, logit_scale, *_ = model(normalise(pictures), _on(batch.tokens, device))
        target, entities = _on(batch.target, device), _on(batch.entities, device)
        rows = None
        if state.table is not None and entities is not None:
            rows = state.table.sample(parallel.gather(entities), p.negatives, random.negatives())

        losses = recipe.losses(Features(images, texts, logit_scale, rows, target, entities))
        stop_unless_finite(job.recipe, batch.step, losses)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]

        norm = nn.utils.clip_grad_norm_(state.towers.parameters(), p.gradient_clip)
        for group in state.optimiser.param_groups:
            group["lr"] = p.learning_rate * schedule
        state.optimiser.step()
        state.optimiser.zero_grad(set_to_none=True)
        if state.table is not None and rows is not None:
            state.table.step(rows, p.head_learning_rate * schedule)
        _clamp(state.towers, p.max_logit_scale)
        if state.average is not None:
            state.average.update(batch.step)

        state.step = batch.step + 1
        last = state.step == job.steps
        named = {name: float(parallel.mean(value.detach())) for name, value in losses.items()}
        figures = {"step": state.step, "images_seen": state.step * p.batch, "loss": sum(named.values()), **named}
        figures |= {"gradient_norm": float(norm), "learning_rate": p.learning_rate * schedule}
        if last or batch.step % max(1, job.steps // _CURVE_POINTS) == 0:
            state.curve.append(figures)
        progress.show(state.step, named)

        if rank == 0 and job.validation and p.validate_every and state.step % p.validate_every == 0 and not last:
            value = validation_map(encoder_of(final_towers(state, config, p.seed), config), job.validation)
            logger.info("%s: validation mAP %.4f after step %d", job.recipe, value, state.step)
        if last or state.step % p.checkpoint_every == 0:
            if rank == 0:
                checkpoint.save(state, job.checkpoints)
            report(figures)

    if rank == 0:
        save_result(job, recipe, config, samples, state)


def _on(tensor: Tensor | None, device: torch.device) -> Tensor | None:
    return None if tensor is None else tensor.to(device)


@torch.no_grad()
def _clamp(model: nn.Module, max_logit_scale: float) -> None:
    """Keeps the learned inverse temperature between 1 and its limit, as CLIP does."""
    model.logit_scale.clamp_(0, math.log(max_logit_scale))  # type: ignore[operator]
