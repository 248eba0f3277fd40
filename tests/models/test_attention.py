"""Networks with attention: all earlier pixels and no later one, also from caches."""

import keras
import numpy as np
import pytest
from support import (
    MIXTURE,
    gated,
    on_both,
    outputs,
    random_condition,
    random_images,
    shake,
)

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.models import PixelCNNAutoencoder, PixelTransformer, architecture
from pcnnlib.nn import attention
from pcnnlib.nn.attention import AttentionBlock
from pcnnlib.nn.raster import before
from pcnnlib.sampling import cached
from pcnnlib.viz.live.export import check_exportable

TOLERANCE = 1e-5  # of float32: sums of a few dozen products of order one, in another order


def attending(shape=(3, 4, 1), levels=2, filters=6, blocks=2, behind=(2,), **options):
    return gated(shape, levels, filters, blocks, attention=behind, **options)


def transformer(shape=(3, 4, 1), levels=2, filters=6, blocks=1, **options):
    return shake(PixelTransformer(shape, levels, filters, blocks, **options))


# Too shallow to see all earlier pixels without attention.
CASES = {
    "gated": lambda: attending(behind=(2, 1), attention_heads=3),
    "colour": lambda: attending((2, 3, 3), 4, filters=18, attention_heads=6),
    "mixture": lambda: attending((2, 3, 3), 17, blocks=1, behind=(1,), **MIXTURE),
    "map": lambda: attending((2, 4, 1), 4, condition=pcnn.Map((1, 2, 3))),
    "one pixel": lambda: attending((1, 1, 1)),
    "transformer": lambda: transformer(blocks=2),
    "transformer, mixture": lambda: transformer((2, 3, 3), 17, **MIXTURE),
}
SOME = ("'gated'", "'colour'", "'transformer'")


@pytest.mark.parametrize("case", on_both([c for c in CASES if "one pixel" not in c], *SOME))
def test_predictions_depend_on_all_earlier_values_and_no_later_one(case):
    model = CASES[case]()
    report = pcnn.check_causality(model, images=3, batch_size=int(np.prod(model.image_shape)))
    assert report.causal, report.leaks[:5]
    assert not report.blind_spot.any()


def test_attention_is_what_sees_so_far():
    assert pcnn.check_causality(gated((3, 4, 1), blocks=1)).blind_spot.any()


@pytest.mark.parametrize("case", ["gated", "transformer"])
def test_a_mask_that_shows_the_pixel_itself_is_caught_at_every_pixel(case, monkeypatch):
    def showing_itself(pixels):
        return np.tril(np.ones((pixels, pixels), bool))

    monkeypatch.setattr(attention, "visible_before", showing_itself)
    report = pcnn.check_causality(CASES[case](), images=2)
    assert {((i, j, 0), (i, j, 0)) for i in range(3) for j in range(4)} <= set(report.leaks)


def test_heads_that_mix_channel_groups_are_caught():
    model = attending((2, 3, 3), 4, filters=18, attention_heads=6)
    block = model.blocks[-1]
    block.heads = 1  # one head then reads the queries of all three groups
    leaks = pcnn.check_causality(model, images=2).leaks
    assert leaks and all(value[:2] == prediction[:2] for value, prediction in leaks)


@pytest.mark.parametrize("case", on_both([c for c in CASES if c != "transformer, mixture"], *SOME))
def test_cached_parameters_equal_the_whole_networks(case):
    model = CASES[case]()
    images = random_images(3, model.image_shape, model.levels)
    condition = random_condition(model.condition, 3)
    whole = outputs(model, images, condition)
    assert "one pixel" in case or np.ptp(whole) > 0.5
    seen = sampling.parameters(model, images, condition, method="cached")
    np.testing.assert_allclose(seen, whole, atol=TOLERANCE)


def test_all_methods_draw_the_same_images():
    model = CASES["gated"]()
    drawn = model.sample(4, seed=3, temperature=0.9)
    for method in ("full", "parallel"):
        other = model.sample(4, seed=3, temperature=0.9, method=method)
        np.testing.assert_array_equal(drawn, other)
    assert len(np.unique(drawn.reshape(4, -1), axis=0)) > 1


