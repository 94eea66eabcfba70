"""Messages and logs show where something is, and not how to get in."""

import ast
import logging
import sys
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError, MofiError
from components.redaction import redact, show_url, without_user
from tests import ROOT

SECRET = "PaSs0w1rd"
SIGNED = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900"
URLS = [
    (f"http://user:{SECRET}@host:5000/x", "http://***@host:5000/x"),
    (f"http://{SECRET}@host/x", "http://***@host/x"),
    (f"wat:http://user:{SECRET}@host/a.wat?X-Amz-Signature={SECRET}", "wat:http://***@host/a.wat?X-Amz-Signature=***"),
    (f"@https://user:{SECRET}@host/list", "@https://***@host/list"),
    (f"postgresql+psycopg2://user:{SECRET}@db/mlflow", "postgresql+psycopg2://***@db/mlflow"),
    (f"postgresql://db/mlflow?user=me&password={SECRET}", "postgresql://db/mlflow?user=me&password=***"),
    (f"s3://AKIA:{SECRET}@bucket/x", "s3://***@bucket/x"),
    (f"http://user:p@{SECRET}@host/x", "http://***@host/x"),
    (f"http://user:p/{SECRET}@host/x", "http://***@host/x"),
    (f"http://user:p?{SECRET}@host/x", "http://***@host/x"),
    (f"http://user:p#{SECRET}@host/x", "http://***@host/x"),
    (f"http://user:p {SECRET}@host/x", "http://***@host/x"),
    (f"http://us%40er:{SECRET}%2F@host/x", "http://***@host/x"),
    (f"//user:{SECRET}@host/x", "//***@host/x"),
    (f"http://user:{SECRET}@[::1]:80/x", "http://***@[::1]:80/x"),
    (f"https://b.s3.amazonaws.com/k?{SIGNED}&X-Amz-Signature={SECRET}", None),
    (f"https://b.s3.amazonaws.com/k?X-Amz-Credential={SECRET}%2F20260101&X-Amz-Security-Token={SECRET}", None),
    (f"https://b.s3.amazonaws.com/k?AWSAccessKeyId={SECRET}&Signature={SECRET}&Expires=1", None),
    (f"https://a.blob.core.windows.net/c?sv=2024-01-01&sp=r&sig={SECRET}", None),
    (f"https://storage.googleapis.com/b/o?X-Goog-Signature={SECRET}&X-Goog-Credential={SECRET}", None),
    (f"https://cdn/x?Policy={SECRET}&Key-Pair-Id={SECRET}", None),
    (f"https://h/x?a=1;token={SECRET}", None),
    (f"https://h/x?TOKEN={SECRET}&accessToken={SECRET}&id_token={SECRET}", None),
    (f"https://h/x?api_key={SECRET}&apikey={SECRET}&x-api-key={SECRET}&key={SECRET}&subscription-key={SECRET}", None),
    (f"https://h/x#access_token={SECRET}", None),
    (f"https://h/x?%74oken={SECRET}&X%2DAmz%2DSignature={SECRET}&%2573ig={SECRET}", None),
    (f"https://h/x?next=https%3A%2F%2Fu%3A{SECRET}%40h%2F", None),
    (f"https://h/x?next=https%3A%2F%2Fh%2F%3Fsig%3D{SECRET}", None),
    (f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dsa%3BPWD%3D{SECRET}", None),
    (f"https://h/x?t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx{SECRET}.abc", None),
    (f"https://h/x?hdnts=exp=1~acl=/*~hmac={SECRET}", None),
]
PLAIN = [
    "https://example.org/a/b.jpg?w=300&h=200",
    "https://example.org/@user/status/1",
    "http://host:8080/x@2.png",
    "s3://bucket/prefix/00000.tar",
    "sqlite:////home/me/mlflow.db",
    "models:/mofi@champion",
    "data/crawl",
    "http://[::1]:5000/",
    "https://data.commoncrawl.org/crawl-data/CC-MAIN-2026-43/wat.paths.gz",
    "write http://HOST:PORT, or unset it",
]


@pytest.mark.parametrize(("url", "shown"), URLS)
def test_what_opens_a_door_is_not_shown(url: str, shown: str | None) -> None:
    assert SECRET not in show_url(url)
    assert shown is None or show_url(url) == shown


@pytest.mark.parametrize("url", [url for url, _ in URLS if " " not in url])
def test_nor_in_a_sentence_of_an_error(url: str) -> None:
    error = InputError(f"the file '{url}' cannot be read ({url}): see {url}, please")
    assert SECRET not in str(error)
    assert str(error).endswith(", please")


@pytest.mark.parametrize("url", PLAIN)
def test_what_opens_no_door_is_shown_as_it_is(url: str) -> None:
    assert show_url(url) == redact(url) == url


@given(st.text(max_size=60))
def test_any_text_is_shown_and_shown_again_alike(text: str) -> None:
    once = redact(f"x {text} //{text}")
    assert redact(once) == once
    show_url(text)


@given(st.text(st.characters(exclude_categories=("C",), exclude_characters="/?#\n"), min_size=1, max_size=20))
def test_no_password_is_shown(password: str) -> None:
    assert show_url(f"http://user:{password}@host/x") == "http://***@host/x"
    assert show_url(f"http://host/x?a=1&sig={quote(password)}") == "http://host/x?a=1&sig=***"


def test_a_server_s_user_is_taken_out_of_its_address() -> None:
    assert without_user("http://me:p%40ss%2F@host:5000/x") == ("http://host:5000/x", "me", "p@ss/")
    assert without_user("http://host:5000/x@y") == ("http://host:5000/x@y", "", "")


def test_the_command_line_shows_no_library_s_secret(capsys: pytest.CaptureFixture[str]) -> None:
    from components.cli import main

    formatter = main._Formatter("%(message)s")
    record = logging.LogRecord("lib", logging.INFO, "", 0, "GET %s", (f"http://u:{SECRET}@h/",), None)
    assert formatter.format(record) == "GET http://***@h/"
    try:
        raise ValueError(f"bad URL http://u:{SECRET}@h/")
    except ValueError:
        main._show_traceback(*sys.exc_info())  # type: ignore[arg-type]
    assert "ValueError: bad URL http://***@h/" in capsys.readouterr().err


# The kind


NAMES = {"url", "uri", "address", "location", "locations", "endpoint", "link", "tracking_uri", "source_url"}
FILES = sorted(path for folder in ("components", "flows", "samples") for path in (ROOT / folder).rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def unshown(path: Path) -> set[str]:
    """URLs, by their names, that are logged or printed as they are.

    Errors need no look: `MofiError` shows every URL in its message as it should.
    """
    found = set()
    for call in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)):
        where = last(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if where not in ("logger", "logging", "warnings", "typer", "stderr") and last(call.func) not in (
            "print",
            "retry",
            "Finding",
            "add_row",
        ):
            continue
        found |= {f"{path.relative_to(ROOT)}: {ast.unparse(v)}" for arg in call.args for v in plain(arg)}
    return found


def plain(node: ast.AST) -> set[ast.expr]:
    """The URLs in an expression that no function is asked to show: `a or b`, `f"{a}"`, `str(a)`."""
    if isinstance(node, ast.Call) and last(node.func) not in ("str", "format", "join", "escape"):
        return set()
    own = {node} if isinstance(node, ast.expr) and last(node) in NAMES else set()
    return own | {found for child in ast.iter_child_nodes(node) for found in plain(child)}


def test_what_is_logged_goes_through_the_one_way() -> None:
    assert set().union(*map(unshown, FILES)) == set()


def test_what_is_logged_as_it_is_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        'logger.info("%s", file.location)\nlogger.info(f"at {url}")\nlogger.info("%s", show_url(url))\n'
        'Finding("Ray", True, address or "none")\ntable.add_row(escape(str(link)), redact(uri))\n'
    )
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert unshown(file) == {"x.py: file.location", "x.py: url", "x.py: address", "x.py: link"}


def test_a_long_word_is_searched_once() -> None:
    word = "h" * 200_000
    assert redact(f"{word} 1http://user:secret@host/") == f"{word} 1http://***@host/"
    assert show_url(f"{word}:x//a") == f"{word}:x//a"


def test_every_error_raised_on_purpose_is_of_the_one_root() -> None:
    """Others would not show URLs as they should; these never reach a user."""
    inner = {"GaveUp", "BadBody", "PrivateAddressError", "_LineError", "StageFailed"}
    inner |= {"Bomb", "TooCostly", "UndecodableError", "_Broken", "_RepeatedKey"}
    kinds = [node for path in FILES for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
    known = {"MofiError"}
    while more := {kind.name for kind in kinds if {last(base) for base in kind.bases} & known} - known:
        known |= more
    errors = {
        kind.name
        for kind in kinds
        if any(
            last(base) in ("Exception", "OSError", "ValueError", "RuntimeError", "PermissionError")
            for base in kind.bases
        )
    }
    assert errors - known - inner == set()
    assert issubclass(InputError, MofiError)
