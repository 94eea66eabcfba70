"""`mofi work list` and `mofi work clean`."""

from typing import Annotated

import typer


def show() -> None:
    """Show what interrupted runs left in .work, and what runs that go on work on."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from components.storage import work

    found = work.unfinished()
    if not found:
        typer.echo(f"no unfinished work in {work.WORK}")
        return
    table = Table("stage", "output", "MB", "days unused", "in use by", "folder", box=None)
    for one in found:
        user = work.user_of(one.folder) or ""
        size = f"{one.size / 1_000_000:.1f}"
        table.add_row(one.stage, escape(one.out), size, f"{one.days:.1f}", escape(user), one.folder.name)
    Console().print(table)


def clean(
    stage: Annotated[str | None, typer.Option(help="Only of this stage, e.g. `crawl`.")] = None,
    days: Annotated[float, typer.Option(help="Only what no run has worked on for so many days.", min=0)] = 0.0,
) -> None:
    """Remove what interrupted runs left in .work; what a run works on stays."""
    from components.storage import work

    removed, kept = 0, 0
    for one in work.unfinished():
        if one.days < days or stage not in (None, one.stage):
            continue
        user = work.drop_unused(one.folder)
        if user is None:
            removed += one.size
            typer.echo(f"removed {one.folder} ({one.size / 1_000_000:.1f} MB)")
        else:
            kept += 1
            typer.echo(f"kept {one.folder}: {user} works on it")
    typer.echo(f"{removed / 1_000_000:.1f} MB are free again" + (f"; {kept} in use" if kept else ""))
