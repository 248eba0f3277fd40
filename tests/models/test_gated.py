"""The Gated PixelCNN: its weights, its dilations, its activation and where a condition enters."""

import numpy as np
import pytest
import reference
from support import gated, outputs, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis, sampling
from pcnnlib.nn import masks
from pcnnlib.nn.blocks import ACTIVATIONS

CONDITIONS = [None, pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((2, 2, 3))]


def test_number_of_weights_is_that_of_the_stored_windows():
    """One gated block, counted by hand: 3x3 kernels, F=4, one input channel."""
    model = pcnn.GatedPixelCNN((4, 4, 1), filters=4, blocks=1, first_kernel_size=3)
    vertical = 1 * 3 * 1 * 8 + 8  # one row of three taps above
    horizontal = 1 * 1 * 1 * 8 + 8  # one tap to the left
    link, project = 8 * 8, 4 * 4 + 4
    head = (4 * 4 + 4) + (4 * 1 + 1)
    assert model.count_params() == vertical + horizontal + link + project + head


@pytest.mark.parametrize(("dilations", "rows"), [((1,), 6), ((2,), 9), ((1, 2, 4), 10), ([3], 12)])
def test_dilated_blocks_look_as_many_rows_up_as_their_dilations_add_up_to(dilations, rows):
    """Three blocks after a first one that sees three rows up."""
    model = gated((14, 3, 1), blocks=4, first=7, dilations=dilations)
    seen = pcnn.receptive_field(model, at=(13, 1), images=8).any(axis=1)
    assert np.flatnonzero(seen)[0] == 13 - rows


@pytest.mark.parametrize(
    ("first", "dilations"), [(3, (2,)), (3, (1, 1, 4)), (3, (1, 3)), (5, (2,))]
)
def test_skipped_pixels_are_those_not_seen(first, dilations, monkeypatch):
    """In the own row, where the horizontal stack alone looks; with the refusal taken away."""
    skipped = set(masks.unseen_between(first, 3, (dilations * 3)[:3]))
    monkeypatch.setattr(masks, "unseen_between", lambda *_: [])
    model = gated((1, 14, 1), blocks=4, first=first, filters=8, dilations=dilations)
    seen = pcnn.receptive_field(model, at=(0, 13), images=8)[0] > 0
    distances = {13 - int(column) for column in np.flatnonzero(seen)}
    assert set(range(1, max(distances))) - distances == skipped
    assert skipped == {(3, (2,)): {2, 4, 6}, (3, (1, 1, 4)): {4}}.get((first, dilations), set())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, "dropout must be below 1, got 1.0"),
        ({"dropout": -0.1}, "dropout must be a finite number >= 0, got -0.1"),
        ({"dropout": "0.5"}, "dropout must be a finite number"),
        ({"dropout": float("nan")}, "dropout must be a finite number"),
        ({"dilations": ()}, r"dilations must be a list of integers >= 1, got \(\)"),
        ({"dilations": 2}, "dilations must be a list of integers >= 1, got 2"),
        ({"dilations": "12"}, "dilations must be a list of integers >= 1, got '12'"),
        ({"dilations": {1: 2}}, "dilations must be a list of integers >= 1, got {1: 2}"),
        ({"dilations": (1, 0)}, "each of dilations must be an integer >= 1, got 0"),
        ({"dilations": (1.5,)}, "each of dilations must be an integer >= 1, got 1.5"),
        ({"dilations": (4,), "blocks": 3}, r"\(4,\) skip pixels, those at a distance of 4, 8: "),
        ({"head_filters": 0}, "head_filters must be an integer >= 1, got 0"),
        (
            {"head_filters": 4, "image_shape": (4, 4, 3), "filters": 6, "levels": 4},
            "head_filters must be a multiple of the 3 channel groups, got 4",
        ),
        ({"condition": 10}, r"condition must be None, Labels\(n\), .*got 10"),
        ({"condition": pcnn.Map((3, 3, 1))}, "sides must be multiples"),
        (
            {"activation": "tanh"},
            "activation must be one of gate, glu, relu_of_sum, relu, silu, got 'tanh'",
        ),
        ({"condition_stacks": ("up",)}, "condition_stacks must be some of .*, got 'up'"),
    ],
)
def test_gated_model_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.GatedPixelCNN(**{"image_shape": (4, 4, 1), "filters": 4, "blocks": 1, **arguments})


def check_every_weight_matters(model):
    """No weight is dead: changing any of them changes an output."""
    images = random_images(4, model.image_shape, model.levels)
    values = random_condition(model.condition, 4)
    before = outputs(model, images, values)
    for weight in model.weights:
        kept = np.array(weight)
        weight.assign(kept + 0.5)
        assert (outputs(model, images, values) != before).any(), weight.path
        weight.assign(kept)


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_every_weight_of_a_gated_model_matters(condition):
    check_every_weight_matters(gated(levels=3, condition=condition))


