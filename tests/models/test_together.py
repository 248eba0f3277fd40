"""What blocks, inputs, conditions, orders and files do together: each pair was built apart."""

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import sampling
from pcnnlib.nn.conditions import joined

SHAPE = (4, 5, 1)
LABELS = pcnn.Labels(3, dropout=0.2)
NETWORKS = {
    "attention, labels": {"levels": 3, "attention": (2,), "condition": LABELS},
    "attention, embeddings, labels, orders": {
        "levels": 300,
        "attention": (1,),
        "condition": LABELS,
        "orders": 3,
    },
}


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda name: name.replace(", ", "-"))
def model(request):
    return gated(SHAPE, filters=8, **NETWORKS[request.param])


def options_for(model, n):
    options = {"condition": np.arange(n) % 3}
    return options | ({"order": np.arange(n) % model.orders} if model.orders > 1 else {})


@pytest.mark.both_backends
def test_the_sampler_sees_what_the_network_predicts(model):
    images = random_images(5, SHAPE, model.levels)
    options = options_for(model, 5)
    given = model.check_condition(options["condition"], 5, options.get("order", 0))
    seen = sampling.parameters(model, images, **options)
    # Sums of the same numbers in another order, in float32.
    np.testing.assert_allclose(seen, np.asarray(model(joined(images, given))), atol=2e-4)


@pytest.mark.both_backends
def test_images_come_back_from_their_file(model):
    images = random_images(5, SHAPE, model.levels)
    options = {"condition": np.arange(5) % 4 - 1}  # of which -1 is no label
    if model.orders > 1:
        options["order"] = model.orders - 1
    assert np.array_equal(pcnn.decompress(model, pcnn.compress(model, images, **options)), images)


@pytest.mark.both_backends
def test_guidance_of_one_draws_what_no_guidance_draws(model):
    options = options_for(model, 4)
    plain = model.sample(4, seed=0, **options)
    assert np.array_equal(model.sample(4, seed=0, guidance=1.0, **options), plain)
    strong = model.sample(4, seed=0, guidance=30.0, **options)
    assert strong.shape == plain.shape and not np.array_equal(strong, plain)
    # From caches and in rounds alike.
    same = model.sample(4, seed=0, guidance=30.0, method="parallel", **options)
    assert (same != strong).mean() < 0.02
