"""The finished model folder, and the figures of its training."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from components.pretrain.checkpoint import TrainingState, save_tensors
from components.pretrain.embed import encoder_of
from components.pretrain.recipes import Recipe
from components.pretrain.samples import Samples
from components.pretrain.session import Job, final_towers
from components.pretrain.towers import TowerConfig
from components.pretrain.validate import validation_map
from components.stage import write_json

logger = logging.getLogger(__name__)


def save_result(job: Job, recipe: Recipe, config: TowerConfig, samples: Samples, state: TrainingState) -> None:
    """Writes the model to `job.model` and the figures to `job.result`, in this order and each whole."""
    model = final_towers(state, config, job.parameters.seed)
    measure = None
    if job.validation is not None:
        measure = validation_map(encoder_of(model, config), job.validation)
        logger.info("%s: validation mAP %.4f", job.recipe, measure)
    partial = job.work / "model.part"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_tensors(dict(model.state_dict()), partial / "open_clip_model.safetensors")
    write_json(partial / "open_clip_config.json", config.to_json())
    if state.table is not None and samples.vocabulary is not None:
        save_tensors({"weight": state.table.weight}, partial / "classes.safetensors")
        write_json(partial / "classes.json", samples.vocabulary.entity_ids)
    write_json(partial / "mofi.json", _card(job, recipe, config))
    shutil.rmtree(job.model, ignore_errors=True)
    partial.rename(job.model)
    write_json(
        job.result,
        {
            "final": state.curve[-1],
            "curve": state.curve,
            "validation_map": measure,
            "pictures": len(samples),
            "dropped": dict(samples.dropped),
            "classes": len(samples.vocabulary) if samples.vocabulary else 0,
        },
    )


def _card(job: Job, recipe: Recipe, config: TowerConfig) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "tower": job.parameters.tower,
        "embedding_width": config.width,
        "image_size": config.image_size,
        "images_seen": job.steps * job.parameters.batch,
        "seed": job.parameters.seed,
        "text_tower_trained": recipe.uses_texts,
        "classes": recipe.uses_classes,
    }


def read_card(folder: Path) -> dict[str, Any]:
    """`mofi.json` of a model folder."""
    content: dict[str, Any] = json.loads((folder / "mofi.json").read_text(encoding="utf-8"))
    return content
