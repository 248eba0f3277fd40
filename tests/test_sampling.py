"""Sampling: the caches compute what the whole network computes, and images follow the model."""

import keras
import numpy as np
import pytest
from support import (
    MIXTURE,
    all_images,
    chi_square_p,
    gated,
    on_both,
    outputs,
    plain,
    random_condition,
    random_images,
    shake,
)

import pcnnlib as pcnn
from pcnnlib import sampling
from pcnnlib.errors import UsageError

# float32: a dozen sums of some twenty products of order one, each in another order.
TOLERANCE = 1e-5

COLOUR_MIXTURE = {"shape": (3, 4, 3), "levels": 17, **MIXTURE}

EXACT = {
    "3x3": {},
    "one block": {"blocks": 1},
    "deep": {"blocks": 5},
    "5x5 first": {"first": 5},
    "7x7 first, 5x5": {"first": 7, "kernel_size": 5, "blocks": 3},
    "dilated": {"shape": (6, 5, 1), "blocks": 5, "dilations": (1, 2, 4)},
    "dilated, 5x5": {"shape": (6, 7, 1), "first": 5, "kernel_size": 5, "dilations": (2,)},
    "dilated, colour": {"shape": (4, 5, 3), "levels": 4, "blocks": 3, "dilations": (2, 1)},
    "dilated, one pixel": {"shape": (1, 1, 1), "first": 7, "blocks": 3, "dilations": (3,)},
    "higher than wide": {"shape": (6, 3, 1)},
    "wider than high": {"shape": (3, 6, 1), "first": 5},
    "one row": {"shape": (1, 5, 1)},
    "one column": {"shape": (5, 1, 1)},
    "one pixel": {"shape": (1, 1, 1)},
    "4 levels": {"levels": 4},
    "256 levels": {"levels": 256, "shape": (3, 3, 1)},
    "categorical, 2 levels": {"distribution": "categorical"},
    "labels": {"condition": pcnn.Labels(3)},
    "vector": {"condition": pcnn.Vector(4)},
    "map": {"condition": pcnn.Map((2, 2, 3)), "levels": 4},
    "colour": {"shape": (3, 4, 3), "levels": 4},
    "binary colour": {"shape": (3, 3, 3)},
    "256 levels, colour": {"shape": (3, 3, 3), "levels": 256},
    "one pixel, colour": {"shape": (1, 1, 3), "levels": 256},
    "mixture": {"shape": (3, 4, 3), "levels": 256, **MIXTURE},
    "mixture, one pixel": {"shape": (1, 1, 3), "levels": 256, **MIXTURE},
    "mixture, one channel": {"levels": 256, **MIXTURE},
    "mixture, map": {"condition": pcnn.Map((2, 2, 3)), "levels": 17, **MIXTURE},
    "two channels, labels": {"shape": (3, 4, 2), "levels": 3, "condition": pcnn.Labels(3)},
    "head of its own width": {"head_filters": 9},
    "dropout": {"dropout": 0.5},
}


@pytest.mark.parametrize(
    "case",
    on_both(
        EXACT,
        "'7x7 first, 5x5'",
        "'dilated'",
        "'higher than wide'",
        "'map'",
        "'two channels, labels'",
        "'mixture'",
    ),
)
def test_cached_parameters_equal_the_whole_networks(case):
    model = gated(**{"blocks": 2, **EXACT[case]})
    images = random_images(3, model.image_shape, model.levels)
    condition = random_condition(model.condition, 3)
    whole = outputs(model, images, condition)
    seen = sampling.parameters(model, images, condition)
    assert seen.shape == whole.shape
    if "one pixel" not in case:
        assert np.ptp(whole) > 0.5  # far from constant, so equality says something
    np.testing.assert_allclose(seen, whole, atol=TOLERANCE)


