"""The finished model folder, and the figures of its training."""

import logging
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from components.models.encoder import encoder_of
from components.models.tokenizer import ForeignTokenizer, tokenizer_of
from components.pretrain.checkpoints.state import TrainingState, save_tensors
from components.pretrain.job import Job
from components.pretrain.recipes import Recipe
from components.pretrain.training.open_data import TrainingData
from components.pretrain.training.setup import final_towers
from components.pretrain.training.validate import validation_map
from components.storage.atomic import new_folder
from components.storage.json_files import write_json

logger = logging.getLogger(__name__)


def save_result(job: Job, recipe: Recipe, samples: TrainingData, state: TrainingState, classes: Tensor | None) -> None:
    """Writes the model to `job.model` and the figures to `job.result`, in this order and each whole.

    `classes` float [classes, d] is the whole class table's weight, if the recipe has one.
    """
    model = final_towers(job, state)
    measure = None
    if job.validation is not None:
        measure = validation_map(encoder_of(model, job.tower), job.validation)
        logger.info("%s: validation mAP %.4f", job.recipe, measure)
        state.curve[-1] = state.curve[-1] | {"validation_map": measure}
    with new_folder(job.model) as folder:
        save_tensors(dict(model.state_dict()), folder / "open_clip_model.safetensors")
        write_json(folder / "open_clip_config.json", _config(job, recipe, folder))
        if classes is not None and samples.vocabulary is not None:
            save_tensors({"weight": classes}, folder / "classes.safetensors")
            write_json(folder / "classes.json", list(samples.vocabulary.entity_ids))
        write_json(folder / "mofi.json", _card(job, recipe))
    write_json(job.result, {"metrics": _metrics(samples, state, measure), "curve": state.curve})


def _config(job: Job, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The content of `open_clip_config.json`. A tokenizer of `transformers` goes into the folder, where it is read from."""
    if job.tower.model["text_cfg"].get("hf_tokenizer_name"):
        tokenizer = tokenizer_of(job.tower)
        if recipe.uses_texts and isinstance(tokenizer, ForeignTokenizer):
            tokenizer.save(folder)
    return job.tower.to_json()


def _metrics(samples: TrainingData, state: TrainingState, measure: float | None) -> dict[str, Any]:
    """The content of `metrics/pretrain_RECIPE.json`."""
    return {
        **state.curve[-1],
        "validation_map": measure,
        "pictures": len(samples),
        "dropped": dict(sorted(samples.dropped.items())),
        "skipped": state.skipped,
        "classes": len(samples.vocabulary) if samples.vocabulary else 0,
        "parameters": _sizes(state),
    }


def _sizes(state: TrainingState) -> dict[str, int]:
    """Numbers that a model is made of, by part."""
    sizes = {"image_tower": _count(state.towers.get_submodule("visual")), "text_tower": 0}
    sizes["text_tower"] = _count(state.towers) - sizes["image_tower"]
    if state.table is not None:
        sizes["classes"] = state.table.classes * state.table.width
    return sizes


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _card(job: Job, recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "tower": Path(job.parameters.tower).stem if job.parameters.tower.endswith(".json") else job.parameters.tower,
        "embedding_width": job.tower.width,
        "image_size": job.tower.image_size,
        "images_seen": job.steps * job.parameters.batch,
        "seed": job.parameters.seed,
        "initial": job.initial and {"location": job.parameters.initial, "fingerprint": job.initial.mark},
        "text_tower_trained": recipe.uses_texts,
        "classes": recipe.uses_classes,
    }
