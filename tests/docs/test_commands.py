"""What README and guides tell a reader to type exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from components.cli import main
from tests import ROOT
from tests.k8s.test_commands import parse

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.name for page in PAGES]


def in_blocks(page: Path) -> Iterator[list[str]]:
    """The `mofi` commands of a page's shell blocks, as words without `mofi`."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["mofi"]:
                yield words[1:]


def in_text(page: Path) -> Iterator[list[str]]:
    """The `mofi` commands that stand in a page's prose and tables."""
    for words in re.findall(r"`mofi ([a-z][^`]*)`", page.read_text(encoding="utf-8")):
        yield words.split()


def benchmark(name: str) -> Path:
    """The file of `python -m benchmarks.NAME`."""
    place = (ROOT / "benchmarks").joinpath(*name.split("."))
    return place / "__main__.py" if place.is_dir() else place.with_suffix(".py")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_in_a_shell_block_is_accepted(page: Path):
    for words in in_blocks(page):
        if "--help" not in words:
            parse(words)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_in_the_text_exists(page: Path):
    for words in in_text(page):
        command = typer.main.get_command(main.app)
        while hasattr(command, "commands"):
            name = words.pop(0)
            assert name in command.commands, f"{page.name}: mofi … {name}"
            command = command.commands[name]
            if not words:
                break


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_benchmark_and_every_make_target_exists(page: Path):
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"python -m benchmarks\.([a-z](?:[\w.]*\w)?)", text):
        assert benchmark(name).exists(), name
    for target in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+) *(?:#|$)", text, re.MULTILINE):
        assert re.search(rf"^{''.join(target)}:", makefile, re.MULTILINE), target


def test_every_benchmark_in_the_tables_exists():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE)
    assert len(names) > 15
    assert [name for name in names if not benchmark(name).exists()] == []
