"""One pixel at a time: the probabilities are those of the whole network."""

import numpy as np
import pytest
from support import MIXTURE, gated, plain, random_images

from pcnnlib.sampling.stepwise import CachedSteps, PlainSteps, pixel_steps

CASES = {
    "channels in the network": lambda: gated((3, 4, 2), levels=5),
    "channels in the distribution": lambda: gated((3, 4, 3), levels=7, **MIXTURE),
    "without caches": lambda: plain((3, 4, 2), levels=5, filters=8),
}


@pytest.mark.parametrize("case", CASES)
def test_probabilities_are_those_of_the_whole_network(case):
    model = CASES[case]()
    height, width, channels = model.image_shape
    images = random_images(6, model.image_shape, model.levels).astype("int32")
    expected = np.asarray(model.distribution.probabilities(model(images), images))
    steps = pixel_steps(model, 6, None)
    assert isinstance(steps, PlainSteps if case == "without caches" else CachedSteps)
    for i in range(height):
        steps.begin_row(i)
        for j in range(width):
            for channel in range(channels):
                known = np.where(np.arange(channels) < channel, images[:, i, j], 0)
                found = steps.probabilities(j, channel, known.astype("int32"))
                # Float32 sums of some tens of terms of order one, in another order.
                np.testing.assert_allclose(found, expected[:, i, j, channel], atol=2e-5)
            steps.append(j, images[:, i, j])
        steps.end_row(images[:, i])
