"""What the gate is worth: tanh times sigmoid against ReLU, SiLU and GLU, with as many weights.

    python experiments/gates.py
    python experiments/gates.py --data mnist --data_path data --seeds 2

Makes the runs of `results/digits-gates` and `results/mnist-gates`; chapter 3 shows them. How they
are compared stands in `variants.py`. The gate and the GLU need two outputs of a convolution for a
feature, ReLU and SiLU one: their networks are wider until the numbers of weights agree. All are
trained alike, with the learning rate that was chosen for the gate.
"""

from variants import WHOLE, Comparison, Variant, main  # first: it starts TensorFlow quietly

import pcnnlib as pcnn


def variants(gated: int, plain: int, training: pcnn.TrainConfig, **network) -> dict:
    """A variant for each activation: two with `gated` features, two with `plain` ones."""

    def variant(activation, filters):
        arguments = {**network, "filters": filters, "activation": activation}
        return Variant(pcnn.GatedPixelCNN, arguments, training)

    return {
        WHOLE: variant("gate", gated),
        "GLU": variant("glu", gated),
        "ReLU": variant("relu", plain),
        "SiLU": variant("silu", plain),
    }


# 35 features with one output each have as many weights as 24 with two, within two per cent.
DIGITS = Comparison(
    name="digits-gates",
    command="python experiments/gates.py",
    data="digits",
    variants=variants(
        24,
        35,
        pcnn.TrainConfig(epochs=8, batch_size=32, learning_rate=5e-3),
        blocks=4,
        first_kernel_size=5,
    ),
)
MNIST = Comparison(
    name="mnist-gates",
    command="python experiments/gates.py --data mnist --data_path data",
    data="mnist",
    variants=variants(
        24,
        35,
        pcnn.TrainConfig(epochs=2, batch_size=32, learning_rate=5e-3),
        blocks=6,
        first_kernel_size=7,
        dilations=(1, 2),
    ),
    images=(3_000, 1_000),
)

if __name__ == "__main__":
    main(DIGITS, MNIST, seeds=4)
