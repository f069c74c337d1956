"""In which order images reach the network, and what comes with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from .small_fits import coloured

pytestmark = pytest.mark.tensorflow


def _order(epoch, *, count=103, block=20):
    from training.batches import shuffled_in_blocks
    from training.seeds import EpochSeed

    rng = EpochSeed(seed=0, stage=0, epoch=epoch).rng("order")
    return shuffled_in_blocks(count, rng, block=block)


@pytest.mark.parametrize("block", [1, 7, 20, 102, 103, 1000])
def test_every_row_comes_once_an_epoch(block):
    for epoch in range(5):
        assert sorted(_order(epoch, block=block)) == list(range(103))


def test_rows_are_read_one_stretch_of_the_file_after_another():
    """However far the reading has come, what was read is whole stretches and a part of one."""
    order = _order(0, count=1000, block=100)

    for start in range(0, 1000, 50):
        window = np.sort(order[start : start + 50])
        assert len(_stretches(window, least_gap=100)) <= 2


def _stretches(rows, *, least_gap):
    return np.split(rows, np.flatnonzero(np.diff(rows) >= least_gap) + 1)


def test_the_order_and_the_stretches_differ_every_epoch():
    orders = [_order(epoch) for epoch in range(4)]
    first_stretches = {frozenset(order[:10]) for order in orders}

    assert len({tuple(order) for order in orders}) == 4
    assert len(first_stretches) == 4
    assert all(not np.array_equal(order, np.sort(order)) for order in orders)


def _batches(**options):
    from training.batches import Batches

    return Batches(**{"samples": coloured(10, seed=0), "size": 4} | options)


def test_in_order_means_the_samples_own_order_with_a_smaller_last_batch():
    pixels, labels = zip(*((x.numpy(), y.numpy()) for x, y in _batches().in_order()), strict=True)

    assert [len(batch) for batch in pixels] == [4, 4, 2]
    assert np.array_equal(np.concatenate(pixels), coloured(10, seed=0).values)
    assert np.concatenate(labels).tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_labels_weights_and_pixels_of_a_shuffled_epoch_stay_together():
    from training.seeds import EpochSeed

    weights = np.array([1, 2, 4], np.float32)
    shuffled = _batches(weights=weights).shuffled(EpochSeed(seed=0, stage=0, epoch=0))

    for pixels, labels, weight in shuffled:
        brightest = pixels.numpy().astype(float).mean(axis=(1, 2)).argmax(axis=1)
        assert np.array_equal(labels, brightest)
        assert np.array_equal(weight, weights[labels.numpy()])


def test_mixup_mixes_pixels_and_labels_by_the_same_share():
    """The classes are plain colours, so a mixture tells its share."""
    from training.seeds import EpochSeed

    samples = coloured(12, seed=0)
    plain = np.zeros_like(samples.values)
    plain[np.arange(12), :, :, samples.labels] = 200
    mixing = _batches(samples=replace(samples, values=plain), classes=3, mixup=0.5)

    batches = list(mixing.shuffled(EpochSeed(seed=0, stage=0, epoch=0)))

    shares = np.concatenate([labels.numpy() for _, labels in batches])
    means = np.concatenate([pixels.numpy().mean(axis=(1, 2)) for pixels, _ in batches])
    assert means / 200 == pytest.approx(shares, abs=0.01)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert ((shares > 0.05) & (shares < 0.95)).any()


def test_a_mixture_counts_as_much_as_its_classes_together():
    from training.seeds import EpochSeed

    weights = np.array([1, 10, 100], dtype=np.float32)
    mixing = _batches(classes=3, mixup=0.5, weights=weights)

    for _, labels, weight in mixing.shuffled(EpochSeed(seed=0, stage=0, epoch=0)):
        assert weight.numpy() == pytest.approx(labels.numpy() @ weights)


def test_validation_is_never_mixed():
    for _, labels in _batches(classes=3, mixup=0.5).in_order():
        assert set(np.unique(labels)) == {0, 1}


def test_a_batch_that_devices_share_has_the_same_number_for_each():
    [*whole, last] = [labels.numpy() for _, labels in _batches(size=3, devices=2).in_order()]

    assert [len(labels) for labels in whole] == [4, 4, 4]
    assert last.tolist() == [0, 0]
    assert whole[0].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("copies", [1, 3])
def test_every_epoch_draws_one_of_an_images_copies(copies):
    from training.samples import Samples
    from training.seeds import EpochSeed

    values = np.arange(copies * 40)[:, None]  # row = copy * 40 + image
    samples = Samples(values=values, rows=np.arange(40), labels=np.arange(40), copies=copies, stride=40)
    seen = []
    for epoch in range(3):
        batches = list(_batches(samples=samples).shuffled(EpochSeed(seed=0, stage=0, epoch=epoch)))
        values = np.concatenate([batch.numpy()[:, 0] for batch, _ in batches])
        labels = np.concatenate([batch.numpy() for _, batch in batches])
        assert np.array_equal(values % 40, labels)
        seen.append(frozenset(values))

    assert len(set(seen)) == (1 if copies == 1 else 3)
    assert {value // 40 for value in seen[0]} == set(range(copies))


def test_no_thread_tunes_a_pass_that_would_wait_for_it_at_its_end():
    assert _batches().in_order().options().autotune.enabled is False
