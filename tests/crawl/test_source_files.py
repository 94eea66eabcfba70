from collections import Counter
from collections.abc import Iterator

import pytest

from components.crawl.pair import Pair
from components.crawl.source_files import _readable
from components.crawl.unreadable import Unreadable
from components.errors import InputError

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
