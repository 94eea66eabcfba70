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
    from components.report.report import LAYOUT, write_report
    from components.storage.output import output, reading

    with output(out, LAYOUT, [metrics, data], wait=True), reading(*data.glob("*")):
        page = write_report(data, metrics, out)
    typer.echo(f"wrote {page}")
