"""`mofi run`."""

from pathlib import Path
from typing import Annotated

import typer


def run(
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
    only: Annotated[str | None, typer.Option(help="Run up to this stage and stop, e.g. `curate`.")] = None,
) -> None:
    """Run the whole chain as a Prefect flow: one task per DVC stage; what is up to date is skipped."""
    from components.cli import parameters

    parameters.load(params)
    from flows import pipeline

    pipeline.run(only)
