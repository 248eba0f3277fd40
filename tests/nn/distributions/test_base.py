"""Distributions as objects: by name, by object and by the levels, described and bound."""

import keras
import numpy as np
import pytest
from support import gated, name_of, outputs, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.nn.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Categorical,
    LogisticMixture,
    resolve_distribution,
)

BOUND = [
    Bernoulli(2, 1),
    Bernoulli(2, 3),
    Categorical(2, 1),
    Categorical(5, 1),
    Categorical(17, 3),
    LogisticMixture(10, 256, 3),
    LogisticMixture(3, 17, 2),
]
DESCRIBED = [Bernoulli(), Categorical(), LogisticMixture(), LogisticMixture(components=3)]


@pytest.mark.parametrize("distribution", [*BOUND, *DESCRIBED], ids=name_of)
def test_configuration_survives_serialisation(distribution):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(distribution))
    assert type(copy) is type(distribution)
    assert copy.get_config() == distribution.get_config()
    assert (copy, hash(copy)) == (distribution, hash(distribution))
    if distribution.levels is not None:
        assert copy.size == distribution.size


@pytest.mark.parametrize("distribution", BOUND, ids=name_of)
def test_description_bound_to_the_same_images_is_the_same_distribution(distribution):
    description = distribution.description()
    assert description.levels is None
    again = description.for_images(distribution.levels, distribution.channels)
    assert again == distribution and again != description
    assert distribution.for_images(distribution.levels, distribution.channels) is distribution


def test_distributions_that_differ_in_anything_differ():
    everything = [*BOUND, *DESCRIBED]
    for k, one in enumerate(everything):
        assert [one == other for other in everything] == [k == i for i in range(len(everything))]
    assert LogisticMixture(10) == LogisticMixture()
    assert Categorical() != "categorical"


def test_a_distribution_says_how_it_is_made():
    assert [repr(d) for d in DESCRIBED] == [
        "Bernoulli()",
        "Categorical()",
        "LogisticMixture(components=10)",
        "LogisticMixture(components=3)",
    ]
    assert repr(Categorical(17, 3)) == "Categorical(levels=17, channels=3)"
    assert eval(repr(LogisticMixture(3, 17, 2))) == LogisticMixture(3, 17, 2)


def test_two_levels_are_bernoulli_unless_asked_otherwise():
    assert isinstance(resolve_distribution(None, 2, 1), Bernoulli)
    assert isinstance(resolve_distribution(None, 3, 1), Categorical)
    assert isinstance(resolve_distribution("categorical", 2, 1), Categorical)


def test_every_distribution_can_be_asked_for_by_name():
    for name, kind in DISTRIBUTIONS.items():
        assert resolve_distribution(name, 2, 1) == kind().for_images(2, 1)


@pytest.mark.parametrize(
    ("levels", "same"),
    [
        (2, [None, "bernoulli", Bernoulli(), Bernoulli(2, 3)]),
        (5, [None, "categorical", Categorical(), Categorical(5, 3)]),
        (5, ["logistic_mixture", LogisticMixture(), LogisticMixture(10, 5, 3)]),
    ],
    ids=["bernoulli", "categorical", "mixture"],
)
def test_name_object_and_none_give_equal_models_and_configurations(levels, same):
    shape = (3, 3, 3)
    models = [gated(shape, levels, blocks=2, distribution=d, name="same") for d in same]
    images = random_images(2, shape, levels)
    first, expected = models[0], outputs(models[0], images)
    for model in models[1:]:
        assert model.get_config() == first.get_config()
        assert pcnn.models.architecture(model) == pcnn.models.architecture(first)
        assert model.distribution == first.distribution
        np.testing.assert_array_equal(outputs(model, images), expected)
    # The check has teeth: another distribution is another configuration.
    other = Categorical() if levels == 2 else LogisticMixture(components=2)
    assert gated(shape, levels, distribution=other).get_config() != first.get_config()


@pytest.mark.parametrize("build", [pcnn.GatedPixelCNN, pcnn.PixelCNN])
def test_saved_and_loaded_model_keeps_its_distribution(build, tmp_path):
    model = build((3, 3, 3), levels=17, filters=6, distribution=LogisticMixture(components=3))
    assert model.distribution == LogisticMixture(components=3, levels=17, channels=3)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.distribution == model.distribution
    assert copy.get_config() == model.get_config()
    # The configuration holds the description: the levels and channels are the model's own.
    config = model.get_config()["distribution"]
    assert config["class_name"] == "LogisticMixture" and config["config"] == {"components": 3}


@pytest.mark.parametrize("bound", [Categorical(5, 3), LogisticMixture(3, 5, 3), Categorical(17, 1)])
def test_distribution_of_other_images_is_refused_in_one_line(bound):
    with pytest.raises(UsageError) as raised:
        pcnn.GatedPixelCNN((3, 3, 3), levels=17, filters=6, distribution=bound)
    assert str(raised.value) == (
        f"distribution {bound!r} does not fit images of 17 levels and 3 channels: "
        "leave levels and channels out of it"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gaussian", 2, 1), "distribution must be one of 'bernoulli'.* or None, got 'gaussian'"),
        ((Categorical, 2, 1), "distribution must be one of .* a Distribution or None, got <class"),
        ((3, 2, 1), "distribution must be one of .* a Distribution or None, got 3"),
        (("bernoulli", 3, 1), "a Bernoulli pixel has 2 levels, got levels=3"),
        ((Bernoulli(), 3, 1), "a Bernoulli pixel has 2 levels, got levels=3"),
        ((None, 1, 1), r"levels must be an integer 2\.\.(256|65536), got 1"),
        ((None, 65_537, 1), r"levels must be an integer 2\.\.65536, got 65537"),
        ((None, 2.0, 1), "levels must be an integer"),
        ((None, 2, 0), "channels must be an integer >= 1, got 0"),
        (
            ("logistic_mixture", 257, 3),
            r"levels must be an integer 2\.\.256, got 257: codes alone",
        ),
        (("logistic_mixture", 256, 0), "channels must be an integer >= 1, got 0"),
    ],
)
def test_distributions_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        resolve_distribution(*arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("components", [0, 2.0, "3"])
def test_numbers_of_components_that_cannot_be_are_refused(components):
    with pytest.raises(UsageError, match="components must be an integer >= 1, got"):
        LogisticMixture(components)
