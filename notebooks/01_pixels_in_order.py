# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does it mean to predict an image pixel by pixel?
#
# After this chapter you can write an image as a sequence, give it a probability with the chain
# rule, read nats and bits per dimension, write a training loop, and say by how much a tiny network
# beats the simplest models. It runs in about half a minute on two CPU cores.

# %% tags=["remove-cell"]
# In Colab, this installs the library from the project's repository.
REPOSITORY = ""  # written by `make address URL=...`

import subprocess
import sys

if "google.colab" in sys.modules:
    if not REPOSITORY:
        raise SystemExit(
            "The project has no public address yet, so there is nothing to install from. "
            "`make address URL=https://github.com/owner/name` writes it into this cell."
        )
    package = f"pcnnlib[notebooks] @ git+{REPOSITORY}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", package]
    subprocess.run(command, check=True)

from pcnnlib_startup import prepare_process

prepare_process()  # no log lines of TensorFlow's start, and freed memory is kept for reuse

# %% tags=["parameters"]
dataset: str = "digits"  # or "mnist", "binarized_mnist", path to an .npz
data_path: str = "data"  # folder that is searched for data files
epochs: int = 10  # passes over the training images for the tiny PixelCNN
filters: int = 16  # feature maps of the tiny PixelCNN, an even number
blocks: int = 3  # masked layers of the tiny PixelCNN
seed: int = 0  # of initialisation, shuffling and sampling

# %%
import dataclasses
import math

import pcnnlib as pcnn
from pcnnlib import analysis
from pcnnlib.models import baselines
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import (
    show,
    show_solution,
    show_source,
    show_text,
)
from pcnnlib.viz.parameters import check_dataset, check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    dataset=str,
    data_path=str,
    epochs=range(1, 10_001),
    filters=range(4, 4097, 2),
    blocks=range(1, 101),
    seed=range(2**32),
)
check_dataset(
    pcnn.load_dataset(dataset, data_path=data_path), channels=None
)

# %% [markdown]
# ## The idea: an image is a sequence
#
# Write down the pixels of an image from left to right, and the rows from top to bottom, as one
# writes a page. Every pixel then has a rank in this order: some pixels come before it, the others
# after it.
#
# The images of this book's quick runs are the handwritten digits that scikit-learn ships: 8 × 8 pixels,
# each an integer from 0 (black) to 16 (white), so 17 levels. The library splits them, always alike, into
# images for training, for validation (to choose by) and for the test (to report).

# %%
data = pcnn.load_dataset(dataset, data_path=data_path)
for name in ("train", "validation", "test"):
    print(name, getattr(data, name).images.shape)
print("levels:", data.levels)

# %% tags=["remove-input"]
show(
    plots.image_grid(data.test.images[:20], data.levels, columns=10),
    alt="Two rows of ten small grey images of handwritten digits.",
    caption="Images of the test set. They are small, which keeps every run in this book short.",
)

# %% tags=["remove-input"]
show(
    plots.raster_order(8, 8, at=(3, 4)),
    alt="An 8 by 8 grid numbered row by row. Pixel 29 is marked; the 28 before it are blue.",
    caption="Raster order. When the pixel without a number, the 29th, has its turn, the blue "
    "ones are known.",
)

# %% [markdown]
# The chain rule of probability turns this order into a model. For an image $x$ with entries
# $x_1, \dots, x_D$, and without any approximation,
#
# $$ p(x) = \prod_{i=1}^{D} p(x_i \mid x_1, \dots, x_{i-1}), $$
#
# which is equation 1 of both PixelCNN papers ([van den Oord et al., 2016a](https://arxiv.org/abs/1601.06759); [van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)). A model
# of images is therefore a model of *one pixel, given those before it*. Each factor is a
# distribution over the $K$ levels that a pixel can take, and to draw an image is to draw from the
# factors in turn.

