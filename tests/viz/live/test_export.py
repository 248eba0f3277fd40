"""What is written: one file, its card, its texts as text, and what is refused in one line."""

import base64
import html
import json
import os
import re
import zlib

import keras
import numpy as np
import pytest
from support import runs_for_pages

import pcnnlib as pcnn
from pcnnlib import UsageError, runs
from pcnnlib.viz.live import component, export

PUBLISHED = runs_for_pages()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return pcnn.GatedPixelCNN((4, 4, 1), filters=4, blocks=2, condition=pcnn.Labels(2))


def state_of(page):
    return json.loads(html.unescape(re.search(r' data-model="([^"]*)"', page).group(1)))


@pytest.mark.both_backends
def test_weights_travel_as_float16_with_what_is_masked_set_to_zero(model):
    packed = export.pack(model)
    raw = base64.b64decode(packed["weights"])
    assert len(raw) == packed["bytes"] == 2 * model.count_params()
    assert zlib.crc32(raw) == packed["crc32"]
    values = np.frombuffer(raw, "<f2")
    # The last kernel but its bias: the head's.
    size = model.head.predict.kernel.shape[0]
    expected = np.asarray(model.head.predict.kernel).ravel().astype("float16")
    assert (values[-size - 1 : -1] == expected).all()
    colour = pcnn.GatedPixelCNN((4, 4, 3), filters=6, blocks=2)
    kernels, _ = export._gated(colour)
    assert (kernels[2] == 0).any() and (np.asarray(colour.blocks[0].horizontal.kernel) != 0).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_make_pages_below_a_megabyte(name, tmp_path):
    path = pcnn.export_html(pcnn.load_pretrained(name), tmp_path / "page.html", run=name)
    page, record = path.read_text("utf-8"), runs.read_run(name)
    assert len(page) < 1_000_000
    weights = re.search(r'id="[^"]+-weights">([^<]+)</script>', page)[1]
    assert len(weights) < 700_000
    card = dict(state_of(page)["card"])
    assert card["Hardware"] == runs.hardware(record)
    assert card["Licence of the weights"] == "MIT" and card["Seed"] == str(record["seed"])
    assert len(card["Licence of the data"]) > 5
    for text in (f"{record['test']['bits_per_dim']:.3f} bits a value", *card.values()):
        assert html.escape(text) in page  # at its foot
    assert ("given its code" in page) == ("autoencoder" in name)
    # Nothing is fetched from anywhere.
    assert not re.search(r"(src|href)=|https?://|@import|\bfetch\(", page)


def test_names_and_texts_are_text(model, tmp_path):
    """No text that a user gives, in whatever place, ends an element, an attribute or a script."""
    evil = '</script><script>alert("1")</script><img src=x onerror=alert(2)>\'"&'
    page = pcnn.export_html(
        model, tmp_path / "x.html", title=evil, class_names=[evil, "b"], card={evil: evil}
    ).read_text("utf-8")
    plain = pcnn.export_html(model, tmp_path / "y.html", card={"a": "b"}).read_text("utf-8")
    for tag in ("<script", "</script", "<img"):
        assert page.count(tag) == plain.count(tag)
    assert state_of(page)["condition"]["names"] == [evil, "b"]
    assert page.count(html.escape(evil)) >= 4  # the page's title twice, the card's name and text


def test_two_components_fit_on_a_page_and_leave_no_names(model):
    first, second = pcnn.live(model)._repr_html_(), pcnn.live(model)._repr_html_()
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in (first, second)]
    assert len(ids[0]) == 2 and not ids[0] & ids[1]
    assert repr(pcnn.live(model, title="Mine")) == "Mine, live in a page"


def test_controls_are_those_asked_for(model):
    shown = pcnn.live(model, controls=["bits", "brush"])
    assert state_of(shown.html())["controls"] == ["brush", "bits"]


def test_weights_can_come_from_a_script_of_their_own(model):
    shown = pcnn.live(model)
    page, script = shown.html("_static/w.js"), shown.weights_script()
    assert shown.packed["weights"] not in page and shown.packed["weights"] in script
    where = json.loads(html.unescape(re.search(r'data-weights="([^"]*)"', page)[1]))
    assert where == {"src": "_static/w.js", "name": shown.weights_name}
    assert f'"{shown.weights_name}"' in script


def test_several_networks_travel_together_with_one_set_of_examples():
    networks = {n: pcnn.PixelCNN((4, 4, 1), filters=4, blocks=n) for n in (1, 2)}
    images = np.zeros((2, 4, 4, 1), "uint8")
    shown = pcnn.live({str(n): one for n, one in networks.items()}, examples=images)
    first, second = shown.weights.split(" ")
    assert len(base64.b64decode(second)) == 2 * networks[2].count_params()
    state = state_of(shown.html())
    assert state["name"] == "1" and [other["name"] for other in state["others"]] == ["2"]
    assert state["examples"] and state["others"][0]["examples"] is None
    assert state["title"] == "A PixelCNN" and not state["leaks"]
    assert first in shown.weights_script() and second in shown.html()
    with pytest.raises(UsageError, match="^run names where one model comes from"):
        pcnn.live({"a": networks[1]}, run="mnist")


