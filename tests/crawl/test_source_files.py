from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.crawl.crawl import Source, crawl_pictures
from components.crawl.pair import Pair
from components.crawl.source_files import _readable
from components.crawl.unreadable import Unreadable
from components.errors import InputError
from tests.crawl.conftest import knobs

CRAB = Pair("http://a.example/crab.png", "a crab")


def source(error: Exception) -> Iterator[Pair | Unreadable]:
    yield CRAB
    yield Unreadable(7, "damaged", "line")
    raise error


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), UnicodeError("x"), LookupError(), OSError()])
def test_a_source_that_raises_loses_the_rest_of_its_file_not_the_crawl(error: Exception) -> None:
    counts: Counter[str] = Counter()
    bad: list[str] = []
    assert list(_readable(source(error), counts, bad)) == [CRAB]
    assert counts == {"unreadable": 2}
    assert bad[0] == "line 7: damaged"
    assert bad[1].startswith(f"after 2 pairs and bad records: {type(error).__name__}")


def test_an_error_that_a_user_can_fix_is_told() -> None:
    with pytest.raises(InputError):
        list(_readable(source(InputError("a.csv is no list")), Counter(), []))


def test_an_error_of_what_is_done_with_the_pairs_is_not_the_sources() -> None:
    counts: Counter[str] = Counter()
    with pytest.raises(ZeroDivisionError):
        for _ in _readable(source(OSError()), counts, []):
            raise ZeroDivisionError
    assert not counts


@pytest.mark.parametrize("held", ["list", "pictures"])
def test_an_output_that_holds_what_is_read_is_refused(tmp_path: Path, held: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / f"{'out' if held == 'list' else '.'}/a.csv").write_text("url,text\n")
    source = Source(files=(f"urls:{tmp_path}/**/a.csv",))
    pictures = tmp_path / "out/held" if held == "pictures" else None
    with pytest.raises(InputError, match=r"out cannot receive what is made from .*; name another place"):
        crawl_pictures(source, pictures, tmp_path / "out", knobs(), tmp_path / "work")
