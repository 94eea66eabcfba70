"""The pre-training stage: one recipe, with its metrics, its curve and its MLflow run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.pretrain.parameters import PretrainParameters


def pretrain_recipe(
    recipe: str, data: Path | str | None, out: Path | None, knobs: "PretrainParameters"
) -> dict[str, Any]:
    """The stage with its metrics, curve and MLflow run; returns the content of `metrics/pretrain_RECIPE.json`."""
    from components.execution.stage import METRICS, stage
    from components.pretrain import train
    from components.pretrain.recipe import make_recipe
    from components.registry.live import followed
    from components.registry.runs import stage_run
    from components.storage.location import canonical

    data = canonical(data or ("data/i2e" if make_recipe(recipe, knobs).uses_labels else "data/crawl"))
    out = out or Path("models") / recipe
    sources = train.find_sources(recipe, data, knobs)
    name, curve = f"pretrain_{recipe}", METRICS / "curves" / f"{recipe}.csv"
    origin = train.look(sources, knobs)
    mark = train.fingerprint(origin, knobs)
    inputs = [data] if isinstance(data, Path) else []
    with stage_run(name, knobs, inputs=inputs, tags={"recipe": recipe, "data": str(data)}, resumes=mark) as run:
        with stage(name) as measures:
            job = train.plan(recipe, sources, knobs, origin=origin)
            with followed(run, job.live):
                measures.update(train.train(job, out, curve))
        run.log_metrics(METRICS / f"{name}.json")
        run.log_curves(curve)
        run.log_model(out)
    train.finish(job)
    return measures
