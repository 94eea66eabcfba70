"""`mofi sample build` and `mofi sample serve`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The sample web, its benchmark and its knowledge base.")
Params = Annotated[Path, typer.Option(help="The parameter file.")]


@app.command()
def build(
    params: Params = Path("params.yaml"),
    out: Annotated[Path, typer.Option(help="Where the sample goes.")] = Path("data/sample"),
) -> None:
    """Build the sample web, benchmark, truth table and knowledge base from published packages."""
    from components.cli import parameters
    from components.execution.stage import stage
    from components.storage.output import output
    from samples.build import LAYOUT
    from samples.build import build as build_sample

    knobs = parameters.load(params).sample
    with output(out, LAYOUT, [params]), stage("sample") as measures:
        measures.update(build_sample(knobs, out))


@app.command()
def serve(
    params: Params = Path("params.yaml"),
    web: Annotated[Path, typer.Option(help="The folder of site archives.")] = Path("data/sample/web"),
) -> None:
    """Serve the sample web on loopback for a browser until interrupted."""
    import threading

    from components.cli import parameters
    from components.crawl.local_web.web import serve as serve_sites

    port = parameters.load(params).sample.port
    with serve_sites(web, port) as sites:
        for host in sites.hosts:
            typer.echo(f"http://{host}:{port}/")
        typer.echo("press Ctrl-C to stop")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            typer.echo("stopped")
