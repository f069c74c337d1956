from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def answers(run):
    from training.report.answers import answers_of

    return answers_of(run)


def _answering(answers, predicted, confidence):
    """The same images with other answers."""
    count, classes = len(answers.truth), len(answers.labels)
    confidence = np.broadcast_to(confidence, count)[:, None]
    others = np.broadcast_to((1 - confidence) / (classes - 1), (count, classes))
    chosen = np.eye(classes, dtype=bool)[predicted]
    return replace(answers, probabilities=np.where(chosen, confidence, others))


def test_photographs_and_pixels_belong_together(run, answers):
    from contract.image import decode

    for index, photograph in enumerate(answers.photographs):
        assert answers.labels[answers.truth[index]] == photograph.label
        expected = decode(photograph.path.read_bytes(), run.recipe.image)
        np.testing.assert_array_equal(answers.pixels(index), expected)


def test_wrong_answers_are_looked_at_first(run, answers):
    from training.report.attention import look

    wrong = _answering(answers, (answers.truth + (np.arange(len(answers.truth)) < 2)) % 3, 0.9)

    looks = look(run.cut, wrong)

    assert {0, 1} <= {one.index for one in looks}
    assert len({one.index for one in looks}) == len(looks) == len(answers.truth)
    assert all(one.heatmap.shape == (32, 32) for one in looks)


def test_a_look_does_not_depend_on_the_images_it_is_taken_with(run, answers):
    from training.export.grad_cam import heatmaps_and_logits
    from training.report.attention import look

    for one in look(run.cut, answers)[:3]:
        alone, _ = heatmaps_and_logits(
            run.cut, answers.pixels(one.index)[None], answers.predicted[one.index : one.index + 1]
        )
        np.testing.assert_allclose(one.heatmap, alone[0], atol=1e-5)


def test_the_share_of_heat_on_padding_stands_beside_its_share_of_the_area():
    from training.report.attention import Look, padding_heat

    padding = np.zeros((4, 4), bool)
    padding[0] = True
    heat = np.full((4, 4), 0.25, np.float32)
    heat[0] = 1
    padded = Look(index=0, heatmap=heat, padding=padding)
    without = Look(index=1, heatmap=heat, padding=np.zeros((4, 4), bool))
    cold = Look(index=2, heatmap=np.zeros((4, 4), np.float32), padding=padding)

    figures = padding_heat([padded, without, cold])

    assert (figures.images, figures.area) == (1, 0.25)
    assert figures.heat == pytest.approx(4 / 7)
    assert padding_heat([without, cold]) is None


def test_the_most_frequent_mistakes_come_first_then_the_surest(answers):
    from training.report.confusion_section import worst_pairs

    truth = answers.truth
    first, second, third = (np.flatnonzero(truth == n) for n in range(3))
    predicted, confidence = truth.copy(), np.full(len(truth), 0.6)
    predicted[first[:1]], confidence[first[:1]] = 1, 0.7
    predicted[second[:1]], confidence[second[:1]] = 2, 0.9
    predicted[third[:2]] = 0

    pairs = worst_pairs(_answering(answers, predicted, confidence), most=4)

    assert pairs == [(2, 0), (1, 2), (0, 1)]


def test_embeddings_are_those_that_the_exported_version_answers(run):
    from training.export.graph import _embed
    from training.report.embeddings import embed_some

    samples = run.data.samples["test"]

    some = embed_some(run.model, samples, most=4, seed=0)

    assert len(some.indexes) == 4
    assert list(some.indexes) == sorted(set(some.indexes.tolist()))
    exported = _embed(run.model)(samples.values[samples.rows[some.indexes]])["embeddings"]
    np.testing.assert_allclose(some.vectors, exported, atol=1e-6)
    np.testing.assert_array_equal(some.labels, samples.labels[some.indexes])


def test_the_plane_is_that_of_the_largest_spread():
    from training.report.embeddings import principal_plane

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 6)) * (9, 4, 1, 0.5, 0.1, 0.1) + 3

    plane = principal_plane(vectors)

    centred = vectors - vectors.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(plane.points), np.abs(centred @ axes[:2].T), atol=1e-9)
    np.testing.assert_allclose(plane.shares, singular[:2] ** 2 / (singular**2).sum())


@pytest.mark.parametrize("vectors", [np.zeros((3, 2)), np.ones((1, 5)), np.ones((4, 1))])
def test_vectors_without_spread_lie_at_one_point(vectors):
    from training.report.embeddings import principal_plane

    plane = principal_plane(vectors)

    assert plane.points.shape == (len(vectors), 2)
    assert not plane.points.any()
    assert plane.shares == (0.0, 0.0)


def test_many_classes_are_shown_by_those_with_most_mistakes():
    from training.report.confusion_section import worst_classes

    counts = 5 * np.eye(30, dtype=np.int64)
    counts[7, 21] = counts[3, 4] = 2

    assert list(worst_classes(counts, most=4)) == [3, 4, 7, 21]
