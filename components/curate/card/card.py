"""The data card: `stats.json` in words, after "Datasheets for Datasets" and the Hub's cards."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_LARGER = ((100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"), (10_000_000_000, "1B<n<10B"))
_LONGEST = 100
_BAR = 30


def render(statistics: Mapping[str, Any]) -> str:
    """The card as Markdown, from `statistics` alone (`components.curate.card.statistics`)."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - Markdown: texts of the web go through `plain` and `verbatim`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"number": number, "share": share, "plain": plain, "verbatim": verbatim}
    largest = max(row["entities"] for row in statistics["images_histogram"])
    return environment.get_template("card.md.j2").render(
        statistics, size=_size(statistics["pictures"]), bar=lambda count: "█" * max(1, round(_BAR * count / largest))
    )


def number(value: float | None) -> str:
    """`12,345`; `2.5`; a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")


def share(value: float | None) -> str:
    """0.123 → `12.3 %`."""
    return "–" if value is None else f"{100 * value:.1f} %"


def plain(text: str | None) -> str:
    """A text that Markdown takes for words, in one line of at most 100 characters."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]|~#" else c for c in _one_line(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def verbatim(text: str | None) -> str:
    """A text as a code span that may stand in a table, in one line of at most 100 characters."""
    line = _one_line(text)
    return "`" + line.replace("`", "'").replace("|", "\\|") + "`" if line else "–"


def _one_line(text: str | None) -> str:
    """Without control characters and marks that turn the direction of writing."""
    visible = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else " " for c in text or ""
    )
    line = " ".join(visible.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _size(pictures: int) -> str:
    return next((name for limit, name in (*_SIZES, *_LARGER) if pictures < limit), "n>10B")
