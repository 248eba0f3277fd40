# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does the order matter?
#
# After this chapter you can say why a PixelCNN cannot fill in the top of an image from its bottom, and what
# to do about it. You train one network that reads digits in eight orders, compare what they cost, mix them
# into one exact likelihood, and complete digits from any side. It takes about a minute on two CPU cores.

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
orders: int = 8  # in which the network reads: 1 to 8
epochs: int = 15  # passes over the training images
filters: int = 16  # features of each stack
blocks: int = 4  # gated blocks, the first included
shown: int = 8  # digits completed, at most 10
draws: int = 8  # for each digit where one of several draws is chosen
seed: int = 0  # of initialisation, batches and draws

# %% tags=["hide-input"]
import keras
import numpy as np

import pcnnlib as pcnn
from pcnnlib import analysis, runs, sampling
from pcnnlib.nn.raster import ORDERS, raster_order
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import show, show_solution, show_text, table
from pcnnlib.viz.parameters import check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    orders=range(1, 9),
    epochs=range(1, 100_001),
    filters=range(2, 1_001),
    blocks=range(1, 101),
    shown=range(1, 11),
    draws=range(1, 101),
    seed=range(2**32),
)

# %% [markdown]
# ## The idea: turn the image, not the network
#
# A PixelCNN writes the probability of an image as a product, one factor for each pixel, given those before
# it. The product rule holds in any order of the pixels. Raster order is a choice, and nothing in the images
# asks for it. But it is built into the masks. So do not change the masks: mirror or turn the image, let the
# same network read it in raster order, and turn the result back. The eight symmetries of a square give eight
# orders.

# %% tags=["remove-input"]
show(
    plots.reading_orders(4, orders),
    alt="Squares of four by four pixels, each pixel with the number of its turn.",
    caption="The orders. A number is a pixel's turn, and filled pixels are those of the first half.",
)

# %% [markdown]
# One set of weights can serve all of them. It is told the order as [chapter 5](05_conditioning.ipynb) tells a
# network the class: each order adds a learned vector inside every gate. Each training image is read in an
# order drawn at random, again in every epoch.
#
# ## In code
#
# The digits, in black and white:

# %%
data = pcnn.load_dataset("digits").redrawn(
    lambda split: (split.images > 7).astype("uint8"),
    name="digits in black and white",
    levels=2,
)
keras.utils.set_random_seed(seed)
model = pcnn.GatedPixelCNN(
    data.image_shape, data.levels, filters, blocks, orders=orders
)
config = pcnn.TrainConfig(
    epochs=epochs, batch_size=64, learning_rate=5e-3, seed=seed
)
history = pcnn.train(model, data, config)

# %% [markdown]
# The inputs are pairs, images and their orders. What a pixel's prediction depends on are the pixels before it
# *in that order*. The gradient shows it, as in [chapter 2](02_masking_and_blind_spots.ipynb):

# %%
middle = (3, 4)
seen = {
    f"order {order}": pcnn.receptive_field(model, at=middle, order=order)
    for order in range(min(orders, 4))
}

# %% tags=["remove-input"]
show(
    plots.receptive_fields(
        seen,
        middle,
        order={name: order for order, name in enumerate(seen)},
    ),
    alt="Maps of the pixels that change the prediction of one pixel, one map for each order.",
    caption="What the prediction of one pixel depends on, in four orders, measured by gradient.",
)

# %% [markdown]
# ## What does each order cost?

# %%
test = data.test.images
logs = analysis.order_log_likelihoods(model, test)  # (orders, images)
each = {
    f"{order}: {ORDERS[order]}": pcnn.Likelihood.of(
        -logs[order], data.image_shape
    )
    for order in range(orders)
}

# %% tags=["remove-input"]
show(
    plots.compare_likelihoods(each, from_zero=False),
    alt="A dot with its error for each order.",
    caption="Bits/dim of the test digits in each order. Bars are two standard errors over images. The images are "
    "the same for all, so the differences are surer than the bars suggest.",
)

