"""The recipes, one file each. A file here with a subclass of `Recipe` is found by its `name`."""

import importlib
import pkgutil

from components.errors import ParameterError
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes.recipe import Features, Recipe

__all__ = ["RECIPES", "Features", "Recipe", "discover", "make_recipe"]


def discover() -> dict[str, type[Recipe]]:
    """Name → recipe, for every file of this folder in alphabetical order."""
    kinds: dict[str, type[Recipe]] = {}
    for file in sorted(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")):
        for kind in vars(importlib.import_module(file)).values():
            if isinstance(kind, type) and issubclass(kind, Recipe) and kind is not Recipe and kind.__module__ == file:
                kinds[kind.name] = kind
    return kinds


RECIPES = discover()


def make_recipe(name: str, parameters: PretrainParameters) -> Recipe:
    """The recipe of that name.

    Raises:
        ParameterError: if there is none.
    """
    if name not in RECIPES:
        raise ParameterError(f"there is no recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name](parameters)
