"""The recipes that there are."""

from components.pretrain import recipes
from components.pretrain.recipes import Recipe
from components.seam import find_all


def test_the_four_recipes_say_what_they_need() -> None:
    needs = {name: (r.uses_texts, r.uses_classes, r.uses_labels) for name, r in find_all(recipes, Recipe).items()}
    assert needs == {
        "clip": (True, False, False),
        "contrastive": (True, False, True),
        "multitask": (True, True, True),
        "supervised": (False, True, True),
    }
