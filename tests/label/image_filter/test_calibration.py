import numpy as np
import pytest

from components.label.image_filter.calibration import UNCALIBRATED, calibrate, score_statistics
from components.label.workers import entity_text

RNG = np.random.default_rng(0)
RIGHT, WRONG = RNG.normal(1.0, 1.0, 2000), RNG.normal(0.0, 1.0, 2000)


def test_a_clip_that_separates_pairs_is_calibrated():
    fitted = calibrate(list(RIGHT), list(WRONG), 0.02)
    assert fitted.slope == pytest.approx(1.0, abs=0.1)
    assert fitted.middle == pytest.approx(0.5, abs=0.1)
    assert fitted.auc == pytest.approx(0.76, abs=0.02)


def test_the_threshold_is_the_quantile_of_matched_pairs():
    fitted = calibrate(list(RIGHT), list(WRONG), 0.1)
    assert np.mean(fitted.threshold > RIGHT) == pytest.approx(0.1, abs=0.001)


def test_quantile_zero_filters_nothing():
    assert calibrate(list(RIGHT), list(WRONG), 0.0).threshold < -1e6


def test_a_clip_that_guesses_is_not_calibrated():
    fitted = calibrate(list(RNG.normal(size=2000)), list(RNG.normal(size=2000)), 0.02)
    assert (fitted.slope, fitted.threshold) == (0.0, UNCALIBRATED.threshold)
    assert fitted.auc == pytest.approx(0.5, abs=0.05)
    assert fitted.pairs == 2000


def test_a_clip_that_is_always_wrong_is_not_calibrated():
    assert calibrate(list(WRONG), list(RIGHT), 0.02).slope == 0.0


def test_few_pairs_are_no_proof():
    assert calibrate([1.0, 1.1, 1.2], [0.0, 0.1, 0.2], 0.02).slope == 0.0
    assert calibrate([], [], 0.02) == calibrate([1.0], [0.0], 0.02) == UNCALIBRATED


def test_pairs_without_spread_are_calibrated():
    assert calibrate([1.0] * 50, [0.0] * 50, 0.02).slope > 0


def test_higher_scores_speak_for_the_candidate_within_bounds():
    odds = calibrate(list(RIGHT), list(WRONG), 0.02).log_odds(np.array([-100.0, 0.0, 0.5, 1.0, 100.0]))
    assert list(odds) == sorted(odds)
    assert (odds[0], odds[-1]) == (-4.0, 4.0)


def test_without_calibration_all_odds_are_even():
    assert not UNCALIBRATED.log_odds(np.array([-3.0, 3.0])).any()


def test_scores_are_standardised_per_text():
    texts, references = (RNG.normal(size=(n, 8)).astype(np.float32) for n in (3, 500))
    fitted = score_statistics(texts, references)
    z = (texts @ references.T - fitted.mean[:, None]) / fitted.deviation[:, None]
    assert z.mean(axis=1) == pytest.approx(0, abs=1e-4)
    assert z.std(axis=1) == pytest.approx(1, abs=1e-4)


def test_without_reference_pictures_a_cosine_stays_as_it_is():
    fitted = score_statistics(np.ones((2, 4), np.float32), np.zeros((0, 4), np.float32))
    assert list(fitted.mean) == [0, 0] and list(fitted.deviation) == [1, 1]


def test_clip_reads_name_and_description(base):
    assert entity_text(base, base.row_of("Q3")) == "crab, sea animal with claws"
