"""What a command reads is not replaced while it reads: it holds every input's lock."""

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from typer.models import CommandInfo

from components.cli import main
from components.pretrain import stage

# Parameters that name another stage's output.
INPUTS = frozenset(
    {"web", "hold_out", "dump", "crawl", "knowledge", "base", "model", "models", "labels", "data", "benchmark"}
)
# Where the lock is taken by what a command calls.
ELSEWHERE = {"pretrain": stage.pretrain_recipe}


def commands() -> dict[str, Callable[..., Any]]:
    groups = {"": main.app, "knowledge ": main.knowledge, "label ": main.label}
    named: list[tuple[str, CommandInfo]] = [
        (f"{prefix}{info.name or info.callback.__name__}", info)
        for prefix, group in groups.items()
        for info in group.registered_commands
        if info.callback is not None and info.callback.__module__.startswith("components.")
    ]
    return {name: info.callback for name, info in named if info.callback is not None}


def locked(function: Callable[..., Any]) -> set[str]:
    """The names in calls of `reading` and `output`, and in lists that are given to them."""
    tree = ast.parse(inspect.getsource(function).lstrip())
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("reading", "output")
    ]
    names = {name.id for call in calls for name in ast.walk(call) if isinstance(name, ast.Name)}
    lists = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names]
    return names | {name.id for node in lists for name in ast.walk(node.value) if isinstance(name, ast.Name)}


@pytest.mark.parametrize("name", [name for name in commands() if name not in ("doctor", "cost", "run")])
def test_a_command_locks_what_it_reads(name: str) -> None:
    function = commands()[name]
    read = INPUTS & set(inspect.signature(function).parameters)
    assert read - locked(ELSEWHERE.get(name, function)) == set()


def test_the_commands_are_found() -> None:
    assert {"crawl", "curate", "evaluate_model", "export", "label run", "pretrain", "promote", "report"} <= set(
        commands()
    )