# %% tags=["remove-input"]
means = -logs.mean(axis=1)
spread = (logs - logs.mean(axis=0)).std()
apart = runs.read_run("mnist-orders-apart")
scores = runs.read_examples("mnist-orders-apart")
large = scores["log_likelihoods"].astype("float64")  # (orders, images)
large_means = -large.mean(axis=1)
large_spread = (large - large.mean(axis=0)).std()
show_text(
    f"""
    On average the orders differ by {np.ptp(means):.2f} nats at most. On a single digit they disagree by far more:
    the standard deviation within an image is {spread:.2f} nats.

    Are digits of 28x28 pixels the same? The published network `mnist-orders` reads them in {len(large)} orders. On
    the first {large.shape[1]:,} test images the best order costs {large_means.min():.2f} nats (order
    {large_means.argmin()}), the worst {large_means.max():.2f} (order {large_means.argmax()}), and within an image
    the standard deviation is {large_spread:.2f} nats.
    """
)

# %% [markdown]
# These are the test images on which its orders disagree most:

# %% tags=["remove-input"]
chosen = large[:, scores["apart"]]
show(
    plots.image_grid(
        scores["apart_images"],
        2,
        columns=4,
        titles=[f"{-one.max():.0f} / {-one.min():.0f}" for one in chosen.T],
    ),
    alt="Digits with unusual ends of strokes, each with its cheapest and its dearest order.",
    caption=(
        "Test images of MNIST: above each its nats in its cheapest order and in its dearest."
    ),
)

# %% [markdown]
# A likely reason: an order pays for a stroke when it meets its first pixel, and less for all that follow from it.
# What is surprising from above can be expected from below.
#
# ## A mixture of orders
#
# Eight exact likelihoods of one image make another: the mean of the eight *probabilities*. It is the
# likelihood of a model that first draws an order at random, and then the image in that order. It is never worse than
# the mean of the eight in nats, because the logarithm of a mean is at least the mean of the logarithms, and it costs
# at most ln 8 ≈ 2.1 nats more than the image's best order. It gains where orders disagree
# ([Jain et al., 2020](https://arxiv.org/abs/2006.12486)).

# %%
by_hand = np.log(np.mean(np.exp(logs), axis=0))
together = model.log_likelihood(test, order="mixture")
print(np.abs(by_hand - together).max())

# %% [markdown]
# Any models can be mixed, and any mixture of models that disagree is better than its parts are on average. (It need
# not be better than the best of them.) So is it the orders that help, or the number of networks? An experiment compares three mixtures on the same small digits: of one network's
# orders; of eight networks, one for each order; and of eight networks that all read in raster order, and
# differ only in the seed of their training.

# %% tags=["remove-input"]
names = {
    "one network": "orders of one network",
    "a network per order": "a network per order",
    "one order": "raster order, other seeds",
}
mixed, gain = {}, {}
for run in runs.read_runs("digits-orders").values():
    curves = [
        analysis.mixtures_by_size(-np.array(nats))
        for nats in run["validation_nats"]
    ]
    nats, errors = np.mean(curves, axis=0)  # over seeds
    mixed[names[run["variant"]]] = (
        np.arange(1, len(nats) + 1),
        nats,
        errors,
    )
    gain[run["variant"]] = nats[0] - nats[-1], errors[-1]
