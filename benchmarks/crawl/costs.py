"""What a crawl of so many pairs costs: cores, hours, storage, bandwidth and hosts, from measured rates.

Rates come from the last runs of `crawl.wat`, `crawl.warc` and `crawl.download` on this machine, where there were any, else from
docs/crawl.md; all of them, and what nobody can measure before the crawl, can be given as options.
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
# Field of `Rates` → unit that it is measured in, and whether all CPUs took part in the measurement.
_MEASURED = {"wat_records": ("records", False), "warc_pages": ("pages", False), "pictures": ("pictures", True)}
_OURS = "ours"


@dataclass(frozen=True)
class Rates:
    """What the costs follow from.

    Attributes:
        wat_records: read a second by one core.
        warc_pages: read a second by one core.
        pictures: downloaded, verified and written a second by one core.
        pairs_per_record: that a WAT's record gives before the rules.
        pairs_per_page: that a WARC's page gives before the rules.
        kept: share of these that rules and duplicates leave.
        taken: share of the pictures asked for that are taken.
        record_bytes: of a WAT's record, gzipped.
        page_bytes: of a WARC's page, gzipped.
        served_bytes: of a picture as it is served.
        stored_bytes: of a picture, its text and its record in a shard.
        pair_bytes: of a pair in a list or an index.
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
        """Refuses what nothing can be divided by."""
        for name, value in asdict(self).items():
            most = 1 if name in ("kept", "taken") else float("inf")
            if not 0 < value <= most:
                raise ValueError(f"{name} is {value}; it lies above 0{'' if most > 1 else ' and is at most 1'}")


@dataclass(frozen=True)
class Costs:
    """What `pairs` pairs in shards cost.

    Attributes:
        pairs: taken, in the end.
        asked: pictures that are asked for.
        records: of WATs (pages of WARCs) that are read.
        read_bytes: of the archives.
        read_core_hours: for the archives.
        download_core_hours: for the pictures.
        served_bytes: of the pictures.
        stored_bytes: of the shards.
        work_bytes: of the pairs, while the crawl is under way.
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
        """Altogether."""
        return self.read_core_hours + self.download_core_hours


@dataclass(frozen=True)
class Pace:
    """What so many cores need while they download.

    Attributes:
        hours: for archives and pictures, one after the other.
        gigabits: a second, of pictures served.
        hosts: that are asked at any time, so that the pause at each does not slow the cores down.
        largest_host: pictures that one host may have without prolonging the crawl.
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
    """What so many cores need; `delay`: seconds between two requests to one host."""
    asked_a_second = rates.pictures * cores
    download_seconds = cost.asked / asked_a_second
    return Pace(
        hours=cost.core_hours / cores,
        gigabits=cost.served_bytes * 8 / download_seconds / 1e9,
        hosts=asked_a_second * delay,
        largest_host=download_seconds / delay if delay else float("inf"),
    )


def measured(folder: Path = RATES) -> dict[str, float]:
    """The rates of one core that benchmarks found here last."""
    found = {}
    for name, (unit, shared) in _MEASURED.items():
        path = folder / f"{unit}.json"
        if path.is_file():
            record = read_json(path)
            found[name] = record["medians"][_OURS] / (record["cpus"] if shared else 1)
    return found


def main() -> None:
    """Reads options, prints, and gives the same as JSON in the last line."""
    here = replace(Rates(), **measured())
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    texts = _described()
    for field in fields(Rates):
        option = f"--{field.name.replace('_', '-')}"
        reader.add_argument(option, type=float, default=getattr(here, field.name), help=texts[field.name])
    reader.add_argument("--warc", action="store_true", help="pairs come from WARCs instead of WATs")
    reader.add_argument("--delay", type=float, default=1.0, help="seconds between two requests to one host")
    reader.add_argument("--cores", type=int, nargs="+", default=[64, 1024], help="numbers of cores")
    options = vars(reader.parse_args())
    warc, delay, cores = options.pop("warc"), options.pop("delay"), options.pop("cores")
    try:
        rates = Rates(**options)
    except ValueError as error:
        reader.error(str(error))
    if delay < 0 or min(cores) < 1:
        reader.error("--delay is at least 0, and --cores at least 1")
    found = [costs(pairs, rates, warc=warc) for pairs in PAIRS]
    Console().print(table(found, rates, cores, delay, warc=warc))
    print(
        json.dumps(
            {"rates": asdict(rates), "costs": [asdict(cost) | {"core_hours": cost.core_hours} for cost in found]}
        )
    )


def table(found: Sequence[Costs], rates: Rates, cores: Sequence[int], delay: float, *, warc: bool = False) -> Table:
    """A column for each number of pairs."""
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
    """What `Rates` says of its attributes."""
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