# %% [markdown]
# ## How good is a model? Nats, and bits per dimension
#
# A good model finds real images likely. Probabilities of whole images are tiny, so we take
# logarithms and change the sign. The *cost* of an image is
#
# $$ -\ln p(x) = -\sum_{i=1}^{D} \ln p(x_i \mid x_1, \dots, x_{i-1}) $$
#
# **nats**. A pixel that was certain costs nothing; one that was given probability $1/2$ costs
# $\ln 2 = 0.69$ nats, which is one **bit**: the answer to one yes-or-no question. Divided by the
# number of entries, the cost is in **bits per dimension**,
#
# $$ \text{bits/dim} = \frac{-\ln p(x)}{D \ln 2}, $$
#
# which can be compared between images of different sizes, and is also the file size, in bits for each
# entry, that a compressor built on the model would reach. We always quote the mean over test
# images, which the model has not seen.
#
# ## From knowing nothing to a tiny network
#
# **The uniform model** knows nothing: all $K$ levels are equally likely, everywhere. It must cost
# exactly $\log_2 K$ bits per dimension. The number after ± is the *standard error* of the mean: the standard
# deviation over the test images, divided by the square root of their number. The mean over other test images would
# rarely be more than two of them away.

# %%
likelihoods = {}
uniform = baselines.Histogram(data.image_shape, data.levels)
likelihoods["uniform"] = pcnn.evaluate(uniform, data.test)
print(likelihoods["uniform"])

# %% [markdown]
# **One histogram.** Count how often each level occurs in the training images, and let every pixel
# follow these frequencies. The model learns that most pixels are black.

# %%
shared = baselines.Histogram(data.image_shape, data.levels, per_pixel=False)
shared.fit(data.train)
likelihoods["one histogram"] = pcnn.evaluate(shared, data.test)
print(likelihoods["one histogram"])

# %% [markdown]
# **A histogram for each pixel.** Corners are nearly always black, the middle is not, so every pixel
# has its own counts. With few images some levels never occur, and a level of probability
# zero would make one test image infinitely costly. We add a little to every count, and let the
# validation images choose how much.

# %%
smoothing = baselines.best_smoothing(
    data.train, data.validation, data.levels
)
per_pixel = baselines.Histogram(data.image_shape, data.levels)
per_pixel.smoothing = smoothing
per_pixel.fit(data.train)
likelihoods["histogram per pixel"] = pcnn.evaluate(per_pixel, data.test)
print(likelihoods["histogram per pixel"])

# %% [markdown]
# **A tiny PixelCNN.** All models so far drew each pixel on its own. A PixelCNN looks at the pixels
# before it, through convolutions whose kernels are masked so that they see nothing else: the
# subject of the [next chapter](02_masking_and_blind_spots.ipynb). This is all it computes:

# %% tags=["remove-input"]
show_source(pcnn.PixelCNN.outputs_of)

# %%
import keras
import numpy as np
import tensorflow as tf


def tiny_network():
    keras.utils.set_random_seed(seed)
    sizes = data.image_shape, data.levels, filters, blocks
    return pcnn.PixelCNN(*sizes, distribution="categorical")


tiny = tiny_network()
logits = tiny(data.train.images[:32])
print(logits.shape)  # images, rows, columns, channels, levels

# %% [markdown]
# For every pixel it gives $K$ numbers, the *logits*. Their softmax is the probability of each level, and
# the cost of an image follows from that of the levels that it really has. This cost is the **loss**:
# what training makes small.


# %%
def cost(images):
    nats = keras.losses.sparse_categorical_crossentropy(
        images, tiny(images), from_logits=True
    )
    return tf.reduce_mean(tf.reduce_sum(nats, axis=[1, 2, 3]))


batch = data.train.images[:32]
print(f"{cost(batch):.1f} nats per image before any training")

# %% [markdown]
# The **gradient** of the loss says, for each weight of the network, how the loss changes when the weight
# grows a little. TensorFlow computes it from a record of the calculation. A **step** of training moves
# every weight a little against its gradient:

# %%
optimizer = keras.optimizers.Adam(5e-3)  # 5e-3: how far a weight moves


def step(images):
    with tf.GradientTape() as tape:  # the record
        loss = cost(images)
    gradient = tape.gradient(loss, tiny.trainable_variables)
    optimizer.apply(gradient, tiny.trainable_variables)


step(batch)
print(f"{cost(batch):.1f} nats per image after one step")

# %% [markdown]
# An **epoch** is one pass over all training images, a batch at a time, in random order:

# %%
order = np.random.default_rng(seed).permutation(len(data.train))
for first in range(0, len(order), 32):
    step(data.train.images[order[first : first + 32]])
print(f"{cost(data.validation.images[:200]):.1f} nats after one epoch")

