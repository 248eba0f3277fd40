"""An architecture is plain JSON: equal for equal models, and different in each argument changed."""

import json

import pytest

import pcnnlib as pcnn
from pcnnlib.models import DeconvolutionalAutoencoder, PixelCNNAutoencoder, architecture

# Of each model: the arguments compared with, and for each argument another value.
BASE = {"image_shape": (4, 4, 1), "levels": 4, "filters": 4}
OTHER = {"image_shape": (4, 6, 1), "levels": 5, "filters": 8, "distribution": "logistic_mixture"}
KERNELS = {"blocks": 2, "first_kernel_size": 5, "kernel_size": 5}
SMALL = {"code_size": 2, "encoder_filters": (2, 2, 2)}
CASES = {
    pcnn.PixelCNN: ({**BASE, "blocks": 3}, {**OTHER, **KERNELS}),
    pcnn.GatedPixelCNN: (
        {**BASE, "blocks": 3, "condition": pcnn.Labels(3)},
        {
            **OTHER,
            **KERNELS,
            "dilations": (1, 2),
            "head_filters": 6,
            "dropout": 0.5,
            "activation": "relu_of_sum",
            "condition": pcnn.Labels(4),
            "condition_stacks": ("horizontal",),
            "dtype": "mixed_bfloat16",
        },
    ),
    PixelCNNAutoencoder: (
        {**BASE, "blocks": 3, **SMALL},
        {
            **OTHER,
            **KERNELS,
            "code_size": 3,
            "encoder_filters": (2, 2, 3),
            "dilations": (1, 2),
            "head_filters": 6,
            "dropout": 0.5,
            "activation": "relu_of_sum",
            "condition_stacks": ("vertical",),
        },
    ),
    DeconvolutionalAutoencoder: (
        {**BASE, **SMALL},
        {**OTHER, "code_size": 3, "encoder_filters": (2, 2, 3)},
    ),
}

each_model = pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)


@each_model
def test_architecture_is_plain_json(kind):
    described = architecture(kind(**CASES[kind][0]))
    assert json.loads(json.dumps(described)) == described
    assert described["class"] == kind.__name__
    assert described["levels"] == 4 and described["image_shape"] == [4, 4, 1]
    assert described["distribution"] == {"class": "Categorical"}


@each_model
def test_equal_models_have_equal_architectures_whatever_they_are_called(kind):
    base, _ = CASES[kind]
    first = architecture(kind(**base, name="one"))
    assert architecture(kind(**base, name="another")) == first
    frozen = kind(**base)
    frozen.trainable = False
    assert architecture(frozen) == first


@each_model
def test_architecture_differs_in_each_argument_that_is_changed_and_in_no_other(kind):
    base, others = CASES[kind]
    first = architecture(kind(**base))
    for name, value in others.items():
        changed = architecture(kind(**{**base, name: value}))
        differs = {key for key in changed if changed[key] != first[key]}
        assert differs == {name}, f"{name}={value!r}"


def test_every_argument_of_a_gated_model_is_tried_above():
    base, others = CASES[pcnn.GatedPixelCNN]
    arguments = set(architecture(pcnn.GatedPixelCNN(**base))) - {"class"}
    assert set(others) == arguments


def test_conditions_and_components_are_a_part_of_it():
    mixture = pcnn.LogisticMixture(components=3)
    model = pcnn.GatedPixelCNN(
        (4, 4, 3), 17, 6, condition=pcnn.Map((2, 2, 3)), distribution=mixture
    )
    described = architecture(model)
    assert described["distribution"] == {"class": "LogisticMixture", "components": 3}
    assert described["condition"] == {"class": "Map", "shape": [2, 2, 3]}
    assert described["dtype"] == "float32"


def test_architecture_of_a_saved_model_is_the_same(tmp_path):
    for kind, (base, _) in CASES.items():
        model = kind(**base)
        model.save(tmp_path / "model.keras")
        assert architecture(pcnn.load_model(tmp_path / "model.keras")) == architecture(model)
