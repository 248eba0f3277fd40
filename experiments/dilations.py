"""What dilation is worth on 28x28 images: the published network with fewer dilations and none.

    python experiments/dilations.py --data_path data

Makes the runs of `results/mnist-dilations`; chapter 8 shows them. How they are compared stands in
`variants.py`. The model of the published runs is trained on a part of MNIST for a few minutes on
one core: too short for good likelihoods, but long enough to tell dilations apart.
"""

from variants import WHOLE, Comparison, Variant, main  # first: it starts TensorFlow quietly

import pcnnlib as pcnn

TRAINING = pcnn.TrainConfig(epochs=1, batch_size=32, learning_rate=5e-3)


def dilated(*dilations):
    network = {"filters": 32, "blocks": 8, "first_kernel_size": 7, "dilations": dilations}
    return Variant(pcnn.GatedPixelCNN, network, TRAINING)


DILATIONS = Comparison(
    name="mnist-dilations",
    command="python experiments/dilations.py --data_path data",
    data="mnist",
    variants={
        WHOLE: dilated(1, 2, 4, 8),
        "dilations 1, 2, 4": dilated(1, 2, 4),
        "no dilation": dilated(1),
    },
    images=(9_600, 1_000),
)

if __name__ == "__main__":
    main(DILATIONS, seeds=2)
