# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How does a pixel get its colour?
#
# After this chapter you can say in which order R, G and B are drawn, and where a network most often
# leaks that order. You can write a mixture of logistics in ten lines, and say what it gains over 256
# separate probabilities. The chapter trains three small models and draws photographs from published
# weights, in about a minute on two CPU cores.

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
dataset: str = "two-colour digits"  # or "cifar", or an .npz file
data_path: str = "data"  # folder that is searched for data files
levels: int = 32  # of the two-colour digits; other data sets have their own
epochs: int = 8  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 1e-2  # highest
filters: int = 24  # feature maps of each stack, a multiple of 3
blocks: int = 3  # gated blocks
components: int = 5  # logistics in the mixture
seed: int = 0  # of colours, initialisation, shuffling and sampling

# %% tags=["hide-input"]
import time

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from matplotlib.colors import hsv_to_rgb

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.nn import masks
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import (
    show,
    show_solution,
    show_source,
    show_text,
    table,
)
from pcnnlib.viz.parameters import check_dataset, check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    dataset=str,
    data_path=str,
    levels=range(2, 257),
    epochs=range(1, 10_001),
    batch_size=range(1, 4097),
    learning_rate=(0.0, 1.0),
    filters=range(3, 4097, 3),
    blocks=range(1, 101),
    components=range(1, 101),
    seed=range(2**32),
)
if dataset != "two-colour digits":
    check_dataset(
        pcnn.load_dataset(dataset, data_path=data_path), channels=3
    )
    if levels != 32:
        raise pcnn.UsageError(
            f"levels must be left alone for dataset {dataset!r}, got {levels}: "
            "it is for the two-colour digits"
        )

# %% [markdown]
# ## The idea: three small steps for every pixel
#
# A pixel's three values are drawn one after the other, each given those before it
# ([van den Oord et al. (2016a)](https://arxiv.org/abs/1601.06759), equation 2):
#
# $$ p(x_i \mid \mathbf{x}_{<i}) = p(x_{i,R} \mid \mathbf{x}_{<i})\; p(x_{i,G} \mid \mathbf{x}_{<i},
# x_{i,R})\; p(x_{i,B} \mid \mathbf{x}_{<i}, x_{i,R}, x_{i,G}). $$
#
# (In this equation alone $i$ counts pixels, not entries, and $x_i$ stands for the three values of a pixel.)
#
# So a mask has something to say within a pixel, too. The features of every layer of the horizontal
# stack are split in three groups. At the centre tap a group sees the channels before its own. It sees its
# own channel only if the layer has type B, and later channels never. The vertical stack needs no groups:
# it knows of rows above alone.

# %%
rgb = masks.feature_groups(3, 3)
six = masks.feature_groups(6, 3)
connections = {
    "A: image to features": (masks.channel_mask("A", rgb, six), rgb, six),
    "B: features to features": (
        masks.channel_mask("B", six, six),
        six,
        six,
    ),
}

# %% tags=["remove-input"]
show(
    plots.channel_order(connections),
    alt="Two grids of connections between groups R, G and B: type A strictly later, type B also the same.",
    caption="Connections at the pixel itself. Rows: where from; columns: where to; blue: allowed. The "
    "features of group G may know R, those of B may know R and G.",
)

# %% [markdown]
# ## The leak between the halves
#
# A gate splits its input into features and gates, and multiplies them. Both halves must hold the same
# groups. It is tempting to build one convolution with twice the features and to split *those* in three
# groups. Then the cut into halves no longer falls between equal groups. Features that may know R
# alone are multiplied by gates that know G.


# %%
def spread_over_both_halves(model):
    """Make the mistake: channel groups over both halves of every gate."""
    for block in model.blocks:
        layer = block.horizontal
        inner = masks.feature_groups(layer.mask.shape[2], 3)
        outer = masks.feature_groups(2 * layer.filters, 3)
        mask = masks.horizontal_mask(
            layer.kernel_size, layer.mask_type, inner, outer
        )
        layer.mask, _ = masks.crop_to_taps(mask)
    return model


groupings = {
    "each half R, G, B": np.tile(six, 2),
    "R, G, B over both": masks.feature_groups(12, 3),
}
for name, groups in groupings.items():
    first, second = (
        "".join("RGB"[g] for g in half) for half in np.split(groups, 2)
    )
    print(f"{name}: features {first} times gates {second}")

# %% [markdown]
# Does it leak? Every value of a small image is changed in turn:


