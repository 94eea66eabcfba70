"""The recipe of a name, among those of `components/pretrain/recipes`."""

from components.errors import ParameterError
from components.pretrain import recipes
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Recipe
from components.seam import find, find_all, names_in


def make_recipe(name: str, parameters: PretrainParameters) -> Recipe:
    """The recipe of a name, the only one that is imported.

    Raises:
        ParameterError: if there is none.
    """
    names = names_in(recipes)
    if name not in names:
        raise ParameterError(f"there is no recipe {name!r}; the recipes are {', '.join(names)}")
    return find(recipes, name, Recipe)(parameters)


def foreign_knobs(name: str) -> set[str]:
    """The parameters that other recipes read and this one does not."""
    knobs = {other: recipe.knobs for other, recipe in find_all(recipes, Recipe).items()}
    return set().union(*knobs.values()) - knobs[name]
