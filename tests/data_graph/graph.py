"""dvc.yaml as DVC resolves it, and what the command of each stage runs and reads.

The code is computed: a stage's command leads to a function of the command line, and that one's
imports, lazy ones included, to all files that the stage runs.
"""

import ast
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import typer
from dvc.repo import Repo
from dvc.stage import PipelineStage

from components.cli import main
from components.cli.parameters import Parameters
from components.pretrain import recipes
from components.pretrain.recipe import Recipe
from components.seam import find as find_recipe
from components.seam import names_in
from components.section import Section
from components.storage.code import ROOT, closure, find, imports

# What a stage runs and does not depend on, on purpose. (stage, module or package, reason)
LEFT_OUT = (
    ("*", "components.cli.main", "finds the command; what the command does stands in its own file"),
    ("*", "components.cli.parameters", "joins all rooms' schemas; a stage's own values are in its params"),
    ("*", "components.errors", "the classes of messages; a stage that fails writes nothing"),
    ("*", "components.redaction", "how messages and logs show a URL"),
    ("*", "components.section", "refuses unknown keys; what is accepted is in the stage's params"),
    ("pretrain@*", "components.registry", "logs to MLflow what the stage has written"),
    ("evaluate", "components.registry", "logs to MLflow what the stage has written"),
    ("label", "components.registry", "fetches models:/NAME@ALIAS; the graph's model is a folder"),
)
# A folder is a dependency as a whole where a stage runs at least this share of its files.
REACHED = 0.6


@cache
def stages() -> dict[str, PipelineStage]:
    with Repo(str(ROOT)) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def entry(command: str) -> tuple[str, str]:
    """The module and the function that a stage's command calls."""
    program, *words = shlex.split(command)
    assert program == "mofi", command
    found: Any = typer.main.get_command(main.app)
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    function = found.callback
    return function.__module__, function.__name__


def called(tree: ast.Module, function: str) -> set[str]:
    """A function of a file, and those of the same file that it calls."""
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found, waiting = set[str](), [function]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in found:
            found.add(name)
            waiting.extend(node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name))
    return found


def run_by(stage: str) -> set[str]:
    """The modules that a stage runs, but for those left out."""
    module, function = entry(stages()[stage].cmd)
    tree = ast.parse(source(module))
    first = {name for name in imports(tree, called(tree, function)) if not left_out(stage, name)}
    skipped = frozenset(pattern for of, pattern, _ in LEFT_OUT if fnmatch(stage, of))
    found = {name for name in closure(*sorted(first), without=skipped) if not left_out(stage, name)}
    return {module} | (found - other_recipes(stage))


def other_recipes(stage: str) -> set[str]:
    """The recipes that a training does not run; they are found by name."""
    recipe = stage.removeprefix("pretrain@")
    if recipe == stage:
        return set()
    own = closure(f"{recipes.__name__}.{recipe}")
    return {f"{recipes.__name__}.{name}" for name in names_in(recipes)} - own


def source(module: str) -> str:
    file = find(module)
    assert file is not None
    return file.read_text(encoding="utf-8")


def left_out(stage: str, module: str) -> bool:
    return any(
        fnmatch(stage, of) and (module == name or module.startswith(f"{name}.")) for of, name, _ in LEFT_OUT
    ) or not does_something(module)


@cache
def does_something(module: str) -> bool:
    """Whether a file holds more than a docstring."""
    body = ast.parse(source(module)).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def files_of(modules: set[str]) -> set[Path]:
    return {file.relative_to(ROOT) for module in modules if (file := find(module)) is not None}


def code_deps(stage: str) -> list[Path]:
    deps = [Path(dep.def_path) for dep in stages()[stage].deps if not hasattr(dep, "params")]
    return [dep for dep in deps if dep.parts[0] in ("components", "samples")]


def below(dep: Path) -> Iterator[Path]:
    """The files of a dependency that do something."""
    for file in [ROOT / dep] if (ROOT / dep).is_file() else sorted((ROOT / dep).rglob("*.py")):
        relative = file.relative_to(ROOT)
        if does_something(".".join(relative.with_suffix("").parts).removesuffix(".__init__")):
            yield relative


STAGES = sorted(stages())


# Sections of other stages that a stage reads, too.
ALSO = {"crawl": ["sample.port"], "query": ["promote.name", "promote.alias"]}


def section_of(name: str) -> type[Section]:
    section = Parameters.model_fields[name].annotation
    assert isinstance(section, type)
    assert issubclass(section, Section)
    return section


def foreign_knobs(recipe: str) -> set[str]:
    """What only other recipes read."""
    knobs = {name: find_recipe(recipes, name, Recipe).knobs for name in names_in(recipes)}
    return set().union(*knobs.values()) - knobs[recipe]


def knobs_with_effect(stage: str) -> set[str]:
    name, _, recipe = stage.partition("@")
    if name not in Parameters.model_fields:
        return set()
    section = section_of(name)
    knobs = set(section.model_fields) - section.WITHOUT_EFFECT
    if recipe:
        knobs -= foreign_knobs(recipe)
    return {f"{name}.{knob}" for knob in knobs} | set(ALSO.get(name, ()))


def params_of(stage: str) -> set[str]:
    """The parameters that dvc.yaml names, sections as all of their knobs."""
    named = {key for dep in stages()[stage].deps if hasattr(dep, "params") for key in dep.params}
    whole = {key for key in named if "." not in key}
    return (named - whole) | {f"{key}.{knob}" for key in whole for knob in section_of(key).model_fields}
