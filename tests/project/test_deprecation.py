"""Former names of public things still work, and say in one line what they are called now."""

import dataclasses
import warnings

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn


def once_deprecated(function):
    """The value of a function that gives exactly one warning, and the warning's text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = function()
    ours = [w for w in caught if "is deprecated: use" in str(w.message)]
    assert len(ours) == 1, [str(w.message) for w in caught]
    (warning,) = ours
    assert warning.category is DeprecationWarning
    assert "\n" not in str(warning.message)
    return value, str(warning.message), warning.filename


def quiet(function):
    """The value of a function that gives no such warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*is deprecated: use")
        return function()


def test_run_config_is_the_training_configuration():
    value, message, where = once_deprecated(lambda: pcnn.RunConfig(epochs=2, batch_size=7))
    assert value == quiet(lambda: pcnn.TrainConfig(epochs=2, batch_size=7))
    assert message == "RunConfig is deprecated: use TrainConfig"
    assert where == __file__  # the caller's line, not the library's


@pytest.mark.parametrize(
    ("former", "today"), [("known", "image"), ("given", "keep")], ids=["known", "given"]
)
def test_former_arguments_of_sample_mean_what_today_s_do(former, today):
    model = gated()
    arguments = {
        "image": random_images(3, (4, 4, 1), 2),
        "keep": np.random.default_rng(0).random((4, 4)) < 0.5,
    }
    expected = quiet(lambda: model.sample(3, seed=0, **arguments))
    renamed = {former if name == today else name: value for name, value in arguments.items()}
    drawn, message, where = once_deprecated(lambda: model.sample(3, seed=0, **renamed))
    np.testing.assert_array_equal(drawn, expected)
    assert message == f"sample({former}=) is deprecated: use {today}="
    assert where == __file__


def test_former_folder_of_train_is_the_folder_of_checkpoints(tiny_data, tmp_path):
    def train(seed=0, **folder):
        model = gated(seed=seed)
        config = pcnn.TrainConfig(epochs=1, batch_size=18, ema=0.0)
        return pcnn.train(model, tiny_data, config, **folder), model

    _, message, where = once_deprecated(lambda: train(folder=tmp_path / "old"))
    quiet(lambda: train(checkpoint_dir=tmp_path / "new"))
    assert message == "train(folder=) is deprecated: use checkpoint_dir="
    assert where == __file__
    names = [sorted(path.name for path in (tmp_path / n).iterdir()) for n in ("old", "new")]
    assert names[0] == names[1] == ["best.keras", "last.keras"]
    old, new = (pcnn.load_model(tmp_path / n / "best.keras") for n in ("old", "new"))
    for a, b in zip(old.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_former_configuration_has_no_field_of_the_architecture():
    fields = {field.name for field in dataclasses.fields(pcnn.TrainConfig)}
    for name in ("filters", "blocks", "data", "distribution"):
        assert name not in fields
        with pytest.raises(pcnn.UsageError, match=name), pytest.warns(DeprecationWarning):
            pcnn.RunConfig(**{name: 1})


def test_an_argument_that_moved_is_named_in_one_line():
    with pytest.warns(DeprecationWarning), pytest.raises(pcnn.UsageError) as raised:
        pcnn.RunConfig(blocks=3)
    assert (
        str(raised.value) == "blocks is no field of TrainConfig: give it to the model or the data"
    )
    for model in (pcnn.GatedPixelCNN, pcnn.PixelCNN, pcnn.DeconvolutionalAutoencoder):
        with pytest.raises(pcnn.UsageError, match=r"LogisticMixture\(components=5\)") as raised:
            model((4, 4, 1), 2, components=5)
        assert "\n" not in str(raised.value)