# %%
def small():
    return pcnn.GatedPixelCNN(
        (2, 3, 3), levels=8, filters=12, blocks=2, first_kernel_size=3
    )


reports = {
    "as it should be": pcnn.check_causality(small()),
    "groups over both halves": pcnn.check_causality(
        spread_over_both_halves(small())
    ),
}
leaks = len(reports["groups over both halves"].leaks)
assert reports["as it should be"].causal and leaks

# %% tags=["remove-input"]
show(
    plots.causality(reports),
    alt="Two triangles of influence; the second has small squares above the diagonal.",
    caption="Which of 18 values changes the prediction of which, in the order of drawing. The mistake "
    f"leaks within a pixel: {leaks} pairs that must not be, 3 in each pixel but the first. There the features of R and G "
    "are still 0 before training, which hides the leaks, and hides R from G as well (orange: not seen).",
)
show_text(
    f"""
    {leaks} leaks, all of them between channels of one pixel. Nothing in training would give them away:
    a leak makes the loss lower, not higher (exercise 3). Only the drawn images would be wrong, since a value
    that is not drawn yet cannot help.
    """
)

# %% [markdown]
# ## Two ways to say what a value may be
#
# **Categorical.** As in the papers, the network gives one number for each level of each channel. A
# softmax makes probabilities of them. It knows nothing of level 10 being close to level 11.
#
# **Mixture of logistics** ([Salimans et al. (2017)](https://arxiv.org/abs/1701.05517)). The network gives
# the places and widths of a few bell-shaped curves. A level close to another one comes out alike without
# being told.
#
# ### One bell, cut into bins
#
# The bell is a *logistic* of mean $\mu$ and scale $s$. Its great merit: the share of it that lies below a
# point has a plain formula, the sigmoid $\sigma(z) = 1 / (1 + e^{-z})$. So the bell can be cut. An edge
# lies halfway between each level and the next. The probability of level $x$ is the share between its two
# edges (equation 2 of the paper, here for one bell):
#
# $$ P(x \mid \mu, s) = \sigma\!\left(\frac{x + \frac12 - \mu}{s}\right) -
# \sigma\!\left(\frac{x - \frac12 - \mu}{s}\right). $$
#
# The first and the last of $K$ levels have one edge only. All that lies beyond them is theirs:
#
# $$ P(0) = \sigma\!\left(\frac{\frac12 - \mu}{s}\right), \qquad
# P(K - 1) = 1 - \sigma\!\left(\frac{K - \frac32 - \mu}{s}\right). $$


# %%
def bell(mean, scale, count):
    """Probability of each of `count` levels under one logistic, (count,)."""
    edges = np.arange(count - 1) + 0.5  # between a level and the next
    below = 1 / (1 + np.exp(-(edges - mean) / scale))
    return np.diff(below, prepend=0, append=1)  # the ends get the rest


shades = 32
one_bell = bell(27, 2.5, shades)
print(f"sum of all {shades}: {one_bell.sum():.6f}")
print(f"last three: {one_bell[-3:].round(3)}")

# %% tags=["remove-input"]
show(
    plots.bell_in_bins(one_bell, 27, 2.5),
    alt="A bell-shaped curve over bars of the same height, the last bar far above the curve.",
    caption="A logistic of mean 27 and scale 2.5, in levels. A bar is the area under the curve within a "
    "level's bin. The last level also gets the tail to its right, so its bar stands above the curve. "
    "White walls and black shadows of photographs need that.",
)

# %% [markdown]
# ### Four bells for a histogram with gaps
#
# A *mixture* adds several bells, each times a weight $\pi_m$; the weights sum to 1:
#
# $$ P(x) = \sum_{m=1}^{M} \pi_m\, P(x \mid \mu_m, s_m). $$
#
# How does it learn? Take values in three heaps, with gaps between them. The third heap is
# overexposed: what would lie beyond the last level was cut off and is counted there.

# %%
rng = np.random.default_rng(seed)
heaps = [
    rng.normal(5, 1.5, 4000),
    rng.normal(16, 0.7, 2000),
    rng.normal(30, 4.0, 4000),
]
values = np.rint(np.concatenate(heaps)).clip(0, shades - 1).astype(int)
share = np.bincount(values, minlength=shades) / len(values)
share = share.astype("float32")

# %% [markdown]
# Twelve numbers are trained: four weights (through a softmax), four means and four scales (through an
# exponential, which keeps them above 0). The loss is that of the whole book, minus the mean
# log-probability. A histogram says all there is to know of these values, so one step is an epoch.

