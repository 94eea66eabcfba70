"""Seams: packages whose files are found by their names, so that a new one touches no other file.

Every module of such a package (a crawl source, a recipe, a filter, an evaluation task) holds one
subclass of the base class that the package's `__init__.py` documents. Callers import the package
and pass it by its name, `find_all(tasks, Task)`: what a stage runs can then be read from its
imports.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def names_in(package: ModuleType) -> list[str]:
    """The names of a package's modules, sorted. Imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def find(package: ModuleType, name: str, base: type[T]) -> type[T]:
    """The subclass of `base` in the module `name`, the only one that is imported.

    Raises:
        TypeError: if the module holds none, or several.
    """
    module = importlib.import_module(f"{package.__name__}.{name}")
    own = [value for value in vars(module).values() if getattr(value, "__module__", None) == module.__name__]
    found = [value for value in own if isinstance(value, type) and issubclass(value, base)]
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise TypeError(f"{module.__file__} must hold one subclass of {base.__name__}, but holds {names}")
    return found[0]


def find_all(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Name → subclass of `base` for every module of the package; raises as `find` does."""
    return {name: find(package, name, base) for name in names_in(package)}
