"""Completion: kept pixels stay, and the rest is drawn given those before."""

import numpy as np
import pytest
from support import (
    MIXTURE,
    chi_square_p,
    gated,
    outputs,
    random_images,
)

from pcnnlib import sampling


def test_completion_follows_the_model_given_the_pixels_before(trained):
    """The first row kept, the conditional distribution of the next pixel is the model's."""
    image = np.zeros((4, 4, 1), "uint8")
    image[0, :, 0] = [1, 0, 1, 1]
    keep = np.zeros((4, 4), bool)
    keep[0] = True
    draws = 4000
    drawn = trained.sample(draws, seed=0, image=image, keep=keep)
    logit = outputs(trained, image[None])[0, 1, 0, 0]
    ones = int(drawn[:, 1, 0, 0].sum())
    p = 1 / (1 + np.exp(-logit))
    assert chi_square_p([draws - ones, ones], [1 - p, p]) > 0.01  # fixed seed


def masks_to_keep():
    rng = np.random.default_rng(0)
    top, left, one = np.zeros((3, 4, 4), bool)
    top[:2], left[:, :2], one[3, 3] = True, True, True
    return {"top": top, "left": left, "last": one, "any": rng.random((4, 4)) < 0.5}


@pytest.mark.parametrize("method", ["cached", "full"])
@pytest.mark.parametrize("half", masks_to_keep())
def test_kept_pixels_stay_and_the_rest_is_drawn_given_those_before(trained, half, method):
    keep = masks_to_keep()[half]
    image = random_images(5, (4, 4, 1), 2, seed=8)
    drawn = trained.sample(5, seed=1, image=image, keep=keep, method=method)
    np.testing.assert_array_equal(drawn[:, keep], image[:, keep])
    # Pixels before the first kept one do not know of it: they are drawn as without it.
    free = trained.sample(5, seed=1, method=method)
    first = np.flatnonzero(keep)[0]
    np.testing.assert_array_equal(drawn.reshape(5, -1)[:, :first], free.reshape(5, -1)[:, :first])
    # Every drawn value is the one that inversion gives under the whole network's parameters.
    noise = np.random.default_rng(1).random((5, 4, 4, 1, 1), "float32")
    expected = np.asarray(trained.distribution.sample(outputs(trained, drawn), noise))
    np.testing.assert_array_equal(drawn[:, ~keep], expected[:, ~keep])


@pytest.mark.both_backends
def test_keeping_everything_changes_nothing_and_keeping_nothing_ignores_the_image():
    model = gated((3, 4, 3), levels=4)
    image = random_images(3, (3, 4, 3), 4)
    everything = np.ones((3, 4), bool)
    np.testing.assert_array_equal(model.sample(3, image=image, keep=everything), image)
    free = model.sample(3, seed=0)
    nothing = model.sample(3, seed=0, image=image, keep=~everything)
    np.testing.assert_array_equal(nothing, free)


@pytest.mark.parametrize("method", ["cached", "full"])
@pytest.mark.parametrize("options", [{}, MIXTURE], ids=["categorical", "mixture"])
def test_single_channels_can_be_kept(method, options):
    """Green kept: red is drawn without knowing it, blue knowing it."""
    model = gated((2, 2, 3), levels=4, **options)
    image = np.full((1, 2, 2, 3), 3, "uint8")
    keep = np.zeros((2, 2, 3), bool)
    keep[..., 1] = True
    drawn = model.sample(4, seed=0, image=image, keep=keep, method=method)
    assert (drawn[..., 1] == 3).all()
    free = model.sample(4, seed=0, method=method)
    np.testing.assert_array_equal(drawn[:, 0, 0, 0], free[:, 0, 0, 0])
    noise = np.random.default_rng(0).random(
        (4, 2, 2, 3, model.distribution.noise_per_channel), "float32"
    )
    keep = np.broadcast_to(keep, drawn.shape)
    image = drawn.astype("int32")
    expected = model.distribution.sample_given(outputs(model, drawn), noise, 1.0, image, keep)
    np.testing.assert_array_equal(drawn, expected)


def test_shapes_of_image_and_keep_mean_the_same(trained):
    image = random_images(1, (4, 4, 1), 2)
    keep = masks_to_keep()["top"]
    expected = trained.sample(3, seed=0, image=image, keep=keep)
    for images in (
        image[0],
        np.repeat(image, 3, axis=0),
        image.astype(bool),
        image.astype("int64"),
    ):
        for mask in (keep[None], keep[..., None], np.repeat(keep[None, ..., None], 3, axis=0)):
            drawn = trained.sample(3, seed=0, image=images, keep=mask)
            np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("n", [2, 3])
def test_a_mask_of_the_shape_of_the_image_is_that_however_many_are_drawn(n):
    model = gated((3, 3, 3), levels=4, filters=6, blocks=1)
    image = random_images(1, (3, 3, 3), 4)[0]
    keep = np.zeros((3, 3, 3), bool)
    keep[0] = True  # the first row, and not the first image
    images = model.sample(n, seed=0, image=image, keep=keep)
    assert (images[:, 0] == image[0]).all()
    assert sampling.best_order(model, keep) == 0


def test_keep_may_differ_from_image_to_image(trained):
    image = np.ones((2, 4, 4, 1), "uint8")
    keep = np.zeros((2, 4, 4), bool)
    keep[1] = True
    drawn = trained.sample(2, seed=0, image=image, keep=keep)
    np.testing.assert_array_equal(drawn[0], trained.sample(1, seed=0)[0])
    np.testing.assert_array_equal(drawn[1], image[1])