mixed = {name: mixed[name] for name in names.values()}
show(
    plots.lines(mixed, x="in the mixture", y="nats per validation image"),
    alt="Three curves that fall with the number of parts of the mixture.",
    caption=(
        "What mixtures cost, averaged over all choices of so many parts and over "
        f"{len(run['seeds'])} trainings of each. Bars: two standard errors of the gain over one part."
    ),
)
shared = mixed["orders of one network"][1][-1]
single = mixed["raster order, other seeds"][1][0]
large_nats, large_errors = analysis.mixtures_by_size(large)
record, small = runs.read_run("mnist-orders"), runs.read_run("mnist")
one, together_of_all = (
    record[key]["nats_per_image"] for key in ("test", "test_mixture")
)
best = min(
    (row for row in runs.read_literature("mnist") if not row.get("bound")),
    key=lambda row: row["nats"],
)
show_text(
    f"""
    Orders of one network gain {gain["one network"][0]:.2f} ± {gain["one network"][1]:.2f} nats, with the weights
    of one (± is one standard error over images). Networks with an order each gain
    {gain["a network per order"][0]:.2f} ± {gain["a network per order"][1]:.2f}, for eight times the weights and the
    training. Networks of one order gain {gain["one order"][0]:.2f} ± {gain["one order"][1]:.2f}: so much is due to
    their number alone, and the orders bring the other
    {gain["a network per order"][0] - gain["one order"][0]:.2f}.

    But one network that must learn eight orders is worse in each of them. Its mixture costs {shared:.2f} nats, and a
    single network of raster order {single:.2f}. After so short a training, eight orders cost more than their mixture
    brings.

    At 28x28 pixels the {len(large)} orders of `mnist-orders` gain {large_nats[0] - large_nats[-1]:.2f} ±
    {large_errors[-1]:.2f} nats on those {large.shape[1]:,} test images. On all {record["data"]["test"]:,} the
    network has {one:.2f} nats in raster order, and {together_of_all:.2f} ±
    {record["test_mixture"]["standard_error"]:.2f} as a mixture. The best exact figure that we know for such digits
    is {best["nats"]:.2f}, of [another mixture of eight orders]({best["url"]}): ours differs from it by
    {together_of_all - best["nats"]:+.2f}, and ± is its standard error. `mnist`, which knows raster order alone, has
    {small["test"]["nats_per_image"]:.2f}. That is not what orders bring: `mnist-orders` has
    {record["weights"]["parameters"]:,} weights to {small["weights"]["parameters"]:,}, attention behind a block
    ([chapter 10](10_attention.ipynb)), and was trained on a GPU.
    """
)

# %% [markdown]
# ## A random order
#
# The product rule holds in *any* order. So exchange all pixels at random, in the same way for every image:

# %%
examples = runs.read_examples("mnist")["test"][:shown]
places = np.random.default_rng(seed).permutation(28 * 28)
exchanged = examples.reshape(len(examples), -1)[:, places]
exchanged = exchanged.reshape(examples.shape)

# %% tags=["remove-input"]
show(
    plots.image_grid({"digits": examples, "exchanged": exchanged}, 2),
    alt="Digits, and below them scattered points.",
    caption="The same digits, before and after their pixels are exchanged. Nothing is lost.",
)
scrambled = runs.read_runs("mnist-random-order")
costs = {
    name: np.mean(np.mean(run["validation_nats"], axis=(1, 2)))
    for name, run in scrambled.items()
}
ends = {
    name: np.ptp(np.mean(run["validation_nats"], axis=(1, 2)))
    for name, run in scrambled.items()
}
some = scrambled["random-order"]
show_text(
    f"""
    No information is lost: a model that knew the exchange would pay as much as before. Yet the same network,
    trained in the same way on {some["data"]["train"]:,} of them, pays {costs["random-order"]:.1f} nats for an
    exchanged image and {costs["raster-order"]:.1f} for the image itself ({len(some["seeds"])} seeds, at most
    {max(ends.values()):.1f} apart).
    """
)

# %% [markdown]
# A convolution has the same weights at every place, and looks at near pixels first. That is the right guess
# for images, in which neighbours belong together, and the wrong one for exchanged pixels. The exchange does two
# things at once: it changes the order, and it takes neighbours apart for the convolutions. This experiment does not
# separate them. It shows that a PixelCNN needs neighbours that stay together, and in the eight orders they do.
# [Chapter 10](10_attention.ipynb) has a layer whose weights are not tied to a distance.
#
# ## Completion from any side
#
# A pixel is drawn given only the pixels before it. Raster order draws the top of a digit before it comes to
# the bottom, so a bottom that is kept has no influence. Another order begins with the bottom.
# `sample` takes the order that puts most of the kept pixels before the drawn ones, and `best_order` says
# which that is. At 28x28 pixels, by the published network:

# %%
painter = pcnn.load_pretrained("mnist-orders")
rows, columns = np.indices(painter.image_shape[:2])
kept = {
    "the top half": rows < 14,
    "the bottom half": rows >= 14,
    "the left half": columns < 14,
    "the right half": columns >= 14,
    "the bottom right corner": (rows >= 12) & (columns >= 12),
    "all but a hole": (abs(rows - 14) > 5) | (abs(columns - 14) > 5),
}
for part, keep in kept.items():
    order = sampling.best_order(painter, keep)
    print(f"{part:23} order {order}, {ORDERS[order]}")


