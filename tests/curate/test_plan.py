"""Which picture goes where."""

import numpy as np
import pytest

from components.curate import plan
from components.curate.pictures import Pictures, starts_of


def crawl(shards: int, pictures: int) -> Pictures:
    """So many shards of so many pictures each."""
    count = shards * pictures
    digest = np.random.default_rng(0).integers(0, 2**63, (count, 4), dtype=np.uint64)
    numbers = np.repeat(np.arange(shards), pictures)
    return Pictures(numbers, np.arange(count), digest, starts_of(np.ones(count, np.int64)), np.ones(count, np.int64))


@pytest.mark.parametrize(("shards", "pictures", "size"), [(1, 1, 10), (3, 10, 30), (5, 7, 4), (200, 5, 10)])
def test_every_picture_goes_into_one_shard(shards: int, pictures: int, size: int) -> None:
    made = plan.arrange(crawl(shards, pictures), np.arange(shards * pictures), size, 1)
    assert sorted(np.concatenate(made).tolist()) == list(range(shards * pictures))
    assert max(map(len, made)) <= size


def test_nothing_makes_no_shard() -> None:
    assert plan.arrange(crawl(2, 2), np.array([], dtype=np.int64), 10, 1) == []


def test_a_shard_is_mixed_from_a_bounded_number_of_the_crawls() -> None:
    pictures = crawl(1000, 20)
    made = plan.arrange(pictures, np.arange(len(pictures)), 100, 1)
    sources = [len(np.unique(pictures.shard[positions])) for positions in made]
    assert max(sources) <= plan.POOL
    assert min(sources) > plan.POOL // 2


def test_few_pictures_of_many_shards_still_fill_a_shard() -> None:
    pictures = crawl(1000, 20)
    made = plan.arrange(pictures, np.arange(0, len(pictures), 100), 100, 1)
    assert [len(positions) for positions in made] == [100, 100]


def test_the_order_is_of_the_bytes_and_the_seed_not_of_the_crawl() -> None:
    pictures = crawl(4, 25)
    backwards = Pictures(
        *(column[::-1] for column in (pictures.shard, pictures.row, pictures.digest)),
        pictures.starts,
        pictures.entities,
    )
    first, again = (
        np.concatenate([p.row[positions] for positions in plan.arrange(p, np.arange(100), 30, 1)])
        for p in (pictures, backwards)
    )
    assert first.tolist() == again.tolist()
    other = np.concatenate(plan.arrange(pictures, np.arange(100), 30, 2))
    assert first.tolist() != other.tolist()
