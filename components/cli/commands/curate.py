"""`mofi curate`."""

from pathlib import Path
from typing import Annotated

import typer


def curate(
    crawl: Annotated[Path, typer.Option(help="Picture shards of the crawl.")] = Path("data/crawl"),
    labels: Annotated[Path, typer.Option(help="The labels of these shards.")] = Path("data/labels"),
    knowledge: Annotated[Path, typer.Option(help="The knowledge base's folder.")] = Path("data/knowledge"),
    out: Annotated[Path, typer.Option(help="Where the data set goes.")] = Path("data/i2e"),
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
) -> None:
    """Turn labelled pictures into the data set: deduplicated, split, in shards, with a card."""
    from components.cli import parameters
    from components.curate.curate import LAYOUT, build_data_set
    from components.execution.stage import stage
    from components.storage.output import output

    knobs = parameters.load(params).curate
    with output(out, LAYOUT, [crawl, labels, knowledge]), stage("curate") as measures:
        measures.update(build_data_set(crawl, labels, knowledge, out, knobs))
