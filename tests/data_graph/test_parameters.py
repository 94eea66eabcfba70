"""Every stage depends on the parameters that can change its result, and on no others."""

import ast

import pytest

from components.cli.parameters import Parameters
from tests.data_graph.graph import (
    STAGES,
    called,
    entry,
    knobs_with_effect,
    params_of,
    source,
    stages,
)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_knobs_that_can_change_its_result_and_on_no_others(stage: str) -> None:
    assert params_of(stage) == knobs_with_effect(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_command_reads_only_the_sections_that_its_stage_depends_on(stage: str) -> None:
    module, function = entry(stages()[stage].cmd)
    tree = ast.parse(source(module))
    names = called(tree, function)
    read = {
        node.attr
        for part in tree.body
        if isinstance(part, ast.FunctionDef) and part.name in names
        for node in ast.walk(part)
        if isinstance(node, ast.Attribute) and node.attr in Parameters.model_fields
    }
    assert read <= {key.partition(".")[0] for key in params_of(stage)}
