# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What do two stacks and a gate buy?
#
# After this chapter you can write a Gated PixelCNN yourself, explain how it avoids the blind spot and
# what its gate does, and compare two models fairly. You will have written, trained and drawn from one,
# and seen what a blind spot costs. It runs in about two minutes on two CPU cores.

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

# %% tags=["hide-input", "parameters"]
dataset: str = "digits"  # or "mnist", "binarized_mnist", path to an .npz
data_path: str = "data"  # folder that is searched for data files
image_size: int = 15  # height and width of images for receptive fields
epochs: int = 8  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 5e-3  # highest learning rate of both models
blocks: int = 4  # blocks of the GatedPixelCNN; the PixelCNN has one more
gated_filters: int = 24  # feature maps of each stack of the GatedPixelCNN
pixelcnn_filters: int = 60  # feature maps of the PixelCNN, an even number
minimal_filters: int = 24  # features of the model written in the chapter
minimal_epochs: int = 4  # passes over the training images for that model
look_epochs: int = 20  # passes for the model whose drawings are watched
look_filters: int = 16  # features of that model
toy_images: int = 2000  # synthetic images with a blind spot
toy_epochs: int = 4  # passes over them for each model
seed: int = 0  # of initialisation, shuffling and sampling

# %% tags=["hide-input"]
import math
import time

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.analysis import Likelihood
from pcnnlib.nn import masks
from pcnnlib.viz import diagrams, plots
from pcnnlib.viz.notebook import show, show_solution, show_text
from pcnnlib.viz.parameters import check_dataset, check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    dataset=str,
    data_path=str,
    image_size=range(5, 65),
    epochs=range(1, 10_001),
    batch_size=range(1, 4097),
    learning_rate=(0.0, 1.0),
    blocks=range(1, 101),
    gated_filters=range(2, 4097),
    pixelcnn_filters=range(4, 4097, 2),
    minimal_filters=range(2, 4097),
    minimal_epochs=range(1, 10_001),
    look_epochs=range(1, 10_001),
    look_filters=range(2, 4097),
    toy_images=range(20, 100_001),
    toy_epochs=range(1, 10_001),
    seed=range(2**32),
)
check_dataset(
    pcnn.load_dataset(dataset, data_path=data_path), channels=None
)

# %% [markdown]
# ## The idea: look up, then look left
#
# A single stack has a blind spot, because one mask has to serve two purposes: whole rows above, but
# only a part of the own row. Each step to the right costs it a row, so it never reaches the pixel that
# lies one row up and three columns to the right. A stack that only looks at rows above goes to the
# right at no cost in rows:

# %% tags=["remove-input"]
show(
    diagrams.paths_to_a_pixel((6, 8), at=(4, 2), goal=(3, 5)),
    alt="Two grids of pixels. With one stack the path to the outlined pixel ends two rows too high; "
    "with the vertical stack it arrives in three layers.",
    caption="From the pixel that is predicted (dot) to one that it needs (outlined), a layer of 3 × 3 "
    "kernels at a time. The framed cells are the taps of the layer's mask. One stack: every path ends "
    "above the blind spot. The vertical stack may also use its own row, because the features in it know "
    "only the rows above. The path runs backwards through the network: its last step is the first layer, which "
    "reads the image and stops at the row above.",
)

# %% [markdown]
# The Gated PixelCNN ([van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)) gives each purpose
# its own stack.
#
# - The **vertical stack** sees the rows above, over the full width of its kernel. Its first layer
#   (type A) stops at the row above. Later ones (type B) may use the features of the own row: each of
#   these was computed from rows above only, so nothing of the own row is seen.
# - The **horizontal stack** sees the own row, to the left. In every layer it also receives what the
#   vertical stack computed for the same pixel, through a 1 × 1 convolution: the *link*.
#
# The vertical stack never receives anything from the horizontal one. If it did, it would read, at column
# $j$, horizontal features of columns to the right of $j$; and these know pixel $j$ itself, the one to be
# predicted.

# %% tags=["remove-input"]
show(
    plots.masks(
        {
            "vertical, A": masks.vertical_mask(5, "A"),
            "vertical, B": masks.vertical_mask(5, "B"),
            "horizontal, A": masks.horizontal_mask(5, "A"),
            "horizontal, B": masks.horizontal_mask(5, "B"),
        }
    ),
    alt="Four masks: rows above, rows above and the own one, left without and with the centre.",
    caption="The masks of both stacks, types A and B. The two masks of type A together show exactly "
    "what comes before a pixel.",
)

# %% [markdown]
# ## The model, whole
#
# The next cells hold all of it: masks, convolution, gate, block, network, loss, training and drawing.
# Together they are the file `pcnnlib/minimal.py`, letter for letter. In the shapes, B counts images, H
# and W are their rows and columns, F is the number of features (a *feature* is one number a pixel,
# computed by the network), and K the number of levels of grey.
#
# A **layer** is a function with weights, and a **model** a function made of layers. A convolution
# computes each pixel's features as a weighted sum of the values around it. A **mask** of ones and
# zeros decides which of them count:

# %%
import keras
import numpy as np
from keras import layers, ops


