"""A recipe is one file of its folder."""

import subprocess
import sys
from pathlib import Path

from components.pretrain import recipes

NEW = '''
from torch import Tensor

from components.pretrain.recipes.recipe import Features, Recipe


class Shrink(Recipe):
    """Pulls all pictures to one point."""

    name = "shrink"
    uses_labels = False

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Their mean distance."""
        return {"spread": features.images.var(dim=0).sum()}
'''


def test_the_four_recipes_say_what_they_need() -> None:
    needs = {name: (r.uses_texts, r.uses_classes, r.uses_labels) for name, r in recipes.RECIPES.items()}
    assert needs == {
        "clip": (True, False, False),
        "contrastive": (True, False, True),
        "multitask": (True, True, True),
        "supervised": (False, True, True),
    }


def test_a_file_in_the_folder_is_a_recipe(tmp_path: Path) -> None:
    """In its own process, with a second folder on the path; nothing else knows of the file."""
    (tmp_path / "shrink.py").write_text(NEW, encoding="utf-8")
    code = "import sys, components.pretrain.recipes as r; r.__path__.append(sys.argv[1]); print(*r.discover())"
    printed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert printed.stdout.split() == ["clip", "contrastive", "multitask", "shrink", "supervised"]
