"""`mofi knowledge build` and `mofi knowledge lookup`."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Option(help="The knowledge base's folder.")]


def build(
    dump: Annotated[
        str, typer.Option(help="Wikidata JSON dump: path or URL of a .json, .json.bz2, .json.gz or .json.zst.")
    ] = "data/sample/knowledge.json.bz2",
    out: Annotated[
        str, typer.Option(help="Where the knowledge base goes: a folder, or s3://BUCKET/PREFIX.")
    ] = "data/knowledge",
    anchors: Annotated[
        Path | None,
        typer.Option(
            help="Table (.parquet, .csv, .tsv) of name, entity_id, count: how often texts link a name to an item."
        ),
    ] = None,
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
) -> None:
    """Turn a Wikidata dump into an entity table, a name index and entity embeddings."""
    from components.cli import parameters
    from components.execution.publication import check
    from components.execution.stage import stage
    from components.knowledge.build.build import LAYOUT
    from components.knowledge.build.build import build as build_base
    from components.knowledge.build.dump import identity
    from components.storage.code import code_mark
    from components.storage.location import folder_at
    from components.storage.output import output
    from components.storage.work import fingerprint, work_folder

    knobs = parameters.load(params).knowledge
    target = folder_at(out)
    with output(target, LAYOUT, [dump, anchors]), stage("knowledge") as measures:
        check(target)
        linked = identity(str(anchors)) if anchors is not None else ""
        work = work_folder(
            "knowledge",
            fingerprint(code_mark("components.knowledge.build.build"), knobs, identity(dump), linked),
            out=target,
        )
        measures.update(build_base(dump, target, knobs, work, anchors))


def lookup(
    name: Annotated[str, typer.Argument(help="A name, e.g. turkey.")],
    base: Folder = Path("data/knowledge"),
) -> None:
    """Show what a name may mean."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from components.knowledge.base.knowledge_base import KnowledgeBase
    from components.storage.output import reading

    with reading(base):
        opened = KnowledgeBase.open(base)
    found = opened.candidates(name)
    if not found:
        typer.echo(f"no entity of {base} is called {name!r}")
        raise typer.Exit(1)
    table = Table("entity", "label", "description", "prior", box=None)
    for candidate in found:
        entity = opened.entity(candidate.row)
        cells = escape(entity.label), escape(entity.description)
        table.add_row(entity.entity_id, *cells, f"{candidate.prior:.3f}")
    Console().print(table)