def vertical_mask(size, own_row):
    """Ones on the rows above, and on the own row if asked; (size, size)."""
    rows = np.arange(size)[:, None] - size // 2
    seen = rows <= 0 if own_row else rows < 0
    return np.tile(seen, (1, size)).astype("float32")


def horizontal_mask(size, own_pixel):
    """Ones on the left, and on the pixel itself if asked; (1, size)."""
    columns = np.arange(size)[None, :] - size // 2
    seen = columns <= 0 if own_pixel else columns < 0
    return seen.astype("float32")


print(vertical_mask(3, own_row=False))  # a vertical mask of type A
print(horizontal_mask(3, own_pixel=True))  # a horizontal one of type B

# %% [markdown]
# Where the mask is 0, the weight is multiplied away in every step, and so is its gradient:


# %%
class MaskedConv2D(layers.Conv2D):
    """A convolution that sees only where its mask is 1."""

    def __init__(self, filters, mask):
        options = {"padding": "same", "data_format": "channels_last"}
        super().__init__(filters, mask.shape, **options)
        self.mask = mask[:, :, None, None]  # the same for all features

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel * self.mask)


masked = MaskedConv2D(filters=6, mask=vertical_mask(3, own_row=False))
print(masked(np.zeros((2, 8, 8, 1))).shape)  # (B, H, W, F)

# %% [markdown]
# **The gate.** In place of ReLU, each block multiplies two halves of its features (equation 2 of the
# paper):
#
# $$ \mathbf{y} = \tanh(W_{k,f} \ast \mathbf{x}) \odot \sigma(W_{k,g} \ast \mathbf{x}), $$
#
# where $k$ counts the blocks, $\ast$ is a convolution, $\odot$ the elementwise product and $\sigma$
# the logistic function. The first factor says *what*, between −1 and 1; the second, between 0 and
# 1, *how much of it*. Such products are what PixelRNNs have in their LSTMs. The authors named
# them as one of two possible reasons why PixelRNNs did better than PixelCNNs; the other is that an LSTM sees all
# earlier pixels in every layer. One convolution with 2F
# outputs computes both halves at once:


# %%
def gate(x):
    """Equation 2: tanh(features) * sigmoid(gates), of (B, H, W, 2F)."""
    features, gates = ops.split(x, 2, axis=-1)  # each (B, H, W, F)
    return ops.tanh(features) * ops.sigmoid(gates)


print(gate(np.zeros((2, 8, 8, 12))).shape)

# %% tags=["remove-input"]
show(
    plots.gate(),
    alt="Curves of tanh(a) sigmoid(b) against a, steeper for larger b, and a map over a and b.",
    caption="The gate. For large b it is tanh(a); for small b nothing passes.",
)

# %% [markdown]
# **The block** is figure 2 of the paper. The link, a 1 × 1 convolution (`Dense` is one), takes the
# output of the vertical convolution *before* its gate. The horizontal stack has a residual
# connection: its input is added to its output. In the first block there is none, because its input
# is the image, and the pixel's own value would be handed on.


# %%
class GatedBlock(layers.Layer):
    """Figure 2: one layer of both stacks.

    The first block reads the image, so it hides the pixel that it
    predicts. Later blocks read features, which know no such pixel.
    """

    def __init__(self, filters, size, first=False):
        super().__init__()
        self.first = first
        above = vertical_mask(size, own_row=not first)
        left = horizontal_mask(size, own_pixel=not first)
        self.vertical = MaskedConv2D(2 * filters, above)
        self.horizontal = MaskedConv2D(2 * filters, left)
        self.link = layers.Dense(2 * filters, use_bias=False)  # 1x1
        self.project = layers.Dense(filters)  # 1x1

    def call(self, vertical, horizontal):
        above = self.vertical(vertical)  # (B, H, W, 2F)
        left = self.horizontal(horizontal) + self.link(above)
        features = self.project(gate(left))  # (B, H, W, F)
        if not self.first:
            features = horizontal + features
        return gate(above), features


block = GatedBlock(filters=6, size=3, first=True)
above, features = block(np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8, 1)))
print(above.shape, features.shape)  # both stacks, (B, H, W, F)

# %% tags=["remove-input"]
show(
    diagrams.gated_block(),
    alt="The gated block. Each stack has a masked convolution and a gate; a link goes from the vertical "
    "to the horizontal stack, which also has a 1 × 1 convolution and a residual connection.",
    caption="A block past the first, and the code that computes it. The first block has masks of type A "
    "and no residual connection; a condition is optional.",
)

# %% [markdown]
# **The network** puts blocks on top of each other. Both stacks begin with the image. What the last
# horizontal stack knows of a pixel becomes K numbers, its *logits*: their softmax is the probability
# of each level.


# %%
class GatedPixelCNN(keras.Model):
    """Logits of every pixel: (B, H, W, 1) integers to (B, H, W, K)."""

    def __init__(self, levels, filters=32, blocks=5, first_size=7, size=3):
        super().__init__()
        self.levels = levels
        self.blocks = [GatedBlock(filters, first_size, first=True)]
        for _ in range(blocks - 1):
            self.blocks.append(GatedBlock(filters, size))
        self.mix = layers.Dense(filters)
        self.predict_levels = layers.Dense(levels)

    def call(self, images):
        images = ops.cast(images, "float32")
        scaled = images * (2 / (self.levels - 1)) - 1  # -1 .. 1
        vertical = horizontal = scaled
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal)
        return self.predict_levels(ops.relu(self.mix(ops.relu(horizontal))))


