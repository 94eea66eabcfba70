"""Every stage depends on the data that its command reads."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from components.cli import main
from tests.data_graph.graph import STAGES, stages


def paths_of(stage: str) -> set[Path]:
    """What a stage's command is told to read or write: its options, as given or by default."""
    program, *words = shlex.split(stages()[stage].cmd)
    command: Any = typer.main.get_command(main.app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    values = command.make_context(program, words).params.values()
    texts = {str(value) for value in values if isinstance(value, (str, Path))}
    return {Path(text) for text in texts if text.partition("/")[0] in ("data", "models", "metrics", "reports")}


# (stage, path, reason)
NOT_READ = (("query", "models", "read where the registry lacks the champion, whose digest metrics/promote.json holds"),)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_data_that_its_command_reads(stage: str) -> None:
    known = [
        Path(item.def_path) for item in (*stages()[stage].deps, *stages()[stage].outs) if not hasattr(item, "params")
    ]
    paths = {path for path in paths_of(stage) if (stage, str(path)) not in {(of, text) for of, text, _ in NOT_READ}}
    missing = {
        str(path)
        for path in paths
        if not any(path == item or item in path.parents or path in item.parents for item in known)
    }
    assert missing == set()