@pytest.mark.parametrize("case", ["3x3", "colour", "mixture", "labels"])
def test_full_parameters_equal_the_whole_networks(case):
    model = gated(**EXACT[case])
    images = random_images(2, model.image_shape, model.levels)
    condition = random_condition(model.condition, 2)
    seen = sampling.parameters(model, images, condition, method="full")
    np.testing.assert_allclose(seen, outputs(model, images, condition), atol=TOLERANCE)


def test_a_stale_cache_would_be_noticed():
    """The check above can fail: caches that forget the rows above give other parameters."""
    model = gated(blocks=3)
    images = random_images(2, model.image_shape, 2)
    start, row = sampling.METHODS["cached"]

    def forgetful(model, state, i, *args, **kwargs):
        caches, encoded = state
        return row(model, ([0 * cache for cache in caches], encoded), i, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sampling.METHODS, "cached", (start, forgetful))
        seen = sampling.parameters(model, images)
    differs = (np.abs(seen - outputs(model, images)) > 1e-3).any(axis=(0, 2, 3))
    assert differs.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    "options",
    on_both(
        [
            {},
            {"distribution": "categorical"},
            {"levels": 5},
            {"shape": (3, 4, 3), "levels": 4},
            {"shape": (3, 3, 3), "levels": 256},
            {"shape": (1, 1, 3), "levels": 256},
            COLOUR_MIXTURE,
            {"shape": (3, 3, 3), "levels": 256, **MIXTURE},
            {"shape": (1, 1, 3), "levels": 256, **MIXTURE},
            {"shape": (4, 4, 1), "levels": 256, **MIXTURE},
            {"condition": pcnn.Labels(3)},
            {"condition": pcnn.Map((2, 2, 3)), "levels": 4},
            {"shape": (5, 5, 1), "blocks": 4, "dilations": (1, 2)},
        ],
        "{}",
        "{'shape': (3, 4, 3), 'levels': 4}",
        repr(COLOUR_MIXTURE),
        "{'condition': Labels(3)}",
    ),
    ids=str,
)
def test_cached_and_full_draw_the_same_images(options):
    """Not by chance of a tolerance: parameters differ by some 1e-6, and no noise falls in there."""
    model = gated(**options)
    condition = random_condition(model.condition, 6)
    cached = model.sample(6, condition, seed=4)
    full = model.sample(6, condition, seed=4, method="full")
    np.testing.assert_array_equal(cached, full)
    assert len(np.unique(cached.reshape(6, -1), axis=0)) > 1


def test_cached_and_full_draw_the_same_images_from_trained_weights(trained):
    np.testing.assert_array_equal(
        trained.sample(32, seed=1), trained.sample(32, seed=1, method="full")
    )


@pytest.mark.parametrize("method", ["cached", "full"])
def test_same_seed_same_images_and_another_seed_others(trained, method):
    first = trained.sample(4, seed=3, method=method)
    np.testing.assert_array_equal(first, trained.sample(4, seed=3, method=method))
    assert (first != trained.sample(4, seed=4, method=method)).any()
    assert (trained.sample(4, method=method) != trained.sample(4, method=method)).any()


def test_image_k_does_not_depend_on_how_many_are_drawn(trained):
    many = trained.sample(7, seed=3)
    for n in (1, 4):
        np.testing.assert_array_equal(trained.sample(n, seed=3), many[:n])


@pytest.mark.parametrize("n", on_both([3, 5, 10], "5"))
def test_large_batches_are_split_without_a_trace(monkeypatch, n):
    model = gated(condition=pcnn.Labels(3))
    labels = random_condition(model.condition, n)
    known = random_images(n, (4, 4, 1), 2)
    given = np.zeros((n, 4, 4), bool)
    given[::2, :1] = True
    arguments = {"seed": 2, "known": known, "given": given}
    whole = model.sample(n, labels, **arguments)
    monkeypatch.setattr(sampling, "LARGEST_BATCH", 4)
    sizes = []

    def note(rows, images):
        sizes.append(len(images))

    parts = model.sample(n, labels, callback=note, **arguments)
    np.testing.assert_array_equal(parts, whole)
    assert max(sizes) <= 4
    assert sum(sizes[::4]) == n  # each part has four rows