data = pcnn.load_dataset(dataset, data_path=data_path)
keras.utils.set_random_seed(seed)
model = GatedPixelCNN(data.levels, filters=minimal_filters, blocks=blocks)
print(model(data.train.images[:2]).shape)  # (B, H, W, K)
print(f"{model.count_params():,} weights")

# %% [markdown]
# **The loss** is minus the log-probability of an image, the sum over its pixels (equation 1). Before
# any training, each of the K levels has a probability near 1/K:


# %%
def nats_per_image(images, logits):
    """Equation 1: minus the log-probability of each image; (B,)."""
    nats = keras.losses.sparse_categorical_crossentropy(
        images[..., 0], logits, from_logits=True
    )  # of each pixel, (B, H, W)
    return ops.sum(nats, axis=(1, 2))


untrained = nats_per_image(data.test.images, model(data.test.images))
pixels = math.prod(data.image_shape)
print(f"{np.mean(untrained):.0f} nats per image, untrained")
print(f"{pixels * math.log(data.levels):.0f} with all levels alike")

# %% [markdown]
# **Training** is Keras's own. Its `fit` shows the model a batch of images, computes the loss and the
# *gradient* (how the loss changes with each weight), and moves each weight a little downhill. The
# images are input and target at once:

# %%
model.compile(keras.optimizers.Adam(5e-3), loss=nats_per_image)
images, held_back = data.train.images, data.validation.images
history = model.fit(
    images,
    images,
    batch_size=batch_size,
    epochs=minimal_epochs,
    validation_data=(held_back, held_back),
    verbose=0,
)
for epoch, nats in enumerate(history.history["val_loss"], 1):
    print(f"epoch {epoch}: {nats:.1f} nats per validation image")

# %% [markdown]
# **Drawing** an image takes one pass of the network for each pixel: the logits of pixel $(i, j)$ are
# read, a level is drawn, and only then can the next pixel be asked for. A level is drawn by the *Gumbel
# trick*: add Gumbel noise to the logits, and the largest is level $k$ with exactly its softmax
# probability.


# %%
def sample(model, shape, seed=None):
    """Draw images (B, H, W, 1): one pass of the network for each pixel."""
    rng = np.random.default_rng(seed)
    images = np.zeros(shape, "int32")
    for i in range(shape[1]):
        for j in range(shape[2]):
            logits = ops.convert_to_numpy(model(images))[:, i, j]  # (B, K)
            # The largest of logits plus Gumbel noise is a draw.
            noisy = logits + rng.gumbel(size=logits.shape)
            images[:, i, j, 0] = noisy.argmax(axis=-1)
    return images


drawn = sample(model, (10, *data.image_shape), seed=seed)

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {"real": data.test.images[:10], "drawn": drawn}, data.levels
    ),
    alt="A row of real digits above a row of drawn ones.",
    caption="Real digits, and what the model above has drawn after its short training, none "
    "selected.",
)

# %% [markdown]
# ## A number acquires a look
#
# What does a loss of so many bits per dimension look like? A small model draws sixteen images after 0, 1,
# 2, 8 and 20 epochs, each time from the same seed:


# %%
looks = {}


def look(epoch):
    if epoch in (0, 1, 2, 8, 20):
        bits = pcnn.evaluate(watched, data.test).bits_per_dim
        title = f"epoch {epoch}\n{bits:.2f} bits/dim"
        looks[title] = watched.sample(16, seed=seed)


keras.utils.set_random_seed(seed)
watched = pcnn.GatedPixelCNN(
    data.image_shape, data.levels, look_filters, blocks
)
watched.compile(keras.optimizers.Adam(5e-3))
look(0)
watched.fit(
    data.train.batches(batch_size, seed=seed),
    epochs=look_epochs,
    callbacks=[
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: look(epoch + 1)
        )
    ],
    verbose=0,
)
looks["real"] = data.test.images[:16]

# %% tags=["remove-input"]
show(
    plots.grids_side_by_side(looks, data.levels),
    alt="Grids of sixteen drawn images after more and more epochs, from noise to digits, and a grid of "
    "real ones.",
    caption="Sixteen drawn images, none selected, and bits/dim on test images, as training goes on.",
)

# %% [markdown]
# ## What the library adds
#
# `pcnnlib.GatedPixelCNN`, which you have just seen at work, computes the same logits with the same
# weights; a test says so. From here on the chapters call it. It draws much faster, stores fewer weights,
# and knows more kinds of images:


# %% tags=["hide-input", "timing"]
def seconds(function):
    function()  # the first call compiles
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


library = pcnn.GatedPixelCNN(
    data.image_shape, data.levels, minimal_filters, blocks
)
library.compile(keras.optimizers.Adam(5e-3))
part, once = images[:640], {"batch_size": batch_size, "verbose": 0}
step = {
    "minimal": seconds(lambda: model.fit(part, part, **once)),
    "library": seconds(lambda: library.fit(part, **once)),
}
draw = {
    "minimal": seconds(lambda: sample(model, (10, *data.image_shape))),
    "library": seconds(lambda: library.sample(10)),
}

