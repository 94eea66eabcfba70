"""`mofi crawl`."""

from pathlib import Path
from typing import Annotated

import typer

from components.crawl import sources
from components.seam import names_in


def crawl(
    web: Annotated[
        Path | None, typer.Option(help="A folder of sample sites, served on loopback while it is crawled.")
    ] = None,
    start: Annotated[
        list[str] | None, typer.Option(help="An address to start from; may be given several times.")
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Files to take pairs from, KIND:LOCATION, instead of crawl.sources; may be given several times. "
            f"KIND is one of {', '.join(names_in(sources))} (docs/crawl.md). LOCATION is a path, a pattern, an http(s) or s3 "
            "address, or @LIST of them."
        ),
    ] = None,
    url_column: Annotated[
        str | None,
        typer.Option(help="The column of lists that holds the pictures' addresses: its name, or its number from 0."),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="The column of lists that holds the texts: its name, or its number from 0.")
    ] = None,
    hold_out: Annotated[Path | None, typer.Option(help="A folder of pictures of which no near-copy is taken.")] = None,
    out: Annotated[str, typer.Option(help="Where the shards go: a folder, or s3://BUCKET/PREFIX.")] = "data/crawl",
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
) -> None:
    """Crawl sites, web archives and lists politely: pairs, then their verified pictures.

    On live sites only the hosts of the start addresses are crawled. robots.txt, nofollow, noindex,
    noai and noimageai are obeyed. Before you ask live sites for pages or pictures, set
    crawl.user_agent, crawl.connections and crawl.delay in params.yaml.
    """
    from components.cli import parameters
    from components.crawl.crawl import LAYOUT, Source, crawl_pictures
    from components.execution.stage import METRICS, stage
    from components.storage.location import base_of, folder_at
    from components.storage.output import output, reading

    knobs = parameters.load(params)
    what = Source(tuple(start or ()), web, knobs.sample.port if web is not None else 0, tuple(source or ()))
    given = {"url_column": url_column, "text_column": text_column}
    columns = {name: column for name, column in given.items() if column is not None}
    section = knobs.crawl.model_copy(update=columns)
    read = (base_of(one.partition(":")[2]) for one in what.files or section.sources)
    with output(folder_at(out), LAYOUT, [web, hold_out]), reading(*read), stage("crawl") as measures:
        measures.update(crawl_pictures(what, hold_out, out, section, timing=METRICS / "timing" / "crawl.json"))