# ---------------------------------------------------------------- the right distribution


@pytest.mark.both_backends
@pytest.mark.parametrize(
    ("build", "shape", "levels", "options"),
    [
        (gated, (2, 3, 1), 2, {}),
        (gated, (2, 2, 1), 3, {}),
        (gated, (1, 2, 3), 2, {}),
        (gated, (1, 2, 3), 2, MIXTURE),
        (plain, (2, 2, 1), 2, {}),
    ],
    ids=["binary", "3 levels", "colour", "mixture", "pixelcnn"],
)
def test_images_are_drawn_as_often_as_the_model_says(build, shape, levels, options):
    """Every possible image enumerated, with its probability from the whole network."""
    model = build(shape, levels=levels, seed=5, **options)
    images = all_images(shape, levels)
    probabilities = np.exp(model.log_likelihood(images))
    draws = 6000
    drawn = model.sample(draws, seed=0).reshape(draws, -1)
    place = levels ** np.arange(drawn.shape[1])[::-1]
    counts = np.bincount(drawn @ place, minlength=len(images))
    assert chi_square_p(counts, probabilities / probabilities.sum()) > 0.01  # fixed seed
    # The check has teeth: the same counts against a model of other weights.
    other = np.exp(shake(model, 6).log_likelihood(images))
    assert chi_square_p(counts, other / other.sum()) < 1e-10


def test_completion_follows_the_model_given_the_pixels_before(trained):
    """The first row given, the conditional distribution of the next pixel is the model's."""
    known = np.zeros((4, 4, 1), "uint8")
    known[0, :, 0] = [1, 0, 1, 1]
    given = np.zeros((4, 4), bool)
    given[0] = True
    draws = 4000
    drawn = trained.sample(draws, seed=0, image=known, keep=given)
    logit = outputs(trained, known[None])[0, 1, 0, 0]
    ones = int(drawn[:, 1, 0, 0].sum())
    p = 1 / (1 + np.exp(-logit))
    assert chi_square_p([draws - ones, ones], [1 - p, p]) > 0.01  # fixed seed


# ---------------------------------------------------------------- completion


def masks_to_keep():
    rng = np.random.default_rng(0)
    top, left, one = np.zeros((3, 4, 4), bool)
    top[:2], left[:, :2], one[3, 3] = True, True, True
    return {"top": top, "left": left, "last": one, "any": rng.random((4, 4)) < 0.5}


@pytest.mark.parametrize("method", ["cached", "full"])
@pytest.mark.parametrize("half", masks_to_keep())
def test_given_pixels_are_kept_and_the_rest_is_drawn_given_those_before(trained, half, method):
    given = masks_to_keep()[half]
    known = random_images(5, (4, 4, 1), 2, seed=8)
    drawn = trained.sample(5, seed=1, image=known, keep=given, method=method)
    np.testing.assert_array_equal(drawn[:, given], known[:, given])
    # Pixels before the first given one do not know of it: they are drawn as without it.
    free = trained.sample(5, seed=1, method=method)
    first = np.flatnonzero(given)[0]
    np.testing.assert_array_equal(drawn.reshape(5, -1)[:, :first], free.reshape(5, -1)[:, :first])
    # Every drawn value is the one that inversion gives under the whole network's parameters.
    noise = np.random.default_rng(1).random((5, 4, 4, 1, 1), "float32")
    expected = np.asarray(trained.distribution.sample(outputs(trained, drawn), noise))
    np.testing.assert_array_equal(drawn[:, ~given], expected[:, ~given])


@pytest.mark.both_backends
def test_given_everything_nothing_changes_and_given_nothing_known_is_ignored():
    model = gated((3, 4, 3), levels=4)
    known = random_images(3, (3, 4, 3), 4)
    everything = np.ones((3, 4), bool)
    np.testing.assert_array_equal(model.sample(3, image=known, keep=everything), known)
    free = model.sample(3, seed=0)
    nothing = model.sample(3, seed=0, image=known, keep=~everything)
    np.testing.assert_array_equal(nothing, free)


