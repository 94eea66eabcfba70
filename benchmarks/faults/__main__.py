"""`python -m benchmarks.faults two-at-once|kills|full-disk|show`."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.faults import full_disk, process, two_at_once
from benchmarks.faults import kills as killing
from benchmarks.faults.journal import Journal, Try, show
from benchmarks.faults.project import Base
from benchmarks.faults.small_disk import enter_namespace
from components.execution import cluster
from components.storage.claims import claim_file

app = typer.Typer(no_args_is_help=True, help=__doc__)
Folder = Annotated[Path, typer.Option(help="Where the small chain and the journal of all tries lie.")]
Rounds = Annotated[int, typer.Option(help="Tries of each, with other moments.", min=1)]
Own = Annotated[bool, typer.Option(help="Each command starts a Ray of its own, instead of joining one.")]
Only = Annotated[list[str] | None, typer.Option(help="Only what has one of these in its name.")]
First = Annotated[int, typer.Option(help="Number of the first round.", min=0)]
Forked = Annotated[bool, typer.Option(help="Fork commands from a process that has imported all: faster.")]
_FOLDER = Path(".work/faults")


def _base(folder: Path, own_ray: bool, forked: bool) -> tuple[Base, Journal]:
    process.adopt_orphans()
    if forked:
        process.prepare_forks()
    base = Base(folder.absolute(), forked=forked)
    claim_file(base.folder / "lock", base.folder)
    if not own_ray:
        import ray

        cluster.share()
        base.address = ray.get_runtime_context().gcs_address
    base.build()
    return base, Journal(base.folder / "journal.jsonl")


def _done(journal: Journal, one: Try) -> Try:
    journal.add(one)
    verdict = "; ".join(one.problems) or "good"
    print(f"{one.scenario} {one.what} {one.round}: {one.happened}: {verdict}", flush=True)
    return one


def _conclude(tries: Iterable[Try]) -> None:
    cluster.leave()
    if show(tries):
        sys.exit(1)


@app.command()
def pairs(
    folder: Folder = _FOLDER,
    rounds: Rounds = 20,
    first: First = 0,
    only: Only = None,
    own_ray: Own = False,
    forked: Forked = False,
) -> None:
    """Two commands at once in one folder, every pair, the most dangerous ones first."""
    base, journal = _base(folder, own_ray, forked)
    good, made = journal.good(), []
    for number in range(first, first + rounds):
        for one, other in two_at_once.pairs():
            what = f"{one.name} + {other.name}"
            if (two_at_once.NAME, what, number) not in good and _wanted(what, only):
                made.append(_done(journal, two_at_once.attempt(base, one, other, number)))
    _conclude(made)


@app.command()
def kills(
    folder: Folder = _FOLDER,
    rounds: Rounds = 4,
    first: First = 0,
    only: Only = None,
    own_ray: Own = True,
    forked: Forked = False,
) -> None:
    """Kills at random moments, and a second run at once."""
    base, journal = _base(folder, own_ray, forked)
    good, made = journal.good(), []
    with tempfile.TemporaryDirectory(dir=_other_disk(), prefix="mofi-faults-") as elsewhere:
        for number in range(first, first + rounds):
            for what in killing.KILLED:
                if (killing.NAME, what, number) not in good and _wanted(what, only):
                    made.append(_done(journal, killing.attempt(base, what, number, Path(elsewhere) / "crawl")))
    _conclude(made)


@app.command(name="full-disk")
def full(
    folder: Folder = _FOLDER,
    rounds: Rounds = 2,
    first: First = 0,
    only: Only = None,
    own_ray: Own = False,
    forked: Forked = False,
) -> None:
    """Full disks, real ones of a few megabytes, at twenty places."""
    enter_namespace()
    base, journal = _base(folder, own_ray, forked)
    good, made = journal.good(), []
    for number in range(first, first + rounds):
        for place in full_disk.PLACES:
            if (full_disk.NAME, place.name, number) not in good and _wanted(place.name, only):
                made.append(_done(journal, full_disk.attempt(base, place, number, base.folder / "disk")))
    _conclude(made)


@app.command()
def summary(folder: Folder = _FOLDER) -> None:
    """The newest outcome of every try so far; exits with 1 if something was lost."""
    if show(Journal(folder / "journal.jsonl").read().values()):
        sys.exit(1)


def _wanted(what: str, only: list[str] | None) -> bool:
    return not only or any(what == part or part in what.split(" + ") or part in what for part in only)


def _other_disk() -> Path:
    """A folder on another file system than the project's."""
    memory = Path("/dev/shm")  # noqa: S108 - what is written there is removed
    if not memory.is_dir() or memory.stat().st_dev == Path.cwd().stat().st_dev:
        raise typer.BadParameter(
            "there is no /dev/shm on another file system than this folder, which a try publishes to"
        )
    return memory


if __name__ == "__main__":
    app()