def test_a_memory_that_forgets_the_rows_above_would_be_noticed():
    model = attending()
    images = random_images(2, model.image_shape, 2)
    start, row = sampling.METHODS["cached"]

    def forgetful(model, state, i, *args, **kwargs):
        *convolutions, (keys, values, known) = state[0]
        return row(
            model, ([*convolutions, (keys, 0 * values, known)], state[1]), i, *args, **kwargs
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sampling.METHODS, "cached", (start, forgetful))
        seen = sampling.parameters(model, images)
    differs = (np.abs(seen - outputs(model, images)) > 1e-3).any(axis=(0, 2, 3))
    assert differs.tolist() == [False, True, True]


def test_the_memory_grows_with_height_and_width_and_a_convolutions_does_not():
    sizes = {
        shape: sampling.cache_size(attending((*shape, 1), filters=4)) for shape in [(4, 4), (8, 4)]
    }
    # Keys and values of sixteen more pixels, of four features each.
    assert sizes[8, 4] - sizes[4, 4] == 2 * 16 * 4
    caches, _ = cached.start(attending((4, 4, 1), filters=4), 3, None)
    assert [tuple(x.shape) for x in caches[-1]] == [(3, 16, 4), (3, 16, 4), ()]


@pytest.mark.both_backends
def test_with_orders_all_happens_in_the_turned_frame():
    model = attending((3, 3, 1), blocks=1, behind=(1,), orders=8)
    images, orders = random_images(8, (3, 3, 1), 2), np.arange(8)
    whole = np.asarray(model((images, orders)))
    seen = sampling.parameters(model, images, order=orders)
    np.testing.assert_allclose(seen, whole, atol=TOLERANCE)
    for order in (6,):
        report = pcnn.check_causality(model, order=order, images=2, batch_size=9)
        assert report.causal and not report.blind_spot.any()
        plain = model.in_order(order)
        assert architecture(plain)["attention"] == [1] and plain.orders == 1
        log = plain.log_likelihood(pcnn.nn.raster.reorient(images, order))
        np.testing.assert_allclose(model.log_likelihood(images, order=order), log, atol=1e-4)


def test_a_gradient_reaches_every_earlier_pixel_and_no_other():
    for model in (attending((4, 4, 1), blocks=1, behind=(1,)), transformer((4, 4, 1))):
        for at in ((0, 0), (1, 2), (3, 3)):
            field = pcnn.receptive_field(model, at=at)
            np.testing.assert_array_equal(field > 0, before((4, 4), at))


def test_completion_keeps_what_is_given_and_weighs_what_comes_late():
    model = CASES["gated"]()
    image, keep = random_images(1, (3, 4, 1), 2)[0], np.zeros((3, 4), bool)
    keep[1:] = True
    drawn = model.sample(4, image=image, keep=keep, seed=0, resample=2, method="parallel")
    np.testing.assert_array_equal(drawn[:, 1:], np.broadcast_to(image[1:], (4, 2, 4, 1)))


@pytest.mark.both_backends
def test_training_reaches_every_weight():
    model = transformer()
    weights = [w.copy() for w in model.get_weights()]
    model.compile(optimizer=keras.optimizers.SGD(0.01))
    model.fit(random_images(4, model.image_shape, 2), epochs=1, batch_size=4, verbose=0)
    pairs = zip(model.weights, weights, strict=True)
    changed = {weight.path: (weight.numpy() != old).any() for weight, old in pairs}
    assert all(changed.values()), changed


@pytest.mark.both_backends
@pytest.mark.parametrize("case", ["gated", "transformer"])
def test_a_saved_model_is_the_same(case, tmp_path):
    model = CASES[case]()
    images = random_images(4, model.image_shape, 2)
    model.save(tmp_path / "model.keras")
    again = pcnn.load_model(tmp_path / "model.keras")
    assert architecture(again) == architecture(model)
    np.testing.assert_array_equal(outputs(again, images), outputs(model, images))


