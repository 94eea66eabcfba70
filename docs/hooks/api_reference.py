"""The API reference: a page for every package of components/, generated from its files.

MkDocs calls `on_files` before it reads the navigation. A page holds nothing but mkdocstrings'
directives: the package with its docstring on top, then each of its modules. Sources are parsed,
    never imported.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGE = "components"
NAV_ENTRY = "reference/"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages, in the navigation where mkdocs.yml has `reference/`."""
    root = Path(config.config_file_path).parent / PACKAGE
    for package in packages(root):
        files.append(File.generated(config, page_uri(root, package), content=page(root, package)))
    files.append(File.generated(config, "reference/index.md", content=overview(root)))
    navigation: list[Any] = config.nav or []
    for entry in navigation:
        if isinstance(entry, dict) and NAV_ENTRY in entry.values():
            entry[next(iter(entry))] = ["reference/index.md", *sections(root)]
    return files


def packages(root: Path) -> Iterator[Path]:
    """The folders below `root` that are packages, `root` first, in alphabetical order."""
    return (file.parent for file in sorted(root.rglob("__init__.py"), key=lambda file: file.parent.parts))


def modules(package: Path) -> list[Path]:
    """The public modules that lie in the package itself."""
    return sorted(file for file in package.glob("*.py") if not file.stem.startswith("_"))


def dotted(root: Path, path: Path) -> str:
    """components/crawl/plan.py → components.crawl.plan."""
    return ".".join(path.relative_to(root.parent).with_suffix("").parts)


def page_uri(root: Path, package: Path) -> str:
    """Where a package's page lies in the site's sources."""
    return f"reference/{dotted(root, package)}/index.md"


def page(root: Path, package: Path) -> str:
    """A package's page: its docstring, then its modules."""
    names = [dotted(root, path) for path in modules(package)]
    lines = [f"# `{dotted(root, package)}`", "", f"::: {dotted(root, package)}"]
    lines += ["    options: {show_root_heading: false, show_root_toc_entry: false, members: false}", ""]
    for name in names:
        lines += [f"::: {name}", "    options: {show_root_full_path: true}", ""]
    return "\n".join(lines)


def overview(root: Path) -> str:
    """The reference's first page: every package with the first line of its docstring."""
    rows = [
        f"| [`{dotted(root, package)}`]({dotted(root, package)}/index.md) | {summary(package / '__init__.py')} |"
        for package in packages(root)
    ]
    return "\n".join(
        [
            "# API reference",
            "",
            "Every package of `components/`, from its docstrings. Imports between packages run downwards only;",
            "[contributing](../contributing.md#where-things-live) has the order.",
            "",
            "| package | what it is |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def sections(root: Path) -> list[Any]:
    """The reference in the navigation: a page for a package, a section if it has packages."""
    entries: list[Any] = []
    for room in [root, *sorted(path.parent for path in root.glob("*/__init__.py"))]:
        inner = [] if room == root else sorted(path.parent for path in room.rglob("*/__init__.py"))
        pages: list[Any] = [page_uri(root, room)]
        pages += [{dotted(room, path).partition(".")[2]: page_uri(root, path)} for path in inner]
        entries.append({room.name: pages if inner else pages[0]})
    return entries


def summary(file: Path) -> str:
    """The first line of a module's docstring, for a table's cell."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("|", r"\|")
