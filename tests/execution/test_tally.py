"""What finished shards add up to: each is looked at once, so a map of many shards stays linear."""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from components.errors import InputError
from components.execution.shard_map import Outcome, Tally


class Counted(dict[str, int]):
    """Counts of a shard that know how often they were read."""

    reads = 0

    def items(self) -> Iterator[tuple[str, int]]:  # type: ignore[override]
        Counted.reads += 1
        return iter(super().items())


def test_the_sums_are_those_of_all_shards_whatever_their_order() -> None:
    drawn = random.Random(3)
    outcomes = [Outcome({drawn.choice("abc"): drawn.randrange(9)}, 9, drawn.randrange(3)) for _ in range(50)]
    tally = Tally("test", 1.0, dict(enumerate(outcomes[:20])))
    for outcome in outcomes[20:]:
        tally.add(outcome)
    assert list(tally.counts) == ["a", "b", "c"]
    assert tally.counts == sum((Counter(o.counts) for o in outcomes), Counter())
    assert tally.shards == 50


def test_a_shard_is_added_up_once_however_many_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "reads", 0)
    tally = Tally("test", 1.0, {})
    for _ in range(2000):
        tally.add(Outcome(Counted(good=1), 1))
        tally.check()
    assert tally.counts == {"good": 2000}
    assert 0 < Counted.reads <= 2000


def test_too_many_errors_are_found_at_the_shard_that_makes_them_too_many() -> None:
    tally = Tally("crawl: files", 0.5, {0: Outcome({"good": 60}, 60)})
    tally.add(Outcome({"broken": 60}, 60, 60))
    tally.check()
    tally.add(Outcome({"broken": 1}, 1, 1))
    with pytest.raises(InputError, match=r'61 of 121 items failed.*"broken": 61, "good": 60.*section crawl'):
        tally.check()
