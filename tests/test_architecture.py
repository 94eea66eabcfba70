"""Imports run downwards: which room may know which, and how large a file and a folder may be.

Computed from the imports of every file, those inside functions and for type checkers included.
"""

import ast
import subprocess
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.storage.code import ROOT, find

# From the ground up. A room may import those on floors below its own, and none next to it.
FLOORS = (
    ("redaction",),
    ("errors", "seam", "section", "splitmix64", "svg"),
    ("storage",),
    ("images", "metrics"),
    ("execution",),
    ("shards", "registry"),
    ("models",),
    ("crawl", "knowledge"),
    ("label", "pretrain"),
    ("export",),
    ("curate", "evaluate", "costs"),
    ("report", "serve"),
    ("cli",),
)
MOST_FILES, MOST_LINES = 16, 300
# Data and generated files: not code that somebody reads from top to bottom.
NO_CODE = (".tsv", ".jsonl", ".json", ".lock", ".html", ".md", ".png", ".input")

Edges = Mapping[tuple[str, str], list[str]]


def imported(file: Path) -> set[str]:
    """The modules of this project that a file imports anywhere; a package if it imports names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if find(alias.name)}
        elif isinstance(node, ast.ImportFrom) and node.module and find(node.module):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if find(name)}
            found |= modules | ({node.module} if modules != names else set())
    return found


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(file): imported(file) for file in sorted(ROOT.glob("components/**/*.py"))}
PACKAGES = sorted({file.parent for file in ROOT.glob("components/**/__init__.py")})


def child(module: str, package: str) -> str:
    """The file or folder of a package in which a module lies."""
    return module[len(package) + 1 :].partition(".")[0]


def edges_in(package: str) -> Edges:
    """(importer, imported) for files and folders of one package, and which modules make it so."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for module, targets in MODULES.items():
        for target in targets:
            if module.startswith(f"{package}.") and target.startswith(f"{package}."):
                pair = child(module, package), child(target, package)
                if pair[0] != pair[1]:
                    found[pair].append(f"{module} → {target}")
    return found


def test_every_room_has_a_floor() -> None:
    rooms = {child(module, "components") for module in MODULES if module != "components"}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_no_import_runs_from_a_room_to_one_above_or_beside_it() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    upwards = {
        f"{importer} (floor {floor[importer]}) imports {target} (floor {floor[target]})": lines
        for (importer, target), lines in edges_in("components").items()
        if floor[target] >= floor[importer]
    }
    assert upwards == {}


@pytest.mark.parametrize("package", [module_of(package) for package in PACKAGES])
def test_files_and_folders_of_a_room_do_not_import_each_other(package: str) -> None:
    below: defaultdict[str, set[str]] = defaultdict(set)
    for importer, target in edges_in(package):
        below[importer].add(target)
    circles = sorted(start for start in list(below) if start in reached(start, below))
    assert circles == []


def reached(start: str, below: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(below.get(start, ()))
    while waiting:
        if (current := waiting.pop()) not in found:
            found.add(current)
            waiting.extend(below.get(current, ()))
    return found


@pytest.mark.parametrize("outside", ["samples", "flows", "benchmarks", "tests"])
def test_components_imports_nothing_that_stands_above_it(outside: str) -> None:
    names = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in ROOT.glob("components/**/*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.partition(".")[0] == outside
    }
    assert names == set()


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(line) for line in listed.splitlines()]


def test_no_folder_holds_more_files_than_a_reader_takes_in() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git clone")
    counts = Counter(path.parent for path in tracked() if path.parent != Path())
    assert {str(folder): count for folder, count in counts.items() if count > MOST_FILES} == {}


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git clone")
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in tracked()
        if path.suffix not in NO_CODE and path.name not in ("LICENSE", "NOTICE") and (ROOT / path).is_file()
    }
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}
