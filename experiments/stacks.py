"""What two stacks and a gate buy on 28x28 images: as many weights, and as many seconds.

    python experiments/stacks.py --data_path data

Makes the runs of `results/mnist-stacks`. How they are compared stands in `variants.py`. Each
network has about 66,000 weights, in the shape that suits it: the one-stack network of 2016 spends
fewer weights on a layer, so it has more layers. A network whose step takes longer gets fewer of
them, and the learning rate decays within them: `seconds_a_pass` measures that first. They are
small, and see a few thousand images for a few minutes: what is compared is what one gets for one's
minutes.
"""

from variants import WHOLE, Comparison, Variant, main  # first: it starts TensorFlow quietly

import pcnnlib as pcnn

TRAINING = pcnn.TrainConfig(batch_size=32, learning_rate=5e-3)
GATED = {"filters": 24, "blocks": 6, "first_kernel_size": 7}
ONE_STACK = {"filters": 42, "blocks": 15, "first_kernel_size": 7}

STACKS = Comparison(
    name="mnist-stacks",
    command="python experiments/stacks.py --data_path data",
    data="mnist",
    variants={
        WHOLE: Variant(pcnn.GatedPixelCNN, GATED | {"dilations": (1, 2, 4)}, TRAINING),
        "no dilation": Variant(pcnn.GatedPixelCNN, GATED, TRAINING),
        "one stack, no gate": Variant(pcnn.PixelCNN, ONE_STACK, TRAINING),
    },
    images=(4_000, 2_000),
    seconds=240.0,
)

if __name__ == "__main__":
    main(STACKS, seeds=3)
