"""`mofi pretrain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from components.pretrain.parameters import PretrainParameters


def pretrain(
    recipe: Annotated[str, typer.Argument(help="clip, supervised, contrastive or multitask.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Picture shards for clip, the data set for the others: a folder, or s3://BUCKET/PREFIX.",
            show_default="data/crawl or data/i2e",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the model folder goes.", show_default="models/RECIPE")] = None,
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
) -> None:
    """Pre-train towers by one recipe on Ray Train; a training that was stopped goes on from its newest checkpoint."""
    from components import parameters

    pretrain_recipe(recipe, data, out, parameters.load(params).pretrain)


def pretrain_recipe(
    recipe: str, data: Path | str | None, out: Path | None, knobs: "PretrainParameters"
) -> dict[str, Any]:
    """The stage with its metrics, curve and MLflow run; returns the content of `metrics/pretrain_RECIPE.json`."""
    from components.pretrain import recipes, train
    from components.registry.runs import stage_run
    from components.stage import METRICS, stage

    data = data or Path("data/i2e" if recipes.make(recipe, knobs).uses_labels else "data/crawl")
    in_bucket = isinstance(data, str) and "://" in data
    data = data if in_bucket else Path(data)
    out = out or Path("models") / recipe
    sources = train.find_sources(recipe, data, knobs)
    name, curve = f"pretrain_{recipe}", METRICS / "curves" / f"{recipe}.csv"
    with stage_run(
        name, knobs, inputs=[data] if isinstance(data, Path) else [], tags={"recipe": recipe, "data": str(data)}
    ) as run:
        with stage(name) as measures:
            job = train.plan(recipe, sources, knobs)
            measures.update(train.train(job, out, curve))
        run.log_metrics(METRICS / f"{name}.json")
        run.log_curves(curve)
        run.log_model(out)
    train.finish(job)
    return measures