# %% tags=["remove-input"]
speed = {name: len(part) / value for name, value in step.items()}
show_text(f"""
| | above | in the library | worth |
|---|---|---|---|
| kernels | multiplied by a mask | only the visible weights exist | {model.count_params():,} → {library.count_params():,} weights; {speed["minimal"]:,.0f} → {speed["library"]:,.0f} images/s in training |
| drawing | the whole network for each pixel | each row and column is kept and used again ([chapter 4](04_sampling_fast.ipynb)) | {draw["minimal"]:.2f} → {draw["library"]:.3f} s for 10 images |
| conditions | none | labels, vectors, maps | [chapter 5](05_conditioning.ipynb), [6](06_autoencoder.ipynb) |
| colour | one channel | red before green before blue | [chapter 7](07_colour.ipynb) |
| distributions | softmax | also one logit, or mixtures | [chapter 7](07_colour.ipynb) |
| reach | a pixel more with each block | dilated kernels see farther | [chapter 8](08_results.ipynb) |
""")

# %% [markdown]
# ## Check: set one pixel to 1000
#
# The value is far outside all levels. Look which predictions change. Any that stands
# before that pixel, or on it, must stay exactly as it was: try other pixels, and try it on your own
# model.

# %%
row, column = data.image_shape[0] // 2, data.image_shape[1] // 2
before = data.test.images[:1].astype("int32")
after = before.copy()
after[0, row, column] = 1000
moved = np.any(model(before) != model(after), axis=-1)[0]  # (H, W)
turn = np.arange(moved.size).reshape(moved.shape)  # the raster order
assert not moved[turn <= turn[row, column]].any()
print(f"{moved.sum()} predictions change, all after the pixel")

# %% tags=["remove-input"]
title = f"pixel ({row}, {column}) set to 1000"
show(
    plots.changed_predictions({title: moved}, {title: (row, column, 1, 1)}),
    alt="A grid of pixels: only predictions after the marked pixel change.",
    caption="Predictions that change when the marked pixel is set to 1000.",
)

# %% [markdown]
# ## Check: is the blind spot gone?
#
# The same measurement as in the [last chapter](02_masking_and_blind_spots.ipynb), at the same place
# and the same depths, with both models:

