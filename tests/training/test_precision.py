from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.observer import Observer

from .plans import plan_in
from .small_fits import coloured, fitted, splits

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_what_is_fitted_in_mixed_precision_answers_the_same_in_float32(tiny_recipe, tmp_path, precision):
    import keras

    from training.networks import float32_copy

    recipe = replace(tiny_recipe, precision=precision)
    mixed, history = fitted(recipe, splits(), tmp_path)
    plain = float32_copy(mixed, recipe)

    pixels = coloured(6, seed=5).values
    theirs = np.asarray(mixed.model(pixels, training=False))
    ours = np.asarray(plain.model(pixels, training=False))
    computing = {layer.compute_dtype for layer in mixed.model.layers if layer.weights}
    assert computing == {precision.removeprefix("mixed_"), "float32"}  # the logits are float32
    assert history[-1]["loss"] < history[0]["loss"]
    assert ours == pytest.approx(theirs, abs=0.05)
    assert np.ptp(ours) > 0.05
    assert {layer.dtype_policy.name for layer in plain.model.layers} <= {"float32", "uint8"}
    assert plain.backbone == mixed.backbone
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("precision", "scales"), [("mixed_float16", True), ("mixed_bfloat16", False)])
def test_gradients_are_scaled_where_float16_would_lose_them(tiny_recipe, tmp_path, precision, scales):
    """The scale and what counts towards the next one are kept beside the weights."""
    kept = []
    recipe = replace(tiny_recipe, precision=precision)

    fitted(recipe, splits(), tmp_path, observer=Observer(save=kept.append))

    plain = replace(tiny_recipe, precision="float32")
    fitted(plain, splits(), tmp_path, observer=Observer(save=kept.append))
    assert (len(kept[0].optimizer) > len(kept[-1].optimizer)) is scales


def test_a_run_in_mixed_precision_publishes_float32(tiny_recipe, pictures, tmp_path):
    import keras

    from training.train import train

    result = train(
        plan_in(tmp_path, pictures, replace(tiny_recipe, precision="mixed_bfloat16")), progress=False
    )

    model = keras.saving.load_model(result.version / "assets.extra" / "model.keras", compile=False)
    assert {layer.compute_dtype for layer in model.layers} <= {"float32", "uint8"}
    assert {weight.dtype for weight in model.get_weights() if weight.ndim} == {np.dtype(np.float32)}
