"""The command line: `mofi run` for everything, one command per stage for use outside the graph, and tools around them."""

import errno
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from components import doctor as _doctor
from components.crawl import command as _crawl
from components.curate import command as _curate
from components.errors import MofiError
from components.evaluate import command as _evaluate
from components.execution import cpu_environment
from components.export import command as _export
from components.knowledge import command as _knowledge
from components.label import command as _label
from components.pretrain import command as _pretrain
from components.registry import command as _registry
from components.serve import command as _serve
from samples import command as _sample

# Libraries that tell of every request or file.
_NOISY = "httpx httpcore urllib3 boto3 botocore aiobotocore s3transfer asyncio alembic filelock PIL matplotlib faiss"
# A stage that ends with this code met an error that the user must mend; repeating it does not help.
USER_ERROR = 3


class _InOrder(TyperGroup):
    """Lists commands in the order of the chain; typer would put those with subcommands last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=lambda name: ORDER.index(name) if name in ORDER else -1)


app = typer.Typer(
    name="mofi",
    cls=_InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Turns the noisy web into entity-labelled pictures and pre-trains vision models on them.\n\n"
    "Start with `mofi doctor`, then `mofi run`: it crawls the sample web, labels its pictures with Wikidata entities, trains "
    "four recipes, compares them, promotes the best and writes reports/index.html. Every knob is in params.yaml.",
    epilog="Views: `mlflow ui --backend-store-uri sqlite:///mlflow.db` (runs), `dvc dag` (the graph), "
    "`dvc metrics show` (figures).",
)
sample = typer.Typer(no_args_is_help=True, help="The sample web, its benchmark and its knowledge base.")
knowledge = typer.Typer(no_args_is_help=True, help="The knowledge base: build it from a Wikidata dump, look names up.")
label = typer.Typer(no_args_is_help=True, help="Link alt texts to entities, ask why, and how right the links are.")

CHAIN, TOOLS = "The chain, in order", "Tools"
ORDER = ("sample", "knowledge", "crawl", "pretrain", "label", "curate", "evaluate", "promote", "query", "report")


@app.callback()
def _set_up(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show debug messages.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
    for noisy in _NOISY.split():
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_telling)
    for key in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DVC_NO_ANALYTICS"):
        os.environ.setdefault(key, "true" if key.startswith("MLFLOW") else "1")
    for key, value in cpu_environment.ENVIRONMENT.items():
        os.environ.setdefault(key, value)


def _is_telling(record: logging.LogRecord) -> bool:
    """Libraries that log by way of the root logger tell of every file that they open."""
    return record.name != "root" or record.levelno >= logging.WARNING


@app.command(rich_help_panel=TOOLS)
def run(
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
    only: Annotated[str | None, typer.Option(help="Run up to this stage and stop, e.g. `curate`.")] = None,
) -> None:
    """Run the whole chain as a Prefect flow: one task per DVC stage; what is up to date is skipped."""
    from components import parameters

    parameters.load(params)
    from flows import pipeline

    pipeline.run(only)


app.command(rich_help_panel=TOOLS)(_doctor.doctor)
app.add_typer(sample, name="sample", rich_help_panel=CHAIN)
sample.command()(_sample.build)
sample.command()(_sample.serve)
app.add_typer(knowledge, name="knowledge", rich_help_panel=CHAIN)
knowledge.command()(_knowledge.build)
knowledge.command()(_knowledge.lookup)
app.command(rich_help_panel=CHAIN)(_crawl.crawl)
app.add_typer(label, name="label", rich_help_panel=CHAIN)
label.command("run")(_label.run)
label.command()(_label.explain)
label.command()(_label.audit)
label.command()(_label.evaluate)
label.command()(_label.fit)
app.command(rich_help_panel=CHAIN)(_curate.curate)
app.command(rich_help_panel=CHAIN)(_pretrain.pretrain)
app.command(rich_help_panel=CHAIN)(_evaluate.evaluate)
app.command(rich_help_panel=CHAIN)(_registry.promote)
app.command(rich_help_panel=CHAIN)(_serve.query)
app.command(rich_help_panel=CHAIN)(_evaluate.report)
app.command(rich_help_panel=TOOLS)(_serve.search)
app.command(rich_help_panel=TOOLS)(_pretrain.cost)
app.command(rich_help_panel=TOOLS)(_evaluate.evaluate_model)
app.command(rich_help_panel=TOOLS)(_export.export)


def main() -> None:
    """Runs the command line; an error that the user can mend becomes one message on stderr and exit code 3."""
    try:
        app()
    except MofiError as error:
        _end(f"{type(error).__name__}: {error}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = f" while writing {error.filename}" if error.filename else ""
        free = shutil.disk_usage(Path.cwd()).free // 1024**2
        _end(f"SetupError: no space left{place} ({free} MiB free in {Path.cwd()}); free some and run again")


def _end(message: str) -> NoReturn:
    """Every line says whose it is, so that the flow finds it among what a stage prints."""
    sys.stderr.writelines(f"mofi: {line}\n" for line in message.splitlines())
    sys.exit(USER_ERROR)


if __name__ == "__main__":
    main()