# %%
logits = tf.Variable(tf.zeros(4))
means = tf.Variable([4.0, 12.0, 20.0, 28.0])
log_scales = tf.Variable(tf.math.log([3.0] * 4))
trained = [logits, means, log_scales]
optimizer = keras.optimizers.Adam(0.1)
optimizer.build(trained)
edges = np.arange(shades - 1, dtype="float32")[:, None] + 0.5


def four_bells():
    """Probability of the levels under each bell, weights included, (K, 4)."""
    below = ops.sigmoid((edges - means) / ops.exp(log_scales))
    nothing, all_of_it = ops.zeros_like(below[:1]), ops.ones_like(below[:1])
    below = ops.concatenate([nothing, below, all_of_it])
    return ops.softmax(logits) * (below[1:] - below[:-1])


@tf.function
def epoch():
    with tf.GradientTape() as tape:
        probability = ops.sum(four_bells(), axis=1)  # (K,)
        loss = -ops.sum(share * ops.log(probability + 1e-12))
    optimizer.apply(tape.gradient(loss, trained), trained)
    return loss


fits, losses = {"epoch 0": np.array(four_bells())}, []
for number in range(1, 301):
    losses.append(float(epoch()))
    if number in (10, 50, 300):
        fits[f"epoch {number}"] = np.array(four_bells())

# %% tags=["remove-input"]
seen = share[share > 0]
entropy = float(-(seen * np.log(seen)).sum())
gap = slice(10, 13)
show(
    plots.mixture_fits(share, fits),
    alt="Four panels: the same three heaps as bars, and a mixture that fits them better from panel to "
    "panel.",
    caption="Bars: the data. Coloured: the four bells, weights included. Thick: their sum. The last level "
    "is reached by a bell that extends beyond it.",
)
show_text(
    f"""
    The loss falls from {losses[0]:.3f} to {losses[-1]:.3f} nats a value. No model can get below the
    histogram's own entropy, {entropy:.3f}. A softmax with its {shades} numbers would reach that. But it would
    have to learn each level by itself, and each gap from never having seen it. The four bells cannot
    make an empty gap: together they give levels {gap.start} to {gap.stop - 1} a share of
    {100 * fits["epoch 300"][gap].sum():.2f}%, where the data have {100 * share[gap].sum():.2f}%. The tails of their bells reach everywhere.
    """
)

# %% [markdown]
# ### Is this what the library computes?
#
# `pcnn.LogisticMixture` scales levels to the range from -1 to 1. It computes the same difference of two
# sigmoids in logarithms, so that nothing is rounded to 0. With the twelve numbers from above both must
# agree; and they must not agree if the ends are cut off like the other levels:

# %%
library = pcnn.LogisticMixture(4, levels=shades)
width = 2 / (shades - 1)  # of a bin, between -1 and 1
weight, mean, scale = (
    ops.convert_to_numpy(part)
    for part in (ops.softmax(logits), means, ops.exp(log_scales))
)
twelve = [np.log(weight), mean * width - 1, np.log(scale * width)]
twelve = np.concatenate(twelve).reshape(1, 1, 1, 12)
theirs = np.array(library.probabilities(twelve)).ravel()
ours, cut = np.zeros(shades), np.zeros(shades)
for w, m, s in zip(weight, mean, scale, strict=True):
    ours += w * bell(m, s, shades)
    # Two levels more, one at each end, which are left out again.
    cut += w * bell(m + 1, s, shades + 2)[1:-1]
for name, mine in {"with both ends": ours, "ends cut": cut}.items():
    difference = np.abs(mine - theirs).max()
    print(
        f"{name:14} sums to {mine.sum():.4f}, differs by {difference:.0e}"
    )
assert np.allclose(ours, theirs, atol=1e-5)
assert not np.allclose(cut, theirs, atol=1e-3)

# %% [markdown]
# ### Three channels
#
# For a colour pixel one bell holds a mean and a scale for each channel. The order of the channels moves
# from the network into the distribution: the mean of G is shifted in proportion to the actual R, that of
# B in proportion to R and G (equation 3 of the paper):
#
# $$ \mu_G(m, x_R) = \mu_G(m) + \alpha(m)\, x_R, $$
#
# $$ \mu_B(m, x_R, x_G) = \mu_B(m) + \beta(m)\, x_R + \gamma(m)\, x_G. $$
#
# A pixel's probability is then a sum over bells of products over channels. In logarithms:

# %% tags=["remove-input"]
show_source(pcnn.LogisticMixture.log_likelihood)

