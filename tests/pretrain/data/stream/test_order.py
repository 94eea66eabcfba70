"""The order of windows: every epoch holds every picture once, however many workers share it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.stream.order import WindowOrder

SIZES = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any)


def pictures(order: WindowOrder, first: int, count: int) -> list[tuple[int, int]]:
    shards, rows = order.at(np.arange(first, first + count))
    return list(zip(shards.tolist(), rows.tolist(), strict=True))


@given(SIZES, st.integers(1, 5), st.sampled_from([12, 24, 36]), st.integers(0, 5), st.sampled_from([1, 2, 3, 4]))
def test_an_epoch_over_all_workers_holds_every_picture_once(
    sizes: list[int], window: int, batch: int, seed: int, workers: int
) -> None:
    order = WindowOrder(np.array(sizes), window, batch, seed)
    whole = sorted((shard, row) for shard, size in enumerate(sizes) for row in range(size))
    partitions = [BatchPartition(batch, rank, workers) for rank in range(workers)]
    stream: dict[int, tuple[int, int]] = {}
    steps = -(-2 * len(whole) // batch)
    for step in range(steps):
        for partition in partitions:
            positions = partition.positions(step)
            shards, rows = order.at(positions)
            for position, shard, row in zip(positions.tolist(), shards.tolist(), rows.tolist(), strict=True):
                assert position not in stream
                stream[position] = shard, row
    for epoch in range(2):
        assert sorted(stream[epoch * len(whole) + i] for i in range(len(whole))) == whole


@given(SIZES, st.integers(1, 5), st.integers(0, 300))
def test_any_position_can_be_asked_for_without_those_before(sizes: list[int], window: int, first: int) -> None:
    made = [WindowOrder(np.array(sizes), window, 8, 1) for _ in range(2)]
    assert pictures(made[0], 0, first + 9)[first:] == pictures(made[1], first, 9)


@given(SIZES, st.integers(1, 4))
def test_a_window_reads_no_more_shards_than_it_may(sizes: list[int], window: int) -> None:
    order = WindowOrder(np.array(sizes), window, 8, 1)
    position = 0
    while position < 3 * len(order):
        found = order.window(position)
        assert found.start == position
        assert len(np.unique(found.shards)) <= window
        position += len(found)
    assert position % len(order) == 0, "windows do not span epochs"


def test_epochs_and_seeds_differ() -> None:
    order, other = (WindowOrder(np.full(6, 20), 3, 8, seed) for seed in (1, 2))
    first, second = pictures(order, 0, 120), pictures(order, 120, 120)
    assert first != second
    assert first != pictures(other, 0, 120)
    assert [shard for shard, _ in first] != sorted(shard for shard, _ in first)


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_read_different_shards(workers: int) -> None:
    """Eight equal shards a window: a worker needs its part, and at most two at the borders."""
    order = WindowOrder(np.full(64, 1000), 8, 256, 3)
    read: list[set[int]] = [set() for _ in range(workers)]
    for step in range(8000 // 256):
        for rank in range(workers):
            read[rank] |= set(order.at(BatchPartition(256, rank, workers).positions(step))[0].tolist())
    assert max(map(len, read)) <= 8 // workers + 2


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 16, 32, 64, 128, 256])
def test_a_worker_reads_its_part_of_a_window_and_the_shards_at_its_ends(workers: int) -> None:
    batch, window = 2048, 64
    order = WindowOrder(np.full(4 * window, 512), window, batch, 3)
    read = shards_read(order, batch, workers, steps=window * 512 // batch)
    assert max(read) <= order.max_shards_per_worker(workers) == min(window, window // workers + 2)
    assert sum(read) <= window + workers - 1 + 2, "neighbours share one shard, and steps do not end where shards do"


@settings(deadline=None)
@given(st.integers(1, 40), st.sampled_from([1, 2, 3, 4, 6, 9, 12, 18, 36]))
def test_the_bound_holds_where_lanes_are_shared_unevenly(window: int, workers: int) -> None:
    order = WindowOrder(np.full(window, 36), window, 36, 3)
    assert max(shards_read(order, 36, workers, steps=window)) <= order.max_shards_per_worker(workers)


def shards_read(order: WindowOrder, batch: int, workers: int, steps: int) -> list[int]:
    """The shards that each worker reads in the first steps."""
    partitions = [BatchPartition(batch, rank, workers) for rank in range(workers)]
    positions = [np.concatenate([partition.positions(step) for step in range(steps)]) for partition in partitions]
    return [len(np.unique(order.at(own)[0])) for own in positions]


def test_a_batch_has_pictures_of_every_shard_of_its_window() -> None:
    order = WindowOrder(np.full(16, 500), 8, 256, 3)
    shards, _ = order.at(np.arange(256))
    counts = np.bincount(shards, minlength=16)
    assert (counts > 0).sum() == 8
    assert counts[counts > 0].min() >= 16


@given(SIZES, st.integers(1, 4), st.integers(0, 100))
def test_substitutes_are_all_others_of_the_window(sizes: list[int], window: int, position: int) -> None:
    order = WindowOrder(np.array(sizes), window, 8, 1)
    found = order.window(position)
    whole = sorted(zip(found.shards.tolist(), found.rows.tolist(), strict=True))
    assert sorted([*pictures(order, position, 1), *order.substitutes(position)]) == whole


def test_the_first_substitutes_are_of_the_same_lane() -> None:
    order = WindowOrder(np.full(8, 100), 8, 8, 1)
    own = [i for i in range(800) if order.lane(np.array([i]))[0] == order.lane(np.array([3]))[0]]
    expected = {pictures(order, i, 1)[0] for i in own} - {pictures(order, 3, 1)[0]}
    assert set(list(order.substitutes(3))[: len(expected)]) == expected
