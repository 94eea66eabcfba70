"""The finished model folder, and the metrics of its training."""

import logging
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from components.models.encoder import encoder_from_towers
from components.models.tokenizer import TransformersTokenizer, make_tokenizer
from components.pretrain.checkpoints.state import TrainingState, save_tensors
from components.pretrain.job import Job
from components.pretrain.recipes import Recipe
from components.pretrain.training.data_source import TrainingData
from components.pretrain.training.setup import final_towers
from components.pretrain.training.validate import validation_map
from components.redaction import show_url
from components.storage.atomic import new_folder
from components.storage.json_files import write_json

logger = logging.getLogger(__name__)


def save_result(job: Job, recipe: Recipe, data: TrainingData, state: TrainingState, classes: Tensor | None) -> None:
    """Writes the model to `job.model` and then the metrics to `job.result`, each atomically.

    Args:
        job: the training.
        recipe: of the job.
        data: what was trained on.
        state: after the last step.
        classes: float [classes, d], the whole class table, if the recipe has one.
    """
    model = final_towers(job, state)
    validation = None
    if job.validation is not None:
        validation = validation_map(encoder_from_towers(model, job.tower), job.validation)
        logger.info("%s: validation mAP %.4f", job.recipe, validation)
        state.curve[-1] = state.curve[-1] | {"validation_map": validation}
    with new_folder(job.model) as folder:
        save_tensors(dict(model.state_dict()), folder / "open_clip_model.safetensors")
        write_json(folder / "open_clip_config.json", _config(job, recipe, folder))
        if classes is not None and data.vocabulary is not None:
            save_tensors({"weight": classes}, folder / "classes.safetensors")
            write_json(folder / "classes.json", list(data.vocabulary.entity_ids))
        write_json(folder / "mofi.json", _model_card(job, recipe))
    write_json(job.result, {"metrics": _metrics(data, state, validation), "curve": state.curve})


def _config(job: Job, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """The content of `open_clip_config.json`; saves a tokenizer of `transformers` to the folder."""
    if job.tower.model["text_cfg"].get("hf_tokenizer_name"):
        tokenizer = make_tokenizer(job.tower)
        if recipe.uses_texts and isinstance(tokenizer, TransformersTokenizer):
            tokenizer.save(folder)
    return job.tower.to_json()


def _metrics(data: TrainingData, state: TrainingState, validation: float | None) -> dict[str, Any]:
    """The content of `metrics/pretrain_RECIPE.json`."""
    return {
        **state.curve[-1],
        "validation_map": validation,
        "pictures": len(data),
        "dropped": dict(sorted(data.dropped.items())),
        "skipped": state.skipped,
        "classes": len(data.vocabulary) if data.vocabulary else None,  # none where none are trained on
        "parameters": _sizes(state),
    }


def _sizes(state: TrainingState) -> dict[str, int]:
    """The number of parameters, by part."""
    sizes = {"image_tower": _count(state.towers.get_submodule("visual")), "text_tower": 0}
    sizes["text_tower"] = _count(state.towers) - sizes["image_tower"]
    if state.table is not None:
        sizes["classes"] = state.table.classes * state.table.width
    return sizes


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _model_card(job: Job, recipe: Recipe) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "tower": Path(job.parameters.tower).stem if job.parameters.tower.endswith(".json") else job.parameters.tower,
        "embedding_width": job.tower.width,
        "image_size": job.tower.image_size,
        "images_seen": job.steps * job.parameters.batch,
        "seed": job.parameters.seed,
        "initial": job.initial and {"location": show_url(job.parameters.initial), "fingerprint": job.initial.mark},
        "text_tower_trained": recipe.uses_texts,
        "classes": recipe.uses_classes,
    }
