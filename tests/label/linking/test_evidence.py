import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from components.label.linking.disambiguate import Context, probabilities
from components.label.linking.evidence import TERMS, evidence
from tests.label.linking.test_disambiguate import ANIMAL, COUNTRY, NOTHING, SEED, _random, candidates, weights


def softmax(z, none):
    powers = np.exp(np.append(z, none) - max(z.max(), none))
    return powers[:-1] / powers.sum()


@settings(deadline=None)
@given(seed=SEED, iterations=st.integers(0, 4))
def test_the_softmax_of_the_parts_gives_the_probabilities_of_the_stage(knobs, seed, iterations):
    candidate_sets, context = _random(seed)
    used = weights(knobs)
    stage = probabilities(candidate_sets, context, used, iterations)
    for found, chances in zip(evidence(candidate_sets, context, used, iterations), stage, strict=True):
        np.testing.assert_allclose(softmax(found.log_odds(used), used.none), chances, atol=1e-5)


@settings(deadline=None)
@given(seed=SEED)
def test_the_parts_sum_to_the_log_odds(knobs, seed):
    candidate_sets, context = _random(seed)
    used = weights(knobs)
    for found in evidence(candidate_sets, context, used, 3):
        parts = found.parts(used)
        assert tuple(parts) == TERMS
        np.testing.assert_allclose(sum(parts.values()), found.log_odds(used))


def test_each_part_is_its_weight_times_its_evidence(knobs):
    used = weights(knobs, prior=2.0, text=3.0, page=5.0, coherence=7.0)
    turkey = candidates(ANIMAL, COUNTRY, priors=[0.25, 0.75])
    found = evidence([turkey, candidates(COUNTRY)], Context(COUNTRY, ANIMAL), used, 1)[0].parts(used)
    np.testing.assert_allclose(found["prior"], 2.0 * np.log([0.25, 0.75]))
    np.testing.assert_allclose(found["text"], [0.0, 3.0])
    np.testing.assert_allclose(found["page"], [5.0, 0.0])
    np.testing.assert_allclose(found["coherence"], [0.0, 7.0])


def test_a_lone_mention_has_nothing_to_cohere_with(knobs):
    found = evidence([candidates(ANIMAL, COUNTRY)], Context(NOTHING, NOTHING), weights(knobs), 3)[0]
    assert not found.coherence.any()