# %%
middle = (2 * image_size // 3, image_size // 2)
shape = (image_size, image_size, 1)
fields = {}
for depth in (2, 3, 5, 8):
    model = pcnn.PixelCNN(shape, blocks=depth, first_kernel_size=3)
    fields[f"PixelCNN, {depth} layers"] = pcnn.receptive_field(
        model, middle
    )
for depth in (2, 3, 5, 8):
    model = pcnn.GatedPixelCNN(shape, blocks=depth, first_kernel_size=3)
    fields[f"Gated, {depth} layers"] = pcnn.receptive_field(model, middle)

# %% tags=["remove-input"]
show(
    plots.receptive_fields(fields, middle),
    alt="Receptive fields: the PixelCNN's lack a triangle at the right, the gated model's do not.",
    caption="What one pixel sees through 2, 3, 5 and 8 layers of 3 × 3 kernels. Above: PixelCNN. "
    "Below: Gated PixelCNN, whose field is a full rectangle.",
)

# %% [markdown]
# Is anything missed, and is anything leaked? Changing every pixel of an 8 × 8 image in turn settles
# both. These models are deep enough to reach every corner, so an earlier pixel that is not seen can
# only lie in a blind spot.

# %%
reports = {}
for model_class in (pcnn.PixelCNN, pcnn.GatedPixelCNN):
    model = model_class((8, 8, 1), levels=4, filters=16, blocks=8)
    reports[model_class.__name__] = pcnn.check_causality(model)
assert reports["PixelCNN"].causal and reports["GatedPixelCNN"].causal
assert not reports["GatedPixelCNN"].blind_spot.any()

# %% tags=["remove-input"]
show(
    plots.causality(reports),
    alt="Two triangular matrices of influence. Only the PixelCNN's has gaps below the diagonal.",
    caption="Which pixel changes which prediction, in raster order. The gated model fills "
    "everything below the diagonal.",
)

# %% tags=["remove-input"]
unseen = {
    name: int(report.blind_spot.sum()) for name, report in reports.items()
}
show_text(f"""
{unseen["PixelCNN"]} pairs of pixels are out of sight for the PixelCNN, {unseen["GatedPixelCNN"]} for the
Gated PixelCNN. With the first kernel of 7 × 7 that the library uses, the blind spot of an 8 × 8 image is
small; it grows with the image.
""")

# %% [markdown]
# ## What a blind spot costs
#
# On digits a blind spot may cost little, because neighbouring pixels repeat each other. So make images in
# which it costs all there is. Every pixel is 0 or 1 by the toss of a coin, except that it *copies* the
# pixel one row up and three columns to the right, where there is one. With 3 × 3 kernels that pixel
# lies in the blind spot of a single stack.
#
# Both models' best possible loss is known exactly. A coin costs $\ln 2$ nats. Who sees the original
# knows the copy: it costs nothing. Who does not see it can only guess: $\ln 2$, however long it is
# trained and however large it is.


# %%
size = 8


def coins_and_copies(n, rng):
    images = rng.integers(0, 2, (n, size, size, 1), dtype="uint8")
    for i in range(1, size):
        images[:, i, :-3] = images[:, i - 1, 3:]
    return images


rng = np.random.default_rng(seed)
toys, toys_held_back = (
    coins_and_copies(toy_images, rng),
    coins_and_copies(500, rng),
)
n_copies = (size - 1) * (size - 3)  # no row above, no columns there
bounds = {
    "copies seen": (size**2 - n_copies) * math.log(2),
    "copies guessed": size**2 * math.log(2),
}
shape = (size, size, 1)
keras.utils.set_random_seed(seed)
pair = {
    "PixelCNN": pcnn.PixelCNN(
        shape, filters=32, blocks=5, first_kernel_size=3
    ),
    "Gated PixelCNN": pcnn.GatedPixelCNN(
        shape, filters=16, blocks=4, first_kernel_size=3
    ),
    "PixelCNN, first kernel 7 × 7": pcnn.PixelCNN(
        shape, filters=32, blocks=5, first_kernel_size=7
    ),
}
toy_nats = {}
for name, toy in pair.items():
    toy.compile(keras.optimizers.Adam(0.01))
    untrained = float(-toy.log_likelihood(toys_held_back).mean())
    trained = toy.fit(
        toys,
        validation_data=toys_held_back,
        batch_size=50,
        epochs=toy_epochs,
        verbose=0,
    )
    toy_nats[name] = [untrained, *trained.history["val_loss"]]

# %% tags=["remove-input"]
show(
    plots.lines(
        {name: (range(len(v)), v) for name, v in toy_nats.items()},
        x="epoch",
        y="nats per image",
        reference=bounds,
    ),
    alt="Three loss curves: two fall to the lower bound; that of the PixelCNN with 3 × 3 kernels stays on "
    "the upper one.",
    caption="Validation loss on coins and copies, with the exact loss of a model that sees the "
    "originals, and of one that cannot.",
)

# %% tags=["remove-input"]
show_text(f"""
The PixelCNN ends at {toy_nats["PixelCNN"][-1]:.2f} nats, where guessing ends
({bounds["copies guessed"]:.2f}). The Gated PixelCNN ends at {toy_nats["Gated PixelCNN"][-1]:.2f}; seeing
everything allows {bounds["copies seen"]:.2f}. (Fewer than that would be a leak: the model would see what
it predicts.)

Is the blind spot the cause, or something else about one stack? The third model is the control: one stack
as well, but its first kernel is 7 × 7 and reaches the original directly. It ends at
{toy_nats["PixelCNN, first kernel 7 × 7"][-1]:.2f}. So the blind spot is the cause. Training cannot give a
model what it does not see. A larger kernel gives it this pixel; a second stack gives it all earlier ones.
""")

# %% [markdown]
# ## Both models, side by side
#
# A comparison is fair only at equal cost. Here both models have as many parameters, up to rounding,
# and the same images, batches, epochs, optimiser and learning rate. `pcnn.train` uses the optimiser Muon
# ([Jordan et al., 2024](https://kellerjordan.github.io/posts/muon/)), which makes the update of a weight
# matrix equally large in all directions. It validates with *averaged weights*: a running mean of the
# weights of the last steps, which is less noisy than the weights of one step. Of three learning rates, the one
# used here gave the lowest validation loss to both models. Kernel, depth and width were settled before,
# in trial runs whose test figures were seen as well.

# %%
keras.utils.set_random_seed(seed)
kind = data.image_shape, data.levels
models = {
    "PixelCNN": pcnn.PixelCNN(
        *kind, pixelcnn_filters, blocks + 1, first_kernel_size=5
    ),
    "Gated PixelCNN": pcnn.GatedPixelCNN(
        *kind, gated_filters, blocks, first_kernel_size=5
    ),
}

# %%
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    seed=seed,
)
histories = {
    name: pcnn.train(m, data, config) for name, m in models.items()
}

# %% tags=["remove-input"]
show(
    plots.training_curves(
        histories, unit="bits/dim", dims=math.prod(data.image_shape)
    ),
    alt="Training and validation loss of both models against epochs.",
    caption="Both models as they are trained. Validation uses averaged weights, which lag behind "
    "at first.",
)

# %% [markdown]
# Some digits are harder than others, so the mean of either model has a wide error. But they are harder
# for both models. The difference, taken image by image, is known much better:

# %%
nats = {
    name: -m.log_likelihood(data.test.images) for name, m in models.items()
}
result = {
    name: Likelihood.of(values, data.image_shape)
    for name, values in nats.items()
}
gain = Likelihood.of(
    nats["PixelCNN"] - nats["Gated PixelCNN"], data.image_shape
)