@pytest.mark.parametrize("method", ["cached", "full"])
@pytest.mark.parametrize("options", [{}, MIXTURE], ids=["categorical", "mixture"])
def test_single_channels_can_be_given(method, options):
    """Green given: red is drawn without knowing it, blue knowing it."""
    model = gated((2, 2, 3), levels=4, **options)
    known = np.full((1, 2, 2, 3), 3, "uint8")
    given = np.zeros((2, 2, 3), bool)
    given[..., 1] = True
    drawn = model.sample(4, seed=0, image=known, keep=given, method=method)
    assert (drawn[..., 1] == 3).all()
    free = model.sample(4, seed=0, method=method)
    np.testing.assert_array_equal(drawn[:, 0, 0, 0], free[:, 0, 0, 0])
    noise = np.random.default_rng(0).random(
        (4, 2, 2, 3, model.distribution.noise_per_channel), "float32"
    )
    given = np.broadcast_to(given, drawn.shape)
    known = drawn.astype("int32")
    expected = model.distribution.sample_given(outputs(model, drawn), noise, 1.0, known, given)
    np.testing.assert_array_equal(drawn, expected)


def test_shapes_of_known_and_given_mean_the_same(trained):
    known = random_images(1, (4, 4, 1), 2)
    given = masks_to_keep()["top"]
    expected = trained.sample(3, seed=0, image=known, keep=given)
    for images in (
        known[0],
        np.repeat(known, 3, axis=0),
        known.astype(bool),
        known.astype("int64"),
    ):
        for mask in (given[None], given[..., None], np.repeat(given[None, ..., None], 3, axis=0)):
            drawn = trained.sample(3, seed=0, image=images, keep=mask)
            np.testing.assert_array_equal(drawn, expected)


def test_given_may_differ_from_image_to_image(trained):
    known = np.ones((2, 4, 4, 1), "uint8")
    given = np.zeros((2, 4, 4), bool)
    given[1] = True
    drawn = trained.sample(2, seed=0, image=known, keep=given)
    np.testing.assert_array_equal(drawn[0], trained.sample(1, seed=0)[0])
    np.testing.assert_array_equal(drawn[1], known[1])


# ---------------------------------------------------------------- the other arguments


@pytest.mark.parametrize("temperature", [1e-4, 1e-300])
def test_low_temperature_draws_one_image_whatever_the_seed(trained, temperature):
    drawn = trained.sample(8, seed=0, temperature=temperature)
    assert len(np.unique(drawn.reshape(8, -1), axis=0)) == 1
    likeliest = (outputs(trained, drawn[:1]) > 0).astype("uint8")
    np.testing.assert_array_equal(drawn[0], likeliest[0])


def test_temperature_one_is_the_model_and_higher_ones_are_more_various(trained):
    plain_images = trained.sample(200, seed=0)
    np.testing.assert_array_equal(plain_images, trained.sample(200, seed=0, temperature=1))
    spread = [
        len(np.unique(trained.sample(200, seed=0, temperature=t).reshape(200, -1), axis=0))
        for t in (0.25, 1.0, 4.0)
    ]
    assert spread == sorted(set(spread))


@pytest.mark.parametrize("method", ["cached", "full"])
def test_callback_sees_the_images_grow_row_by_row(trained, method):
    seen = []
    drawn = trained.sample(
        3, seed=0, method=method, callback=lambda rows, images: seen.append((rows, images))
    )
    assert [rows for rows, _ in seen] == [1, 2, 3, 4]
    for rows, images in seen:
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images[:, :rows], drawn[:, :rows])
        assert not images[:, rows:].any()