# %% [markdown]
# So the network needs no groups, and one pass of it serves all three values of a pixel. (With the softmax the cached
# sampler runs the horizontal stack three times a pixel, once for each channel.)
#
# ## Images whose channels depend on each other
#
# To see what the order is worth, the channels must have something to tell each other. These are the
# digits again, in two colours that belong together: the paper has the hue opposite to that of the ink.
# And the paper is rough: every pixel is darker or lighter at random, *by the same factor in all three
# channels*. Nothing can foretell the shade of the next pixel. But its R, once known, tells
# much about G, and R and G together tell more about B. (With these six hues two of the three channels are even
# equal in every image. That suits the mixture, whose means follow the earlier channels in proportion:
# exercise 6 tries other hues.)


# %%
def two_colours(split, first_hue=0.0):
    """Digits in one of six inks, on rough paper of the opposite hue."""
    rng = np.random.default_rng([seed, len(split)])
    hue = (rng.integers(0, 6, (len(split), 1, 1)) + first_hue) / 6
    full = np.ones_like(hue)
    ink = hsv_to_rgb(np.stack([hue, 0.5 * full, full], axis=-1))
    paper = hsv_to_rgb(
        np.stack([(hue + 0.5) % 1, 0.7 * full, 0.6 * full], axis=-1)
    )
    bright = digits.brightness(split)
    shade = rng.uniform(0.5, 1.0, bright.shape)
    colours = shade * (bright * ink + (1 - bright) * paper)
    return np.rint((levels - 1) * colours).astype("uint8")


if dataset == "two-colour digits":
    digits = pcnn.load_dataset("digits")
    data = digits.redrawn(two_colours, name=dataset, levels=levels)
else:
    data = pcnn.load_dataset(dataset, data_path=data_path)
print(
    f"{len(data.train):,} images {data.image_shape}, {data.levels} levels"
)

# %% [markdown]
# Both distributions are trained on the same images. For comparison there is a third model, categorical as
# well, in which the channels of a pixel are **blind to each other**: one line closes the centre tap of the
# first layer. (Colours, learning rate and epochs were chosen on validation images. An earlier choice
# of colours had also been looked at on test images.)

# %%
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    grad_clip=1000.0,  # the loss sums over all entries: long gradients
    seed=seed,
)


def build(distribution):
    keras.utils.set_random_seed(seed)
    sizes = dict(
        filters=filters,
        blocks=blocks,
        first_kernel_size=5,
        distribution=distribution,
    )
    return pcnn.GatedPixelCNN(data.image_shape, data.levels, **sizes)


models = {
    "mixture": build(pcnn.LogisticMixture(components)),
    "categorical": build("categorical"),
    "channels blind": build("categorical"),
}
models["channels blind"].blocks[0].horizontal.mask[:, -1] = (
    0  # the centre tap: the pixel itself
)
histories = {
    name: pcnn.train(model, data, config) for name, model in models.items()
}

# %% tags=["remove-input"]
show(
    plots.training_curves(
        histories, unit="bits/dim", dims=int(np.prod(data.image_shape))
    ),
    alt="Loss of three models against epochs.",
    caption="The three models as they are trained.",
)

# %% [markdown]
# ## Result
#
# Are the drawn images still of two colours? In a real two-colour digit every pixel is a shade of a mixture of ink
# and paper, so that all of its pixels lie in one plane through black, in the space of R, G and B. How far from
# their best plane do the pixels of an image lie?


# %%
def beyond_two_colours(images):
    """Root mean square distance from the best plane, by the pixels' length."""
    pixels = images.reshape(len(images), -1, 3).astype(float)
    lengths = np.linalg.svd(pixels, compute_uv=False)
    whole = np.maximum(np.linalg.norm(lengths, axis=1), 1e-12)
    return float(np.mean(lengths[:, 2] / whole))


# %% tags=["timing"]
drawn, seconds = {}, {}
for name, model in models.items():
    model.sample(100, seed=seed)  # compiles
    start = time.perf_counter()
    drawn[name] = model.sample(100, seed=seed)
    seconds[name] = time.perf_counter() - start

# %%
head = ["", "test bits/dim", "beyond two colours", "weights"]
head += ["seconds for 100 images"]
rows = [["real images", "", f"{beyond_two_colours(data.test.images):.3f}"]]
rows[0] += [""] * 2
per_dim = 1 / (np.prod(data.image_shape) * np.log(2))
for name, model in models.items():
    test = pcnn.evaluate(model, data.test)
    error = test.standard_error * per_dim
    rows.append(
        [
            name,
            f"{test.bits_per_dim:.3f} ± {error:.3f}",
            f"{beyond_two_colours(drawn[name]):.3f}",
            f"{model.count_params():,}",
            f"{seconds[name]:.2f}",
        ]
    )
