"""`mofi export`."""

from pathlib import Path
from typing import Annotated

import typer

from components.cli.model import LOCATIONS
from components.export.formats import Format


def export(
    model: Annotated[
        str,
        typer.Argument(help=f"The model to export: {LOCATIONS}"),
    ],
    to: Annotated[Format, typer.Option(help="hf: a CLIPModel of transformers; onnx: both towers as ONNX files.")],
    out: Annotated[Path, typer.Option(help="The folder that is written.")],
) -> None:
    """Write a model for other programs, and measure that it embeds there as it does here."""
    from components.export.export import export_model
    from components.storage.output import reading

    with reading(model):
        card = export_model(model, to, out)
    parity = ", ".join(f"{tower} {difference:.1e}" for tower, difference in card["parity"].items())
    typer.echo(f"wrote {out}; largest difference of an embedding from torch: {parity}")
