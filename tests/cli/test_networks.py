"""Networks of all kinds, as the flags describe them: built, trained and drawn from."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import cli, training
from pcnnlib.cli import parser
from pcnnlib.cli.checks import check_network_flags
from pcnnlib.cli.flags import Network
from pcnnlib.cli.network import build_network
from pcnnlib.models import architecture


def built(home, *flags):
    """The network that flags describe for a folder's data, untrained."""
    settings = parser.settings_of(cli.make_parser().parse_args(flags))
    data = pcnn.load_dataset(str(home.data))
    return build_network(settings.network, data, settings.training.seed)


def test_conditional_run_draws_a_row_of_each_class_and_those_asked_for(
    own_home, sampled, grid_of, refused
):
    # Seven images of three classes: rows are filled up.
    assert cli.main(own_home.quick_flags("--model=conditional", "--epochs=1", "--n_samples=7")) == 0
    assert sampled[-1]["condition"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    pictures = own_home.folder / "samples/tiny-conditional"
    assert grid_of(pictures / "samples.png", 3).shape == (3, 3, 4, 4)
    with Image.open(pictures / "samples.gif") as growing:
        assert growing.n_frames > 2
    (pictures / "samples.gif").unlink()
    more = ["--model=conditional", "--epochs=0", "--classes=2,2,0", "--no-animate"]
    assert cli.main(own_home.flags(*more)) == 0
    assert sampled[-1]["condition"].tolist() == [2, 2, 2, 2, 0, 0]
    assert not (pictures / "samples.gif").exists()
    before = own_home.saved()
    for flags, message in [
        (["--epochs=0", "--model=conditional", "--classes=3"], "labels 0..2, got 3"),
        (
            ["--epochs=0", "--model=conditional", "--classes=a"],
            "--classes must be integers such as 3,3,7",
        ),
        (["--epochs=2", "--model=conditional", "--classes=3"], "labels 0..2, got 3"),
    ]:
        refused(own_home.quick_flags(*flags), message)
    assert own_home.saved() == before


@pytest.mark.parametrize(
    ("options", "pixel"),
    [
        ({}, "Categorical"),
        ({"model": "conditional", "distribution": "logistic_mixture"}, "LogisticMixture"),
    ],
)
def test_colour_images_are_trained_on_and_drawn(own_home, capsys, no_grids, options, pixel):
    """With the default number of filters, which no one has to know must be divisible by 3."""
    own_home.write_data(n=12, shape=(4, 4, 3), levels=256)
    flags = [f for f in own_home.quick_flags() if "f_map" not in f]
    flags += [f"--{name}={value}" for name, value in options.items()]
    assert cli.main([*flags, "--epochs=1", "--flip", "--dropout=0.1", "--no-animate"]) == 0
    folder = f"tiny-{options.get('model', 'unconditional')}"
    model = training.load_model(own_home.folder / "ckpts" / folder / training.BEST)
    assert type(model.distribution).__name__ == pixel and model.dropout == 0.1
    assert model.filters == (33 if pixel == "Categorical" else 32)
    with Image.open(own_home.folder / "samples" / folder / "samples.png") as picture:
        assert np.ptp(np.asarray(picture), axis=-1).max() > 0  # in colour
    assert "bits/dim (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "filters", "distribution"),
    [
        (["--model=conditional"], 33, pcnn.Categorical(256, 3)),
        (
            ["--model=autoencoder", "--distribution=logistic_mixture", "--components=4"],
            32,
            pcnn.LogisticMixture(4, 256, 3),
        ),
        (["--model=autoencoder", "--f_map=6"], 6, pcnn.Categorical(256, 3)),
    ],
)
def test_filters_are_rounded_up_where_the_network_orders_the_channels(
    own_home, flags, filters, distribution
):
    own_home.write_data(n=12, shape=(4, 4, 3), levels=256)
    model = built(own_home, *flags)
    gated = getattr(model, "decoder", model)
    assert gated.filters == filters
    assert model.distribution == gated.distribution == distribution


@pytest.mark.parametrize(
    ("shape", "flags", "expected"),
    [
        ((12, 4), [], (1,)),
        ((13, 4), [], (1, 2, 4, 8)),
        ((4, 13), [], (1, 2, 4, 8)),
        ((13, 4), ["--dilations=1"], (1,)),
        ((4, 4), ["--dilations=2,3", "--model=autoencoder"], (2, 3)),
    ],
)
def test_larger_images_are_seen_across_unless_dilations_are_named(own_home, shape, flags, expected):
    own_home.write_data(n=8, shape=shape)
    model = built(own_home, "--layers=3", "--f_map=4", *flags)
    assert getattr(model, "decoder", model).dilations == expected