@pytest.mark.both_backends
def test_log_likelihood_is_that_of_the_images_drawn():
    model = gated(condition=pcnn.Labels(3), levels=4)
    labels = np.array([0, 1, 2, 0])
    images, nats = model.sample(4, labels, seed=0, temperature=0.5, return_log_likelihood=True)
    np.testing.assert_array_equal(nats, model.log_likelihood(images, labels))
    assert nats.shape == (4,)
    assert nats.dtype == np.float64


@pytest.mark.both_backends
@pytest.mark.parametrize("method", ["cached", "full"])
def test_weights_changed_after_compilation_are_honoured(method):
    model, other = gated(seed=0), gated(seed=1)
    first = model.sample(8, seed=0, method=method)
    likelihood = model.log_likelihood(first)
    model.set_weights(other.get_weights())
    changed = model.sample(8, seed=0, method=method)
    np.testing.assert_array_equal(changed, other.sample(8, seed=0, method=method))
    assert (changed != first).any()
    assert (model.log_likelihood(first) != likelihood).all()


@pytest.mark.both_backends
def test_weights_trained_after_compilation_are_honoured():
    model = gated()
    first = model.sample(8, seed=0)
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    model.fit(np.ones((16, 4, 4, 1), "uint8"), epochs=6, verbose=0)
    after = model.sample(8, seed=0)
    assert after.mean() > first.mean()
    np.testing.assert_allclose(sampling.parameters(model, after), outputs(model, after), atol=1e-4)


def test_dropout_is_off_while_sampling():
    model = gated(dropout=0.9)
    np.testing.assert_array_equal(model.sample(4, seed=0), model.sample(4, seed=0))


def test_pixelcnn_is_drawn_the_plain_way():
    model = plain()
    np.testing.assert_array_equal(model.sample(3, seed=0), model.sample(3, seed=0, method="full"))
    with pytest.raises(UsageError, match='"cached" needs a GatedPixelCNN, got PixelCNN'):
        model.sample(3, method="cached")


def test_reduced_precision_draws_images():
    drawn = gated(levels=4, dtype="mixed_bfloat16").sample(3, seed=0)
    assert drawn.shape == (3, 4, 4, 1)
    assert drawn.max() < 4


def test_images_are_uint8_levels():
    drawn = gated(levels=256, shape=(3, 3, 1)).sample(20, seed=0)
    assert drawn.dtype == np.uint8
    assert drawn.max() > 128


def test_progress_bar_counts_rows(trained, capsys):
    trained.sample(2, seed=0, progress=True)
    assert "4/4" in capsys.readouterr().out
    trained.sample(2, seed=0)
    assert capsys.readouterr().out == ""


def test_caches_hold_only_the_rows_in_reach():
    """Memory grows with the width, not with the height."""
    sizes = []
    for height in (4, 16):
        model = gated((height, 4, 1), blocks=3, first=7)
        caches, _ = sampling._cached_start(model, 2, None)
        sizes.append([tuple(cache.shape) for cache in caches])
    assert sizes[0] == sizes[1]
    assert sizes[0] == [(2, 3, 10, 1), (2, 1, 6, 6), (2, 1, 6, 6)]


# ---------------------------------------------------------------- growing


def test_frames_show_one_pixel_more_each_time():
    images = np.ones((2, 3, 4, 1), "uint8")
    grown = list(sampling.frames(images))
    assert [int(shown[0].sum()) for _, shown in grown] == list(range(13))
    for part, shown in grown:
        np.testing.assert_array_equal(part, np.where(shown, images, 0))
    order = np.arange(12).reshape(3, 4, 1)
    np.testing.assert_array_equal(grown[5][1][0], order < 5)


def test_frames_keep_given_pixels_and_end_with_the_whole_image():
    images = random_images(2, (3, 4, 1), 4)
    given = np.zeros((3, 4, 1), bool)
    given[2] = True
    grown = list(sampling.frames(images, given, every=5, first=1))
    assert [int(shown[0].sum()) for _, shown in grown] == [5, 10, 12, 12]
    assert all(shown[:, 2].all() for _, shown in grown)
    np.testing.assert_array_equal(grown[-1][0], images)
    with pytest.raises(UsageError, match="every must be an integer >= 1, got 0"):
        next(iter(sampling.frames(images, every=0)))


