"""One picture of equal bytes, with what most copies say."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.curate.duplicates import drop_duplicates
from components.curate.pictures import Pictures, starts_of


def columns(rows: list[tuple[int, list[int]]]) -> Pictures:
    """(bytes, entities) → columns; the row number tells pictures apart."""
    count = len(rows)
    digest = np.array([[0, 7, data // 3, data] for data, _ in rows], dtype=np.uint64).reshape(-1, 4)
    lengths = np.array([len(entities) for _, entities in rows], dtype=np.int64)
    entities = np.array([e for _, row in rows for e in row], dtype=np.int64)
    return Pictures(np.zeros(count, np.int64), np.arange(count), digest, starts_of(lengths), entities)


def kept(rows: list[tuple[int, list[int]]]) -> list[tuple[int, list[int]]]:
    """(row, entities) of what stays."""
    pictures, _ = drop_duplicates(columns(rows))
    return list(zip(pictures.row.tolist(), pictures.lists(np.arange(len(pictures))), strict=True))


def test_the_first_copy_stays() -> None:
    assert kept([(5, [1]), (3, [2]), (5, [1]), (3, [2])]) == [(0, [1]), (1, [2])]


def test_a_single_picture_keeps_its_entities_in_order() -> None:
    assert kept([(5, [9, 1, 4])]) == [(0, [9, 1, 4])]


def test_two_copies_keep_what_both_say() -> None:
    assert kept([(5, [1, 2]), (5, [2])]) == [(0, [2])]


def test_entities_that_more_copies_have_come_first() -> None:
    assert kept([(5, [1, 2]), (5, [2]), (5, [1, 2])]) == [(0, [2, 1])]


def test_a_picture_whose_copies_contradict_each_other_is_dropped() -> None:
    pictures, dropped = drop_duplicates(columns([(5, [1]), (5, [2]), (6, [3])]))
    assert pictures.row.tolist() == [2]
    assert dropped == Counter(duplicate=1, contradicted=1)


def test_no_pictures_are_no_error() -> None:
    pictures, dropped = drop_duplicates(columns([]))
    assert len(pictures) == 0
    assert dropped.total() == 0


labels = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), labels), max_size=20))
def test_it_says_what_a_plain_loop_says(rows: list[tuple[int, list[int]]]) -> None:
    expected = []
    for data in dict.fromkeys(data for data, _ in rows):
        copies = [entities for d, entities in rows if d == data]
        flat = [e for entities in copies for e in entities]
        votes = Counter(flat)
        majority = [e for e in votes if 2 * votes[e] > len(copies)]
        if majority:
            first = next(n for n, (d, _) in enumerate(rows) if d == data)
            expected.append((first, sorted(majority, key=lambda e: (-votes[e], flat.index(e)))))
    assert kept(rows) == expected
