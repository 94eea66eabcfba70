"""`mofi label run` and `mofi label explain`."""

from pathlib import Path
from typing import Annotated

import typer

Knowledge = Annotated[Path, typer.Option(help="The knowledge base's folder.")]
Params = Annotated[Path, typer.Option(help="The parameter file.")]


def run(
    crawl: Annotated[Path, typer.Option(help="Picture shards of the crawl.")] = Path("data/crawl"),
    knowledge: Knowledge = Path("data/knowledge"),
    model: Annotated[
        str, typer.Option(help="CLIP of the image filter: a model folder, or an open_clip name.")
    ] = "models/clip",
    out: Annotated[Path, typer.Option(help="Where the labels go.")] = Path("data/labels"),
    params: Params = Path("params.yaml"),
) -> None:
    """Link every picture's alt text to entities, and keep those that CLIP sees in the picture."""
    from components import parameters
    from components.label.label import label_pictures
    from components.stage import stage

    knobs = parameters.load(params).label
    with stage("label") as measures:
        measures.update(label_pictures(crawl, knowledge, model, out, knobs))


def explain(
    text: Annotated[str, typer.Argument(help="An alt text, e.g. ':turkey:'.")],
    context: Annotated[str, typer.Option(help="What else stands around the picture: caption, page title.")] = "",
    site: Annotated[str, typer.Option(help="A host of the crawl, to weigh words as its alt texts do.")] = "",
    knowledge: Knowledge = Path("data/knowledge"),
    labels: Annotated[Path, typer.Option(help="Finished labels, for the crawl's word counts and pages.")] = Path(
        "data/labels"
    ),
    params: Params = Path("params.yaml"),
) -> None:
    """Show how a text is linked: its mentions, their candidates, each one's scores, and why it is kept or dropped (no picture)."""
    from rich.console import Console

    from components import parameters
    from components.label.explain import explain_text, table

    knobs = parameters.load(params).label
    Console().print(table(explain_text(text, context, site, knowledge, labels, knobs), knowledge))
