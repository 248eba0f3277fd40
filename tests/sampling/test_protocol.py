"""The sampler needs nothing of a block but the protocol: a made-up block is drawn from caches too.

The block has no convolution, no gate and no kernel. It sums up all that it has seen, recent rows
and columns weighing more; its caches are a dictionary and a tuple, its link features have a width
of their own.
"""

import keras
import numpy as np
import pytest
from keras import ops
from support import gated, outputs, plain, random_condition, random_images, shake

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.nn.blocks import GatedBlock
from pcnnlib.nn.residual import ResidualBlock
from pcnnlib.sampling import CachedBlock, cached

pytestmark = pytest.mark.both_backends

FADING = 0.5  # what is left of a sum one row, or one column, later


class SummingBlock(keras.layers.Layer):
    """Fading sums of the rows above, and of the pixels to the left."""

    def __init__(self, filters, *, first, conditional, **kwargs):
        super().__init__(**kwargs)
        self.first = first
        self.rows = keras.layers.Dense(filters, activation="tanh")
        self.link = keras.layers.Dense(filters + 5)
        self.condition = keras.layers.Dense(filters + 5, use_bias=False) if conditional else None
        self.columns = keras.layers.Dense(filters + 5)
        self.neighbour = keras.layers.Dense(filters + 5, use_bias=False)
        self.mix = keras.layers.Dense(filters)

    def build(self, shape, condition_shape=None):
        self.features, filters = shape[-1], self.mix.units
        for layer in (self.rows, self.columns, self.neighbour):
            layer.build(shape)
        self.link.build((None, filters))
        self.mix.build((None, filters + 5))
        if self.condition is not None:
            self.condition.build(condition_shape)

    def call(self, vertical, horizontal, condition=None, training=False):
        above = self._fading_sums(vertical, 1)
        features, link_features = self._vertical(above, condition)
        sums = self._fading_sums(horizontal, 2)
        left = ops.pad(horizontal, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
        return features, self._horizontal(sums, left, horizontal, link_features)

    def _fading_sums(self, x, axis):
        """Along an axis, of all before, and in later blocks of the position itself too."""
        n = x.shape[axis]
        distance = np.arange(n)[:, None] - np.arange(n)[None]
        weights = np.where(distance >= (1 if self.first else 0), FADING**distance, 0)
        sums = ops.tensordot(x, weights.T.astype("float32"), axes=[[axis], [0]])
        return ops.moveaxis(sums, -1, axis)

    def _vertical(self, above, condition):
        features = self.rows(above)
        link_features = self.link(features)
        if condition is not None:
            link_features = link_features + self.condition(condition)
        return features, link_features

    def _horizontal(self, sums, left, pixel, link_features):
        features = self.mix(ops.tanh(self.columns(sums) + self.neighbour(left) + link_features))
        return features if self.first else features + pixel

    # The protocol.

    def initial_cache(self, batch, width):
        rows = ops.zeros((batch, 1, width, self.features))
        pixel = ops.zeros((batch, 1, 1, self.features))
        return {"rows": {"sum": rows}}, (pixel, {"neighbour": (pixel,)})

    def vertical_step(self, above, row, condition=None):
        sums = above["rows"]["sum"]
        return self._vertical(sums if self.first else sums + row, condition)

    def append_row(self, above, row):
        return {"rows": {"sum": FADING * (above["rows"]["sum"] + row)}}

    def horizontal_step(self, left, pixel, link_features):
        sums, neighbour = left[0], left[1]["neighbour"][0]
        sums = sums if self.first else sums + pixel
        return self._horizontal(sums, neighbour, pixel, link_features)

    def append_pixel(self, left, pixel):
        return FADING * (left[0] + pixel), {"neighbour": (pixel,)}


def summing(shape=(4, 5, 1), levels=3, condition=None, block=SummingBlock):
    """A gated model whose blocks are all replaced by made-up ones."""
    model = gated(shape, levels, filters=6, blocks=3, condition=condition)
    depth = None if condition is None else (None, 1, 1, condition.depth)
    features = (None, *shape)
    for k in range(3):
        model.blocks[k] = block(6, first=not k, conditional=condition is not None)
        model.blocks[k].build(features, depth)
        features = (None, *shape[:2], 6)
    return shake(model, scale=1.0)


CASES = {
    "grey": {},
    "colour": {"shape": (3, 4, 3)},
    "labels": {"condition": pcnn.Labels(3)},
    "map": {"shape": (4, 6, 1), "condition": pcnn.Map((2, 2, 3))},
}


@pytest.mark.parametrize("case", CASES)
def test_made_up_blocks_are_drawn_from_caches_exactly_as_by_the_whole_network(case):
    model = summing(**CASES[case])
    assert cached.fits(model)
    images = random_images(3, model.image_shape, model.levels)
    values = random_condition(model.condition, 3)
    whole = outputs(model, images, values)
    assert np.ptp(whole) > 0.5  # far from constant, so equality says something
    # float32: sums of some twenty numbers of order one, each in another order.
    np.testing.assert_allclose(sampling.parameters(model, images, values), whole, atol=1e-5)
    drawn = model.sample(3, values, seed=0)  # from caches, being the fastest that there is
    np.testing.assert_array_equal(drawn, model.sample(3, values, seed=0, method="cached"))
    np.testing.assert_array_equal(drawn, model.sample(3, values, seed=0, method="full"))


def test_the_made_up_network_is_causal():
    """Else equal caches would say nothing about causal models."""
    report = pcnn.check_causality(summing((3, 4, 1)))
    assert report.causal and report.influence.any()


class ForgetfulBlock(SummingBlock):
    def append_pixel(self, left, pixel):
        return left


def test_a_wrong_cache_would_be_noticed():
    model = summing(block=ForgetfulBlock)
    images = random_images(3, model.image_shape, model.levels)
    seen = sampling.parameters(model, images)
    differs = (np.abs(seen - outputs(model, images)) > 1e-3).any(axis=(0, 1, 3, 4))
    assert differs.tolist() == [False, True, True, True, True]


def test_size_of_a_nested_cache_is_that_of_all_its_tensors():
    # Three blocks of 1 and 6 and 6 features: a row of five sums, a sum and a neighbour.
    assert sampling.cache_size(summing()) == (5 + 1 + 1) * (1 + 6 + 6)


def test_blocks_have_the_protocol_or_are_drawn_the_plain_way():
    assert isinstance(GatedBlock(4), CachedBlock)
    assert isinstance(SummingBlock(4, first=True, conditional=False), CachedBlock)
    assert not isinstance(ResidualBlock(4), CachedBlock)
    assert cached.fits(gated()) and not cached.fits(plain()) and not cached.fits(plain(blocks=1))
    mixed = gated(filters=6, blocks=3)
    mixed.blocks[1] = ResidualBlock(6)  # one block that cannot is enough
    assert not cached.fits(mixed)
    with pytest.raises(UsageError, match='method "cached" needs'):
        mixed.sample(2, method="cached")