# %% tags=["remove-input"]
rows = [
    f"| {name} | {value.bits_per_dim:.3f} | {value.nats_per_image:.2f} ± {value.standard_error:.2f} "
    f"| {models[name].count_params():,} |"
    for name, value in result.items()
]
rows.append(
    f"| difference, image by image | | {gain.nats_per_image:+.2f} ± {gain.standard_error:.2f} | |"
)
show_text(
    "\n".join(
        [
            "| | test bits/dim | nats per image | parameters |",
            "|---|---|---|---|",
            *rows,
        ]
    )
)
show_text(f"""
{
    "On these digits no difference is shown"
    if abs(gain.nats_per_image) < 2 * gain.standard_error
    else "On these digits the "
    + ("Gated PixelCNN" if gain.nats_per_image > 0 else "PixelCNN")
    + " costs less"
}:
the difference is {gain.nats_per_image:+.2f} ± {
    gain.standard_error:.2f} nats per image, where plus says that
the PixelCNN costs more. The ± comes from the choice of test images alone. Chance in
training, the initial weights and the order of the batches, comes on top, and one pair of runs cannot
tell how much: exercise 3 does. On images this small there is little to be blind to, so no great
difference is to be expected. On CIFAR-10, with 32 by 32 pixels, the paper reports 3.03 bits/dim for the
Gated PixelCNN against 3.14 for the PixelCNN
([van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)).
""")

# %% [markdown]
# ## Samples

# %%
drawn = {name: m.sample(10, seed=seed) for name, m in models.items()}

# %% tags=["remove-input"]
show(
    plots.image_grid({"real": data.test.images[:10], **drawn}, data.levels),
    alt="A row of real digits and a row of samples of each model.",
    caption="Real digits, and samples of both models, none selected.",
)

# %% [markdown]
# The gated model's samples were drawn from caches: the vertical stack ran once a row, the horizontal
# one once a pixel. The PixelCNN ran as a whole for every pixel. In both cases an image grows like
# this:

# %%
growing = models["Gated PixelCNN"].sample(8, seed=seed + 1)
every = max(1, data.image_shape[0] * data.image_shape[1] // 64)

# %% tags=["remove-input"]
show(
    plots.animate(growing, data.levels, every=every),
    alt="Eight digits appear pixel by pixel, from the top left to the bottom right.",
    caption="Eight images being generated. Blue-grey pixels have not been drawn yet.",
)

# %% [markdown]
# ## What the gate buys
#
# A gate needs two outputs of a convolution for each feature, ReLU one. At the same width, the network
# with the gate has about twice the weights. A fair comparison widens the network with ReLU until both
# have as many. (To give ReLU the sum of the two outputs would be no fair one: the sum of two
# convolutions is one convolution, and half of the weights would be wasted.)
#
# Four activations were trained alike, from four seeds on the digits and two on MNIST, and compared on *validation* images: the
# gate; the *GLU*, which is the gate without its tanh
# ([Dauphin et al., 2017](https://arxiv.org/abs/1612.08083)); ReLU; and SiLU, $x\,\sigma(x)$, where a
# feature is its own gate. These runs were made before, by `experiments/gates.py`, and are kept in
# `results/`. Differences are taken seed by seed and image by image:


# %%
def more_than(whole, other):
    """Nats more, (seeds, images), and their standard error."""
    more = np.array(other["validation_nats"]) - whole["validation_nats"]
    by_image = more.mean(axis=0)
    return more, by_image.std(ddof=1) / math.sqrt(len(by_image))


# %% tags=["remove-input"]
gates = {
    name: runs.read_runs(f"{name}-gates") for name in ("digits", "mnist")
}
rows, clear = [], {"better": [], "worse": []}
for name, compared in gates.items():
    whole = compared["whole"]
    rows.append(
        f"| {name} | the gate | {whole['model']['filters']} | {whole['parameters']:,} | 0 | |"
    )
    for variant in ("GLU", "ReLU", "SiLU"):
        run = compared[variant]
        more, error = more_than(whole, run)
        by_seed = more.mean(axis=1)
        rows.append(
            f"| {name} | {variant} | {run['model']['filters']} | {run['parameters']:,} | "
            f"{more.mean():+.2f} ± {error:.2f} | {', '.join(f'{v:+.2f}' for v in by_seed)} |"
        )
        if abs(more.mean()) > 2 * error and abs(
            np.sign(by_seed).sum()
        ) == len(by_seed):
            kind = "worse" if more.mean() > 0 else "better"
            clear[kind].append(f"{variant} on {name}")
show_text(
    "\n".join(
        [
            "| images | activation | features | weights | nats more than the gate | by seed |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
)
plain = {
    kind: [entry for entry in entries if not entry.startswith("GLU")]
    for kind, entries in clear.items()
}
if plain["better"] and not plain["worse"]:
    verdict = (
        "So a gate for each feature is not worth its weights here: the same weights do as well or better "
        "in more features without one."
    )
elif plain["worse"] and not plain["better"]:
    verdict = "So the gate is worth its weights here."
else:
    verdict = "So it depends on images and activation whether the gate is worth its weights."
trained = "; ".join(
    f"{name}: {c['whole']['data']['train']:,} images, {c['whole']['training']['epochs']} epochs, "
    f"with the gate {np.mean(c['whole']['validation_nats']):.2f} nats"
    for name, c in gates.items()
)
show_text(f"""
The ± is the standard error over the validation images. A difference is clear if it is larger than two
of these and has the same sign for every seed. Clearly better than the gate: {", ".join(clear["better"]) or "none"}.
Clearly worse: {", ".join(clear["worse"]) or "none"}. {verdict}

How far does this reach? The networks are small and trained for a short time ({trained}). All have the
learning rate that was chosen for the gate, so the others may be better than they look. With the same
number of *convolutions* on both sides, [chapter 8](08_results.ipynb) asks the question again. Commit
{gates["digits"]["whole"]["commit"]}, {runs.hardware(gates["digits"]["whole"])}.
""")

# %% [markdown]
# ## Does the second stack pay on larger images?
#
# On 28 × 28 pixels there is more to be blind to. `experiments/stacks.py` trained three networks on a part
# of MNIST, with as many weights and for as many minutes each: one stack (the PixelCNN, with more
# layers, because its layers have fewer weights), two stacks with gates, and the same with dilated kernels,
# which see farther. A network with slower steps gets fewer epochs. The stored results are shown here. The first two
# differ in the gate and in their depth as well, so the pair does not measure the stacks alone.

# %% tags=["remove-input"]
names = {
    "one-stack-no-gate": "one stack",
    "no-dilation": "two stacks",
    "whole": "two stacks, dilated",
}
stacks = runs.read_runs("mnist-stacks")
stacks = {label: stacks[folder] for folder, label in names.items()}
show(
    plots.lines(
        {
            label: (
                np.arange(1, len(run["history"][0]) + 1)
                * run["seconds_a_pass"]
                / 60,
                np.mean(run["history"], axis=0),
            )
            for label, run in stacks.items()
        },
        x="minutes of training",
        y="nats per image",
    ),
    alt="Validation loss of three networks against minutes of training.",
    caption="Validation loss of networks with as many weights, against time. Each line is a mean over the "
    "seeds.",
)
rows = []
for label, run in stacks.items():
    by_seed = np.mean(run["validation_nats"], axis=1)
    rows.append(
        f"| {label} | {run['parameters']:,} | {len(run['history'][0])} | "
        f"{np.mean(run['seconds']) / 60:.1f} | {by_seed.mean():.2f} | "
        f"{', '.join(f'{value:.2f}' for value in by_seed)} |"
    )
show_text(
    "\n".join(
        [
            "| network | weights | epochs | minutes, compiling included | nats per image | by seed |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
)

# %% tags=["remove-input"]
two = stacks["two stacks"]
verdicts = []
for other, more, less in (
    ("one stack", "two gated stacks cost less", "one stack costs less"),
    ("two stacks, dilated", "dilation does harm", "dilation helps"),
):
    difference, error = more_than(two, stacks[other])
    by_seed = difference.mean(axis=1)
    mean = difference.mean()
    same = abs(np.sign(by_seed).sum()) == len(by_seed)
    clear = abs(mean) > 2 * error and same
    verdicts.append(
        f"- **{other.capitalize()}**: {mean:+.2f} ± {error:.2f} nats per image (by seed "
        f"{', '.join(f'{value:+.2f}' for value in by_seed)}; plus is worse), so "
        f"{(more if mean > 0 else less) if clear else 'it is a tie'}."
    )
static, fresh = (
    {row["model"]: row for row in runs.read_literature(task)}
    for task in ("binarized_mnist", "mnist")
)
gains = {
    task: row["PixelCNN"]["nats"] - row["Gated PixelCNN"]["nats"]
    for task, row in {"static": static, "fresh": fresh}.items()
}
spread = max(
    np.ptp(np.mean(run["validation_nats"], axis=1))
    for run in stacks.values()
)
show_text(f"""
Compared with two stacks without dilation:

{verdicts[0]}
{verdicts[1]}

The ± is the standard error over {len(two["validation_nats"][0]):,} validation images, of
differences taken image by image. Trained on {two["data"]["train"]:,} images (commit {two["commit"]},
{runs.hardware(two)}).

**The literature disagrees with itself.** Where the images were made black and white once, a PixelCNN is
published with {static["PixelCNN"]["nats"]:.2f} nats and a Gated PixelCNN with
{static["Gated PixelCNN"]["nats"]:.2f}: the Gated PixelCNN gains {gains["static"]:.2f} nats
([Gulrajani et al., 2017]({static["Gated PixelCNN"]["url"]}), table 1). Where they are made so afresh in each
epoch, one code base has {fresh["PixelCNN"]["nats"]:.2f} and {fresh["Gated PixelCNN"]["nats"]:.2f}: it
{"gains" if gains["fresh"] > 0 else "loses"} {abs(gains["fresh"]):.2f}
([{fresh["PixelCNN"]["source"]}]({fresh["PixelCNN"]["url"]})). Neither pair measures the stacks alone:

- The first pair comes from two groups, each with its own network and its own training. The second
  comes from one code base, but its two networks differ in size.
- Neither says how far another seed would have come. Here, trainings of the same network with different
  seeds end up to {spread:.2f} nats apart.
- A blind spot costs only what is in it and nowhere else. The images of coins and copies put everything
  there. In a digit, the pixels that are seen tell most of what lies in the blind spot.

So no single number says what a second stack is worth. It is certain only for what a model cannot see;
for the rest, weights, minutes, seeds and pixels must be the same on both sides.
""")

# %% [markdown]
# ## At full size
#
# A larger network of the same kind, trained for longer, on MNIST's 28 × 28 binary pixels. That takes more
# than minutes, so it was done once: the run is described in `results/mnist`, and its weights come with the
# library. (`--dilations` spreads the taps of the kernels, so that the last rows see nearly all of those
# above: [chapter 8](08_results.ipynb) shows what that changes.)

# %%
full = runs.read_run("mnist")
published = pcnn.load_pretrained("mnist")
large = published.sample(20, seed=seed)

# %% tags=["remove-input"]
show(
    plots.training_curves({"mnist": full["history"]}),
    alt="Validation and training loss of the published run against epochs.",
    caption="The published run as it was trained.",
)
show(
    plots.image_grid(large, 2, columns=5),
    alt="Twenty drawn binary digits of 28 by 28 pixels.",
    caption="Drawn from the published weights, none selected.",
)

# %% tags=["remove-input"]
show_text(f"""
{full["test"]["nats_per_image"]:.2f} ± {full["test"]["standard_error"]:.2f} nats per test image, after
{len(full["history"]["loss"])} epochs in {full["seconds"] / 3600:.1f} hours ({runs.hardware(full)}, seed
{full["seed"]}, commit {full["commit"]}), by

```bash
{full["command"]}
```

[Chapter 8](08_results.ipynb) puts the figure beside other models and says what to make of it.
""")

# %% [markdown]
# ## Recap
#
# A vertical stack for the rows above and a horizontal one for the row to the left see everything
# that comes before a pixel, and nothing else. The link between them leads one way. What a model cannot
# see it cannot learn, however long it is trained. So the second stack pays where the blind spot holds what
# nothing else tells: everything on coins and copies, and on digits as much as the two comparisons above say. A gate,
# tanh times sigmoid, stands where a PixelCNN has ReLU. At equal weights it bought nothing over ReLU or SiLU
# here. Compare models at equal cost, on the same images, image by image, and from several seeds.
#
# ## Exercises
#
# **1.** Why must the link go from the vertical to the horizontal stack, and never back? Let the next
# block's vertical stack receive the horizontal features too. How many leaks does `check_causality` find
# in images of 6 × 6?


# %% tags=["remove-input"]
def model_with_a_way_back():
    model = pcnn.GatedPixelCNN(
        (6, 6, 1), levels=4, filters=8, blocks=2, first_kernel_size=3
    )

    def crossed(scaled, condition, training):
        vertical = horizontal = scaled
        for block in model.blocks:
            vertical, horizontal = block(vertical, horizontal)
            vertical = vertical + horizontal
        return model.head(horizontal)

    model.outputs_of = crossed
    return model


leaking = pcnn.check_causality(model_with_a_way_back())
assert not leaking.causal
show_solution(
    f"""
{len(leaking.leaks)} leaks. Horizontal features at column $j$ know the pixels of the own row up to
$j-1$ (after the first block). The vertical kernel looks to both sides, so a pixel further left receives
features from columns to its right, which know the pixel itself.
""",
    model_with_a_way_back,
)

# %% [markdown]
# **2.** How many weights does the link of a block have, and what share of the block's weights is that?
# Count for the model of the comparison above, in its second block.

# %% tags=["remove-input"]
second = models["Gated PixelCNN"].blocks[min(1, blocks - 1)]
link, whole_block = second.link.count_params(), second.count_params()
show_solution(f"""
From 2F features to 2F, without a bias: $(2 \\cdot {second.filters})^2 = {link:,}$ of {whole_block:,}
weights, {100 * link / whole_block:.0f}%.
""")

# %% [markdown]
# **3.** How much of a difference between two models is chance? Look at the four trainings of the same
# model in `results/digits-gates`, which differ in their seed alone.


# %% tags=["remove-input"]
def spread_between_seeds():
    run = runs.read_runs("digits-gates")["whole"]
    return np.mean(run["validation_nats"], axis=1).std(ddof=1)


spread = spread_between_seeds()
show_solution(
    f"""
Their validation losses have a standard deviation of {spread:.2f} nats per image. A difference between
two single trainings then has one of $\\sqrt{{2}}$ times that, {2**0.5 * spread:.2f}. So chance alone often makes a
difference of that size, and now and then one of twice that. Below {2 * 2**0.5 * spread:.2f} a difference needs several
seeds of each. And four seeds tell this spread itself only roughly.
""",
    spread_between_seeds,
)

# %% [markdown]
# **4.** Draw at temperatures 0.5, 1 and 1.5. What does the model itself think of these images, in nats per
# image, and how different are they from each other?


# %% tags=["remove-input"]
def draw_at(temperature):
    model = models["Gated PixelCNN"]
    images = model.sample(50, seed=seed, temperature=temperature)
    nats = -model.log_likelihood(images).mean()
    differ = np.abs(images[:25].astype(float) - images[25:]).mean()
    return nats, differ


lines = "".join(
    f"| {temperature} | {nats:.1f} | {differ:.2f} |\n"
    for temperature in (0.5, 1.0, 1.5)
    for nats, differ in [draw_at(temperature)]
)
show_solution(
    f"""
| temperature | nats per image | levels between two images, per pixel |
|---|---|---|
{lines}
Low temperatures draw what the model finds likely, with less variety. High ones do the reverse. Only
temperature 1 draws from the distribution whose likelihood was measured: there the nats are near those of
test images.
""",
    draw_at,
)
