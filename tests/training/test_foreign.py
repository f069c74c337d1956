from __future__ import annotations

import numpy as np
import pytest

from training.foreign import Seen, auroc, measure_foreign, similarity


def _directions(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _measure(*, known=(0.9, 0.8, 0.7, 0.6), foreign=(0.95, 0.5), threshold=0.65):
    return measure_foreign(
        Seen(top_probabilities=np.array(known), embeddings=_directions(0, 5, 10, 15)),
        Seen(top_probabilities=np.array(foreign), embeddings=_directions(80, 90)),
        training_embeddings=_directions(0, 7, 14),
        threshold=threshold,
    )


def test_both_detectors_are_measured_at_the_share_of_known_images_that_the_threshold_answers():
    foreign = _measure()

    assert (foreign.images, foreign.known_images) == (2, 4)
    assert (foreign.known_answered, foreign.answered) == (0.75, 0.5)
    assert foreign.answered_by_embedding == 0.0
    assert (foreign.auroc_probability, foreign.auroc_embedding) == (0.5, 1.0)


def test_a_picture_at_the_threshold_is_answered():
    assert _measure(foreign=(0.65, 0.64)).answered == 0.5


def test_a_threshold_of_0_answers_every_picture_and_one_above_all_none():
    everything, nothing = _measure(threshold=0.0), _measure(threshold=1.0)

    assert (everything.known_answered, everything.answered) == (1.0, 1.0)
    assert (nothing.known_answered, nothing.answered, nothing.answered_by_embedding) == (0.0, 0.0, 0.0)


def test_the_report_says_how_weak_the_threshold_is():
    weak, better = _measure().notes

    assert "weak detector" in weak
    assert "of 2 photographs that show none of the classes, 50% still get a label" in weak
    assert "would give a label to 0% of them (AUROC 1.000)" in better


@pytest.mark.parametrize(
    ("positives", "negatives", "area"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 1], [1, 1, 1], 0.5), ([2, 4], [1, 3, 4], 3.5 / 6)],
)
def test_the_area_is_the_share_of_pairs_in_the_right_order(positives, negatives, area):
    assert auroc(np.array(positives), np.array(negatives)) == pytest.approx(area)


def test_similarity_is_the_mean_over_the_nearest_training_images():
    values = similarity(_directions(0), _directions(10, -20, 170), neighbours=2)

    assert values == pytest.approx([(np.cos(np.radians(10)) + np.cos(np.radians(20))) / 2])


def test_fewer_training_images_than_neighbours_will_do():
    assert similarity(_directions(0), _directions(60), neighbours=10) == pytest.approx([0.5])


def test_many_pictures_are_compared_as_few_are():
    rng = np.random.default_rng(0)
    embeddings, training = rng.normal(size=(600, 8)), rng.normal(size=(50, 8))

    values = similarity(embeddings, training)

    np.testing.assert_allclose(values, np.sort(embeddings @ training.T, axis=1)[:, -10:].mean(axis=1))
