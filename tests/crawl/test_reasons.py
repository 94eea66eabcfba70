"""Every reason that the crawl can count is declared once, and every declared one can be counted."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import components.crawl
from components.crawl import filters
from components.crawl.pages.directives import PICTURE_REFUSALS
from components.crawl.reasons import GATHERED, REASONS, errors
from components.images.bad_image import BadReason
from components.seam import names_in
from components.shards.format import DUPLICATE_REASONS
from components.shards.reader import REFUSALS

_FOLDER = Path(components.crawl.__file__).parent
_TREES = [ast.parse(path.read_text()) for path in sorted(_FOLDER.rglob("*.py")) if path.name != "reasons.py"]
_FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
_COUNTERS = frozenset({"refused", "dropped"})
_RAISED = frozenset({"Failure", "Rejected", "Refused"})
_WORD = re.compile(r"[a-z]+(?:[_-][a-z]+)+|[a-z]+")
# What functions of the crawl return that is a word and no reason.
_OTHER = frozenset({"utf-8", "latin-1", "localhost", "index"})


def _nodes() -> Iterator[ast.AST]:
    return (node for tree in _TREES for node in ast.walk(tree))


def _text(node: ast.AST | None) -> list[str]:
    """The words that an expression may be: a constant, or a branch of `if … else` or `or`."""
    match node:
        case ast.Constant(value=str(value)) if _WORD.fullmatch(value):
            return [value]
        case ast.IfExp(body=body, orelse=other):
            return _text(body) + _text(other)
        case ast.BoolOp(values=values):
            return [word for value in values for word in _text(value)]
    return []


def _counted() -> set[str]:
    """Words that become a reason: in a failure, as a counter's key, or returned as `str | None`."""
    words: list[str] = []
    for node in _nodes():
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _RAISED:
                words += _text(first)
            case ast.AugAssign(target=ast.Subscript(value=ast.Attribute(attr=name), slice=key)) if name in _COUNTERS:
                words += _text(key)
            case ast.FunctionDef(returns=returns) if returns is not None and ast.unparse(returns) == "str | None":
                words += [w for inner in ast.walk(node) if isinstance(inner, ast.Return) for w in _text(inner.value)]
    return (set(words) - _OTHER) | set(names_in(filters))  # a filter's reason is its file's name


def _named() -> set[str]:
    texts = {node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts | set(names_in(filters))


def test_every_reason_that_can_be_counted_is_declared() -> None:
    counted = _counted()
    counted |= set(get_args(BadReason))  # a decoder's reasons are passed on
    assert len(counted) > 20
    assert counted - set(REASONS) == set()


def test_every_reason_that_a_tar_gives_is_declared() -> None:
    assert set(REFUSALS) <= set(REASONS)


def test_every_declared_reason_can_be_counted() -> None:
    elsewhere = set(DUPLICATE_REASONS) | set(REFUSALS) | set(get_args(BadReason))
    assert set(REASONS) - _named() - elsewhere == set()


def test_every_documented_reason_is_declared() -> None:
    documented = re.findall(r"^\| failed_to_\w+ \|(.*)\|$", _FORMATS, re.MULTILINE) + re.findall(
        r"^Pairs are dropped as .*?\(when all", _FORMATS, re.MULTILINE | re.DOTALL
    )
    names = {name for line in documented for name in re.findall(r"`([\w-]+)`", line)} - {"http_NNN", "http_5xx"}
    assert len(names) > 30
    assert {*names, *PICTURE_REFUSALS} - set(REASONS) == set()


def test_the_documented_errors_are_those_that_count() -> None:
    """In docs/formats.md the outcomes of pictures with an asterisk."""
    rows = re.findall(r"^\| failed_to_\w+ \|.*$", _FORMATS, re.MULTILINE)
    found = {name: star for line in rows for name, star in re.findall(r"`([a-z_-]+)`(\*?)", line)}
    assert {name for name, star in found.items() if star} == {name for name in found if errors({name: 1})}


@pytest.mark.parametrize("status", [500, 503, 599])
def test_a_server_s_errors_are_errors(status: int) -> None:
    assert errors({f"http_{status}": 2, "http_404": 3, "http_429": 5, "success": 7}) == 2


def test_refusals_and_what_is_not_fit_are_no_errors() -> None:
    assert errors({"timeout": 1, "undecodable": 2, "robots_txt": 4, "too_small": 8, "duplicate_near": 16}) == 3


def test_what_only_all_pairs_together_show_is_declared() -> None:
    assert set(GATHERED) <= set(REASONS)
