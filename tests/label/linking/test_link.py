import numpy as np
import pytest

from components.label.image_filter.calibration import UNCALIBRATED, Calibration
from components.label.linking.disambiguate import CandidateSet, Context
from components.label.linking.link import Linkable, link

SEEING = Calibration(slope=2.0, middle=0.0, threshold=-2.0, auc=0.9, pairs=500)
NOWHERE = Context(np.zeros(2, np.float32), np.zeros(2, np.float32))
TEXT = "crab and turkey"


def mention(entities, start=0, end=4, subject=True, coverage=1.0, priors=None, scores=None, towards=1.0):
    """`towards`: how far the candidates' embeddings point to the page's direction."""
    count = len(entities)
    vectors = np.array([[towards, 0.0]] * count, dtype=np.float32)
    shares = np.asarray(priors or [1 / count] * count, dtype=np.float32)
    return Linkable(
        start,
        end,
        subject,
        coverage,
        tuple(entities),
        CandidateSet(vectors, shares, np.zeros(len(shares), dtype=np.float32)),
        np.asarray(scores or [0.0] * count),
    )


def reasons(label):
    return {d.entity_id: d.reason for d in label.decisions}


def on_page(*mentions, calibration=UNCALIBRATED, parameters, page=1.0):
    context = Context(np.zeros(2, np.float32), np.array([page, 0], np.float32))
    return link(TEXT, mentions, context, calibration, parameters)


def test_a_fitting_candidate_is_kept(knobs):
    label = on_page(mention(["Q3"]), parameters=knobs())
    assert label.entities == ("Q3",)
    assert (label.decisions[0].mention, label.decisions[0].kept, label.decisions[0].reason) == ("crab", True, "kept")


def test_outside_the_subject(knobs):
    assert reasons(on_page(mention(["Q3"], subject=False), parameters=knobs())) == {"Q3": "not_subject"}


def test_a_mere_modifier(knobs):
    assert reasons(on_page(mention(["Q3"], coverage=0.69), parameters=knobs())) == {"Q3": "modifier"}
    assert reasons(on_page(mention(["Q3"], coverage=0.71), parameters=knobs())) == {"Q3": "kept"}


def test_unlikely_in_its_context(knobs):
    assert reasons(on_page(mention(["Q3"], towards=-1.0), parameters=knobs())) == {"Q3": "unlikely"}


def test_rivals_of_the_kept_one(knobs):
    label = on_page(mention(["Q1", "Q2"], priors=[0.1, 0.9]), parameters=knobs())
    assert reasons(label) == {"Q2": "kept", "Q1": "rival"}
    assert [d.entity_id for d in label.decisions] == ["Q2", "Q1"]


def test_the_picture_overrules_the_text(knobs):
    turkey = mention(["Q1", "Q2"], priors=[0.4, 0.6], scores=[2.0, -2.0])
    label = on_page(turkey, calibration=SEEING, parameters=knobs())
    assert reasons(label) == {"Q1": "kept", "Q2": "image_rival"}


def test_the_picture_makes_the_likeliest_unlikely(knobs):
    label = on_page(mention(["Q3"], scores=[-1.9], towards=0.3), calibration=SEEING, parameters=knobs())
    assert reasons(label) == {"Q3": "image_unlikely"}


def test_below_the_threshold(knobs):
    label = on_page(mention(["Q3"], scores=[-2.1]), calibration=SEEING, parameters=knobs(image_weight=0.0))
    assert reasons(label) == {"Q3": "image_threshold"}


@pytest.mark.parametrize("scores", [[-9.0, 9.0], [9.0, -9.0]])
def test_an_uncalibrated_clip_leaves_the_decision_to_the_text(knobs, scores):
    label = on_page(mention(["Q1", "Q2"], priors=[0.1, 0.9], scores=scores), parameters=knobs())
    assert label.entities == ("Q2",)


def test_the_same_entity_counts_once(knobs):
    label = on_page(mention(["Q3"]), mention(["Q3"], 9, 15), parameters=knobs())
    assert label.entities == ("Q3",)
    assert [d.reason for d in label.decisions] == ["kept", "repeated"]


def test_no_more_entities_than_a_picture_may_have(knobs):
    label = on_page(mention(["Q3"], coverage=0.8), mention(["Q4"], 9, 15), parameters=knobs(max_entities=1))
    assert label.entities == ("Q4",)
    assert reasons(label) == {"Q3": "surplus", "Q4": "kept"}


def test_the_best_entity_comes_first(knobs):
    label = on_page(mention(["Q3"], coverage=0.8), mention(["Q4"], 9, 15, coverage=0.9), parameters=knobs())
    assert label.entities == ("Q4", "Q3")
    assert [d.start for d in label.decisions] == [0, 9]


def test_a_text_without_mentions_has_no_entities(knobs):
    assert link("", [], NOWHERE, SEEING, knobs()).decisions == ()


def test_the_score_by_the_text_is_a_probability(knobs):
    label = on_page(mention(["Q1", "Q2"]), mention(["Q3"], 9, 15), parameters=knobs())
    assert all(0 <= d.text_score <= 1 for d in label.decisions)
