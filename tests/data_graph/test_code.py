"""Every stage depends on the code that it runs, and on no other."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

from components.storage.code import closure, imports
from tests.data_graph.graph import (
    LEFT_OUT,
    REACHED,
    STAGES,
    below,
    called,
    code_deps,
    entry,
    files_of,
    run_by,
    source,
    stages,
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_all_code_that_it_runs(stage: str) -> None:
    deps = code_deps(stage)
    missing = sorted(
        str(file) for file in files_of(run_by(stage)) if not any(file == dep or dep in file.parents for dep in deps)
    )
    assert missing == [], f"dvc.yaml: stage {stage} runs {missing}, which its deps lack"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_no_code_that_it_does_not_run(stage: str) -> None:
    run = files_of(run_by(stage))
    for dep in code_deps(stage):
        files = set(below(dep))
        assert files & run, f"dvc.yaml: stage {stage} depends on {dep}, of which it runs nothing"
        share = len(files & run) / len(files)
        assert share >= REACHED, f"dvc.yaml: stage {stage} runs {share:.0%} of {dep}: name what it runs of it"


@pytest.mark.parametrize("of", [f"{stage}: {module}" for stage, module, _ in LEFT_OUT])
def test_what_is_left_out_would_be_run(of: str) -> None:
    """A line of the list that nothing needs any more goes."""
    pattern, module = of.split(": ")
    reached = set[str]()
    for stage in STAGES:
        if fnmatch(stage, pattern):
            start, function = entry(stages()[stage].cmd)
            tree = ast.parse(source(start))
            reached |= {"components.cli.main", *closure(*sorted(imports(tree, called(tree, function))))}
    assert any(name == module or name.startswith(f"{module}.") for name in reached)


def test_a_dep_that_is_taken_away_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [dep for dep in code_deps("label") if dep != Path("components/shards")]
    monkeypatch.setattr(f"{__name__}.code_deps", lambda stage: kept)
    with pytest.raises(AssertionError, match=r"components/shards/reader\.py"):
        test_a_stage_depends_on_all_code_that_it_runs("label")


def test_a_dep_that_is_not_run_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [*code_deps("label"), Path("components/costs")]
    monkeypatch.setattr(f"{__name__}.code_deps", lambda stage: more)
    with pytest.raises(AssertionError, match="depends on components/costs, of which it runs nothing"):
        test_a_stage_depends_on_no_code_that_it_does_not_run("label")