table(
    head,
    rows,
    "Likelihood of the test images, and 100 drawn images of each model. "
    "± is the standard error over test images; one seed each.",
)

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {"real": data.test.images[:10]}
        | {name: images[:10] for name, images in drawn.items()},
        data.levels,
        width=7.0,
    ),
    alt="Rows of colour digits: real ones, and those of the three models.",
    caption="Real images, and the first ten draws of each model, none selected.",
)

# %% tags=["remove-input"]
if dataset == "two-colour digits":
    show_text("""
Blind channels pay for a pixel's shade three times, and draw it three times, which makes coloured specks.
""")

# %% [markdown]
# What do the models expect of one pixel, near the left edge of a test image?

# %%
image = data.test.images[:1]
at = data.image_shape[0] // 2, 1
predictions = {
    name: np.asarray(model.distribution.probabilities(model(image), image))[
        0, at[0], at[1]
    ]
    for name, model in models.items()
}

# %% tags=["remove-input"]
show(
    plots.level_probabilities(predictions, image[0, at[0], at[1]]),
    alt="Predicted probabilities of the levels of R, G and B by the three models.",
    caption="What each model expects of one test pixel: of R given all earlier pixels, of G given R as "
    "well, of B given R and G. Dotted: the actual value. The number beside a panel is its highest probability.",
)
surest = {name: chance[2].max() for name, chance in predictions.items()}
show_text(f"""
Once R and G are known, the likeliest B has probability {surest["mixture"]:.2f} for the mixture and
{surest["categorical"]:.2f} for the categorical model. For the blind one, which does not see them, it has
{surest["channels blind"]:.2f}.
""")

# %% [markdown]
# The form of the mixture says that channels rise and fall together. The categorical model has to learn that
# for every level by itself, from images in which most combinations are rare: that costs it most where data
# are few.

# %% [markdown]
# ## Photographs
#
# The same two distributions on real images, each at the end of the same Gated PixelCNN. Both networks were
# trained before. Their weights come with the library, and so do a few of the test images.

# %%
record = runs.read_runs("cifar-subset")
photographs = runs.read_examples("cifar-subset/mixture")["test"]
pair = {
    name: pcnn.load_pretrained(f"cifar-subset/{name}")
    for name in ("mixture", "categorical")
}
chances = {
    name: np.array(
        model.distribution.probabilities(model(photographs), photographs)
    )
    for name, model in pair.items()
}  # (10, 32, 32, 3, 256) each

# %% tags=["remove-input"]
sizes = record["mixture"]["data"]
show_text(
    f"""
    They were trained on {sizes["train"]:,} photographs of CIFAR-10 and validated on {sizes["validation"]},
    {pair["mixture"].image_shape[0]} × {pair["mixture"].image_shape[1]} pixels of {pair["mixture"].levels}
    levels. The mixture has {pair["mixture"].distribution.components} bells.
    """
)
show(
    plots.image_grid(photographs, 256, columns=5, width=7.0),
    alt="Ten small photographs: an aeroplane, a car, a bird, a cat and so on.",
    caption="Ten test images, one of each class. Neither model has seen them.",
)

# %% [markdown]
# ### One pixel on a logarithmic axis
#
# What do both expect of one pixel, on the back of the bird (the third image)?

# %%
which, row, column = 2, 20, 8
one_pixel = {
    name: chance[which, row, column] for name, chance in chances.items()
}

# %% tags=["remove-input"]
actual = photographs[which, row, column]
show(
    plots.log_probabilities(one_pixel, actual),
    alt="Three panels of two curves each: the mixture's tails are straight and smooth, the softmax's are "
    "ragged, with separate hills.",
    caption="What both models expect of one test pixel, of each of 256 levels. Dotted: the actual level.",
)
lowest = 1e-6


def steepest(chance):
    """Largest factor between neighbours, of which one has at least `lowest`."""
    low, high = np.sort([chance[..., 1:-2], chance[..., 2:-1]], axis=0)
    return float((high / np.maximum(low, 1e-30))[high >= lowest].max())


def hills(chance):
    """Levels that are likelier than both neighbours, and can be seen."""
    middle = chance[..., 1:-1]
    top = (middle > chance[..., :-2]) & (middle > chance[..., 2:])
    return int((top & (middle > 1e-9)).sum())


