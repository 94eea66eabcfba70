"""The command line: `mofi run` for everything, one command per stage, and tools around them."""

import errno
import logging
import os
import shutil
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from components.cli.commands import cost as _cost
from components.cli.commands import crawl as _crawl
from components.cli.commands import curate as _curate
from components.cli.commands import doctor as _doctor
from components.cli.commands import evaluate as _evaluate
from components.cli.commands import export as _export
from components.cli.commands import knowledge as _knowledge
from components.cli.commands import label as _label
from components.cli.commands import pretrain as _pretrain
from components.cli.commands import promote as _promote
from components.cli.commands import report as _report
from components.cli.commands import serve as _serve
from components.cli.commands import work as _work
from components.errors import USER_ERROR, MofiError, is_full, reason, system_code
from components.execution import cpu_environment
from components.redaction import redact

# Libraries that log every request or file.
_NOISY = "httpx httpcore urllib3 boto3 botocore aiobotocore s3transfer asyncio alembic filelock PIL matplotlib faiss"
# The entry points by which packages above this room add commands (`run` of flows, `sample`).
_PLUGINS = "mofi.commands"
_FORMAT = "%(asctime)s %(levelname).1s %(name)s: %(message)s"


class _Formatter(logging.Formatter):
    """Shows URLs without passwords and signatures, whichever library logs them."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


_WRITABLE = "make it a place that you may read and write, or name another one"
_FIXES = {
    errno.EACCES: _WRITABLE,
    errno.EPERM: _WRITABLE,
    errno.EROFS: _WRITABLE,
    errno.ENOTDIR: "a file is in the way of a folder: move it, or name another place",
    errno.EEXIST: "move what is there, or name another place",
    errno.EISDIR: "a folder is in the way of a file: move it, or name another place",
    errno.ENOENT: "it is missing, or was removed meanwhile; run the stage that writes it (`dvc repro` runs all)",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EMFILE: "allow more open files (`ulimit -n 65536`) and run again",
    errno.ENFILE: "this machine has too many open files; end other programs and run again",
    errno.ENOMEM: "free some memory and run again",
    errno.EIO: "the disk fails; check it, or name another place",
    errno.ESTALE: "the network file system lost it; mount it again and run again",
    errno.EBUSY: "something uses it, a mount perhaps; name a folder inside",
}

logger = logging.getLogger(__name__)


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
knowledge = typer.Typer(no_args_is_help=True, help="The knowledge base: build it from a Wikidata dump, look names up.")
work = typer.Typer(no_args_is_help=True, help="What interrupted runs left, to go on from: list it, remove it.")
label = typer.Typer(no_args_is_help=True, help="Link alt texts to entities, ask why, and how right the links are.")

CHAIN, TOOLS = "The chain, in order", "Tools"
ORDER = ("sample", "knowledge", "crawl", "pretrain", "label", "curate", "evaluate", "promote", "query", "report")


@app.callback()
def _set_up(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also show debug messages.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
        force=True,
    )
    sys.excepthook = _show_traceback
    for noisy in _NOISY.split():
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_telling)
        handler.setFormatter(_Formatter(_FORMAT, "%H:%M:%S"))
    for key in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "DVC_NO_ANALYTICS"):
        os.environ.setdefault(key, "true" if key.startswith("MLFLOW") else "1")
    for key, value in cpu_environment.ENVIRONMENT.items():
        os.environ.setdefault(key, value)


def _is_telling(record: logging.LogRecord) -> bool:
    """Silences libraries that use the root logger to log every file that they open."""
    return record.name != "root" or record.levelno >= logging.WARNING


def _join_plugins() -> None:
    for point in entry_points(group=_PLUGINS):
        command, panel = point.load(), CHAIN if point.name in ORDER else TOOLS
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=point.name, rich_help_panel=panel)
        else:
            app.command(point.name, rich_help_panel=panel)(command)


_join_plugins()
app.command(rich_help_panel=TOOLS)(_doctor.doctor)
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
app.command(rich_help_panel=CHAIN)(_promote.promote)
app.command(rich_help_panel=CHAIN)(_serve.query)
app.command(rich_help_panel=CHAIN)(_report.report)
app.command(rich_help_panel=TOOLS)(_serve.search)
app.command(rich_help_panel=TOOLS)(_cost.cost)
app.command(rich_help_panel=TOOLS)(_evaluate.evaluate_model)
app.command(rich_help_panel=TOOLS)(_export.export)
app.add_typer(work, name="work", rich_help_panel=TOOLS)
work.command("list")(_work.show)
work.command()(_work.clean)


def main() -> None:
    """Runs the command line; a `MofiError` becomes one message on stderr and exit code 3."""
    try:
        app()
    except MofiError as error:
        _end(f"{type(error).__name__}: {error}")
    except OSError as error:
        if system_code(error) is None:
            raise
        logger.debug("where it came from", exc_info=True)
        _end(f"SetupError: {_refused(error)}")


def _refused(error: OSError) -> str:
    """What the system refused, and what helps."""
    files = " and ".join(str(name) for name in (error.filename, error.filename2) if name)
    if is_full(error):
        free = shutil.disk_usage(Path.cwd()).free // 1024**2
        return (
            f"no space left{f' while writing {files}' if files else ''} ({free} MiB free in {Path.cwd()}); free some and run "
            "again: what is finished is kept (`mofi work list` shows what earlier runs left, `mofi work clean` removes it)"
        )
    fix = _FIXES.get(system_code(error) or 0, "see `mofi -v` for where it came from")
    return f"{files or 'the system'}: {reason(error)}; {fix}"


def _end(message: str) -> NoReturn:
    """Every line says whose it is, so that the flow finds it among what a stage prints."""
    sys.stderr.writelines(f"mofi: {line}\n" for line in redact(message).splitlines())
    sys.exit(USER_ERROR)


if __name__ == "__main__":
    main()
