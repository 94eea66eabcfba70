"""Prose is idiomatic and wraps at 100 columns: guides, comments, docstrings, templates."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT

WIDTH = 100
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = [ROOT / name for name in ("NOTICE", "Makefile", "Dockerfile", "dvc.yaml", "params.yaml", "mkdocs.yml")]
# Folders whose comments, docstrings, string literals and templates are prose; all of k8s/ is.
FOLDERS = ["components", "flows", "samples", "benchmarks", "docs"]
SUFFIXES = (".py", ".j2")


def read_by_people(folder: str, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a folder with such names, without caches and without rooms that are pending."""
    return sorted(path for path in (ROOT / folder).rglob("*") if path.is_file() and path.name.endswith(suffixes))


SOURCES = [path for folder in FOLDERS for path in read_by_people(folder, SUFFIXES)]
MANIFESTS = read_by_people("k8s", (".yaml", ".md", ".py", ".sh"))
FILES = [*PAGES, *OTHERS, *SOURCES, *MANIFESTS]
# What a word is no English for here, and what is meant.
UNIDIOMATIC = {
    r"mend(?:s|ed|ing)?": "fix",
    r"told": "reported, warned",
    r"tell(?:s|ing)? of": "report, warn",
    r"anew": "again, re-",
    r"whoever": "anyone who, or name the reader",
    r"beside": "next to, in addition to, compared with",
    r"shel(?:f|ves)": "store",
    r"depots?": "store",
    r"keepers?": "store, cache",
    r"lot": "many, much, or the thing's name",
    r"is had": "exists, is available",
    r"looks? at it with": "inspect it with",
}
# File and word → why it may stay.
ALLOWED: dict[tuple[str, str], str] = {
    ("components/label/text/function_words.py", "beside"): "a preposition that texts use",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line for people: Python comments and strings, else everything."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        return
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if tokenize.tok_name[token.type] in ("COMMENT", "STRING", "FSTRING_MIDDLE"):
                yield from enumerate(token.string.splitlines(), token.start[0])


def outside_tables_and_code(path: Path) -> Iterator[tuple[int, str]]:
    """A Markdown page's lines of prose, with the targets of links left out."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.lstrip().startswith("|"):
            yield number, re.sub(r"\]\([^)]*\)|https?://\S+", "]", line)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_prose_is_idiomatic(path: Path):
    found = [
        f"{name(path)}:{number}: {match[0]!r} → {better}"
        for number, line in prose(path)
        for pattern, better in UNIDIOMATIC.items()
        for match in re.finditer(rf"\b{pattern}\b", line, re.IGNORECASE)
        if (name(path), match[0].lower()) not in ALLOWED
    ]
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_lines_of_prose_wrap_at_100_columns(path: Path):
    assert [f"{name(path)}:{n}" for n, line in outside_tables_and_code(path) if len(line) > WIDTH] == []


def test_every_exception_is_still_needed():
    for (file, word), reason in ALLOWED.items():
        assert reason, file
        text = "\n".join(line for _, line in prose(ROOT / file))
        assert re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE), f"{file} no longer has {word!r}"