ends = {
    name: float((chance[:, -1] / chance[:, -2]).max())
    for name, chance in one_pixel.items()
}
zeros = {name: int((chance == 0).sum()) for name, chance in chances.items()}
show_text(
    f"""
    Near the top of the hills the two curves look alike, though they are not equal: most of the difference in
    the next table arises there, where nearly all pixels are. On an ordinary axis one would see no more than
    that. The logarithmic axis shows the rest:

    - **The tails of the mixture are straight lines.** Far out, a bell falls by the same factor,
      e<sup>1/s</sup>, from each level to the next. In the three panels the mixture has
      {hills(one_pixel["mixture"])} hills. The last level takes all that lies beyond, here up to
      {ends["mixture"]:.0f} times as much as the level before it.
    - **The tails of the softmax are ragged.** It has {hills(one_pixel["categorical"])} hills. Each
      level has a logit of its own, and nothing ties it to its neighbours, so that small errors of the logits
      stay visible where the probability is small.
    - **A level may be a thousandth as likely as its neighbour.** Among all pixels of the photographs, and levels
      likelier than 1 in {1 / lowest:,.0f}, the largest such factor is
      {steepest(chances["categorical"]):,.0f} for the softmax. The mixture can do that too
      ({steepest(chances["mixture"]):,.0f}), but only on the flank of a very narrow bell. The softmax can
      do it anywhere.
    - **A softmax may rule a level out.** Of the {chances["categorical"].size:,} probabilities of these images
      it rounds {zeros["categorical"]:,} to 0, the mixture {zeros["mixture"] or "none"}. In its logarithm the library
      keeps such a level finite. An image that has it still costs many bits.
    """
)

# %% [markdown]
# ### What is a channel worth to the next one?
#
# The cost of a value is $-\log_2$ of its probability. Its mean over the ten photographs, channel by channel:

# %%
rows = []
for name, chance in chances.items():
    chosen = np.take_along_axis(
        chance, photographs[..., None].astype(int), axis=-1
    )[..., 0]  # (10, 32, 32, 3)
    bits = -np.log2(np.maximum(chosen, 1e-30)).mean(axis=(0, 1, 2))
    rows.append([name, *(f"{value:.2f}" for value in [*bits, bits.mean()])])
table(
    ["", "R", "G, given R", "B, given R and G", "mean"],
    rows,
    "Bits for each value of a channel, mean over ten photographs.",
)

# %% [markdown]
# The first channel costs most, nearly half of a pixel's bits. A photograph is nearly grey: who knows R knows the brightness.
# In pictures: keep R of a photograph and let the models draw G and B; then keep R and G, and let them draw B.

# %%
part = photographs[[0, 2, 8, 9]]
keep_r, keep_rg = (
    np.broadcast_to(np.array(kept, bool), part.shape)
    for kept in ([1, 0, 0], [1, 1, 0])
)
columns = {"R alone": part * keep_r, "real": part}
for name, model in pair.items():
    redrawn = model.sample(
        8,
        image=np.concatenate([part, part]),
        keep=np.concatenate([keep_r, keep_rg]),
        seed=seed,
    )
    columns[f"{name}: G, B"], columns[f"{name}: B"] = np.split(redrawn, 2)

# %% tags=["remove-input"]
order = [0, 1, 2, 4, 3, 5]
heads = [list(columns)[k] for k in order]
show(
    plots.image_grid(
        np.stack([columns[head] for head in heads], axis=1).reshape(
            -1, *part.shape[1:]
        ),
        256,
        columns=6,
        heads=[head.replace("categorical", "softmax") for head in heads],
        width=7.0,
    ),
    alt="Four photographs: their red channel alone, the whole image, and versions with drawn green and "
    "blue.",
    caption="The models draw the channels that stand in the head of a column. They never lose the "
    "shapes, which R already holds. With R and G given only a tint is left to chance.",
)

# %% [markdown]
# ### Drawn from nothing

# %% tags=["hide-input"]
for name, model in pair.items():
    show(
        plots.image_grid(
            model.sample(12, seed=seed), 256, columns=6, width=7.0
        ),
        alt=f"Twelve blurred colour images, {name}: no recognisable objects.",
        caption=f"Twelve draws of one model ({name}), from the published weights, none selected: colours and "
        "textures of photographs, but no objects. With so little training no more can be expected.",
    )

