"""Guidance: labels dropped while training, and logits moved while drawing."""

import keras
import numpy as np
import pytest
from support import MIXTURE, gated, outputs, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.sampling.guidance import guided, no_labels

DROPPED = pcnn.Labels(3, dropout=0.3)


@pytest.fixture(scope="module")
def model():
    return gated((3, 4, 1), levels=5, blocks=2, condition=DROPPED)


@pytest.mark.both_backends
def test_guidance_of_1_is_no_guidance_to_the_last_bit(model):
    labels = np.arange(9) % 3
    plain = gated((3, 4, 1), levels=5, blocks=2, condition=pcnn.Labels(3))
    drawn = plain.sample(9, labels, seed=3)
    np.testing.assert_array_equal(drawn, model.sample(9, labels, seed=3, guidance=1))
    np.testing.assert_array_equal(drawn, model.sample(9, labels, seed=3))
    assert guided(model, 1.0) is model
    assert (drawn != model.sample(9, labels, seed=3, guidance=4)).any()


@pytest.mark.both_backends
def test_guided_logits_are_those_without_a_label_and_w_times_the_difference(model):
    images, labels = random_images(4, (3, 4, 1), 5), np.array([0, 1, 2, 2])
    plain, labelled = (outputs(model, images, c) for c in (no_labels(4), labels))
    expected = plain + 2.5 * (labelled - plain)
    network = guided(model, 2.5)
    np.testing.assert_allclose(outputs(network, images, labels), expected, atol=1e-4)  # float32
    # As the sampler sees it, pixel by pixel from caches.
    seen = sampling.parameters(network, images, labels)
    np.testing.assert_allclose(seen, expected, atol=1e-4)


@pytest.mark.parametrize("method", ["full", "rows"])
def test_every_method_draws_the_same_guided_images(model, method):
    labels = np.arange(5) % 3
    drawn = model.sample(5, labels, seed=1, guidance=2)
    np.testing.assert_array_equal(drawn, model.sample(5, labels, seed=1, guidance=2, method=method))


def test_guidance_of_0_draws_without_a_label(model):
    drawn = model.sample(6, np.arange(6) % 3, seed=0, guidance=0)
    np.testing.assert_array_equal(drawn, model.sample(6, no_labels(6), seed=0))


def test_guidance_changes_without_compiling_anew(model):
    labels = np.zeros(5, int)
    few, many = (model.sample(5, labels, seed=1, guidance=w) for w in (1.5, 50))
    assert (few != many).any()
    np.testing.assert_array_equal(few, model.sample(5, labels, seed=1, guidance=1.5))


def test_guided_completions_keep_what_is_kept_in_any_order():
    model = gated((3, 3, 1), levels=3, blocks=2, condition=DROPPED, orders=2)
    image, keep = random_images(1, (3, 3, 1), 3)[0], np.zeros((3, 3), bool)
    keep[1:] = True  # order 1 begins there
    drawn = model.sample(4, np.zeros(4, int), seed=0, image=image, keep=keep, guidance=3)
    np.testing.assert_array_equal(drawn[:, 1:], np.broadcast_to(image[1:], (4, 2, 3, 1)))
    full = model.sample(
        4, np.zeros(4, int), seed=0, image=image, keep=keep, guidance=3, method="full"
    )
    np.testing.assert_array_equal(drawn, full)


@pytest.mark.both_backends
def test_labels_are_dropped_in_training_alone_and_as_often_as_asked_for():
    layer = DROPPED.make_encoder((3, 3, 1))
    one_hot = np.ones((4000, 1, 1, 3), "float32")
    kept = np.asarray(keras.ops.convert_to_numpy(layer(one_hot, training=True)))
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert (kept == kept[..., :1]).all()  # all of an image's label, or none of it
    # Within five standard deviations of the share.
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / 4000)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(one_hot)), one_hot)


def test_a_trained_model_has_learnt_images_without_a_label(tmp_path):
    """Two classes, all black and all white: with the label one is sure, without both are open."""
    keras.utils.set_random_seed(0)
    condition = pcnn.Labels(2, dropout=0.5)
    model = pcnn.GatedPixelCNN(
        (2, 2, 1), filters=4, blocks=1, first_kernel_size=3, condition=condition
    )
    labels = np.arange(64) % 2
    images = np.broadcast_to(labels[:, None, None, None], (64, 2, 2, 1)).astype("uint8")
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    model.fit((images, labels), batch_size=64, epochs=60, verbose=0)
    with_label = model.log_likelihood(images[:2], labels[:2]).mean()
    without = model.log_likelihood(images[:2], no_labels(2)).mean()
    assert with_label > -0.4 and -1.1 < without < -0.4  # log 2 is 0.69
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert loaded.condition == condition
    np.testing.assert_array_equal(loaded.log_likelihood(images[:2], no_labels(2)).mean(), without)


def test_labels_that_are_always_there_are_described_as_ever():
    assert pcnn.Labels(3).get_config() == {"n": 3} and repr(pcnn.Labels(3)) == "Labels(3)"
    assert repr(DROPPED) == "Labels(3, dropout=0.3)"
    assert pcnn.Labels(3) != DROPPED == pcnn.Labels.from_config(DROPPED.get_config())
    assert gated(condition=pcnn.Labels(3)).condition_encoder is None


@pytest.mark.parametrize(
    ("options", "guidance", "message"),
    [
        ({"condition": DROPPED}, -1, "guidance must be a finite number >= 0 and <= 1000, got -1"),
        ({"condition": DROPPED}, "2", "guidance must be a finite number .* got '2'"),
        ({"condition": DROPPED}, float("nan"), "guidance must be a finite number"),
        ({"condition": DROPPED}, 1e9, "guidance must be a finite number .* <= 1000"),
        ({"condition": pcnn.Labels(3)}, 2, r"always saw its label, got 2: .*Labels\(3, dropout"),
        ({"condition": pcnn.Vector(2)}, 2, "guidance must be 1 for a model without labels, got 2"),
        ({}, 2, "guidance must be 1 for a model without labels, got 2"),
        ({"condition": DROPPED, **MIXTURE}, 2, "guidance must be 1 for LogisticMixture.*no logits"),
    ],
)
def test_guidance_that_cannot_be_is_refused(options, guidance, message):
    model = gated((2, 2, 1), levels=4, blocks=1, **options)
    condition = None
    if model.condition is not None:
        condition = np.zeros(
            (1, *model.condition.shape), "float32" if model.condition.shape else int
        )
    with pytest.raises(UsageError, match=message) as raised:
        model.sample(1, condition, guidance=guidance)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("dropout", [1, -0.1, "0.1", float("nan"), True])
def test_shares_of_dropped_labels_that_cannot_be_are_refused(dropout):
    with pytest.raises(UsageError, match="dropout must be"):
        pcnn.Labels(3, dropout)


def test_labels_that_there_are_not_are_refused(model):
    with pytest.raises(UsageError, match=r"labels 0\.\.2, or -1 for none, got -2"):
        model.sample(1, np.array([-2]))
    with pytest.raises(UsageError, match=r"labels 0\.\.2, or -1 for none, got 3"):
        model.sample(1, np.array([3]))
    with pytest.raises(UsageError, match=r"condition must hold labels 0\.\.2, got -1"):
        gated(condition=pcnn.Labels(3)).sample(1, np.array([-1]))
