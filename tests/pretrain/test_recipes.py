"""The recipes that there are."""

from pathlib import Path

import pytest

from components.pretrain import recipes
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import foreign_knobs
from components.pretrain.recipes import Recipe
from components.pretrain.training.loop import run_worker
from components.seam import find_all
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore


def test_the_four_recipes_say_what_they_need() -> None:
    needs = {name: (r.uses_texts, r.uses_classes, r.uses_labels) for name, r in find_all(recipes, Recipe).items()}
    assert needs == {
        "clip": (True, False, False),
        "contrastive": (True, False, True),
        "multitask": (True, True, True),
        "supervised": (False, True, True),
    }


# What only some recipes read


OTHER_VALUES = {
    "head_device": "cpu",
    "head_learning_rate": 0.1,
    "margin": 0.4,
    "negatives": 3,
    "scale": 3.0,
    "supervised_share": 0.9,
    "max_logit_scale": 20.0,
    "text": {"name": 1.0, "name_and_description": 0.0, "alt_text": 0.0},
}


def test_every_knob_of_a_recipe_is_a_parameter_of_the_section() -> None:
    knobs = set().union(*(recipe.knobs for recipe in find_all(recipes, Recipe).values()))
    assert knobs == set(OTHER_VALUES)
    assert knobs <= set(PretrainParameters.model_fields)


@pytest.mark.parametrize("recipe", ["clip", "supervised", "contrastive"])
def test_a_training_does_not_depend_on_the_knobs_of_other_recipes(
    recipe: str, make_job: MakeJob, tmp_path: Path
) -> None:
    foreign = {knob: OTHER_VALUES[knob] for knob in foreign_knobs(recipe)}
    jobs = [make_job(recipe, tmp_path / "as it is"), make_job(recipe, tmp_path / "changed", **foreign)]
    assert jobs[0].config == jobs[1].config
    for job in jobs:
        run_worker(job, ignore)
    files = sorted(path.name for path in jobs[0].model.iterdir())
    assert [(jobs[0].model / name).read_bytes() for name in files] == [
        (jobs[1].model / name).read_bytes() for name in files
    ]


@pytest.mark.parametrize(
    ("recipe", "knob"),
    [
        (name, knob)
        for name, recipe in find_all(recipes, Recipe).items()
        for knob in sorted(recipe.knobs - {"head_device"})
    ],
)
def test_a_training_depends_on_the_knobs_of_its_recipe(
    recipe: str, knob: str, make_job: MakeJob, tmp_path: Path
) -> None:
    jobs = [make_job(recipe, tmp_path / "as it is"), make_job(recipe, tmp_path / "x", **{knob: OTHER_VALUES[knob]})]
    assert jobs[0].config != jobs[1].config
