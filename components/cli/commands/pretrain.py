"""`mofi pretrain`."""

from pathlib import Path
from typing import Annotated

import typer


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
    checkpoints: Annotated[
        str | None,
        typer.Option(
            help="Where checkpoints lie, a path or s3://BUCKET/PREFIX: another machine goes on from them.",
            show_default="pretrain.checkpoints",
        ),
    ] = None,
) -> None:
    """Pre-train towers by one recipe on Ray Train; resumes from the newest checkpoint."""
    from components.cli import parameters
    from components.pretrain.stage import pretrain_recipe

    knobs = parameters.load(params).pretrain
    if checkpoints is not None:
        knobs = knobs.model_copy(update={"checkpoints": checkpoints})
    pretrain_recipe(recipe, data, out, knobs)
