"""What the report's pages share: templates, and how numbers and keys are formatted."""

import re
from pathlib import Path
from typing import Any

import jinja2

from components.crawl.reasons import explain
from components.curate.reasons import TITLES


def environment() -> jinja2.Environment:
    """Templates, next to this file; everything that they show is escaped."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "words": words, "because": because}
    return made


def number(value: Any, digits: int = 3) -> str:
    """`12,345`, `0.823`, `1,208.8`, or a dash for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{digits}f}" if isinstance(value, float) else str(value)


def words(key: str) -> str:
    """A snake_case key for people; addresses in it are cut to their host."""
    return re.sub(r"https?://([^/ ]+)\S*", r"\1", key.replace("_", " ")).strip()


def because(reason: str) -> str:
    """Why the crawl or the curation dropped something, for people."""
    return TITLES.get(reason) or explain(reason).title
