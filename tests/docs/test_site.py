"""The documentation builds without a warning, loads nothing external, and is complete."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests import ROOT

MODULES = [path for path in sorted((ROOT / "components").rglob("*.py")) if not path.stem.startswith("_")]
PACKAGES = sorted(path.parent for path in (ROOT / "components").rglob("__init__.py"))
# What a browser fetches by itself, by tag; `a` is not among them.
FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning, such as a broken link or a malformed docstring, fails it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Page(HTMLParser):
    """A page's ids, and the addresses that a browser fetches when it shows the page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.classes: set[str] = set()
        self.fetched: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.ids.add(values.get("id", ""))
        self.classes.update(values.get("class", "").split())
        if values.get("rel") not in ("canonical", "prev", "next"):
            self.fetched += [values[name] for name in FETCHED.get(tag, ()) if name in values]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_every_guide_becomes_a_page(site: Path):
    for guide in (ROOT / "docs").glob("*.md"):
        page = site / "index.html" if guide.stem == "index" else site / guide.stem / "index.html"
        assert page.exists(), guide


def test_every_module_is_in_the_page_of_its_package(site: Path):
    pages = {package: Page(site / "reference" / dotted(package) / "index.html") for package in PACKAGES}
    assert [dotted(path) for path in MODULES if dotted(path) not in pages[path.parent].ids] == []


def test_the_overview_of_the_reference_links_to_every_package(site: Path):
    text = (site / "reference" / "index.html").read_text(encoding="utf-8")
    assert [name for name in map(dotted, PACKAGES) if f'href="{name}/"' not in text] == []


def test_no_page_loads_anything_from_another_server(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    outside = {(page.name, address) for page in pages for address in Page(page).fetched if external(address)}
    assert outside == set()


def test_no_style_sheet_loads_anything_from_another_server(site: Path):
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert [address for address in imports(sheet) if external(address)] == [], sheet.name


def test_no_page_uses_what_the_theme_would_load_from_another_server(site: Path):
    """Material loads Mermaid from a CDN for diagrams, and asks GitHub about a linked repository."""
    for page in site.rglob("*.html"):
        assert not {"mermaid", "md-source"} & Page(page).classes, page


def imports(sheet: Path) -> Iterator[str]:
    text = sheet.read_text(encoding="utf-8")
    for match in re.finditer(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text):
        yield match[1] or match[2]


def external(address: str) -> bool:
    return re.match(r"\s*(?:[a-z]+:)?//", address, re.IGNORECASE) is not None