# %% [markdown]
# That is all that training is. `pcnn.train` repeats such steps for many epochs. It is compiled, its learning rate
# rises and then falls, and it takes another optimiser and averaged weights ([chapter 3](03_gated_stacks.ipynb)
# says what they are). It keeps the weights that did best on the validation images. We begin again, with new weights:

# %% tags=["timing"]
tiny = tiny_network()
config = pcnn.TrainConfig(
    epochs=epochs, batch_size=32, learning_rate=5e-3, seed=seed
)
history = pcnn.train(tiny, data, config)
likelihoods["tiny PixelCNN"] = pcnn.evaluate(tiny, data.test)
print(likelihoods["tiny PixelCNN"])

# %% tags=["remove-input"]
show(
    plots.training_curves({"tiny PixelCNN": history}),
    alt="Loss of the tiny PixelCNN against epochs: it falls fast, then slowly.",
    caption="Mean cost of an image as the tiny PixelCNN is trained.",
)

# %% [markdown]
# ## Result

# %% tags=["remove-input"]
show(
    plots.compare_likelihoods(likelihoods),
    alt="Test bits per dimension of the four models.",
    caption="The four models on test images. Whiskers are two standard errors.",
)

# %% tags=["remove-input"]
costs = {name: value.nats_per_image for name, value in likelihoods.items()}
gain = costs["histogram per pixel"] - costs["tiny PixelCNN"]
seconds = sum(history["seconds"])
why = "It has not been trained for long enough to use the earlier pixels well."
if gain > 0:
    why = (
        "It alone looks at earlier pixels: they tell more about a pixel than "
        "its position does."
    )
show_text(f"""
The tiny PixelCNN, trained for {seconds:.0f} seconds, costs {abs(gain):.1f} nats an image
{"less" if gain > 0 else "more"} than the histograms per pixel. {why}
""")

# %% [markdown]
# Numbers are one way to compare models; samples are another. A model without neighbours can put ink
# in the right region, but cannot join it to strokes.

# %%
samples = {
    "uniform": uniform.sample(10, seed=seed),
    "one histogram": shared.sample(10, seed=seed),
    "histogram per pixel": per_pixel.sample(10, seed=seed),
    "tiny PixelCNN": tiny.sample(10, seed=seed),
    "real": data.test.images[:10],
}

# %% tags=["remove-input"]
show(
    plots.image_grid(samples, data.levels),
    alt="Ten samples of each model above ten real images.",
    caption="Samples of each model, and real images. None of the samples was selected.",
)

# %% [markdown]
# ## Check: do the probabilities sum to 1?
#
# Two things could have come out wrong. The uniform model must cost $\log_2 K$ exactly; and if the
# chain rule holds, the costs of the single pixels must add up to the cost of the image.

# %%
pixel_costs = analysis.surprise(tiny, data.test.images[:1])[0]
whole = -tiny.log_likelihood(data.test.images[:1])[0]
bits = likelihoods["uniform"].bits_per_dim
print(f"uniform: {bits:.6f}, log2 K: {math.log2(data.levels):.6f}")
print(
    f"sum over pixels: {pixel_costs.sum():.4f}, whole image: {whole:.4f} nats"
)
assert math.isclose(bits, math.log2(data.levels), rel_tol=1e-9)
assert math.isclose(pixel_costs.sum(), whole, rel_tol=1e-4)

# %% [markdown]
# Both checks are about costs that we computed. The strictest check is about the whole distribution:
# the probabilities of *all* images must sum to 1. For binary images of 3 × 3 pixels there are only
# $2^9 = 512$, so we can ask for every one of them. A model that sees what it predicts can fail this check:
# we build one, by making the centre of its first kernel visible, and train both on all 512 images.

# %%
numbers = np.arange(512)
digits = numbers[:, None] >> np.arange(9) & 1  # the binary digits of each
every_image = digits.reshape(512, 3, 3, 1).astype("uint8")


def total_probability(model):
    return np.exp(model.log_likelihood(every_image)).sum()


