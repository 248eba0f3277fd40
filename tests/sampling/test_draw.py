"""Images follow the model and the seed, and arguments that cannot be are refused."""

import sys

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
from pcnnlib import UsageError, sampling
from pcnnlib.nn.raster import raster_order
from pcnnlib.sampling import draw


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
    image = random_images(n, (4, 4, 1), 2)
    keep = np.zeros((n, 4, 4), bool)
    keep[::2, :1] = True
    arguments = {"seed": 2, "image": image, "keep": keep}
    whole = model.sample(n, labels, **arguments)
    monkeypatch.setattr(draw, "LARGEST_BATCH", 4)
    sizes = []

    def note(rows, images):
        sizes.append(len(images))

    parts = model.sample(n, labels, callback=note, **arguments)
    np.testing.assert_array_equal(parts, whole)
    assert max(sizes) <= 4
    assert sum(sizes[::4]) == n  # each part has four rows


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
    powers = levels ** np.arange(drawn.shape[1])[::-1]
    counts = np.bincount(drawn @ powers, minlength=len(images))
    assert chi_square_p(counts, probabilities / probabilities.sum()) > 0.01  # fixed seed
    # The check has teeth: the same counts against a model of other weights.
    other = np.exp(shake(model, 6).log_likelihood(images))
    assert chi_square_p(counts, other / other.sum()) < 1e-10


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
    with pytest.raises(UsageError, match='"cached" needs a model whose .* got PixelCNN'):
        model.sample(3, method="cached")


def test_reduced_precision_draws_images():
    drawn = gated(levels=4, dtype="mixed_bfloat16").sample(3, seed=0)
    assert drawn.shape == (3, 4, 4, 1)
    assert drawn.max() < 4


def test_images_are_uint8_levels():
    drawn = gated(levels=256, shape=(3, 3, 1)).sample(20, seed=0)
    assert drawn.dtype == np.uint8
    assert drawn.max() > 128


def test_progress_bar_counts_rows(trained, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        trained.sample(2, seed=0, progress=True)
    assert "4/4" in capsys.readouterr().out
    trained.sample(2, seed=0, progress=True)  # in a log: a line a minute, and no control codes
    assert not set("\b\r\x1b") & set(capsys.readouterr().out)
    trained.sample(2, seed=0)
    assert capsys.readouterr().out == ""


def test_frames_show_one_pixel_more_each_time():
    images = np.ones((2, 3, 4, 1), "uint8")
    grown = list(sampling.frames(images))
    assert [int(shown[0].sum()) for _, shown in grown] == list(range(13))
    for part, shown in grown:
        np.testing.assert_array_equal(part, np.where(shown, images, 0))
    order = raster_order(3, 4, 1)
    np.testing.assert_array_equal(grown[5][1][0], order < 5)


def test_frames_show_kept_pixels_and_end_with_the_whole_image():
    images = random_images(2, (3, 4, 1), 4)
    keep = np.zeros((3, 4, 1), bool)
    keep[2] = True
    grown = list(sampling.frames(images, keep, every=5, first=1))
    assert [int(shown[0].sum()) for _, shown in grown] == [5, 10, 12, 12]
    assert all(shown[:, 2].all() for _, shown in grown)
    np.testing.assert_array_equal(grown[-1][0], images)
    for options, message in (
        ({"every": 0}, "every must be an integer >= 1, got 0"),
        ({"first": 1.5}, "first must be an integer >= 0, got 1.5"),
        ({"keep": "x"}, "keep must fit images|keep must be a boolean mask"),
        ({"keep": np.zeros((9, 9), bool)}, r"keep must fit images .*, got shape \(9, 9\)"),
        ({"images": images[0]}, r"images must be \(n, H, W, C\), got shape \(3, 4, 1\)"),
    ):
        with pytest.raises(UsageError, match=message):
            sampling.frames(**{"images": images, **options})


def test_the_best_order_of_no_masks_is_none(trained):
    found = sampling.best_order(trained, np.zeros((0, 4, 4), bool))
    assert found.shape == (0,)


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
        ({"method": "fast"}, "method must be one of 'cached', 'rows', 'parallel', 'full' or None"),
        ({"image": IMAGE}, "image and keep come together: keep is missing"),
        ({"keep": MASK}, "image and keep come together: image is missing"),
        ({"image": IMAGE.astype(float), "keep": MASK}, r"image must be integer levels 0\.\.1"),
        ({"image": IMAGE + 2, "keep": MASK}, r"image must hold levels 0\.\.1, got 2\.\.2"),
        ({"image": IMAGE[:3], "keep": MASK}, "image must have shape"),
        ({"image": np.stack([IMAGE] * 3), "keep": MASK}, "image must hold 1 or 2 images, got 3"),
        ({"image": IMAGE, "keep": MASK.astype(int)}, "keep must be a boolean mask, got int64"),
        ({"image": IMAGE, "keep": MASK[:3]}, r"keep must have shape .*got \(3, 4\)"),
        ({"image": IMAGE, "keep": np.stack([MASK] * 3)}, r"keep must have.*got \(3, 4, 4\)"),
        ({"condition": np.array([0, 1])}, "this model is unconditional"),
        ({"condition": [[1], [1, 2]]}, "this model is unconditional"),
        ({"image": [[1], [1, 2]], "keep": MASK}, "image must be an array, its rows all of one"),
        ({"image": IMAGE, "keep": [[True], []]}, "keep must be an array, its rows all of one"),
        ({"order": [[0], [0, 0]]}, "order must be an array, its rows all of one shape"),
        ({"temperature": 10**400}, r"temperature must be a finite number > 0, got 1000.* \.\.\."),
        ({"method": ["full"]}, r"method must be one of .* or None, got \['full'\]"),
        ({"callback": 3}, r"callback must be a function of \(rows, images\), got 3"),
        ({"progress": "yes"}, "progress must be True or False, got 'yes'"),
        ({"return_log_likelihood": "no"}, "return_log_likelihood must be True or False, got 'no'"),
        (
            {"image": IMAGE, "keep": MASK, "known": IMAGE + 1},
            "known must be left out: it is the former name of image",
        ),
        (
            {"image": IMAGE, "keep": MASK, "given": ~MASK},
            "given must be left out: it is the former name of keep",
        ),
        pytest.param({"n": 10**5000}, "n must be at most 1,0.*,000, got int", id="digits"),
        ({"resample": 10**400}, "resample must be at most 1,0.*,000, got 1000"),
        ({"n": 10**15}, "n=1000000000000000 images need 14,901,161 GiB"),
        ({"resample": 10**15}, "n=2 images with resample=1000000000000000 need 29,802,322 GiB"),
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


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_images_do_not_depend_on_how_many_cores_share_a_batch(cores, monkeypatch):
    model = gated((4, 4, 1), levels=3, condition=pcnn.Labels(2))
    labels = np.arange(23) % 2
    alone = model.sample(23, labels, seed=4, method="full")
    monkeypatch.setattr(draw.devices, "cores", lambda: cores)
    for _ in range(2):  # the first call compiles in turn, the second runs side by side
        drawn, nats = model.sample(23, labels, seed=4, return_log_likelihood=True)
        np.testing.assert_array_equal(drawn, alone)
    np.testing.assert_array_equal(nats, model.log_likelihood(alone, labels))