# ---------------------------------------------------------------- activation


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(4, 4, 1), (3, 4, 3)], ids=["grey", "colour"])
def test_whole_model_equals_numpy(shape, activation):
    model = gated(shape, levels=4, blocks=3, activation=activation)
    images = random_images(2, shape, 4)
    expected = reference.gated_model(model, images.astype(float))
    got = outputs(model, images)
    np.testing.assert_allclose(got, expected.reshape(got.shape), atol=reference.TOLERANCE)


@pytest.mark.both_backends
@pytest.mark.parametrize("activation", ["relu", "relu_of_sum"])
def test_without_the_gate_cached_sampling_equals_full(activation):
    model = gated((4, 4, 1), levels=4, blocks=3, activation=activation)
    images = random_images(3, (4, 4, 1), 4)
    whole = outputs(model, images)
    np.testing.assert_allclose(sampling.parameters(model, images), whole, atol=1e-5)  # float32
    drawn = model.sample(6, seed=1)
    np.testing.assert_array_equal(drawn, model.sample(6, seed=1, method="full"))
    # The same weights with another activation are another model.
    other = {"relu": "silu", "relu_of_sum": "gate"}[activation]
    other = gated((4, 4, 1), levels=4, blocks=3, activation=other)
    other.set_weights(model.get_weights())
    assert np.abs(outputs(other, images) - whole).max() > 0.1


# ---------------------------------------------------------------- conditions in one stack only

# Both stacks with every condition are in the tests of sampling and of causality.
STACKS = [
    (("vertical",), pcnn.Labels(3)),
    (("vertical",), pcnn.Map((2, 2, 3))),
    (("horizontal",), pcnn.Map((2, 2, 3))),
    (("vertical", "horizontal"), pcnn.Labels(3)),
]


@pytest.fixture(scope="module", params=STACKS, ids=lambda case: f"{'+'.join(case[0])}-{case[1]!r}")
def conditioned(request):
    """A model whose condition enters some of the stacks."""
    stacks, condition = request.param
    return gated(levels=3, blocks=3, condition=condition, condition_stacks=stacks)


def test_condition_reaches_the_outputs_by_each_stack(conditioned):
    images = random_images(4, (4, 4, 1), 3)
    if conditioned.condition.shape:
        maps = random_condition(conditioned.condition, 4)
        other = maps + 1
    else:
        maps, other = np.array([0, 1, 2, 0]), np.array([1, 2, 0, 2])
    # A condition that is the same everywhere, or changed everywhere, reaches every pixel.
    assert analysis.changed_predictions(conditioned, images, maps, other).all()
    assert not analysis.changed_predictions(conditioned, images, maps, maps).any()


def test_every_weight_matters_whichever_stacks_are_conditioned(conditioned):
    check_every_weight_matters(conditioned)
    # One matrix for each block and stack; but nothing reads the last block's vertical features.
    stacks = conditioned.condition_stacks
    expected = 2 * ("vertical" in stacks) + 3 * ("horizontal" in stacks)
    assert sum("_condition/" in weight.path for weight in conditioned.weights) == expected


def test_cached_sampling_equals_full_whichever_stacks_are_conditioned(conditioned):
    images = random_images(3, (4, 4, 1), 3)
    values = random_condition(conditioned.condition, 3)
    whole = outputs(conditioned, images, values)
    seen = sampling.parameters(conditioned, images, values)
    np.testing.assert_allclose(seen, whole, atol=1e-5)  # float32 sums in another order
    cached = conditioned.sample(3, values, seed=0)
    np.testing.assert_array_equal(cached, conditioned.sample(3, values, seed=0, method="full"))


def test_saved_and_loaded_model_keeps_its_stacks(conditioned, tmp_path):
    conditioned.save(tmp_path / "model.keras")
    copy = pcnn.load_model(tmp_path / "model.keras")
    assert copy.condition_stacks == conditioned.condition_stacks
    assert copy.get_config() == conditioned.get_config()
    images, values = random_images(2, (4, 4, 1), 3), random_condition(copy.condition, 2)
    np.testing.assert_array_equal(
        outputs(copy, images, values), outputs(conditioned, images, values)
    )


@pytest.mark.parametrize(("stacks", "blocks"), [((), 3), ([], 1), (("vertical",), 1)])
def test_stacks_by_which_no_condition_reaches_an_output_are_refused(stacks, blocks):
    with pytest.raises(UsageError) as raised:
        gated(blocks=blocks, condition=pcnn.Labels(3), condition_stacks=stacks)
    assert str(raised.value) == (
        f"condition_stacks must let the condition reach an output of {blocks} blocks, "
        f"got {tuple(stacks)!r}"
    )


def test_a_vertical_condition_of_two_blocks_reaches_the_outputs():
    """The least depth that is not refused, so that the refusal above is no stricter than needed."""
    model = gated(levels=3, blocks=2, condition=pcnn.Labels(3), condition_stacks="vertical")
    images = random_images(2, (4, 4, 1), 3)
    assert analysis.changed_predictions(model, images, [0, 1], [1, 2]).all()
