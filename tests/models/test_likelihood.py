"""Probabilities are probabilities: those of all images sum to one."""

import numpy as np
import pytest
from support import MIXTURE, all_images, gated, outputs, plain, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib.models.likelihood import rows_for
from pcnnlib.nn import masks


@pytest.mark.both_backends
@pytest.mark.parametrize("build", [gated, plain])
def test_probabilities_of_all_binary_images_of_3x3_sum_to_one(build):
    sums_to_one(build((3, 3, 1)))


@pytest.mark.parametrize(
    ("build", "shape", "levels", "condition"),
    [
        (gated, (2, 2, 1), 3, None),
        (plain, (2, 2, 1), 3, None),
        (gated, (1, 2, 3), 2, None),
        (plain, (1, 2, 3), 2, None),
        (gated, (1, 2, 2), 3, None),
        ("mixture", (1, 2, 3), 2, None),
        ("mixture", (1, 1, 3), 7, None),
        ("mixture", (2, 2, 1), 4, None),
        (gated, (2, 3, 1), 2, pcnn.Labels(3)),
        (gated, (2, 4, 1), 2, pcnn.Map((1, 2, 3))),
    ],
)
def test_probabilities_of_all_images_sum_to_one(build, shape, levels, condition):
    options = {} if condition is None else {"condition": condition}
    if build == "mixture":
        build, options = gated, MIXTURE
    sums_to_one(build(shape, levels=levels, **options))


def sums_to_one(model):
    images = all_images(model.image_shape, model.levels)
    assert len(images) == model.levels ** int(np.prod(model.image_shape))
    conditions = random_condition(model.condition, 1)
    conditions = None if conditions is None else np.repeat(conditions, len(images), axis=0)
    nats = model.log_likelihood(images, conditions, batch_size=128)
    # Log-probabilities of about ten nats in float32, so each term is right to a few 1e-6 of itself.
    assert np.exp(nats).sum() == pytest.approx(1, abs=1e-5)
    assert np.ptp(nats) > 1  # far from uniform, which would sum to one whatever the order


def test_a_leaking_model_does_not_sum_to_one():
    model = plain((3, 3, 1))
    model.first.mask = masks.raster_mask(3, "B", np.zeros(1, int), np.zeros(6, int))[:2]
    total = np.exp(model.log_likelihood(all_images((3, 3, 1), 2), batch_size=128)).sum()
    assert abs(total - 1) > 0.01


@pytest.mark.both_backends
def test_log_likelihood_is_the_sum_over_pixels_whatever_the_batch_size():
    model = gated((3, 5, 1), levels=4)
    images = random_images(7, (3, 5, 1), 4)
    logits = outputs(model, images).astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    table = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = np.take_along_axis(table, images[..., None].astype(int), -1).sum(axis=(1, 2, 3, 4))
    for batch_size in (1, 3, 7, 100):
        got = model.log_likelihood(images, batch_size=batch_size)
        assert got.dtype == np.float64
        # Fifteen float32 terms of some two nats.
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_few_images_are_not_scored_among_a_hundred():
    model, images = gated(), random_images(130, (4, 4, 1), 2)
    each = model.log_likelihood(images, batch_size=200)
    for n in (1, 2, 3, 5, 8, 60, 99, 100, 130):
        np.testing.assert_allclose(
            model.log_likelihood(images[:n], batch_size=200), each[:n], atol=1e-4
        )
    sizes = {key[1] for key in model.compiled_functions.by_key}
    assert sizes == {1, 2, 4, 8, 64, 100, 130}
    assert {rows_for(n) for n in range(101)} == {1, 2, 4, 8, 16, 32, 64, 100}
    assert all(n <= rows_for(n) < 2 * max(n, 1) for n in range(200))


def test_log_likelihood_of_no_images_is_empty():
    assert gated().log_likelihood(np.zeros((0, 4, 4, 1), int)).shape == (0,)
