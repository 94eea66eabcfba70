"""The benchmark of hostile input: what it covers and how it judges, not how long reading takes."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.hostile.case import LARGE, MEGABYTE, Case, Cost
from benchmarks.hostile.costs import all_cases
from benchmarks.hostile.measure import measure, measured
from benchmarks.hostile.ordinary import ordinary
from benchmarks.hostile.readers import READERS
from components.crawl import sources
from components.crawl.sources.urls import FORMATS
from components.images.header import FORMATS as PICTURES
from components.seam import names_in

CASES = all_cases()
# Made by packing far more than they are, which takes seconds.
_PACKED = ("xz of", "bzip2 of", "gzip of")


def test_every_source_and_format_has_hostile_input() -> None:
    readers = Counter(case.reader for case in CASES)
    # Lines of JSON have two names.
    assert set(READERS) == set(readers) | {"list: ndjson"}
    assert set(names_in(sources)) == {"img2dataset", "urls", "warc", "wat"}  # shard, list, warc, wat
    assert {f"list: {kind}" for kind in FORMATS} <= set(READERS)
    names = (
        " ".join(case.name for case in CASES if case.reader == "picture: crawl")
        .upper()
        .replace("JPEG 2000", "JPEG2000")
    )
    assert [
        kind for kind in PICTURES if {"BMP": "BITMAP"}.get(kind, {"ICO": "ICON"}.get(kind, kind)) not in names
    ] == []


def test_no_reader_has_two_inputs_of_one_name() -> None:
    assert len({(case.reader, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("reader", READERS)
def test_ordinary_input_is_read(reader: str, tmp_path: Path) -> None:
    path = tmp_path / f"usual{READERS[reader].ending}"
    path.write_bytes(ordinary(reader))
    outcome = str(READERS[reader].read(path.read_bytes() if READERS[reader].of_bytes else path))
    assert "unreadable: ['" not in outcome
    assert "rror" not in outcome


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.reader.startswith("picture") and not case.name.startswith(_PACKED)],
    ids=lambda case: f"{case.reader}/{case.name}",
)
def test_equal_sizes_give_equal_bytes(case: Case) -> None:
    made = case.make(20_000)
    assert made == case.make(20_000)
    assert made


@pytest.mark.parametrize(
    ("cost", "holds"),
    [
        (Cost(10, 2.0, 100.0, ""), True),  # of a started megabyte
        (Cost(10, 2.1, 1.0, ""), False),
        (Cost(10, 0.1, 101.0, ""), False),
        (Cost(LARGE, 2.1, 1.0, ""), False),
        (Cost(LARGE + 1, 4.0, 200.0, ""), True),
        (Cost(LARGE + 1, 4.1, 1.0, ""), False),
    ],
)
def test_a_started_megabyte_may_take_two_seconds_and_a_hundred_megabytes(cost: Cost, holds: bool) -> None:
    assert cost.holds == holds


def test_a_process_of_its_own_measures_memory_that_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "usual"
    path.write_bytes(ordinary("picture: crawl"))
    small = measure("picture: crawl", path)
    from PIL import Image

    from benchmarks.hostile.inputs.drawings import encoded

    path.write_bytes(encoded(Image.new("RGB", (3000, 3000)), "PNG"))
    large = measure("picture: crawl", path)
    assert small.outcome == "(400, 300)"
    assert large.outcome == "(3000, 3000)"
    pixels = 3000 * 3000 * 4 / MEGABYTE
    assert pixels - 5 < large.megabytes - small.megabytes < pixels + 10


def test_memory_that_is_free_but_still_resident_is_no_discount() -> None:
    blocks = [bytes(1000) for _ in range(30_000)]  # too large for Python's own pool
    last = bytes(1000)  # holds the heap's end, so that freeing the others gives nothing back
    blocks.clear()
    with measured() as cost:
        blocks += [bytes(1000) for _ in range(30_000)]
    assert cost["megabytes"] > 25
    assert last