@pytest.mark.parametrize(
    ("flags", "cls"),
    [
        ([], pcnn.GatedPixelCNN),
        (["--model=conditional"], pcnn.GatedPixelCNN),
        (["--model=autoencoder", "--code_size=3"], pcnn.PixelCNNAutoencoder),
    ],
)
def test_flags_describe_the_network_and_the_seed_its_weights(own_home, flags, cls):
    size = ["--layers=3", "--f_map=5", "--dropout=0.25", "--precision=mixed_bfloat16"]
    model, again, other = (built(own_home, *flags, *size, f"--seed={seed}") for seed in (4, 4, 5))
    assert type(model) is cls
    described = architecture(model)
    wanted = {"image_shape": [4, 4, 1], "levels": 2, "blocks": 3, "filters": 5}
    wanted |= {"dropout": 0.25, "dtype": "mixed_bfloat16", "distribution": {"class": "Bernoulli"}}
    assert {name: described[name] for name in wanted} == wanted
    if cls is pcnn.PixelCNNAutoencoder:
        assert model.code_size == 3
    else:
        assert model.condition == (pcnn.Labels(3) if flags else None)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert (a == b).all()
    assert any(
        (a != b).any() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )


@pytest.mark.parametrize("grids", [1, 2])
def test_attention_of_a_vqvae_is_that_of_its_priors(own_home, grids):
    size = ["--layers=3", "--f_map=4", "--codes=5", "--code_size=2", f"--code_grids={grids}"]
    model = built(own_home, "--model=vqvae", *size, "--attention=3,2")
    priors = [model.prior, *([model.top_prior] if grids > 1 else [])]
    assert [prior.attention for prior in priors] == [(2, 3)] * grids
    again = pcnn.LatentPrior.from_config(model.get_config())
    assert architecture(again) == architecture(model)
    assert not built(own_home, "--model=vqvae", *size).prior.attention


SIZE = {"layers": 3, "f_map": 6, "dilations": (1, 2), "attention": (2, 3), "dropout": 0.25}
ALL = {**SIZE, "precision": "mixed_bfloat16", "distribution": "categorical"}
CODE = {"code_size": 2, "precision": "mixed_bfloat16", "distribution": "bernoulli"}


@pytest.mark.parametrize(
    ("model", "flags", "other"),
    [
        ("", {**ALL, "orders": 4}, {"orders": 8, "dropout": 0.0, "layers": 12}),
        ("conditional", {**ALL, "label_dropout": 0.5}, {"label_dropout": 0.0, "f_map": 8}),
        (
            "autoencoder",
            {**SIZE, "code_size": 2, "distribution": "logistic_mixture", "components": 3},
            {"components": 4, "code_size": 10, "dilations": (1,), "attention": (2,)},
        ),
        ("painting", {**CODE, "f_map": 6}, {"distribution": "categorical", "f_map": 32}),
        (
            "vqvae",
            {**SIZE, **CODE, "codes": 5, "label_dropout": 0.5},
            {"codes": 512, "precision": "float32", "attention": None},
        ),
    ],
)
def test_what_a_network_is_made_of_is_read_from_it_in_flags(own_home, model, flags, other):
    """A network's own flags may be typed again; each other value is refused."""
    own_home.write_data(n=8, levels=4 if "components" in flags else 2)
    data = pcnn.load_dataset(str(own_home.data))
    network = Network(model=model, **flags)
    made = build_network(network, data, seed=0)
    if "attention" in flags:  # in whatever order
        network = dataclasses.replace(network, attention=(3, 2))
    named = [*flags, "code_grids", "model", "autoencoder_epochs"]
    check_network_flags(network, named, made, "it")
    for flag, value in other.items():
        changed = dataclasses.replace(network, **{flag: value})
        check_network_flags(changed, [name for name in named if name != flag], made, "it")
        with pytest.raises(pcnn.UsageError, match=f"^--{flag} must be .*, as it has it, got"):
            check_network_flags(changed, [flag], made, "it")


def test_a_painting_autoencoder_is_described_by_its_own_flags(own_home):
    flags = ["--model=painting", "--code_size=3", "--f_map=5", "--precision=mixed_bfloat16"]
    model, other = (built(own_home, *flags, f"--seed={seed}") for seed in (4, 5))
    assert type(model) is pcnn.DeconvolutionalAutoencoder
    described = architecture(model)
    wanted = {"image_shape": [4, 4, 1], "levels": 2, "code_size": 3, "filters": 5}
    wanted |= {"dtype": "mixed_bfloat16", "distribution": {"class": "Bernoulli"}}
    assert {name: described[name] for name in wanted} == wanted
    # The decoder computes in the precision asked for, too, and draws.
    assert {layer.compute_dtype for layer in model.decoder.layers} == {"bfloat16"}
    assert model.decode(np.zeros((2, 3)), seed=0).shape == (2, 4, 4, 1)
    assert any(
        (a != b).any() for a, b in zip(model.get_weights(), other.get_weights(), strict=True)
    )


def test_filters_that_channels_cannot_share_are_refused(own_home, refused):
    own_home.write_data(n=12, shape=(4, 4, 3), levels=256)
    refused(
        own_home.flags("--epochs=1", "--f_map=32"),
        "--f_map must be a multiple of the 3 channel groups, got 32",
    )


def test_images_without_labels_cannot_condition(own_home, refused):
    own_home.write_data(y_train=None, y_test=None)
    refused(own_home.flags("--model=conditional"), "--model=conditional needs labels; data")


def test_images_of_two_channels_are_refused_before_any_training(own_home, refused):
    own_home.write_data(shape=(4, 4, 2))
    refused(own_home.flags("--epochs=1"), "1 or 3 channels")
    assert not (own_home.folder / "ckpts").exists()
