"""The pre-training stage: one recipe, with its metrics, curve and MLflow run."""

from pathlib import Path
from typing import Any

from components.execution.stage import METRICS, stage
from components.pretrain import plan, sources, train
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.registry.live import followed
from components.registry.runs import stage_run
from components.registry.tracking import connect
from components.storage.layout import Layout
from components.storage.location import canonical
from components.storage.output import output

LAYOUT = Layout("mofi pretrain", ("mofi.json", "open_clip_config.json", "open_clip_model.safetensors"), key="recipe")


def pretrain_recipe(
    recipe: str, data: Path | str | None, out: Path | None, knobs: PretrainParameters
) -> dict[str, Any]:
    """Runs the stage.

    Args:
        recipe: a file of `components/pretrain/recipes`.
        data: see `find_sources`; None = the default of the recipe.
        out: the model folder; None = `models/RECIPE`.
        knobs: the stage's section.

    Returns:
        The content of `metrics/pretrain_RECIPE.json`.
    """
    data = canonical(data or ("data/i2e" if make_recipe(recipe, knobs).uses_labels else "data/crawl"))
    out = out or Path("models") / recipe
    name, curve = f"pretrain_{recipe}", METRICS / "curves" / f"{recipe}.csv"
    inputs = [data] if isinstance(data, Path) else []
    tags = {"recipe": recipe, "data": str(data)}
    with output(out, LAYOUT, [data, knobs.initial or None, knobs.checkpoints or None]):
        connect()  # a server that does not answer is known before anything is read
        found = sources.find_sources(recipe, data, knobs)
        start = plan.find_starting_point(found, knobs)
        # Claimed before an MLflow run goes on that another training of the same may be using.
        work = plan.training_folder(recipe, start, knobs, out=out)
        with stage_run(name, knobs, inputs=inputs, tags=tags, resumes=work.name) as run:
            with stage(name) as measures:
                job = plan.plan_job(recipe, found, knobs, start=start, folder=work)
                with followed(run, job.live_curve):
                    measures.update(train.train(job, out, curve))
            run.log_metrics(METRICS / f"{name}.json")
            run.log_curves(curve)
            run.log_model(out)
        train.clean_up(job)
    return measures
