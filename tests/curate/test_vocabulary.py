"""Who is in the vocabulary, who is held out, and which pictures are left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.curate.hashing import mix, unit
from components.curate.parameters import CurateParameters
from components.curate.pictures import Pictures, starts_of
from components.curate.selection import hold_out
from components.curate.vocabulary import Settled, settle
from components.errors import InputError
from tests.curate.conftest import Parameters


def columns(lists: list[list[int]]) -> Pictures:
    count = len(lists)
    digest = np.arange(4 * count, dtype=np.uint64).reshape(-1, 4)
    lengths = np.array([len(entities) for entities in lists], dtype=np.int64)
    entities = np.array([e for row in lists for e in row], dtype=np.int64)
    return Pictures(np.zeros(count, np.int64), np.arange(count), digest, starts_of(lengths), entities)


def entities_of(settled: Settled) -> list[list[int]]:
    return settled.pictures.lists(np.arange(len(settled.pictures)))


def test_a_rare_entity_goes_and_its_pictures_keep_the_others(knobs: Parameters) -> None:
    settled = settle(columns([[1, 2], [1], [3]]), knobs(validation_share=0))
    assert entities_of(settled) == [[1], [1]]
    assert settled.vocabulary.ids.tolist() == [1]
    assert settled.dropped_pictures == {"rare_entities": 1, "both_splits": 0}


def test_pictures_of_both_splits_go_and_who_becomes_rare_by_that_goes_too(knobs: Parameters) -> None:
    chance = dict(zip(range(1, 9), unit(mix(np.arange(1, 9, dtype=np.uint64), 1, "split")), strict=True))
    held, *others = sorted(chance, key=lambda entity: chance[entity])
    share = (chance[held] + chance[others[0]]) / 2
    lists = [[held], [held], [held, others[0]], [others[0]], [others[1]], [others[1]]]
    settled = settle(columns(lists), knobs(validation_share=min(share, 0.5)))
    assert entities_of(settled) == [[held], [held], [others[1]], [others[1]]]
    assert settled.validation.tolist() == [True, True, False, False]
    assert settled.dropped_pictures == {"both_splits": 1, "rare_entities": 1}
    assert settled.dropped_entities == {"too_few_pictures": 0, "lost_pictures": 1}


def test_a_cap_keeps_so_many_of_a_best_entity_and_the_same_ones_whatever_else_there_is(knobs: Parameters) -> None:
    lists = [[1]] * 20 + [[2, 1]] * 3
    capped = settle(columns(lists), knobs(max_images=5, validation_share=0))
    assert capped.vocabulary.images.tolist() == [8, 3]
    assert capped.dropped_pictures["surplus"] == 15
    fewer = settle(columns(lists[:20]), knobs(max_images=5, validation_share=0))
    assert fewer.pictures.row.tolist() == capped.pictures.row.tolist()[:5]


def test_about_the_share_is_held_out() -> None:
    held = hold_out(unit(mix(np.arange(20_000, dtype=np.uint64), 7, "split")), 0.1)
    assert held.mean() == pytest.approx(0.1, abs=0.01)


def test_an_entity_keeps_its_split_when_others_come() -> None:
    chance = unit(mix(np.arange(1, 2001, dtype=np.uint64), 7, "split"))
    assert (hold_out(chance, 0.1)[:1000] == hold_out(chance[:1000], 0.1)).all()


def test_another_seed_holds_out_others() -> None:
    ids = np.arange(1, 2001, dtype=np.uint64)
    assert (hold_out(unit(mix(ids, 1, "split")), 0.5) != hold_out(unit(mix(ids, 2, "split")), 0.5)).mean() > 0.4


@pytest.mark.parametrize("chance", [[0.9, 0.5], [0.01, 0.02]])
def test_of_two_entities_each_split_has_one(chance: list[float]) -> None:
    assert sorted(hold_out(np.array(chance), 0.1).tolist()) == [False, True]


def test_a_single_entity_is_for_training() -> None:
    assert hold_out(np.array([0.01]), 0.1).tolist() == [False]


def test_a_split_that_leaves_nothing_is_an_error_that_names_both_knobs(knobs: Parameters) -> None:
    with pytest.raises(
        InputError, match=r"too few are left after .*both_splits.*min_images or curate.validation_share"
    ):
        settle(columns([[1, 2], [1, 2]]), knobs(validation_share=0.3))


def test_a_cap_below_the_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match=r"would lose the 5 pictures.*use 0 \(no cap\) or at least 5"):
        CurateParameters(seed=1, min_images=5, max_images=3, validation_share=0.1, shard_size=10)


pictures = st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True), min_size=1, max_size=60)


@settings(deadline=None)
@given(pictures, st.integers(0, 50), st.integers(1, 4), st.sampled_from([0.0, 0.2, 0.5]), st.sampled_from([0, 4, 6]))
def test_what_is_settled_is_consistent(lists: list[list[int]], seed: int, least: int, share: float, cap: int) -> None:
    parameters = CurateParameters(seed=seed, min_images=least, max_images=cap, validation_share=share, shard_size=10)
    try:
        settled = settle(columns(lists), parameters)
    except InputError:
        return
    held = dict(zip(settled.vocabulary.ids.tolist(), settled.vocabulary.validation.tolist(), strict=True))
    found = entities_of(settled)
    assert all(found)
    for entities, validation in zip(found, settled.validation.tolist(), strict=True):
        assert {held[e] for e in entities} == {validation}
    flat = [e for entities in found for e in entities]
    assert settled.vocabulary.images.tolist() == [flat.count(e) for e in held]
    assert settled.vocabulary.images.min() >= least
    if cap:
        best = [entities[0] for entities in found]
        assert max(map(best.count, best)) <= cap
    assert len(found) + settled.dropped_pictures.total() == len(lists)
    assert len(held) + settled.dropped_entities.total() == len({e for entities in lists for e in entities})
