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
# into one exact likelihood, and complete digits from any side. It takes less than a minute on two CPU
# cores.

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
shown: int = 8  # digits completed
draws: int = 8  # for each digit where one of several draws is chosen
seed: int = 0  # of initialisation, batches and draws

# %% tags=["hide-input"]
import keras
import numpy as np

import pcnnlib as pcnn
from pcnnlib import analysis, sampling
from pcnnlib.nn.raster import ORDERS
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
    shown=range(1, 101),
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
    caption="Test likelihood of the same digits in each order.",
)

# %% tags=["remove-input"]
means = -logs.mean(axis=1)
spread = (logs - logs.mean(axis=0)).std()
show_text(
    f"""
    The orders differ by {np.ptp(means):.2f} nats on average. On a single digit they disagree by far more: the
    standard deviation within an image is {spread:.2f} nats.
    """
)

# %% [markdown]
# ## A mixture of orders
#
# Eight exact likelihoods of one image make another: the mean of the eight *probabilities*. It is the
# likelihood of a model that first draws an order at random, and then the image in that order. It is never worse than
# the mean of the eight in nats, because the logarithm of a mean is at least the mean of the logarithms. It
# gains where orders disagree ([Jain et al., 2020](https://arxiv.org/abs/2006.12486)).

# %%
by_hand = np.log(np.mean(np.exp(logs), axis=0))
together = model.log_likelihood(test, order="mixture")
print(np.abs(by_hand - together).max())

# %% tags=["remove-input"]
nats, error = analysis.mixtures_by_size(logs)
sizes = np.arange(1, orders + 1)
show(
    plots.lines(
        {"mean over all choices": (sizes, nats)},
        x="orders in the mixture",
        y="nats per test image",
        reference={"best single order": float(means.min())},
    ),
    alt="A curve that falls with the number of orders.",
    caption="What a mixture of so many orders costs.",
)
show_text(
    f"""
    {orders} orders gain {nats[0] - nats[-1]:.2f} ± {error[-1]:.2f} nats over one, with the same weights.
    """
)

# %% [markdown]
# ## Completion from any side
#
# A pixel is drawn given only the pixels before it. Raster order draws the top of a digit before it comes to
# the bottom, so a bottom that is kept has no influence. Another order begins with the bottom.
# `sample` takes the order that puts most of the kept pixels before the drawn ones, and `best_order` says
# which that is:

# %%
rows, columns = np.indices(data.image_shape[:2])
halves = {
    "top": rows < 4,
    "bottom": rows >= 4,
    "left": columns < 4,
    "right": columns >= 4,
}
for side, keep in halves.items():
    order = sampling.best_order(model, keep)
    print(f"{side:6} order {order}, {ORDERS[order]}")

# %%
digits = test[:shown]
keep = halves["bottom"]
options = {"image": digits, "keep": keep, "seed": seed}
completed = {
    "given": digits * keep[..., None],
    "raster order": model.sample(shown, order=0, **options),
    "raster order,\nbest of draws": model.sample(
        shown, order=0, resample=draws, **options
    ),
    "best order": model.sample(shown, **options),
    "original": digits,
}

# %% tags=["remove-input"]
show(
    plots.image_grid(completed, data.levels),
    alt="Rows of digits of which the lower half is given and the upper half drawn.",
    caption="The bottom is given, the top drawn.",
)

# %% [markdown]
# The second way needs only one order (`resample`). It draws several tops and chooses one of them; the chance
# of a top is proportional to the probability of the given bottom after it
# ([Smith and Gelfand, 1992](https://doi.org/10.1080/00031305.1992.10475856)). That takes as many times longer,
# and where no draw fits, the choice cannot help.
#
# ## Check
#
# If the drawn tops belong to the bottoms, the whole images are likely. So compare the likelihood of the
# completed images under the mixture, over all test digits:

# %%
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
    caption="Completed from the bottom: likelihood of whole test digits under the mixture.",
)

# %% [markdown]
# ## Recap
#
# The order of pixels is a choice, and every order gives an exact likelihood. One network can be told its
# order. The mean of its probabilities over orders is exact too, and never worse than the orders are on
# average. A part of an image is completed, in one draw, by the order that begins with what is given.
#
# ## Exercises
#
# **1.** Which order does `best_order` take where the right upper quarter is given? And where the middle of the
# digit is missing?


# %% tags=["remove-input"]
def best_of_masks():
    """The best orders of a quarter, and around a hole."""
    quarter = (rows < 4) & (columns >= 4)
    hole = ~((rows > 1) & (rows < 6) & (columns > 1) & (columns < 6))
    return [sampling.best_order(model, mask) for mask in (quarter, hole)]


quarter, hole = best_of_masks()
show_solution(
    f"""
    Order {quarter}, {ORDERS[quarter]}; and order {hole}, {ORDERS[hole]}. No order of these puts everything around a
    hole first: there `resample` helps.
    """,
    best_of_masks,
)
