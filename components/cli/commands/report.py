"""`mofi report`."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    data: Annotated[Path, typer.Option(help="The folder of the stages' outputs.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="The folder of the stages' metrics.")] = Path("metrics"),
    out: Annotated[Path, typer.Option(help="Where index.html, crawl.html and summary.json go.")] = Path("reports"),
) -> None:
    """Write reports/ on what has run so far: index.html, crawl.html and summary.json."""
    from components.report.report import write_report

    typer.echo(f"wrote {write_report(data, metrics, out)}")