# %% [markdown]
# ### Beside another library
#
# How good is the mixture beside a known one? The `PixelCNN` of TensorFlow Probability follows PixelCNN++
# ([Salimans et al., 2017](https://arxiv.org/abs/1701.05517)). It was trained on the same images for the
# same processor time, and the test images were also written as PNG files. These figures were not computed
# on this page. `experiments/colour.py` made them, and `runs.read_runs` reads their records:

# %%
names = {
    "mixture": ("Gated PixelCNN, mixture", "Muon"),
    "categorical": ("Gated PixelCNN, categorical", "Muon"),
    "tfp": ("TensorFlow Probability, PixelCNN", "Adam"),
    "png": ("PNG, one optimised file an image", ""),
}
rows = []
for key, (name, optimizer_name) in names.items():
    run = record[key]
    test, seen = run["test"], run["history"]["images"]
    weights = run.get("weights", run).get("parameters")
    rows.append(
        [
            name,
            f"{test['bits_per_dim']:.3f} ± {test['standard_error']:.3f}",
            f"{weights:,}" if weights else "",
            optimizer_name,
            f"{seen[-1]:,}" if seen else "",
            f"{run['cpu_seconds'] / 60:.0f}" if seen else "",
        ]
    )
head = ["", "test bits/dim", "weights", "optimiser"]
head += ["images seen, with repeats", "processor minutes"]
table(
    head,
    rows,
    f"{record['tfp']['test']['images']} test images, which no model was "
    "trained or chosen on. ± is the standard error over them.",
)

# %% tags=["remove-input"]
tfp, mixture = record["tfp"], record["mixture"]
others = {
    row["model"]: row["bits_per_dim"]
    for row in runs.read_literature("cifar10")
}
times = tfp["parameters"] / mixture["weights"]["parameters"]
mixture_seen, tfp_seen = (
    run["history"]["images"] for run in (mixture, tfp)
)
mixture_nats, tfp_nats = (
    run["history"]["val_bits_per_dim"] for run in (mixture, tfp)
)
as_many = int(np.searchsorted(mixture_seen, tfp_seen[-1]))
show(
    plots.lines(
        {
            names[key][0]: (
                np.array(record[key]["history"]["cpu_seconds"]) / 60,
                record[key]["history"]["val_bits_per_dim"],
            )
            for key in ("mixture", "categorical", "tfp")
        },
        x="processor minutes",
        y="validation bits/dim",
    ),
    alt="Validation bits per dimension of three models against processor time.",
    caption="Validation as the models of the table were trained. A point is an epoch; the time limit "
    "may have cut the last one short.",
)
show_text(
    f"""
    **What this comparison is.** Equal images, batches of {tfp["settings"]["batch_size"]}, equal processor time
    ({tfp["budget_cpu_seconds"] / 60:.0f} minutes of one core), weights averaged alike, one seed each
    (seed {mixture["seed"]}, commit `{mixture["commit"]}`, {runs.hardware(mixture)}). The learning rate of each was
    chosen on validation images.

    **What it is not.** It is not at equal weights: the peer has {times:.1f} times as many. Each of its steps
    takes longer, so that it saw {tfp["history"]["images"][-1]:,} images in its time, and the mixture
    {mixture["history"]["images"][-1]:,}. Nor is it at equal optimisers: ours took their steps by
    [Muon](https://kellerjordan.github.io/posts/muon/), the peer by its own
    [Adam](https://arxiv.org/abs/1412.6980). So the table says which program gets
    further in this time. It does not say which network is better. After {mixture_seen[as_many]:,} images the
    mixture stood at {mixture_nats[as_many]:.3f} validation bits/dim; the peer, after {tfp_seen[-1]:,}, at
    {tfp_nats[-1]:.3f}, with its learning rate already at its end. And the peer has dropout
    {tfp["settings"]["dropout_p"]}, ours none.

    The two networks of ours differ in two things only: the distribution, and the channel groups that the
    softmax needs. The mixture is
    {record["categorical"]["test"]["bits_per_dim"] - mixture["test"]["bits_per_dim"]:.3f} bits/dim better, with fewer
    weights: its last layer gives {pair["mixture"].distribution.size} numbers a pixel, the softmax's
    {3 * pair["categorical"].levels}. And all of this is little training. On all of CIFAR-10 the
    paper's Gated PixelCNN reached {others["Gated PixelCNN"]:.2f} bits/dim
    ([van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)), PixelCNN++ {others["PixelCNN++"]:.2f}
    ([Salimans et al., 2017](https://arxiv.org/abs/1701.05517)).
    """
)

