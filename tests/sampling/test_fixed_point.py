"""Redrawing all pixels until none changes gives the images that drawing one by one gives."""

import numpy as np
import pytest
from keras import ops
from support import MIXTURE, gated, on_both, outputs, plain, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import sampling
from pcnnlib.sampling import cached, fixed_point

KINDS = [
    {},
    {"levels": 5, "shape": (3, 6, 1)},
    {"distribution": "categorical"},
    {"shape": (3, 4, 3), "levels": 4},
    {"shape": (3, 3, 3), "levels": 17, **MIXTURE},
    {"condition": pcnn.Labels(3)},
    {"condition": pcnn.Map((2, 2, 3)), "levels": 4},
    {"shape": (6, 5, 1), "blocks": 4, "dilations": (1, 2)},
    {"blocks": 1},
    {"shape": (1, 1, 1)},
]
CHOSEN = ("{'shape': (3, 4, 3), 'levels': 4}", "{'condition': Labels(3)}")


@pytest.mark.parametrize("options", on_both(KINDS, *CHOSEN), ids=str)
@pytest.mark.parametrize("method", ["rows", "parallel"])
def test_images_are_those_drawn_one_pixel_after_another(method, options):
    """Equal in every value: parameters differ by some 1e-6, and no noise falls in there."""
    model = gated(**options)
    condition = random_condition(model.condition, 6)
    expected = model.sample(6, condition, seed=4, temperature=0.7)
    images = model.sample(6, condition, seed=4, temperature=0.7, method=method)
    assert images.dtype == np.uint8 and np.array_equal(images, expected)
    if model.image_shape[0] > 1:
        assert len(np.unique(images)) > 1


@pytest.mark.parametrize("shape", [(4, 5, 1), (3, 3, 3)])
def test_a_model_without_caches_is_drawn_the_same(shape):
    model = plain(shape, levels=4)
    expected = model.sample(5, seed=2)
    assert np.array_equal(model.sample(5, seed=2, method="parallel"), expected)


@pytest.mark.parametrize("method", ["rows", "parallel"])
def test_kept_pixels_stay_and_the_others_are_as_ever(method):
    model = gated(levels=4)
    image = random_images(5, model.image_shape, 4)
    keep = np.random.default_rng(1).random(image.shape) < 0.5
    expected = model.sample(5, seed=0, image=image, keep=keep)
    images = model.sample(5, seed=0, image=image, keep=keep, method=method)
    assert np.array_equal(images, expected) and np.array_equal(images[keep], image[keep])


@pytest.mark.parametrize("method", ["rows", "parallel"])
@pytest.mark.parametrize("options", [{}, {"shape": (3, 4, 3), "levels": 4}], ids=str)
def test_parameters_are_the_whole_networks(method, options):
    model = gated(**options)
    images = random_images(3, model.image_shape, model.levels)
    seen = sampling.parameters(model, images, method=method)
    np.testing.assert_allclose(seen, outputs(model, images), atol=1e-5)


def noise_for(model, n, seed=0):
    shape = (n, *model.image_shape, model.distribution.noise_per_channel)
    nothing = np.zeros((n, *model.image_shape), "int32")
    return np.random.default_rng(seed).random(shape, "float32"), nothing, nothing.astype(bool)


@pytest.mark.parametrize(("uniform", "first", "rounds"), [(0.7, 1, 6), (0.3, 0, 0)])
def test_rounds_are_as_many_as_pixels_that_wait_for_each_other(uniform, first, rounds):
    """A first pixel that is a coin, and five that copy their left neighbour: no shortcut.

    Zeros stand there from the beginning; ones travel one pixel a round.
    """
    model = gated((1, 6, 1), blocks=1, filters=2)

    def copy_the_left(scaled, condition=None, training=False):
        return ops.pad(scaled * 50, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]

    model.outputs_of = copy_the_left
    inputs = noise_for(model, 8)
    inputs[0][:, :, 0] = uniform
    values, settled = fixed_point.draw_image(model, None, inputs, 1.0)
    assert (values == first).all() and (settled == rounds).all()


def test_never_more_rounds_than_values_and_a_row_waits_for_those_above():
    model = gated((5, 4, 1), levels=4, blocks=3)
    values, rounds = fixed_point.draw_image(model, None, noise_for(model, 7), 1.0)
    assert rounds.shape == (7, 5) and rounds.max() <= 20 and rounds.min() >= 0
    # A row that is right after t rounds has had at most t * 4 pixels before it to wait for.
    for i in range(5):
        assert rounds[:, : i + 1].max() <= (i + 1) * 4
    assert rounds.max() > 1, "all right at once: nothing depended on anything"
    assert np.array_equal(values, model.sample(7, seed=0))


def test_the_state_counts_the_rounds_of_each_row():
    model = gated((5, 4, 1), levels=4, blocks=3)
    state = cached.start(model, 7, None)
    for i in range(5):
        state, _, _ = fixed_point.draw_row(model, state, i, noise_for(model, 7), 1.0)
    _, _, *rounds = state
    assert len(rounds) == 5 and all(0 <= number <= 4 for number in rounds)


def test_rows_need_blocks_that_compute_rows():
    with pytest.raises(
        pcnn.UsageError, match='method "rows" needs a model whose blocks .*PixelCNN'
    ):
        plain().sample(1, method="rows")
    with pytest.raises(pcnn.UsageError, match="'rows', 'parallel', 'full' or None, got 'other'"):
        gated().sample(1, method="other")


@pytest.mark.parametrize("method", ["rows", "parallel"])
def test_the_callback_sees_the_finished_images(method):
    seen = []
    images = gated().sample(
        3, seed=0, method=method, callback=lambda rows, x: seen.append((rows, x))
    )
    assert seen[-1][0] == 4 and np.array_equal(seen[-1][1], images)
