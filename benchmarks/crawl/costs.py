"""Estimates the cost of a crawl from measured rates: cores, hours, storage, bandwidth and hosts.

Rates come from the last runs of `benchmarks.crawl.wat`, `.warc` and `.download` on this machine,
else from docs/crawl.md. All of them, and the assumptions, are options.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.harness.extraction import RATES
from components.storage.json_files import read_json

PAIRS = (1_000_000, 1_000_000_000, 8_400_000_000)
_HOUR = 3600
# Field of `Rates` → its unit in the benchmarks, and whether they used all CPUs.
_MEASURED = {"wat_records": ("records", False), "warc_pages": ("pages", False), "pictures": ("pictures", True)}
_OURS = "ours"


@dataclass(frozen=True)
class Rates:
    """Rates and assumptions.

    Attributes:
        wat_records: read per second and core.
        warc_pages: read per second and core.
        pictures: downloaded, verified and written per second and core.
        pairs_per_record: pairs per WAT record before the text rules.
        pairs_per_page: pairs per WARC page before the text rules.
        kept: share of pairs after text rules and deduplication.
        taken: share of requested pictures that are stored.
        record_bytes: size of a WAT record, gzipped.
        page_bytes: size of a WARC page, gzipped.
        served_bytes: size of a picture as served.
        stored_bytes: size of a picture with text and record in a shard.
        pair_bytes: size of a pair in a list or an index.
    """

    wat_records: float = 30_600
    warc_pages: float = 3_360
    pictures: float = 383
    pairs_per_record: float = 3
    pairs_per_page: float = 12
    kept: float = 0.5
    taken: float = 0.7
    record_bytes: float = 1_800
    page_bytes: float = 30_000
    served_bytes: float = 66_000
    stored_bytes: float = 20_000
    pair_bytes: float = 300

    def __post_init__(self) -> None:
        """Rejects rates that are not positive, and shares over 1."""
        for name, value in asdict(self).items():
            limit = 1 if name in ("kept", "taken") else float("inf")
            if not 0 < value <= limit:
                raise ValueError(f"{name} is {value}; it lies above 0{'' if limit > 1 else ' and is at most 1'}")


@dataclass(frozen=True)
class Costs:
    """The cost of `pairs` pairs in shards.

    Attributes:
        pairs: stored pairs.
        asked: requested pictures.
        records: WAT records (or WARC pages) to read.
        read_bytes: size of the archives.
        read_core_hours: core hours to read the archives.
        download_core_hours: core hours to download the pictures.
        served_bytes: size of the downloads.
        stored_bytes: size of the shards.
        work_bytes: size of the pairs during the crawl.
    """

    pairs: int
    asked: float
    records: float
    read_bytes: float
    read_core_hours: float
    download_core_hours: float
    served_bytes: float
    stored_bytes: float
    work_bytes: float

    @property
    def core_hours(self) -> float:
        """The total."""
        return self.read_core_hours + self.download_core_hours


@dataclass(frozen=True)
class Pace:
    """Duration and requirements for a number of cores.

    Attributes:
        hours: total for archives, then pictures.
        gigabits: download bandwidth per second.
        hosts: concurrent hosts that are needed so that delays do not slow the cores down.
        largest_host: pictures that one host may have without extending the crawl.
    """

    hours: float
    gigabits: float
    hosts: float
    largest_host: float


def costs(pairs: int, rates: Rates, *, warc: bool = False) -> Costs:
    """What it costs to take so many pairs from WATs, or from WARCs."""
    asked = pairs / rates.taken
    gathered = asked / rates.kept
    records = gathered / (rates.pairs_per_page if warc else rates.pairs_per_record)
    return Costs(
        pairs=pairs,
        asked=asked,
        records=records,
        read_bytes=records * (rates.page_bytes if warc else rates.record_bytes),
        read_core_hours=records / (rates.warc_pages if warc else rates.wat_records) / _HOUR,
        download_core_hours=asked / rates.pictures / _HOUR,
        served_bytes=pairs * rates.served_bytes,
        stored_bytes=pairs * rates.stored_bytes + asked * rates.pair_bytes,
        work_bytes=2 * gathered * rates.pair_bytes,  # as read, and once more as planned
    )


def pace(cost: Costs, rates: Rates, cores: int, delay: float) -> Pace:
    """The pace of a number of cores; `delay`: seconds between two requests to one host."""
    asked_a_second = rates.pictures * cores
    download_seconds = cost.asked / asked_a_second
    return Pace(
        hours=cost.core_hours / cores,
        gigabits=cost.served_bytes * 8 / download_seconds / 1e9,
        hosts=asked_a_second * delay,
        largest_host=download_seconds / delay if delay else float("inf"),
    )


def measured(folder: Path = RATES) -> dict[str, float]:
    """The last rates per core that benchmarks measured on this machine."""
    found = {}
    for name, (unit, shared) in _MEASURED.items():
        path = folder / f"{unit}.json"
        if path.is_file():
            record = read_json(path)
            found[name] = record["medians"][_OURS] / (record["cpus"] if shared else 1)
    return found


def main() -> None:
    """Prints the costs as a table and, in the last line, as JSON."""
    here = replace(Rates(), **measured())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    texts = _described()
    for field in fields(Rates):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=getattr(here, field.name), help=texts[field.name])
    parser.add_argument("--warc", action="store_true", help="pairs come from WARCs instead of WATs")
    parser.add_argument("--delay", type=float, default=1.0, help="seconds between two requests to one host")
    parser.add_argument("--cores", type=int, nargs="+", default=[64, 1024], help="numbers of cores")
    options = vars(parser.parse_args())
    warc, delay, cores = options.pop("warc"), options.pop("delay"), options.pop("cores")
    try:
        rates = Rates(**options)
    except ValueError as error:
        parser.error(str(error))
    if delay < 0 or min(cores) < 1:
        parser.error("--delay is at least 0, and --cores at least 1")
    found = [costs(pairs, rates, warc=warc) for pairs in PAIRS]
    Console().print(table(found, rates, cores, delay, warc=warc))
    print(
        json.dumps(
            {"rates": asdict(rates), "costs": [asdict(cost) | {"core_hours": cost.core_hours} for cost in found]}
        )
    )


def table(found: Sequence[Costs], rates: Rates, cores: Sequence[int], delay: float, *, warc: bool = False) -> Table:
    """A table with a column per number of pairs."""
    made = Table("", *(_many(cost.pairs) for cost in found), box=None, title="What so many pairs cost")
    for column in made.columns[1:]:
        column.justify = "right"
    what = "WARC pages" if warc else "WAT records"
    rows: Mapping[str, list[str]] = {
        f"{what} to read": [_many(c.records) for c in found],
        f"  TB of {what[:4].strip()} files": [_digits(c.read_bytes / 1e12) for c in found],
        "  core hours": [_digits(c.read_core_hours) for c in found],
        "pictures asked for": [_many(c.asked) for c in found],
        "  TB served": [_digits(c.served_bytes / 1e12) for c in found],
        "  core hours ": [_digits(c.download_core_hours) for c in found],
        "TB of shards": [_digits(c.stored_bytes / 1e12) for c in found],
        "TB of pairs, meanwhile": [_digits(c.work_bytes / 1e12) for c in found],
    }
    for name, cells in rows.items():
        made.add_row(name, *cells)
    for number in cores:
        paces = [pace(cost, rates, number, delay) for cost in found]
        made.add_section()
        made.add_row(f"{number:,} cores: hours", *(_digits(p.hours) for p in paces))
        made.add_row("  Gbit/s of pictures", *(_digits(p.gigabits) for p in paces))
        made.add_row(f"  hosts asked at a time, {delay:g} s apart", *(f"{p.hosts:,.0f}" for p in paces))
        made.add_row("  pictures that one host may have", *(_many(p.largest_host) for p in paces))
    return made


def _described() -> dict[str, str]:
    """Descriptions from the docstring of `Rates`."""
    lines = (Rates.__doc__ or "").partition("Attributes:")[2].splitlines()
    pairs = (line.strip().partition(": ") for line in lines if ": " in line)
    return {name: text for name, _, text in pairs}


def _many(count: float) -> str:
    if count == float("inf"):
        return "any"
    for size, name in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.3g}{name}"
    return f"{count:.0f}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


if __name__ == "__main__":
    main()
