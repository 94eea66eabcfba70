import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label.linking.disambiguate import CandidateSet, Context, probabilities
from components.label.vectors import unit

ANIMAL, COUNTRY = np.eye(2, dtype=np.float32)
NOTHING = np.zeros(2, dtype=np.float32)


def candidates(*embeddings, priors=None):
    count = len(embeddings)
    return CandidateSet(
        np.stack(embeddings),
        np.asarray(priors or [1 / count] * count, dtype=np.float32),
        np.zeros(count, dtype=np.float32),
    )


def weights(knobs, **changes):
    return knobs(**changes).weights


def test_the_page_decides_between_meanings(knobs):
    turkey = candidates(ANIMAL, COUNTRY)
    bird, country = (
        probabilities([turkey], Context(NOTHING, page), weights(knobs), 0)[0] for page in (ANIMAL, COUNTRY)
    )
    assert bird.argmax() == 0 and country.argmax() == 1


def test_the_text_around_decides_between_meanings(knobs):
    assert probabilities([candidates(ANIMAL, COUNTRY)], Context(COUNTRY, NOTHING), weights(knobs), 0)[0].argmax() == 1


def test_without_context_the_prior_decides(knobs):
    turkey = candidates(ANIMAL, COUNTRY, priors=[0.2, 0.8])
    assert probabilities([turkey], Context(NOTHING, NOTHING), weights(knobs), 3)[0].argmax() == 1


def test_the_other_entities_of_the_text_decide_between_meanings(knobs):
    turkey, japan = candidates(ANIMAL, COUNTRY, priors=[0.6, 0.4]), candidates(COUNTRY)
    alone = probabilities([turkey, japan], Context(NOTHING, NOTHING), weights(knobs), 0)[0]
    together = probabilities([turkey, japan], Context(NOTHING, NOTHING), weights(knobs), 3)[0]
    assert alone.argmax() == 0 and together.argmax() == 1


def test_a_mention_is_no_evidence_for_itself(knobs):
    turkey = candidates(ANIMAL, COUNTRY)
    once, often = (probabilities([turkey], Context(NOTHING, NOTHING), weights(knobs), n)[0] for n in (0, 9))
    assert np.array_equal(once, often)


def test_a_namesake_that_fits_nothing_loses_to_none_of_them(knobs):
    context = Context(ANIMAL, ANIMAL)
    strict = probabilities([candidates(COUNTRY)], context, weights(knobs, none=2.0), 0)[0]
    assert strict[0] < 0.5


SEED = st.integers(0, 2**32 - 1)


def _random(seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=(rng.integers(1, 5), 8)).astype(np.float32) for _ in range(rng.integers(1, 5))]
    candidate_sets = [
        CandidateSet(
            v / np.linalg.norm(v, axis=1, keepdims=True),
            rng.dirichlet(np.ones(len(v))).astype(np.float32),
            rng.integers(0, 2, len(v)).astype(np.float32),
        )
        for v in vectors
    ]
    return candidate_sets, Context(*(unit(rng.normal(size=8).astype(np.float32)) for _ in range(2)))


@settings(deadline=None)
@given(seed=SEED)
def test_probabilities_of_a_mention_sum_to_at_most_one(knobs, seed):
    candidate_sets, context = _random(seed)
    for chances in probabilities(candidate_sets, context, weights(knobs), 3):
        assert (chances >= 0).all() and chances.sum() <= 1 + 1e-9


@settings(deadline=None)
@given(seed=SEED)
def test_the_order_of_mentions_plays_no_part(knobs, seed):
    candidate_sets, context = _random(seed)
    forth = probabilities(candidate_sets, context, weights(knobs), 3)
    back = probabilities(candidate_sets[::-1], context, weights(knobs), 3)[::-1]
    for one, other in zip(forth, back, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@settings(deadline=None)
@given(seed=SEED)
def test_the_order_of_candidates_plays_no_part(knobs, seed):
    candidate_sets, context = _random(seed)
    turned = [CandidateSet(c.embeddings[::-1], c.priors[::-1], c.miscased[::-1]) for c in candidate_sets]
    for one, other in zip(
        probabilities(candidate_sets, context, weights(knobs), 3),
        probabilities(turned, context, weights(knobs), 3),
        strict=True,
    ):
        np.testing.assert_allclose(one, other[::-1], atol=1e-5)


@settings(deadline=None)
@given(seed=SEED)
def test_more_rounds_come_to_rest(knobs, seed):
    candidate_sets, context = _random(seed)
    many = probabilities(candidate_sets, context, weights(knobs, coherence=1.0), 30)
    more = probabilities(candidate_sets, context, weights(knobs, coherence=1.0), 31)
    for one, other in zip(many, more, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@settings(deadline=None)
@given(seed=SEED)
def test_probabilities_are_the_formulas_mention_by_mention(knobs, seed):
    candidate_sets, context = _random(seed)
    w = weights(knobs, none=0.3)
    fixed = [
        w.prior * np.log(c.priors) + w.text * c.embeddings @ context.text + w.page * c.embeddings @ context.page
        for c in candidate_sets
    ]
    expected = [np.exp(z) / (np.exp(z).sum() + np.exp(w.none)) for z in fixed]
    for _ in range(3 if len(candidate_sets) > 1 else 0):
        means = [p @ c.embeddings for p, c in zip(expected, candidate_sets, strict=True)]
        scores = [
            z + w.coherence * c.embeddings @ unit(sum(means) - mean)
            for z, c, mean in zip(fixed, candidate_sets, means, strict=True)
        ]
        expected = [np.exp(z) / (np.exp(z).sum() + np.exp(w.none)) for z in scores]
    for one, other in zip(probabilities(candidate_sets, context, w, 3), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_extreme_weights_stay_finite(knobs):
    context = Context(ANIMAL, COUNTRY)
    chances = probabilities(
        [candidates(ANIMAL, COUNTRY)], context, weights(knobs, text=100.0, page=100.0, none=-50.0), 10
    )
    assert np.isfinite(chances[0]).all()


def test_a_zero_vector_has_no_direction():
    assert not unit(NOTHING).any()
    assert np.linalg.norm(unit(np.array([3, 4], dtype=np.float32))) == pytest.approx(1)


def test_a_name_in_the_wrong_case_is_less_likely_by_its_weight(knobs):
    both = candidates(ANIMAL, COUNTRY)
    small = CandidateSet(both.embeddings, both.priors, np.array([0.0, 1.0], dtype=np.float32))
    nothing = Context(NOTHING, NOTHING)
    right, wrong = probabilities([small], nothing, weights(knobs, case=2.0), 0)[0]
    assert right / wrong == pytest.approx(np.exp(2.0))
