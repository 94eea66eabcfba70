"""The code behind a result: which of this project's files a module runs, and their digest.

Unfinished work and caches carry that digest in their names, so that a stage which is resumed after
a change of code does not mix what old and new code made. `dvc.yaml` names the same files as
dependencies; tests/data_graph holds the two against each other.
"""

import ast
import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("components", "flows", "samples")
_NAMES = tuple(f"{package}." for package in PACKAGES)
# Functions of `components.seam` that import the modules of the package that they are given.
_FINDERS = ("find", "find_all")


# What a stage runs that changes no result: messages, options, checks of parameters, and the log of
# what was written.
NO_PART_OF_A_RESULT = frozenset(f"components.{room}" for room in ("cli", "errors", "redaction", "registry", "section"))


def code_mark(*modules: str, without: frozenset[str] = frozenset()) -> str:
    """Twelve hex digits of the code that makes a result, without comments and docstrings.

    Args:
        modules: what makes it, with all that they import but `NO_PART_OF_A_RESULT`.
        without: more modules and packages that do not count.

    Raises:
        ModuleNotFoundError: if one is no module of this project.
    """
    digest = hashlib.sha256()
    for name in sorted(closure(*modules, without=NO_PART_OF_A_RESULT | without)):
        digest.update(f"{name}\0{_meaning(name)}\0".encode())
    return digest.hexdigest()[:12]


@cache
def closure(*modules: str, without: frozenset[str] = frozenset()) -> frozenset[str]:
    """The modules and all that they import of this project, lazily and indirectly, too.

    Imports for type checkers alone do not count.

    Args:
        modules: where it begins.
        without: modules and packages that are not looked into.

    Raises:
        ModuleNotFoundError: if one is no module of this project.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or _is_within(name, without):
            continue
        if find(name) is None:
            raise ModuleNotFoundError(f"{name} is not a module below {ROOT}")
        found.add(name)
        waiting.extend(_packages_above(name))
        waiting.extend(imports(_tree(name)))
        waiting.extend(_found_by_name(name))
    return frozenset(found)


def _is_within(name: str, packages: Collection[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def imports(tree: ast.AST, functions: Collection[str] | None = None) -> set[str]:
    """The modules of this project that a file imports.

    Args:
        tree: the parsed file.
        functions: those of its functions that are called; None = all. What the file imports outside
            of functions always counts.
    """
    return {module for node in _running(tree, functions) for module in _imported(node)}


def foreign_imports(module: str) -> set[str]:
    """The packages of others that a module imports, at any place; the standard library is none."""
    nodes = [node for node in ast.walk(_tree(module)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    packages = {name.partition(".")[0] for name in names}
    return packages - sys.stdlib_module_names - set(PACKAGES)


def _running(tree: ast.AST, functions: Collection[str] | None) -> Iterator[ast.AST]:
    """All nodes but those of type checkers' branches and of functions that are not called."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if functions is not None and isinstance(node, ast.FunctionDef) and node.name not in functions:
            continue
        yield node
        yield from _running(node, None)


def _imported(node: ast.AST) -> Iterator[str]:
    """Imported modules, and those named by strings, for other processes and libraries."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if find(alias.name))
    elif isinstance(node, ast.ImportFrom) and node.module and find(node.module):
        yield node.module
        yield from (name for alias in node.names if find(name := f"{node.module}.{alias.name}"))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(_NAMES):
        yield from (name for name in (node.value, node.value.rpartition(".")[0]) if find(name))


@cache
def find(name: str) -> Path | None:
    """The file of a module of this project; None for all other names."""
    if name.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*name.split("."))
    files: Iterable[Path] = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _packages_above(name: str) -> Iterator[str]:
    """Python runs the `__init__` of every package above a module."""
    package = name.rpartition(".")[0]
    while package:
        yield package
        package = package.rpartition(".")[0]


def _found_by_name(name: str) -> Iterator[str]:
    """The modules of the packages that a module passes to a finder of `components.seam`."""
    nodes = list(ast.walk(_tree(name)))
    packages = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in nodes:
        if isinstance(node, ast.Call) and _is_finder(node.func) and node.args and isinstance(node.args[0], ast.Name):
            package = packages.get(node.args[0].id, "")
            file = find(package)
            if file is not None and file.name == "__init__.py":  # a package
                modules = (module.stem for module in file.parent.glob("*.py") if module != file)
                yield from (f"{package}.{module}" for module in modules)


def _is_finder(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id in _FINDERS


@cache
def _tree(name: str) -> ast.Module:
    file = find(name)
    if file is None:
        raise ModuleNotFoundError(f"{name} is not a module below {ROOT}")
    return ast.parse(file.read_bytes(), filename=str(file))


@cache
def _meaning(name: str) -> str:
    """A file's syntax tree without docstrings: what running it comes to."""
    tree = _tree(name)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                first.value.value = ""
    return ast.dump(tree)
