"""What attention buys on 28x28 images: as many weights, and as many seconds, as convolutions.

    python experiments/attention.py --data_path data

Makes the runs of `results/mnist-attention`; chapter 10 shows them. How they are compared stands in
`variants.py`. Each network has about 66,000 weights: dilated convolutions; fewer blocks without
dilation and attention behind two of them; both; and a transformer over pixels, which has attention
alone. A network whose step takes longer gets fewer of them, and the learning rate decays within
them. One core does not favour attention, which weighs every pixel against every other: one head is
what it can afford. How long a drawn image takes is measured too.
"""

from variants import WHOLE, Comparison, Variant, main  # first: it starts TensorFlow quietly

import pcnnlib as pcnn

TRAINING = pcnn.TrainConfig(batch_size=32, learning_rate=5e-3)
DILATED = {"first_kernel_size": 7, "dilations": (1, 2, 4)}


def attending(*behind):
    return {"attention": behind, "attention_heads": 1}


ATTENTION = Comparison(
    name="mnist-attention",
    command="python experiments/attention.py --data_path data",
    data="mnist",
    variants={
        WHOLE: Variant(pcnn.GatedPixelCNN, DILATED | {"filters": 24, "blocks": 6}, TRAINING),
        "attention": Variant(
            pcnn.GatedPixelCNN,
            {"first_kernel_size": 7, "filters": 28, "blocks": 4} | attending(2, 4),
            TRAINING,
        ),
        "attention and dilation": Variant(
            pcnn.GatedPixelCNN,
            DILATED | {"filters": 25, "blocks": 5} | attending(3, 5),
            TRAINING,
        ),
        "transformer": Variant(
            pcnn.PixelTransformer, {"filters": 49, "blocks": 3, "heads": 1}, TRAINING
        ),
    },
    images=(4_000, 2_000),
    seconds=200.0,
    drawn=16,
)

if __name__ == "__main__":
    main(ATTENTION, seeds=2)