def test_a_changed_mask_is_noticed():
    model = pcnn.PixelCNN((4, 4, 1), filters=4, blocks=2, first_kernel_size=3)
    assert not export.pack(model)["leaks"]
    model.first.mask[0, 0] = 0  # what hides more leaks nothing
    assert not export.pack(model)["leaks"]
    model.blocks[0].convolution.mask[-1, 2] = 1  # right of the centre
    assert export.pack(model)["leaks"]
    colour = pcnn.GatedPixelCNN((4, 4, 3), filters=6, blocks=2)
    assert not export.pack(colour)["leaks"]
    colour.head.mix.mask[:] = 1
    assert export.pack(colour)["leaks"]


def test_the_decoder_of_an_autoencoder_is_taken_with_the_codes_of_examples():
    keras.utils.set_random_seed(0)
    model = pcnn.PixelCNNAutoencoder((4, 4, 1), code_size=3, filters=4, blocks=2)
    images = np.random.default_rng(0).integers(0, 2, (2, 4, 4, 1)).astype("uint8")
    packed = export.pack(model, examples=images)
    assert packed["condition"]["kind"] == "vector"
    np.testing.assert_allclose(packed["condition"]["codes"], model.encode(images), atol=1e-4)
    assert base64.b64decode(packed["examples"]) == images.tobytes()
    assert packed["bytes"] == 2 * model.decoder.count_params()


