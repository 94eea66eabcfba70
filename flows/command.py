"""`mofi run`."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    params: Annotated[
        Path, typer.Option(help="The parameter file; another than params.yaml is answered with how to run it.")
    ] = Path("params.yaml"),
    only: Annotated[str | None, typer.Option(help="Run up to this stage and stop, e.g. `curate`.")] = None,
    at_once: Annotated[
        int | None,
        typer.Option(help="Stages that run side by side, at most.", show_default="one for every 8 CPUs", min=1, max=16),
    ] = None,
) -> None:
    """Run the whole chain as a Prefect flow, a task per DVC stage, skipping what is up to date."""
    from components.cli import parameters
    from flows import overrides

    parameters.load(params)
    if params.resolve() != parameters.DEFAULT.resolve():
        overrides.refuse_other(params)
    from flows import pipeline

    pipeline.run(only, at_once or 0)
