"""Drawing in other orders, completion from any side, and the choice among several draws."""

import numpy as np
import pytest
from support import all_images, chi_square_p, gated, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.nn.raster import ORDERS, reorient, restore, restore_each
from pcnnlib.sampling.completion import kept_first

EVERY = np.arange(8)


@pytest.fixture(scope="module")
def mapped():
    """Reads in eight orders, given a map: all that has places is turned."""
    return gated((4, 4, 1), levels=3, orders=8, condition=pcnn.Map((2, 4, 2)))


@pytest.mark.both_backends
def test_the_cached_sampler_computes_what_the_whole_network_does_in_each_order(mapped):
    images, maps = random_images(8, (4, 4, 1), 3), random_condition(mapped.condition, 8)
    expected = np.asarray(mapped((images, maps, EVERY)))
    for method in ("cached", "parallel"):
        got = sampling.parameters(mapped, images, maps, method, order=EVERY)
        # Float32 sums of some tens of terms of order one, added up in another order.
        np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.both_backends
def test_every_method_draws_the_same_images_in_each_order(mapped):
    maps = random_condition(mapped.condition, 8)
    cached = mapped.sample(8, maps, seed=3, order=EVERY)
    for method in ("full", "parallel", "rows"):
        drawn = mapped.sample(8, maps, seed=3, order=EVERY, method=method)
        np.testing.assert_array_equal(drawn, cached)
    # By inversion from noise that is used up in the order, under the whole network's parameters.
    noise = np.random.default_rng(3).random((8, 4, 4, 1, 1), "float32")
    parameters = np.asarray(mapped((cached, maps, EVERY)))
    expected = mapped.distribution.sample(parameters, restore_each(noise, EVERY))
    np.testing.assert_array_equal(cached, expected)
    # An order for all is one for each, and image k stays the same however many are drawn.
    one = mapped.sample(8, maps, seed=3, order=6)
    np.testing.assert_array_equal(one, mapped.sample(8, maps, seed=3, order=np.full(8, 6)))
    np.testing.assert_array_equal(one[6], cached[6])
    assert (one != cached).any() and len(np.unique(one)) == 3


def test_drawing_in_an_order_is_drawing_turned_images_from_the_model_of_that_order():
    model = gated((2, 3, 3), orders=4, condition=pcnn.Labels(3))
    labels = np.arange(6) % 3
    drawn, nats = model.sample(6, labels, seed=1, order=3, return_log_likelihood=True)
    turned = model.in_order(3).sample(6, labels, seed=1)
    np.testing.assert_array_equal(drawn, restore(turned, 3))
    np.testing.assert_array_equal(nats, model.log_likelihood(drawn, labels, order=3))


def test_a_callback_sees_whole_images_as_they_grow_in_their_order(mapped):
    seen = []
    options = {"seed": 0, "order": 7, "callback": lambda rows, images: seen.append((rows, images))}
    drawn = mapped.sample(8, random_condition(mapped.condition, 8), **options)
    assert [rows for rows, _ in seen] == [1, 2, 3, 4]
    for columns, images in seen:  # from the bottom left, column by column
        np.testing.assert_array_equal(images[:, :, :columns], drawn[:, :, :columns])
        assert not images[:, :, columns:].any()


def test_frames_show_an_image_in_the_order_in_which_it_grew():
    images = np.ones((1, 2, 3, 1), "uint8")
    for order in (2, 3):
        frames = [frame[0, :, :, 0] for frame, _ in sampling.frames(images, order=order)]
        flat = np.array([reorient(frame, order, axes=(0, 1)).ravel() for frame in frames])
        np.testing.assert_array_equal(flat, np.tri(7, 6, -1))


