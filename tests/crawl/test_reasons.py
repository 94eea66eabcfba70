"""Every reason for which a picture is not taken is explained to people."""

import re

from components.crawl.pages.directives import PICTURE_REFUSALS
from components.crawl.pictures.download import ERRORS
from components.crawl.reasons import explain
from tests import ROOT


def test_every_documented_reason_is_explained() -> None:
    """Those that the formats name, and those that the code knows."""
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| failed_to_\w+ \|(.*)\|$", text, re.MULTILINE) + re.findall(
        r"^Pairs are dropped as .*?\(when all", text, re.MULTILINE | re.DOTALL
    )
    names = {name for line in documented for name in re.findall(r"`([\w-]+)`", line)} - {"http_NNN", "http_5xx"}
    assert len(names) > 30
    assert [name for name in sorted({*names, *PICTURE_REFUSALS}) if not explain(name).meaning] == []


def test_the_errors_that_count_are_those_that_are_called_so() -> None:
    assert {name for name in ERRORS if explain(name).kind != "error"} == set()
    assert (explain("http_503").kind, explain("http_404").kind, explain("http_403").kind) == (
        "error",
        "absent",
        "refusal",
    )
