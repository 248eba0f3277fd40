"""The page's engine against Keras: the same logits, the same images, the same noise."""

import base64
import zlib

import keras
import numpy as np
import pytest
from support import runs_for_pages

import pcnnlib as pcnn
from pcnnlib.models import PixelCNNAutoencoder
from pcnnlib.nn import masks
from pcnnlib.sampling import cached
from pcnnlib.viz.live.export import pack

pytestmark = pytest.mark.browser

FORWARD = """
  return a.images.map((image, k) => {
    const { parameters, nats } = pcnn.forward(net, Uint8Array.from(image), a.conditions[k]);
    return [parameters, nats];
  });
"""
DRAW = """
  return a.noise.map((noise, k) => {
    const sampler = new pcnn.Sampler(net, {
      noise: Float32Array.from(noise), condition: a.conditions[k], ...a.options,
    });
    let bits = 0;
    for (let pixel; (pixel = sampler.next()); ) bits += pixel.bits;
    return [Array.from(sampler.image), bits, sampler.macs];
  });
"""
PUBLISHED = runs_for_pages()
# Keras computes in float32, the engine sums in float64 and keeps float32; a mixture's clipped
# log-scales and means reach tens.
TOLERANCE = 1e-3


def rounded(model):
    """The network that draws, with the weights that travel with a page."""
    network = model.decoder if isinstance(model, PixelCNNAutoencoder) else model
    for weight in network.weights:
        weight.assign(np.asarray(weight).astype("float16").astype("float32"))
    return network


def conditions_of(network, n, rng):
    if network.condition is None:
        return None, [None] * n
    if network.condition.shape:
        rows = rng.normal(size=(n, *network.condition.shape)).astype("float32")
    else:
        rows = (np.arange(n) % network.condition.n).astype("int32")
    return rows, rows.tolist()


def check_logits(engine, model, n):
    """Asserts that the engine's parameters and likelihoods of `n` random images are Keras's."""
    rng = np.random.default_rng(0)
    network = rounded(model)
    images = rng.integers(0, network.levels, (n, *network.image_shape)).astype("uint8")
    condition, rows = conditions_of(network, n, rng)
    got = engine(pack(model), FORWARD, images=images.reshape(n, -1).tolist(), conditions=rows)
    inputs = images if condition is None else (images, condition)
    expected = keras.ops.convert_to_numpy(network(inputs)).reshape(n, -1)
    parameters = np.array([row for row, _ in got])
    assert np.abs(parameters - expected).max() < TOLERANCE
    assert expected.std() > 0.01  # the comparison has teeth
    nats = network.log_likelihood(images, condition, batch_size=n)
    np.testing.assert_allclose([-cost for _, cost in got], nats, rtol=1e-4)


def check_images(engine, model, n, temperature=1.0, image=None, keep=None, method=None):
    """Asserts that the engine draws the library's images from the same noise."""
    network = rounded(model)
    condition, rows = conditions_of(network, n, np.random.default_rng(1))
    how = {"temperature": temperature, "image": image, "keep": keep}
    drawn = network.sample(n, condition, seed=3, method=method, **how)
    shape = (n, *network.image_shape, network.distribution.noise_per_channel)
    noise = np.random.default_rng(3).random(shape, "float32").reshape(n, -1)
    options = {"temperature": temperature}
    if keep is not None:
        options |= {"image": image.ravel().tolist(), "keep": keep.ravel().tolist()}
    got = engine(pack(model), DRAW, noise=noise.tolist(), conditions=rows, options=options)
    images = np.array([image for image, _, _ in got]).reshape(drawn.shape)
    assert (images == drawn).all()
    if network.count_params() < 10_000:  # whose whole network for every pixel is soon run
        options["cache"] = False
        again = engine(pack(model), DRAW, noise=noise.tolist(), conditions=rows, options=options)
        assert [image for image, *_ in again] == [image for image, *_ in got]
        np.testing.assert_allclose([x[1] for x in again], [x[1] for x in got], rtol=1e-5)
        # Ordered channels run the horizontal stack again, with what is kept too.
        runs_of_network = network.image_shape[0] * network.image_shape[1]
        leaks = pack(model)["leaks"]
        assert leaks or all(x[2] >= runs_of_network * y[2] for x, y in zip(again, got, strict=True))
    nats = network.log_likelihood(drawn, condition, batch_size=n)
    np.testing.assert_allclose([-bits * np.log(2) for _, bits, _ in got], nats, rtol=1e-3)
    return got