def test_the_mixture_is_drawn_from_by_an_order_for_each_image_by_lot():
    """Against the exact probability of every image."""
    model = gated((2, 2, 1), orders=8, blocks=1)
    images = all_images((2, 2, 1), 2)
    expected = np.exp(model.log_likelihood(images, order="mixture"))
    drawn = model.sample(4096, seed=0, order="mixture")
    numbers = drawn.reshape(-1, 4) @ [8, 4, 2, 1]
    counts = np.bincount(numbers, minlength=16)
    assert chi_square_p(counts, expected) > 0.01  # fixed seed
    alone = np.exp(model.log_likelihood(images, order=0))
    assert chi_square_p(counts, alone) < 1e-6  # the test could have failed
    some, nats = model.sample(256, seed=0, order="mixture", return_log_likelihood=True)
    np.testing.assert_array_equal(some, drawn[:256])
    each = [model.log_likelihood(some, order=k) for k in range(8)]
    assert (np.abs(each - nats).min(axis=0) < 1e-5).all()


# ---------------------------------------------------------------- completion


def half(side, size=4):
    keep = np.zeros((size, size), bool)
    rows, columns = np.indices(keep.shape)
    middle = size // 2
    keep[
        {
            "top": rows < middle,
            "bottom": rows >= middle,
            "left": columns < middle,
            "right": columns >= middle,
        }[side]
    ] = True
    return keep


@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_the_best_order_of_a_half_begins_with_it(mapped, side):
    order = sampling.best_order(mapped, half(side))
    words = {"top": "row by row", "bottom": "row by row"}.get(side, "column by column")
    assert side in ORDERS[order] and words in ORDERS[order]
    pairs = kept_first(half(side)[None, ..., None], order)
    assert pairs.tolist() == [8 * 8]  # every kept pixel before every drawn one


def test_the_best_order_puts_most_pairs_of_kept_and_drawn_pixels_right(mapped):
    rng = np.random.default_rng(0)
    masks = rng.random((20, 4, 4)) < rng.random((20, 1, 1))
    best = sampling.best_order(mapped, masks)
    for mask, order in zip(masks, best, strict=True):
        right = []
        for k in range(8):
            seen = reorient(mask, k, axes=(0, 1)).ravel()
            right.append(sum(seen[a] and not seen[b] for a in range(16) for b in range(a, 16)))
        assert order == int(np.argmax(right))
    assert len(set(best.tolist())) > 4
    # Nothing to order: nothing kept, or all; and a model of one order has no choice.
    assert sampling.best_order(mapped, np.zeros((4, 4), bool)) == 0
    assert sampling.best_order(mapped, np.ones((4, 4, 1), bool)) == 0
    assert sampling.best_order(gated(), half("bottom")) == 0


def test_each_mask_is_completed_in_its_own_best_order_and_kept_pixels_stay(mapped, capsys):
    image, maps = random_images(8, (4, 4, 1), 3), random_condition(mapped.condition, 8)
    keep = np.stack([half(side) for side in ("top", "bottom", "left", "right")] * 2)
    options = {"seed": 0, "image": image, "keep": keep}
    drawn = mapped.sample(8, maps, progress=True, **options)
    out = capsys.readouterr().out
    assert "2 from the bottom right, row by row (order 1); 2 from" in out
    np.testing.assert_array_equal(drawn[keep], image[keep])
    orders = sampling.best_order(mapped, keep)
    np.testing.assert_array_equal(drawn, mapped.sample(8, maps, order=orders, **options))
    assert (drawn != mapped.sample(8, maps, order=0, **options)).any()
    # What is drawn follows from the kept pixels: others give others.
    other = mapped.sample(8, maps, **{**options, "image": 2 - image})
    assert all((a[~k] != b[~k]).any() for a, b, k in zip(drawn, other, keep, strict=True))