# %% [markdown]
# ## Recap
#
# R is drawn before G before B. Either the network keeps that order, with groups of features and a mask
# at the pixel itself, and then both halves of a gate need the same groups; or the distribution
# does, and the network looks once per pixel. A mixture of logistics is a few bells cut at the edges between
# levels, with the tails given to the ends. It knows that neighbouring levels are alike; a softmax has to
# learn that, and can make gaps that no mixture can.
#
# ## Exercises
#
# **1.** How many connections are there at the centre tap of a type B layer with 24 features in three groups?
# And without groups?

# %% tags=["remove-input"]
groups = masks.feature_groups(24, 3)
allowed = int(masks.channel_mask("B", groups, groups).sum())
show_solution(
    f"""
    ```python
    groups = masks.feature_groups(24, 3)
    print(masks.channel_mask("B", groups, groups).sum(), 24 * 24)
    ```

    {allowed} of {24 * 24}: {9 * allowed // 24**2} of nine blocks of 8 × 8. {100 - 100 * allowed / 24**2:.0f}% of the
    weights at that tap are never used, in the centre tap alone.
    """
)

# %% [markdown]
# **2.** A bell has mean 10 and scale 2, in levels. How much likelier is level 20 than level 21? And how much
# likelier can one level be than its neighbour, at most, if none of them is an end?

# %% tags=["remove-input"]
example = bell(10, 2, 64)
show_solution(
    f"""
    ```python
    example = bell(10, 2, 64)
    print(example[20] / example[21], np.exp(1 / 2))
    ```

    {example[20] / example[21]:.4f} times. Far out the bell falls by a factor of
    e<sup>1/s</sup> = {np.exp(1 / 2):.4f} from each level to the next, and nowhere faster. A level a thousandth as
    likely as its neighbour takes a scale of at most 1 / ln 1000 = {1 / np.log(1000):.3f} levels; a softmax needs a
    difference of logits of ln 1000 = {np.log(1000):.2f}.
    """
)

# %% [markdown]
# **3.** Train the model with the leak. What happens to the loss, and what to the images?
#
# <details><summary>Solution</summary>
#
# ```python
# leaking = spread_over_both_halves(build("categorical"))
# pcnn.train(leaking, data, config)
# print(pcnn.evaluate(leaking, data.test))
# plots.image_grid(leaking.sample(10, seed=0, method="full"), data.levels, columns=10)
# ```
#
# The loss falls far below the honest model's, and the images are dark and show no digit. The network
# reads off the values that it is asked to predict; when it draws, it finds a placeholder there instead. The
# column "beyond two colours" does not show the mistake: dark images of one colour lie in a plane too.
#
# </details>
#
# **4.** The library draws B of a pixel when R and G are kept. Do the same with the two-colour digits: do the
# three models give back the original colours?
#
# <details><summary>Solution</summary>
#
# ```python
# keep = np.array([True, True, False]) & np.ones(data.image_shape, bool)
# real = data.test.images[:10]
# rows = {"real": real}
# for name, model in models.items():
#     rows[name] = model.sample(10, image=real, keep=keep, seed=0)
# plots.image_grid(rows, data.levels)
# ```
#
# None of them gives back all. R and G leave the hue open in four of the six inks: paper that is dark in R and
# light in G may be cyan or green. The mixture and the categorical model choose one of the two, sometimes the
# wrong one, and then mostly keep to it. The blind model does not see R and G of the pixel itself, so its B
# varies from pixel to pixel.
#
# </details>
#
# **5.** With 256 levels instead of 32 the categorical model falls further behind. Why?
#
# <details><summary>Solution</summary>
#
# ```bash
# papermill notebooks/07_colour.ipynb out.ipynb -p levels 256
# ```
#
# Eight times as many levels, each seen an eighth as often, and nothing in the model says that they are
# neighbours. To the mixture only the widths of its bells, counted in levels, change. (All figures in
# bits/dim rise by up to three bits: there is more to say.)
#
# </details>
#
# **6.** With other hues no two channels are equal. How much of the mixture's lead is left?
#
# <details><summary>Solution</summary>
#
# ```python
# import functools
#
# between = functools.partial(two_colours, first_hue=0.5)
# data = digits.redrawn(between, name="other hues", levels=levels)
# for distribution in (pcnn.LogisticMixture(components), "categorical"):
#     model = build(distribution)
#     pcnn.train(model, data, config)
#     print(pcnn.evaluate(model, data.test))
# ```
#
# Little: with the parameters of this page most of it goes, so it is owed to the choice of the hues. What
# is left is what the mixture knows of neighbouring levels, and of channels that rise and fall together.
#
# </details>