@pytest.fixture
def quick_compilation(monkeypatch):
    """XLA would take seconds for each of these models, and draws the same images."""
    monkeypatch.setattr(cached, "XLA", False)


@pytest.fixture
def eagerly():
    """Without compilation, which takes most of the time of small networks."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.slow
def test_published_model_draws_in_the_page_what_it_draws_in_the_library(
    engine, name, quick_compilation
):
    model = pcnn.load_pretrained(name)
    # Each image takes a fifth of a second; the networks of the same size differ in their weights.
    check_logits(engine, model, {"mnist": 20}.get(name, 4 if model.levels == 2 else 1))
    check_images(engine, model, 2 if model.levels == 2 else 1)


KINDS = {
    "binary": {},
    "wide kernels": {"first_kernel_size": 5, "kernel_size": 5, "filters": 5, "head_filters": 7},
    "one block": {"blocks": 1},
    "dilated": {"blocks": 5, "dilations": (1, 2, 3)},
    "no gate": {"activation": "relu_of_sum"},
    "categorical": {"levels": 5},
    "mixture": {"levels": 17, "distribution": pcnn.LogisticMixture(3)},
    "labels": {"condition": pcnn.Labels(3)},
    "labels in one stack": {"condition": pcnn.Labels(3), "condition_stacks": "horizontal"},
    "vector": {"condition": pcnn.Vector(2), "condition_stacks": ("vertical", "horizontal")},
    "colour": {"channels": 3, "filters": 6},
    "categorical colour": {"channels": 3, "filters": 6, "levels": 4},
    "mixture colour": {"channels": 3, "levels": 9, "distribution": pcnn.LogisticMixture(2)},
}


def small(channels=1, **options):
    """A network with weights large enough that every part of it matters."""
    sizes = {"filters": 6, "blocks": 3, "first_kernel_size": 3, **options}
    return shaken(pcnn.GatedPixelCNN((5, 4, channels), **sizes))


def shaken(model):
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


@pytest.mark.parametrize("kind", list(KINDS))
def test_small_network_of_every_kind_is_the_library_s(engine, kind, eagerly):
    model = small(**KINDS[kind])
    check_logits(engine, model, 20)
    got = check_images(engine, model, 20, temperature=0.7)
    drawn = {tuple(image) for image, _, _ in got}
    assert len(drawn) > 10  # many different images were compared


def visible(model):
    """Mask B on the first layer: each value sees itself."""
    centre = model.first.kernel_size // 2
    groups = masks.feature_groups(model.image_shape[-1], model.channel_groups)
    model.first.mask[-1, centre] = masks.channel_mask("B", groups, model.first.out_groups)
    return model


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda model: model, {}),
        (lambda model: model, {"channels": 3, "levels": 4, "blocks": 1}),
        (visible, {"levels": 3, "first_kernel_size": 3}),
        (visible, {"channels": 3}),
    ],
    ids=["one stack", "one layer of colour", "wrong mask", "wrong mask of colour"],
)
def test_one_stack_is_drawn_as_in_the_library_with_a_wrong_mask_too(engine, make, options, eagerly):
    """A network that sees what it predicts draws without an answer, and rates with it."""
    sizes = {"filters": 6, "blocks": 3, "first_kernel_size": 5, **options}
    model = make(shaken(pcnn.PixelCNN((5, 4, sizes.pop("channels", 1)), **sizes)))
    assert pack(model)["leaks"] == (make is visible) != pcnn.check_causality(model).causal
    check_logits(engine, model, 10)
    check_images(engine, model, 10, method="full")


@pytest.mark.parametrize("kind", ["binary", "categorical colour", "mixture colour"])
def test_kept_values_stay_and_the_rest_is_drawn_as_in_the_library(engine, kind, eagerly):
    model = small(**KINDS[kind])
    rng = np.random.default_rng(4)
    image = rng.integers(0, model.levels, model.image_shape).astype("uint8")
    keep = rng.random(model.image_shape) < 0.5  # single channels of a pixel too
    got = check_images(engine, model, 8, image=image, keep=keep)
    for drawn, _, _ in got:
        assert (np.array(drawn).reshape(image.shape)[keep] == image[keep]).all()


def test_multiply_adds_are_those_of_the_kernels(engine):
    model = small()
    packed = pack(model)
    blocks = sum(
        np.prod(layer.kernel.shape)
        for block in model.blocks
        for layer in (block.vertical, block.horizontal, block.link, block.project)
    )
    head = np.prod(model.head.mix.kernel.shape) + np.prod(model.head.predict.kernel.shape)
    got = engine(packed, DRAW, noise=[[0.5] * 20], conditions=[None], options={})
    assert got[0][2] == 20 * (blocks + head)


@pytest.mark.parametrize("one_stack", [False, True])
def test_hidden_rows_and_hidden_left_change_nothing_in_the_prediction(engine, one_stack):
    """Breaking the model hides what the page says: not a pixel above, not a pixel to the left."""
    sizes = {"filters": 6, "blocks": 2, "first_kernel_size": 5}
    packed = pack(shaken(pcnn.PixelCNN((5, 4, 1), **sizes)) if one_stack else small())
    body = """
      const at = 10, probabilities = [];  // row 2, column 2 of an image 4 wide
      for (const image of a.images) {
        const options = { image, keep: image.map(() => 1), noise: new Float32Array(20) };
        const sampler = new pcnn.Sampler(net, { ...options, hidden: a.hidden });
        for (let k = 0; k < at; k++) sampler.next();
        probabilities.push(sampler.peek()[1]);
      }
      return probabilities;
    """
    image = np.random.default_rng(0).integers(0, 2, (5, 4))
    above, left = image.copy(), image.copy()
    above[:2] = 1 - above[:2]
    left[2, :2] = 1 - left[2, :2]
    images = [x.ravel().tolist() for x in (image, above, left)]
    for hidden, same in [(None, (False, False)), ("above", (True, False)), ("left", (False, True))]:
        first, *others = engine(packed, body, images=images, hidden=hidden)
        assert tuple(abs(p - first) < 1e-9 for p in others) == same


def test_the_seed_gives_numpy_s_noise(engine):
    for seed in (0, 1, 12345, 2**32 + 7, 2**53 - 1):
        got = engine(None, "return Array.from(pcnn.uniform(a.seed)(101));", seed=seed)
        assert got == np.random.default_rng(seed).random(101, "float32").tolist()


def test_probabilities_of_the_next_pixel_are_the_library_s(engine):
    for kind in ("binary", "categorical", "mixture"):
        model = small(**KINDS[kind])
        network = rounded(model)
        body = "return new pcnn.Sampler(net, { noise: new Float32Array(40) }).peek();"
        got = engine(pack(model), body)
        parameters = network(np.zeros((1, *model.image_shape), "uint8"))
        expected = keras.ops.convert_to_numpy(network.distribution.probabilities(parameters))
        np.testing.assert_allclose(got, expected[0, 0, 0, 0], atol=1e-5)
        assert sum(got) == pytest.approx(1)


def damaged(packed):
    """The same file with a letter of the weights changed, with some missing, and with a NaN."""
    weights = packed["weights"]
    yield {**packed, "weights": weights[:40] + ("A" if weights[40] != "A" else "B") + weights[41:]}
    yield {**packed, "weights": weights[:400]}
    yield {**packed, "weights": "*" + weights[1:]}
    yield {**packed, "head_filters": packed["head_filters"] + 1}
    values = np.frombuffer(base64.b64decode(weights), "<f2").copy()
    values[3] = np.nan
    yield {
        **packed,
        "weights": base64.b64encode(values.tobytes()).decode(),
        "crc32": zlib.crc32(values.tobytes()),
    }


def test_damaged_weights_are_noticed_before_anything_is_drawn(engine):
    body = "return true;"
    packed = pack(small())
    assert engine(packed, body)
    for wrong in damaged(packed):
        with pytest.raises(Exception, match="The model's weights are damaged"):
            engine(wrong, body)
