"""`mofi pretrain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from components.pretrain.parameters import PretrainParameters


def pretrain(
    recipe: Annotated[str, typer.Argument(help="clip, supervised, contrastive or multitask.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Picture shards for clip, the data set for the others.", show_default="data/crawl or data/i2e"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the model folder goes.", show_default="models/RECIPE")] = None,
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
    checkpoints: Annotated[
        str | None,
        typer.Option(
            help="Where checkpoints lie, a path or s3://BUCKET/PREFIX: another machine goes on from them.",
            show_default="pretrain.checkpoints",
        ),
    ] = None,
) -> None:
    """Pre-train towers by one recipe on Ray Train; a training that was stopped goes on from its newest checkpoint."""
    from components import parameters

    knobs = parameters.load(params).pretrain
    if checkpoints is not None:
        knobs = knobs.model_copy(update={"checkpoints": checkpoints})
    pretrain_recipe(recipe, data, out, knobs)


def pretrain_recipe(recipe: str, data: Path | None, out: Path | None, knobs: "PretrainParameters") -> dict[str, Any]:
    """The stage with its metrics, curve and MLflow run; returns the content of `metrics/pretrain_RECIPE.json`."""
    from components.pretrain import recipes, train
    from components.registry.live import followed
    from components.registry.runs import stage_run
    from components.stage import METRICS, stage

    data = data or Path("data/i2e" if recipes.make(recipe, knobs).uses_labels else "data/crawl")
    out = out or Path("models") / recipe
    sources = train.find_sources(recipe, data, knobs)
    name, curve = f"pretrain_{recipe}", METRICS / "curves" / f"{recipe}.csv"
    mark = train.fingerprint(sources, knobs)
    with stage_run(name, knobs, inputs=[data], tags={"recipe": recipe}, resumes=mark) as run:
        with stage(name) as measures:
            job = train.plan(recipe, sources, knobs)
            with followed(run, job.live):
                measures.update(train.train(job, out, curve))
        run.log_metrics(METRICS / f"{name}.json")
        run.log_curves(curve)
        run.log_model(out)
    train.finish(job)
    return measures
