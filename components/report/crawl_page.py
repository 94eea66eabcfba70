"""`reports/crawl.html`: how the crawl went, for operators. One page without scripts or links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from components.crawl.reasons import GATHERED, KINDS, REASONS, Reason, explain
from components.report import charts
from components.report.crawl_figures import Histogram, Shards, histogram, read_shards
from components.report.inlined import data_uri
from components.report.metrics import read_stage, read_timing
from components.report.template import environment, words
from components.shards.format import SUCCESS
from components.storage.atomic import new_file

PAGE = "crawl.html"
_SITES, _TEXTS, _LANGUAGES, _SHOWN, _ROWS = 15, 12, 12, 12, 60
_THUMBNAIL = 72


@dataclass(frozen=True)
class Loss:
    """How many were lost for a reason, what it means, and an example's address, if known."""

    name: str
    reason: Reason
    count: int
    example: str = ""


@dataclass(frozen=True)
class Level:
    """One step of the funnel: what is left, and what was lost on the way to it."""

    name: str
    count: int
    losses: Sequence[Loss] = ()
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a list: `note` says more about it."""

    label: str
    count: int
    note: str = ""


@dataclass(frozen=True)
class Speed:
    """How fast the download was, over the time in which any part was under way."""

    seconds: float
    pictures: float
    megabytes: float
    requests: int
    retries: int
    kept: int
    start: str
    end: str
    chart_title: str
    chart: Markup
    slowest: Sequence[Mapping[str, Any]]
    failing: Sequence[Mapping[str, Any]]


def write_crawl_page(data: Path, metrics_folder: Path, out: Path) -> Path | None:
    """Writes `crawl.html` into `out` and returns it; None, and no page, without a crawl."""
    path = out / PAGE
    measures_file = metrics_folder / "crawl.json"
    if not measures_file.is_file():
        path.unlink(missing_ok=True)
        return None
    measures = read_stage(measures_file)
    levels = funnel(measures)
    shards = read_shards(data / "crawl", shown=_SHOWN)
    examples = {} if shards is None else shards.lost
    page = (
        environment()
        .get_template("crawl_page.html.j2")
        .render(
            measures=measures,
            levels=levels,
            widest=max(level.count for level in levels),
            failures=by_kind(losses(measures["pictures"]["failed"], examples)),
            refused=losses(measures["pages"]["refused"]),
            explained=losses(measures["pairs"]["dropped"]),
            kinds=KINDS,
            speed=_speed(metrics_folder / "timing" / "crawl.json"),
            shards=shards,
            charts=[] if shards is None else _charts(shards),
            formats=[] if shards is None else _bars(shards.formats, len(shards.formats)),
            languages=[] if shards is None else _languages(shards),
            sites=[] if shards is None else _sites(shards),
            texts=[] if shards is None else _texts(shards),
            pictures=[] if shards is None else [(text, data_uri(image, _THUMBNAIL)) for text, image in shards.shown],
            duplicates=_numbers(measures.get("duplicates")),
        )
    )
    out.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def losses(counts: Mapping[str, int], examples: Mapping[str, str] | None = None) -> list[Loss]:
    """The reasons, the most frequent first."""
    known = examples or {}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Loss(name, explain(name), count, known.get(name, "")) for name, count in ordered if count]


def by_kind(found: Sequence[Loss]) -> list[tuple[str, list[Loss]]]:
    """(title of the kind, its losses), kinds without any left out."""
    kinds = [(title, [loss for loss in found if loss.reason.kind == kind]) for kind, title in KINDS.items()]
    return [(title, members) for title, members in kinds if members]


def funnel(measures: Mapping[str, Any]) -> list[Level]:
    """Pairs from pages to shards; those reused from other shards join at the download."""
    pairs, pictures = measures["pairs"], measures["pictures"]
    early = {reason: n for reason, n in pairs["dropped"].items() if reason not in GATHERED}
    late = {reason: n for reason, n in pairs["dropped"].items() if reason in GATHERED}
    seen = pairs["found"] + sum(early.values())
    adopted = pictures["attempted"] - (pairs["found"] - sum(late.values()))
    levels = []
    if seen:
        levels += [Level("pictures seen", seen), Level("pairs found", pairs["found"], losses(early))]
    known = all(reason in REASONS for reason in early)  # when a reason drops pairs is unknown for others
    note = f"{adopted:,} of them from shards that were taken over" if adopted > 0 and known else ""
    return [
        *levels,
        Level("requested", pictures["attempted"], losses(late), note),
        Level("taken", pictures[SUCCESS], losses(pictures["failed"])),
    ]


def _numbers(content: Any) -> list[tuple[str, int | float]]:
    """Names and numbers of a measure that may be absent, one number, or nested."""
    if isinstance(content, bool) or content is None:
        return []
    if isinstance(content, int | float):
        return [("pictures", content)]
    if not isinstance(content, Mapping):
        return []
    rows: list[tuple[str, int | float]] = []
    for name, value in sorted(content.items()):
        if isinstance(value, Mapping):
            rows += [(f"{words(name)} · {inner}", n) for inner, n in _numbers(value)]
        else:
            rows += [(words(name), n) for _, n in _numbers(value)]
    return rows


def _speed(file: Path) -> Speed | None:
    """From the crawl's timing file, if there is one and anything was requested."""
    if not file.is_file():
        return None
    times = read_timing(file)
    if not times["pictures"]:
        return None
    seconds = max(times["seconds"], 1e-3)
    return Speed(
        times["seconds"],
        times["pictures"] / seconds,
        times["bytes"] / seconds / 1e6,
        times["requests"],
        times["retries"],
        times["kept"],
        _moment(times["start"]),
        _moment(times["end"]),
        f"How long {len(times['parts']):,} parts took" if len(times["parts"]) > _ROWS else "Parts over time",
        _parts(times["parts"], times["start"]),
        times["hosts"]["slowest"],
        times["hosts"]["failing"],
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _parts(parts: Sequence[Mapping[str, Any]], begin: float) -> Markup:
    """When each part was under way; of very many parts, how many took how long."""
    if len(parts) > _ROWS:
        return _columns(histogram(part["seconds"] for part in parts), "seconds of a part", 900)
    rows = []
    for part in sorted(parts, key=lambda part: (part["start"], part["first_shard"])):
        rate = part["pictures"] / max(part["seconds"], 1e-3)
        title = f"from shard {part['first_shard']:05d}: {part['seconds']:,.1f} s, {part['pictures']:,} pictures, {rate:,.0f}/s"
        rows.append((title, part["start"] - begin, part["end"] - begin))
    return charts.spans(rows, "seconds since the first part began")


def _columns(binned: Histogram | None, label: str, width: int = 340) -> Markup:
    return Markup("") if binned is None else charts.columns(binned.edges, binned.counts, label, width)


def _charts(shards: Shards) -> list[tuple[str, Markup]]:
    """(title, chart), without those that nothing is known for."""
    drawn = [
        ("Size of the pictures", _columns(histogram(shards.sides), "shorter side, px")),
        ("Size of the files", _columns(histogram((n / 1000 for n in shards.sizes), halves=False), "stored, kB")),
        ("Length of the texts", _columns(histogram(shards.text_lengths), "characters")),
    ]
    return [(title, chart) for title, chart in drawn if chart]


def _bars(counts: Mapping[str, int], most: int) -> list[Bar]:
    """The most frequent, and all others together."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    bars = [Bar(name, n) for name, n in ordered[:most]]
    rest = ordered[most:]
    return [*bars, Bar(f"{len(rest):,} others", sum(n for _, n in rest))] if rest else bars


def _languages(shards: Shards) -> list[Bar]:
    return _bars({name or "unknown": n for name, n in shards.languages.items()}, _LANGUAGES)


def _sites(shards: Shards) -> list[Bar]:
    ordered = sorted(shards.sites.items(), key=lambda item: (-item[1].taken, item[0]))
    shown = [(name, site) for name, site in ordered if site.taken][:_SITES]
    return [Bar(name or "unknown", site.taken, f"{100 * site.taken / site.attempted:.0f} %") for name, site in shown]


def _texts(shards: Shards) -> list[Bar]:
    """Texts that several pictures have."""
    often = sorted(((text, n) for text, n in shards.texts.items() if n > 1), key=lambda item: (-item[1], item[0]))
    return [Bar(text, n, f"{len(shards.text_sites[text]):,}") for text, n in often[:_TEXTS]]
