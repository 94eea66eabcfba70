"""What one changed file or parameter marks as out of date."""

from pathlib import Path

import pytest

from components.pretrain import recipes
from components.seam import names_in
from components.storage.code import ROOT
from tests.data_graph.graph import STAGES, code_deps, params_of

TRAININGS = {f"pretrain@{name}" for name in names_in(recipes)}
READ_PICTURES = {"label", *TRAININGS, "query", "report"}
CHANGES = {
    # The registry's model carries the decoder with it.
    "components/images/reduce.py": {"crawl", "evaluate", "promote", *READ_PICTURES},
    "components/images/decode.py": {"crawl", "evaluate", "promote", *READ_PICTURES},
    "components/shards/tar_reader.py": {"crawl", "curate", *READ_PICTURES},
    "components/models/encoder.py": {"label", "evaluate", "query", *TRAININGS},
    "components/knowledge/base/knowledge_base.py": {"knowledge", "label"},
    "components/registry/promote.py": {"promote", "query"},
    "components/costs/gpus.py": set(),
    "components/report/templates/style.css.j2": {"report"},
    "components/pretrain/recipes/multitask.py": {"pretrain@multitask"},
    "components/pretrain/recipes/supervised.py": {"pretrain@supervised", "pretrain@multitask"},
}
KNOB_CHANGES = {
    "promote.alias": {"promote", "query"},
    "pretrain.log_every": set(),
    "pretrain.supervised_share": {"pretrain@multitask"},
    "pretrain.margin": {"pretrain@supervised", "pretrain@multitask"},
    "pretrain.text": {"pretrain@contrastive", "pretrain@multitask"},
    "crawl.log_every": set(),
}


@pytest.mark.parametrize("file", CHANGES)
def test_a_changed_file_marks_the_stages_that_it_can_change(file: str) -> None:
    assert (ROOT / file).is_file()
    path = Path(file)
    marked = {stage for stage in STAGES if any(dep == path or dep in path.parents for dep in code_deps(stage))}
    assert marked == CHANGES[file]


@pytest.mark.parametrize("knob", KNOB_CHANGES)
def test_a_changed_knob_marks_the_stages_that_it_can_change(knob: str) -> None:
    assert {stage for stage in STAGES if knob in params_of(stage)} == KNOB_CHANGES[knob]