@pytest.mark.parametrize("make", [attending, transformer])
def test_in_mixed_precision_caches_compute_what_the_network_does(make):
    options = {"behind": (1,)} if make is attending else {}
    model = make((3, 3, 1), blocks=1, dtype="mixed_bfloat16", **options)
    images = random_images(3, (3, 3, 1), 2)
    seen = sampling.parameters(model, images)
    # bfloat16 has three digits, and sums are rounded in another order.
    np.testing.assert_allclose(seen, outputs(model, images), atol=0.2)


@pytest.mark.parametrize("case", ["gated", "transformer"])
def test_a_summary_names_every_block(case):
    model, lines = CASES[case](), []
    model.summary(print_fn=lines.append)
    text = "\n".join(map(str, lines))
    assert all(block.name in text for block in model.blocks)


def test_a_model_without_attention_says_nothing_of_it():
    assert not {"attention", "attention_heads"} & architecture(gated()).keys()
    described = architecture(attending(behind=[2, 1]))
    assert described["attention"] == [1, 2] and described["attention_heads"] is None


def test_the_last_block_feeds_attention_that_stands_behind_it():
    """Its vertical features are read then, so that a condition enters their gate."""
    last = [attending(condition=pcnn.Labels(3), behind=behind).blocks for behind in ((1,), (2,))]
    assert [block.last for block in last[0] if hasattr(block, "last")] == [False, True]
    assert [block.last for block in last[1] if hasattr(block, "last")] == [False, False]


def test_an_autoencoders_decoder_may_attend():
    model = PixelCNNAutoencoder(
        (4, 4, 1), 2, code_size=2, filters=4, blocks=2, encoder_filters=(4, 4, 4), attention=(1,)
    )
    assert architecture(model)["attention"] == [1]
    again = PixelCNNAutoencoder.from_config(model.get_config())
    assert isinstance(again.decoder.blocks[1], AttentionBlock)
    drawn = model.decode(np.zeros((2, 2)), seed=0)
    np.testing.assert_array_equal(drawn, model.decode(np.zeros((2, 2)), seed=0, method="parallel"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((0,), "each of attention must be an integer 1..2, got 0"),
        ((3,), "each of attention must be an integer 1..2, got 3"),
        ((1.5,), "each of attention must be an integer 1..2, got 1.5"),
        ((True,), "each of attention must be an integer 1..2, got True"),
        ((2, 2), "attention must be different numbers of blocks, 1..2, got (2, 2)"),
        (2, "attention must be different numbers of blocks, 1..2, such as (1, 2), got 2"),
        ("12", "attention must be different numbers of blocks, 1..2, such as (1, 2), got '12'"),
        (None, "attention must be different numbers of blocks, 1..2, such as (1, 2), got None"),
    ],
)
def test_what_is_no_list_of_blocks_is_refused_in_one_line(value, message):
    with pytest.raises(UsageError) as raised:
        gated(attention=value)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: attending(attention_heads=4),
            "attention_heads must be a divisor of the 6 filters, got 4",
        ),
        (
            lambda: gated(attention_heads=2),
            "attention_heads must be None without attention, got 2",
        ),
        (lambda: transformer(heads=4), "heads must be a divisor of the 6 filters, got 4"),
        (
            lambda: transformer((3, 3, 3), 4),
            "distribution must order the channels itself, as LogisticMixture does: a "
            "PixelTransformer reads the 3 channels of a pixel at once, got Categorical(levels=4, "
            "channels=3)",
        ),
        (
            lambda: attending((200, 200, 1)),
            "attention must have images of at most 16,384 pixels, got 200x200: it weighs every "
            "pixel against every other",
        ),
        (
            lambda: CASES["gated"]().sample(2, method="rows"),
            'method "rows" needs a model whose blocks compute rows, such as GatedPixelCNN without '
            "attention, got GatedPixelCNN",
        ),
        (
            lambda: check_exportable(CASES["gated"]()),
            "model has attention behind blocks 1, 2, and a page knows convolutions alone",
        ),
        (
            lambda: check_exportable(transformer()),
            "model must be a GatedPixelCNN, PixelCNN or PixelCNNAutoencoder, got PixelTransformer: "
            "a page knows the layers of these only",
        ),
    ],
)
def test_what_attention_cannot_do_is_said_in_one_line(make, message):
    with pytest.raises(UsageError) as raised:
        make()
    assert str(raised.value) == message
