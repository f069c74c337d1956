"""What frozen layers give is computed once, kept on disk, and named by all that decides it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.errors import CacheError
from training.recipe import Augmentation

from .small_fits import built, coloured

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

AS_THEY_ARE = Augmentation()
FLIPPED_THRICE = Augmentation(shear=0.5, zoom=0.3, flip=True, copies=3)


@pytest.fixture
def lower(tiny_recipe):
    """`cnn3` up to its last map: [N, 2, 2, 64]."""
    import keras

    model = built(tiny_recipe).model
    return keras.Model(model.inputs[0], model.get_layer("pool3").output)


def _cached(folder, lower, samples, *, augmentation=AS_THEY_ARE, seed=0, dtype="float32"):  # noqa: PLR0913
    from training.features import Copies, FeatureCache, cached_features
    from training.seeds import EpochSeed

    copies = Copies(augmentation=augmentation, epoch_seed=EpochSeed(seed=seed, stage=0, epoch=0))
    cache = FeatureCache(folder=folder, dtype=dtype)
    return cached_features(cache, lower, samples, copies=copies, progress=False)


def test_features_are_what_the_layers_give_in_inference_mode(lower, tmp_path):
    samples = replace(coloured(40, seed=0), rows=np.arange(39, -1, -1))

    features = _cached(tmp_path, lower, samples)

    expected = np.asarray(lower(samples.values[::-1], training=False))
    assert features.values[features.rows] == pytest.approx(expected, abs=1e-5)
    assert np.array_equal(features.labels, samples.labels)
    assert isinstance(features.values, np.memmap)


def test_a_second_call_computes_nothing(lower, tmp_path):
    first = _cached(tmp_path, lower, coloured(9, seed=0))
    [file] = tmp_path.iterdir()
    before = file.stat()

    second = _cached(tmp_path, lower, coloured(9, seed=0))

    [again] = tmp_path.iterdir()
    assert (again.stat().st_ino, again.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert np.array_equal(first.values, second.values)


@pytest.mark.parametrize("damage", ["cut", "emptied", "not an array", "another shape"])
def test_a_damaged_file_is_computed_again(lower, tmp_path, damage):
    first = np.array(_cached(tmp_path, lower, coloured(9, seed=0)).values)
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    if damage == "another shape":
        np.save(file, np.zeros((2, 2), np.float32))
    else:
        file.write_bytes({"cut": whole[:-100], "emptied": b"", "not an array": b"no array"}[damage])

    second = _cached(tmp_path, lower, coloured(9, seed=0))

    assert np.array_equal(first, second.values)
    assert file.read_bytes() == whole


def test_other_pixels_weights_copies_or_precision_have_a_file_of_their_own(lower, tmp_path, tiny_recipe):
    import keras

    samples = coloured(6, seed=0)
    other = built(tiny_recipe, seed=1).model
    other_lower = keras.Model(other.inputs[0], other.get_layer("pool3").output)
    earlier = keras.Model(lower.inputs[0], lower.get_layer("conv3").output)

    _cached(tmp_path, lower, samples)
    _cached(tmp_path, lower, coloured(6, seed=9))
    _cached(tmp_path, other_lower, samples)
    _cached(tmp_path, earlier, samples)
    _cached(tmp_path, lower, samples, dtype="float16")
    _cached(tmp_path, lower, samples, augmentation=FLIPPED_THRICE)
    _cached(tmp_path, lower, samples, augmentation=FLIPPED_THRICE, seed=1)

    assert len(list(tmp_path.iterdir())) == 7


def test_a_single_changed_copy_has_a_file_of_its_own_for_each_seed_and_change(lower, tmp_path):
    samples = coloured(6, seed=0)
    once = replace(FLIPPED_THRICE, copies=1)

    plain = _cached(tmp_path, lower, samples)
    changed = _cached(tmp_path, lower, samples, augmentation=once)
    _cached(tmp_path, lower, samples, augmentation=once, seed=1)
    _cached(tmp_path, lower, samples, augmentation=replace(once, zoom=0.1))

    assert len(list(tmp_path.iterdir())) == 4
    assert not np.array_equal(plain.values, changed.values)


def _magnified(factor):
    """Brightness times a factor, as the frozen part of a network."""
    import keras

    images = keras.Input((32, 32, 3), dtype="uint8")
    return keras.Model(images, keras.layers.Rescaling(factor, name="magnified")(images))


def test_outputs_beyond_float16_are_one_clear_line_that_names_the_way_out(tmp_path):
    with pytest.raises(CacheError) as caught:
        _cached(tmp_path, _magnified(1e4), coloured(3, seed=0), dtype="float16")

    assert str(caught.value) == 'the outputs of magnified do not fit float16: use features = "float32"'
    assert list(tmp_path.iterdir()) == []


def test_outputs_beyond_mixed_precision_name_the_precision(tmp_path):
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        magnified = _magnified(1e4)
    finally:
        keras.config.set_dtype_policy("float32")

    with pytest.raises(CacheError, match='magnified do not fit float16: use precision = "float32"'):
        _cached(tmp_path, magnified, coloured(3, seed=0))


def test_what_a_killed_process_left_aside_is_removed_and_what_lives_is_not(lower, tmp_path):
    from contract.aside import written_aside

    abandoned = tmp_path / f".features-0123.npy-{'a' * 32}"
    abandoned.mkdir()
    (abandoned / "features-0123.npy").write_bytes(b"half")
    with written_aside(tmp_path / "features-4567.npy") as living:
        living.write_bytes(b"half")
        _cached(tmp_path, lower, coloured(3, seed=0))
        assert living.read_bytes() == b"half"

    [kept] = tmp_path.iterdir()
    assert kept.suffix == ".npy"


def test_what_was_left_aside_does_not_count_as_taken(tmp_path):
    from training.features import FeatureCache

    (tmp_path / f".features-0123.npy-{'a' * 32}").mkdir()

    FeatureCache(folder=tmp_path).room()

    assert list(tmp_path.iterdir()) == []


def test_kept_features_are_those_of_an_earlier_call(lower, tmp_path):
    from training.features import Copies, FeatureCache, kept_features
    from training.seeds import EpochSeed

    samples, cache = coloured(5, seed=0), FeatureCache(folder=tmp_path)
    copies = Copies(augmentation=AS_THEY_ARE, epoch_seed=EpochSeed(seed=0, stage=0, epoch=0))
    before = kept_features(cache, lower, samples, copies=copies)
    computed = _cached(tmp_path, lower, samples)

    kept = kept_features(cache, lower, samples, copies=copies)

    assert before is None
    assert np.array_equal(kept.values, computed.values)
    assert np.array_equal(kept.labels, computed.labels)


def test_kept_features_that_cannot_be_read_are_one_clear_line(lower, tmp_path):
    from training.features import Copies, FeatureCache, kept_features
    from training.seeds import EpochSeed

    samples = coloured(5, seed=0)
    _cached(tmp_path, lower, samples)
    [file] = tmp_path.iterdir()
    file.unlink()
    file.mkdir()  # of all that cannot be opened, what not even root can
    copies = Copies(augmentation=AS_THEY_ARE, epoch_seed=EpochSeed(seed=0, stage=0, epoch=0))

    with pytest.raises(CacheError, match=r"^cannot keep features in .*: Is a directory$"):
        kept_features(FeatureCache(folder=tmp_path), lower, samples, copies=copies)


def test_the_same_layers_built_again_find_their_file(lower, tmp_path, tiny_recipe):
    """Another process numbers them differently."""
    import keras

    model = built(tiny_recipe).model
    again = keras.Model(model.inputs[0], model.get_layer("pool3").output)
    caffe = [
        built(replace(tiny_recipe, scaling="caffe")).model for _ in range(2)
    ]  # has an operation of Keras's besides layers

    for network in (lower, again):
        _cached(tmp_path / "1", network, coloured(6, seed=0))
    for network in caffe:
        part = keras.Model(network.inputs[0], network.get_layer("pool3").output)
        _cached(tmp_path / "2", part, coloured(6, seed=0))

    assert [len(list((tmp_path / name).iterdir())) for name in "12"] == [1, 1]


def test_float16_takes_half_the_room_and_rounds(lower, tmp_path):
    samples = coloured(64, seed=0)
    full = _cached(tmp_path / "32", lower, samples)

    half = _cached(tmp_path / "16", lower, samples, dtype="float16")

    [large], [small] = ((tmp_path / name).iterdir() for name in ("32", "16"))
    header = 128
    assert small.stat().st_size - header == (large.stat().st_size - header) / 2
    assert half.values == pytest.approx(full.values, rel=2**-11, abs=1e-6)


def test_copies_differ_from_one_another_and_are_the_same_again_with_the_same_seed(lower, tmp_path):
    samples = coloured(8, seed=0)

    first, again, other = (
        _cached(tmp_path / name, lower, samples, augmentation=FLIPPED_THRICE, seed=seed)
        for name, seed in (("a", 4), ("b", 4), ("c", 5))
    )

    copies = np.split(first.values, 3)
    assert (first.copies, first.stride, len(first)) == (3, 8, 8)
    assert all(not np.array_equal(copies[n], copies[n - 1]) for n in range(3))
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(lower, small_disk):
    with pytest.raises(CacheError, match=r"^cannot keep features in .*: No space left on device$"):
        _cached(small_disk, lower, coloured(2000, seed=0))

    assert list(small_disk.iterdir()) == []


def test_an_interrupted_computation_leaves_nothing_that_looks_whole(lower, tmp_path):
    samples = coloured(9, seed=0)
    broken = replace(samples, rows=np.append(samples.rows[:-1], 99))  # no such image

    with pytest.raises(IndexError):
        _cached(tmp_path, lower, broken)

    assert list(tmp_path.iterdir()) == []