# %%
def complete(keep):
    """The given part, completed in raster order and in the best one."""
    options = {"image": examples, "keep": keep[..., None], "seed": seed}
    n = len(examples)
    return {
        "given": examples * keep[..., None],
        "raster order": painter.sample(n, order=0, **options),
        "best order": painter.sample(n, **options),
        f"best order,\nbest of {draws} draws": painter.sample(
            n, resample=draws, **options
        ),
        "the digits": examples,
    }


# %% tags=["remove-input"]
shown_parts = [
    "the bottom half",
    "the right half",
    "the bottom right corner",
    "all but a hole",
]
for part in shown_parts:
    raster = sampling.best_order(painter, kept[part]) == 0
    show(
        plots.image_grid(complete(kept[part]), 2),
        alt=f"Rows of digits: {part}, completed in raster order and in the best order.",
        caption=f"Test images of MNIST, of which {part} is given."
        + (
            " Here raster order is the best order, so the two rows are the same."
            if raster
            else ""
        ),
    )

# %% [markdown]
# No order of the eight puts everything around a hole first. For such parts there is `resample`: it draws
# several images in one order, and chooses one of them. The chance of a draw is proportional to the probability
# that the model gives, after this draw, to the kept pixels that come later in the order. The more draws, the nearer
# this comes to the model's distribution given *all* kept pixels
# ([Smith and Gelfand, 1992](https://doi.org/10.1080/00031305.1992.10475856)); with few it only leans the right way.
# It takes as many times longer, and where no draw fits, the choice cannot help.
#
# ## Check
#
# If the drawn tops belong to the bottoms, the whole images are likely. So complete all small test digits from
# their bottoms, with the network of this chapter, and compare the likelihood of the results under its mixture:

# %%
keep = np.indices(data.image_shape[:2])[0] >= 4  # the bottom half
ways = {
    "raster order": {"order": 0},
    f"raster order, best of {draws} draws": {
        "order": 0,
        "resample": draws,
    },
    "best order": {},
}
costs = {"the digits themselves": -together}
for name, way in ways.items():
    drawn = model.sample(len(test), image=test, keep=keep, seed=seed, **way)
    costs[name] = -model.log_likelihood(drawn, order="mixture")

# %% tags=["remove-input"]
table(
    ["top drawn", "nats per image"],
    [
        [
            name,
            f"{cost.mean():.2f} ± {cost.std(ddof=1) / np.sqrt(len(cost)):.2f}",
        ]
        for name, cost in costs.items()
    ],
    caption="Completed from the bottom: likelihood of whole test digits under the mixture. Less is better.",
)
above, chosen_of, below = (costs[name].mean() for name in ways)
show_text(
    f"""
    One draw in the best order differs from one in raster order by {below - above:+.1f} nats. The best of {draws} draws
    in raster order differs from it by {chosen_of - above:+.1f}, at {draws} times the work. It was chosen for the
    probability of the bottom, which is a part of what the table measures: so the table favours it.
    """
)

# %% [markdown]
# ## Recap
#
# The order of pixels is a choice, and every order gives an exact likelihood; a PixelCNN wants neighbours that stay
# together. One network can be told its order, and then has more to learn. The mean of its probabilities over orders
# is exact too, and never worse than the orders are on average. A part of an image is completed, in one draw, by the order
# that begins with what is given.
#
# ## Exercises
#
# **1.** Which order does `best_order` take where the upper right quarter is given? And how much of what
# surrounds a hole does the best order see before it draws the hole?


# %% tags=["remove-input"]
def best_of_masks():
    """The best order for a quarter and for a hole, and what is seen before the hole's ends."""
    quarter = (rows < 14) & (columns >= 14)
    around = kept["all but a hole"]
    orders = [
        sampling.best_order(painter, mask) for mask in (quarter, around)
    ]
    turns = raster_order(28, 28, order=orders[1])
    ends = turns[~around].min(), turns[~around].max()
    return *orders, *((turns[around] < end).mean() for end in ends)


quarter, hole, first, last = best_of_masks()
show_solution(
    f"""
    Order {quarter}, {ORDERS[quarter]}. For the hole it is order {hole}, {ORDERS[hole]}, which sees
    {first:.0%} of what surrounds the hole before its first pixel, and {last:.0%} before its last one. The others come
    later, and have no influence on it.
    """,
    best_of_masks,
)