@pytest.fixture(scope="module")
def learned():
    """Three patterns of 4x4 with some noise, and a model that knows them in eight orders."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2, (3, 4, 4, 1))
    images = patterns[rng.integers(0, 3, 512)]
    images = np.where(rng.random(images.shape) < 0.05, 1 - images, images).astype("uint8")
    split = pcnn.Split(images)
    model = pcnn.GatedPixelCNN((4, 4, 1), 2, filters=12, blocks=2, orders=8)
    model.compile(optimizer="adam")
    model.optimizer.learning_rate = 0.02
    model.fit(split.batches(64, seed=0, orders=8), epochs=12, verbose=0)
    return model, images


def mean_nats(model, drawn):
    return -model.log_likelihood(drawn, order="mixture").mean()


def test_tops_drawn_from_the_bottom_are_likelier_than_those_that_raster_order_draws(learned):
    """Raster order draws the top before it comes to the bottom that is given."""
    model, images = learned
    keep = half("bottom")
    options = {"image": images[:256], "keep": keep, "seed": 0}
    best, raster = model.sample(256, **options), model.sample(256, order=0, **options)
    assert sampling.best_order(model, keep) == 1
    gain = mean_nats(model, raster) - mean_nats(model, best)
    assert gain > 1.5, gain
    # As likely as real images are, up to the noise of 256 of them.
    assert abs(mean_nats(model, best) - mean_nats(model, images[:256])) < 1
    # And among several draws in raster order, those are chosen that fit what comes later.
    chosen = model.sample(256, order=0, resample=4, **options)
    np.testing.assert_array_equal(chosen[:, keep], images[:256][:, keep])
    assert mean_nats(model, chosen) < mean_nats(model, raster) - gain / 3
    # Where the order puts all kept pixels first, there is one draw.
    np.testing.assert_array_equal(model.sample(256, resample=4, **options), best)
    # Image k does not depend on how many are drawn.
    fewer = model.sample(64, order=0, resample=4, **{**options, "image": images[:64]})
    np.testing.assert_array_equal(fewer, chosen[:64])


@pytest.mark.both_backends
def test_choosing_among_many_draws_gives_the_distribution_given_all_kept_pixels():
    """The last pixel kept, no order of this model puts it first: against Bayes' rule, exactly."""
    model = gated((2, 2, 1), blocks=1, first=3)
    images = all_images((2, 2, 1), 2)
    probability = np.exp(model.log_likelihood(images)) * images[:, 1, 1, 0]
    keep = np.array([[False, False], [False, True]])
    options = {"seed": 0, "image": np.ones((2, 2, 1), int), "keep": keep}

    def counts(**more):
        drawn = model.sample(1024, **options, **more)
        return np.bincount(drawn.reshape(-1, 4) @ [8, 4, 2, 1], minlength=16)

    fit = chi_square_p(counts(resample=16), probability / probability.sum())
    assert fit > 0.01  # fixed seed
    assert chi_square_p(counts(), probability / probability.sum()) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resample": 0}, "resample must be an integer >= 1, got 0"),
        ({"resample": 1.5}, "resample must be an integer >= 1, got 1.5"),
        ({"resample": 4}, "resample needs image and keep"),
        (
            {"resample": 4, "keep": half("left"), "callback": print},
            "callback must be None with resample",
        ),
        (
            {"resample": 2, "keep": np.arange(48).reshape(4, 4, 3) % 2 == 0},
            "keep must hold whole pixels, all channels or none, with resample",
        ),
        (
            {"keep": half("left"), "order": "mixture"},
            r"order must be an integer 0\.\.3 or None where pixels are kept, got 'mixture'",
        ),
        ({"order": "best"}, "order must be an integer or 'mixture', got 'best'"),
        ({"order": [0, 1, 2]}, r"or one for each of 2 images, got int64 \(3,\)"),
        ({"order": 4}, "order must be an integer 0..3, got 4"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    model = gated((4, 4, 3), levels=4, orders=4)
    if "keep" in options:
        options = {"image": np.zeros((4, 4, 3), int), **options}
    with pytest.raises(UsageError, match=message) as raised:
        model.sample(2, seed=0, **options)
    assert "\n" not in str(raised.value)


def test_masks_that_do_not_fit_have_no_best_order(mapped):
    for wrong in (np.zeros((3, 4), bool), np.zeros((4, 4), int), np.zeros(4, bool)):
        with pytest.raises(UsageError, match="keep must"):
            sampling.best_order(mapped, wrong)


def test_parameters_are_those_of_one_order_and_not_of_a_random_one():
    model = gated((4, 4, 1), orders=4)
    with pytest.raises(UsageError, match="order must be an integer, .* got 'mixture'"):
        sampling.parameters(model, random_images(2, (4, 4, 1), 2), order="mixture")
