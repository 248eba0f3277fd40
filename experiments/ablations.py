"""What each part of the model is worth: the same training with one thing changed.

    python experiments/ablations.py
    python experiments/ablations.py --seeds 2 --only whole "no gate"

Makes the runs of `results/digits-ablations`, minutes on two cores; chapter 8 shows them. How they
are compared stands in `variants.py`.

- no gate: ReLU(a + b) in place of tanh(a) * sigmoid(b), with the same convolutions and weights;
- one stack, no gate: the 2016 PixelCNN, with its blind spot, about as many weights and no dilation;
- no gate, no dilation: what "one stack, no gate" is but for blind spot and width;
- half and twice as deep; no averaged weights; no dilation.
"""

import dataclasses

from variants import WHOLE, Comparison, Variant, main  # first: it starts TensorFlow quietly

import pcnnlib as pcnn

NETWORK = {"filters": 24, "blocks": 4, "first_kernel_size": 5, "dilations": (2,)}
TRAINING = pcnn.TrainConfig(epochs=8, batch_size=32, learning_rate=5e-3)
NOT_AVERAGED = dataclasses.replace(TRAINING, ema=0.0)
# One stack has half of the weights for as many features.
ONE_STACK = {"filters": 60, "blocks": 5, "first_kernel_size": 5}


def gated(training=TRAINING, **changes):
    return Variant(pcnn.GatedPixelCNN, NETWORK | changes, training)


ABLATIONS = Comparison(
    name="digits-ablations",
    command="python experiments/ablations.py",
    data="digits",
    variants={
        WHOLE: gated(),
        "no gate": gated(activation="relu_of_sum"),
        "no gate, no dilation": gated(activation="relu_of_sum", dilations=(1,)),
        "one stack, no gate": Variant(pcnn.PixelCNN, ONE_STACK, TRAINING),
        "half as deep": gated(blocks=2),
        "twice as deep": gated(blocks=8),
        "no dilation": gated(dilations=(1,)),
        "no averaged weights": gated(NOT_AVERAGED),
    },
)

if __name__ == "__main__":
    main(ABLATIONS, seeds=4)
