"""Chapter 7 writes the mixture of logistics in the open: it computes what the library computes."""

import ast
import pathlib

import jupytext
import numpy as np
import pytest

import pcnnlib as pcnn

CHAPTER = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "07_colour.py"
# That of float32, in which the library computes; probabilities are at most 1.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def bell():
    """The chapter's function, as a reader would copy it from a cell."""
    sources = [cell.source for cell in jupytext.read(CHAPTER).cells if cell.cell_type == "code"]
    (source,) = [source for source in sources if "def bell(" in source]
    assert len(ast.parse(source).body[0].body) == 4  # a docstring and three lines
    names = {"np": np}
    exec(source, names)
    return names["bell"]


def library(weights, means, scales, levels):
    """The same mixture by the library: levels lie between -1 and 1 there."""
    width = 2 / (levels - 1)
    parameters = np.concatenate([np.log(weights), means * width - 1, np.log(scales * width)])
    mixture = pcnn.LogisticMixture(len(weights), levels=levels)
    return np.array(mixture.probabilities(parameters.astype("float32").reshape(1, 1, 1, -1)))


@pytest.mark.both_backends
@pytest.mark.parametrize("levels", [2, 5, 32, 256])
def test_the_mixture_of_chapter_7_is_the_librarys(bell, levels):
    """Bells within the levels and far beyond either end, narrow ones and wide ones."""
    rng = np.random.default_rng(levels)
    weights = rng.dirichlet(np.ones(6))
    means = rng.uniform(-0.3, 1.3, 6) * (levels - 1)
    scales = np.exp(rng.uniform(-1, 1, 6)) * (levels - 1) / 20 + 0.05
    ours = sum(
        weight * bell(mean, scale, levels)
        for weight, mean, scale in zip(weights, means, scales, strict=True)
    )
    theirs = library(weights, means, scales, levels).ravel()
    np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
    assert ours.sum() == pytest.approx(1)
    # The test has teeth: a mean that is half a level off is noticed.
    off = sum(
        weight * bell(mean + 0.5, scale, levels)
        for weight, mean, scale in zip(weights, means, scales, strict=True)
    )
    assert np.abs(off - theirs).max() > 10 * TOLERANCE


def test_the_ends_take_all_that_lies_beyond(bell):
    assert bell(-50, 1, 8) == pytest.approx([1] + [0] * 7, abs=1e-12)
    assert bell(50, 1, 8) == pytest.approx([0] * 7 + [1], abs=1e-12)