def test_a_file_is_replaced_whole_or_not_at_all(model, tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "x.html"
    pcnn.export_html(model, path, title="First")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(UsageError, match=r"x.html cannot be written: disk full$"):
        pcnn.export_html(model, path, title="Second")
    assert "First" in path.read_text("utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["x.html"]


def huge(model):
    model.blocks[0].link.kernel.assign(np.full(model.blocks[0].link.kernel.shape, 1e6))
    return model


def nan(model):
    model.blocks[0].link.kernel.assign(np.full(model.blocks[0].link.kernel.shape, np.nan))
    return model


SMALL = {"filters": 4, "blocks": 2}


class Attention(keras.layers.Layer):
    """A block of a reader's own."""


def with_a_block_of_its_own(model):
    model.blocks[1] = Attention()
    return model


UNFIT = {
    "a model of other layers": (
        lambda: pcnn.DeconvolutionalAutoencoder((4, 4, 1), code_size=2),
        "model must be a GatedPixelCNN, PixelCNN or PixelCNNAutoencoder, got Deconvolutional",
    ),
    "no model": (lambda: "mnist", "model must be a GatedPixelCNN, PixelCNN or PixelCNNAutoenco"),
    "no models": (dict, "model must be a model or a dict of name -> model, got an empty dict"),
    "a model without a name": (
        lambda: {" ": pcnn.PixelCNN((4, 4, 1), filters=4, blocks=2)},
        "each name of model must be a text that is not empty, got ' '",
    ),
    "images of two sizes": (
        lambda: {str(n): pcnn.PixelCNN((n, 4, 1), filters=4, blocks=2) for n in (4, 5)},
        "model must hold networks of the same images and conditions, but the image_shape of '4' is "
        "[4, 4, 1], and of '5' [5, 4, 1]",
    ),
    "two conditions": (
        lambda: {
            str(n): pcnn.GatedPixelCNN((4, 4, 1), condition=pcnn.Labels(n), **SMALL) for n in (2, 3)
        },
        "model must hold networks of the same images and conditions, but the condition of '2' is "
        "('labels', 2), and of '3' ('labels', 3)",
    ),
    "maps": (
        lambda: pcnn.GatedPixelCNN((4, 4, 1), condition=pcnn.Map((2, 2, 1)), **SMALL),
        "model is conditioned on Map((2, 2, 1)), and a page can only ask for a class or a vector",
    ),
    "an activation of its own": (
        lambda: pcnn.GatedPixelCNN((4, 4, 1), activation="silu", **SMALL),
        "model has the activation 'silu', and a page knows 'gate' and 'relu_of_sum' only",
    ),
    "a block of another kind": (
        lambda: with_a_block_of_its_own(pcnn.GatedPixelCNN((4, 4, 1), **SMALL)),
        "model has blocks of the kind Attention, and a page knows GatedBlock and",
    ),
    "two channels": (
        lambda: pcnn.GatedPixelCNN((5, 5, 2), **SMALL),
        "model draws images of 2 channels, and a page can only show 1 or 3",
    ),
    "large weights": (
        lambda: huge(pcnn.GatedPixelCNN((4, 4, 1), **SMALL)),
        "model has a weight of 1e+06, and the float16 of a page ends at 65504",
    ),
    "weights that are no numbers": (
        lambda: nan(pcnn.GatedPixelCNN((4, 4, 1), **SMALL)),
        "weight block_0/link/kernel of the model holds nan",
    ),
}


@pytest.mark.parametrize("kind", list(UNFIT))
def test_a_model_that_cannot_be_exported_is_refused_in_one_line(kind, tmp_path):
    make, message = UNFIT[kind]
    path = tmp_path / "x.html"
    with pytest.raises(UsageError) as error:
        pcnn.export_html(make(), path)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": " "}, "title must be a text that is not empty, got ' '"),
        ({"title": "x" * 301}, "title must have at most 300 characters, got 301"),
        ({"title": 3}, "title must be a text that is not empty, got 3"),
        ({"card": "MIT"}, "card must be a dict of name -> text, got 'MIT'"),
        ({"card": {1: "a"}}, "each name of card must be a text that is not empty, got 1"),
        ({"class_names": ["a"]}, "class_names must be 2 values, got ['a']"),
        ({"class_names": ["a", ""]}, "each of class_names must be a text that is not empty"),
        ({"controls": ["brush", "cash"]}, "controls must be some of brush, condition, "),
        ({"controls": []}, "controls must be a sequence, not empty"),
        ({"run": "nope"}, "run must be one of "),
        ({"examples": np.zeros((2, 3, 3, 1), "uint8")}, "examples must"),
        ({"examples": np.full((2, 4, 4, 1), 2)}, "examples must"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_in_one_line(model, options, message, tmp_path):
    path = tmp_path / "x.html"
    with pytest.raises(UsageError) as error:
        pcnn.export_html(model, path, **options)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
    assert not path.exists()


def test_class_names_need_classes():
    with pytest.raises(UsageError, match="^class_names are for a model conditioned on labels"):
        pcnn.live(pcnn.GatedPixelCNN((4, 4, 1), **SMALL), class_names=["a"])


@pytest.mark.parametrize("path", ["page.txt", "page", "", None, 3, b"x.html", "."])
def test_a_path_that_is_no_page_is_refused(model, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="^path must be a"):
        pcnn.export_html(model, path)
    (tmp_path / "x.html").mkdir()
    with pytest.raises(UsageError, match="^path must be a file, and 'x.html' is a folder$"):
        pcnn.export_html(model, "x.html")
    assert [file.name for file in tmp_path.iterdir()] == ["x.html"]


def test_a_card_says_only_what_the_record_knows():
    assert component.card_of({}) == {"Weights": "rounded to 16 bits for this page"}
    own = {"data": {"name": "/home/me/mine.npz"}, "hardware": {"cpu": "x"}}
    assert component.card_of(own).keys() == {"Data", "Weights"}
    assert "Licence of the weights" not in component.card_of({"data": {"name": "mnist"}})
    assert "CC BY-SA" in component.card_of({"data": {"name": "mnist"}})["Licence of the data"]
    record = {"data": "mnist", "test": {"nats_per_image": 80.0}, "seed": 3}
    assert component.card_of(record)["Seed"] == "3"
    assert component.card_of(record)["Test"] == "80.00 nats an image"
    for test in ({}, {"nats_per_image": None}, {"nats_per_image": "3"}):
        assert "Test" not in component.card_of({"test": test})
    for cores in ("4", None):
        hardware = {"cpu": "x", "cores": cores, "accelerators": []}
        assert "Hardware" not in component.card_of({"hardware": hardware})
    whole = {"cpu": "x", "cores": 4, "accelerators": []}
    started = {"hardware": whole, "starts": [{"hardware": 3}, 4]}
    assert component.card_of(started)["Hardware"] == "4 cores, x"
    assert component.classes_of({"data": {"labels": [3, 7]}}, 2) == [3, 7]
    assert component.classes_of({"data": {"labels": [3, 7]}}, 10) is None


def test_a_page_draws_in_one_order_and_a_model_of_several_says_so():
    options = {"filters": 4, "blocks": 2, "condition": pcnn.Labels(3), "orders": 8}
    model = pcnn.GatedPixelCNN((4, 4, 1), **options)
    with pytest.raises(pcnn.UsageError) as raised:
        export.pack(model)
    assert str(raised.value) == (
        "model reads in 8 orders, and a page draws in raster order alone: export model.in_order(0)"
    )
    packed = export.pack(model.in_order(0))
    assert packed["condition"]["depth"] == 3  # the order stands in the biases