keras.utils.set_random_seed(seed)
small = dict(levels=2, filters=8, blocks=2, first_kernel_size=3)
honest = pcnn.PixelCNN((3, 3, 1), **small)
leaking = pcnn.PixelCNN((3, 3, 1), **small)
leaking.first.mask[-1, 1] = 1  # the last row that it stores, the centre
for model in (honest, leaking):
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(every_image, epochs=40, verbose=0)
print(f"honest:  {total_probability(honest):.6f}")
print(f"leaking: {total_probability(leaking):.6f}")
assert abs(total_probability(honest) - 1) < 1e-4
assert abs(total_probability(leaking) - 1) > 0.1

# %% tags=["remove-input"]
likely = int((np.exp(leaking.log_likelihood(every_image)) > 0.5).sum())
show_text(f"""
The honest probabilities sum to 1. The leaking model sees each pixel and copies it. It gives {likely} of
the 512 images a probability above one half; in a true distribution at most one image can have that. Its
likelihoods mean nothing, however good they look. The [next chapter](02_masking_and_blind_spots.ipynb) shows
how such mistakes happen and how to find them.
""")

# %% [markdown]
# The single costs also show *where* the model is surprised. The black around the digit is nearly free. Most
# pixels of the stroke cost some nats: often one can tell that there will be ink, and seldom exactly how
# much.

# %% tags=["remove-input"]
show(
    plots.surprise(data.test.images[0], pixel_costs, data.levels),
    alt="A digit, and beside it a map of the cost of each pixel: near 0 on the black border, high on the stroke.",
    caption="One test image, and what each of its pixels cost the tiny PixelCNN.",
)

# %% [markdown]
# ## Recap
#
# The chain rule turns a model of images into a model of one pixel given those before it. Models are
# compared by the mean cost of test images, in nats per image or bits per dimension. A network that looks at earlier
# pixels, even a tiny one, can use what no model that draws each pixel on its own can know.
#
# ## Exercises
#
# **1.** What would the uniform model cost for images with 256 levels? For black and white ones?

# %% tags=["remove-input"]
show_solution(rf"""
$\log_2 256 = {math.log2(256):.0f}$ and $\log_2 2 = {math.log2(2):.0f}$ bits per dimension: the size of
the uncompressed file.
""")

# %% [markdown]
# **2.** What does the histogram per pixel cost, on training and on test images, if it is fitted to
# 50 images only and hardly smoothed (`smoothing=1e-9`)? Why do the two differ so much?


# %% tags=["remove-input"]
def histograms_of_few_images():
    few = data.train.take(50)
    raw = baselines.Histogram(
        data.image_shape, data.levels, smoothing=1e-9
    ).fit(few)
    return [pcnn.evaluate(raw, images) for images in (few, data.test)]


known, unknown = histograms_of_few_images()
show_solution(
    f"""
It costs {known.bits_per_dim:.2f} bits/dim on the 50 images and {unknown.bits_per_dim:.2f} on test
images; the uniform model costs {bits:.2f}. On its own 50 images no model that draws each pixel alone is
better, since the frequencies are theirs. But test images have levels that never occurred at that pixel,
and each such pixel costs more than 20 nats. This is overfitting in its purest form, and the reason why
only test figures count.
""",
    histograms_of_few_images,
)

# %% [markdown]
# **3.** Does the order matter? Turn all images by 180 degrees, so that the last pixel comes first,
# and train the tiny PixelCNN again.


# %% tags=["remove-input"]
def train_on_turned_images():
    def turn(split):
        # MNIST's grey levels too, from which each epoch draws its pixels.
        grey = split.intensities
        return pcnn.Split(
            split.images[:, ::-1, ::-1],
            intensities=None if grey is None else grey[:, ::-1, ::-1],
        )

    parts = ("train", "validation", "test")
    turned = {part: turn(getattr(data, part)) for part in parts}
    other = dataclasses.replace(data, **turned, classes=None)
    model = tiny_network()
    pcnn.train(model, other, config)
    return pcnn.evaluate(model, other.test)


turned, upright = train_on_turned_images(), likelihoods["tiny PixelCNN"]
show_solution(
    f"""
Upright images cost {upright.nats_per_image:.2f} ± {upright.standard_error:.2f} nats, turned ones
{turned.nats_per_image:.2f} ± {turned.standard_error:.2f}. The chain rule holds in any order, so a
perfect model would cost the same. A trained one may differ, for some orders are easier to learn. Another
seed changes the cost too, so try several before you believe in a difference.
""",
    train_on_turned_images,
)