# ---------------------------------------------------------------- bad input

IMAGE = np.zeros((4, 4, 1), "uint8")
MASK = np.zeros((4, 4), bool)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be an integer >= 1, got 0"),
        ({"n": -1}, "n must be an integer >= 1, got -1"),
        ({"n": 2.0}, "n must be an integer >= 1, got 2.0"),
        ({"n": None}, "n must be an integer"),
        ({"temperature": 0}, "temperature must be a finite number > 0, got 0"),
        ({"temperature": -1.0}, "temperature must be a finite number > 0"),
        ({"temperature": float("nan")}, "temperature must be a finite number > 0, got nan"),
        ({"temperature": float("inf")}, "temperature must be a finite number > 0, got inf"),
        ({"temperature": "hot"}, "temperature must be a finite number"),
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"seed": 1.5}, "seed must be an integer"),
        ({"method": "fast"}, "method must be one of 'cached', 'full' or None, got 'fast'"),
        ({"known": IMAGE}, "known and given come together: given is missing"),
        ({"given": MASK}, "known and given come together: known is missing"),
        ({"known": IMAGE.astype(float), "given": MASK}, r"known must be integer levels 0\.\.1"),
        ({"known": IMAGE + 2, "given": MASK}, r"known must hold levels 0\.\.1, got 2\.\.2"),
        ({"known": IMAGE[:3], "given": MASK}, "known must have shape"),
        ({"known": np.stack([IMAGE] * 3), "given": MASK}, "known must hold 1 or 2 images, got 3"),
        ({"known": IMAGE, "given": MASK.astype(int)}, "given must be a boolean mask, got int64"),
        ({"known": IMAGE, "given": MASK[:3]}, r"given must have shape .*got \(3, 4\)"),
        ({"known": IMAGE, "given": np.stack([MASK] * 3)}, r"given must have.*got \(3, 4, 4\)"),
        ({"condition": np.array([0, 1])}, "this model is unconditional"),
    ],
)
def test_sample_refuses(trained, arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        trained.sample(**{"n": 2, **arguments})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, r"condition is missing: this model is conditioned on Labels\(3\)"),
        (np.array([0, 1, 2]), "condition must have 2 rows, one per image, got 3"),
        (np.array([0, 3]), r"condition must hold labels 0\.\.2, got 3"),
        (np.array([0.0, 1.0]), "condition must be integer labels"),
        (1, "condition must be integer labels"),
    ],
)
def test_conditional_sampling_refuses(condition, message):
    with pytest.raises(UsageError, match=message):
        gated(condition=pcnn.Labels(3)).sample(2, condition)


# ---------------------------------------------------------------- memory and lanes


def test_cache_grows_with_the_width_and_not_with_the_height():
    sizes = {
        shape: sampling.cache_size(gated((*shape, 1), filters=4, blocks=3))
        for shape in [(4, 4), (40, 4), (4, 40)]
    }
    assert sizes[40, 4] == sizes[4, 4] < sizes[4, 40]


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_images_do_not_depend_on_how_many_cores_share_a_batch(cores, monkeypatch):
    model = gated((4, 4, 1), levels=3, condition=pcnn.Labels(2))
    labels = np.arange(23) % 2
    alone = model.sample(23, labels, seed=4, method="full")
    monkeypatch.setattr(sampling.backend, "cores", lambda: cores)
    for _ in range(2):  # the first call compiles in turn, the second runs side by side
        drawn, nats = model.sample(23, labels, seed=4, return_log_likelihood=True)
        np.testing.assert_array_equal(drawn, alone)
    np.testing.assert_array_equal(nats, model.log_likelihood(alone, labels))
