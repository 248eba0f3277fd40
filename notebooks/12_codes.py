# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Codes as pixels
#
# Must every pixel be drawn? After this chapter you can turn an image into a few integers, and you have written
# all parts of that yourself: the nearest code, the gradient that goes straight through, the codebook that follows. Then
# a Gated PixelCNN draws the integers instead of the pixels: 49 of them for a digit of 28 × 28 pixels in 256 shades of grey. You
# see what the codes learnt, what they cost and lose, what the prior is good for, and what guidance does. It takes
# about a minute on two CPU cores.

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
epochs: int = 15  # passes over the training images
filters: int = 32  # features of the small networks
seed: int = 0  # of initialisation, batches and draws

# %% tags=["hide-input"]
import time

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.nn.quantize import VectorQuantizer
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import show, show_solution, show_text, table
from pcnnlib.viz.parameters import check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    epochs=range(1, 100_001),
    filters=range(2, 1_001),
    seed=range(2**32),
)

# %% [markdown]
# ## The idea: one integer for a patch
#
# A PixelCNN draws pixel after pixel. Most of that work is small: whether this pixel at the edge of a stroke is grey 140
# or 150. What makes a digit a digit is larger than a pixel. So let one network turn patches of the image into integers, and
# another one turn the integers back into pixels. Integers in a grid are an image again, a small one, and a Gated PixelCNN can draw it.
# This is the VQ-VAE of [van den Oord et al. (2017)](https://arxiv.org/abs/1711.00937). Here is the published one of this book
# at work:

# %%
model = pcnn.load_pretrained("mnist-vqvae")
test = runs.read_examples("mnist-codes")["test"]  # digits it never saw
codes = model.encode(test)
rebuilt = model.decode(codes)
print(test.shape, test.dtype, "->", codes.shape, codes.dtype)

# %% tags=["remove-input"]
some = [45, 65, 105, 165]
show(
    plots.codes_of_images(test[some], codes[some], rebuilt[some], 256),
    alt="Four grey digits, below each a grid of seven by seven numbers, and below that the digit again, a little smoother.",
    caption="Test digits, their codes, and what is made of the codes. The most frequent code is grey.",
)

# %% [markdown]
# Two things are new here. How does a network learn integers, which have no gradient? And what is lost?
#
# ## In the open: the nearest code
#
# A **codebook** is a list of $K$ vectors. *Vector quantisation* replaces each vector by the number of the nearest one in
# the list. To begin with there is no network: the vectors are the patches of 2 × 2 pixels of small digits.


# %%
def nearest(vectors, codebook):
    distances = ((vectors[:, None] - codebook) ** 2).sum(axis=-1)
    return distances.argmin(axis=1)


shades = np.array([[0.0], [0.5], [1.0]])  # black, grey, white
print(nearest(np.array([[0.1], [0.9]]), shades))

# %% [markdown]
# And where does the codebook come from? Each code should lie in the middle of the vectors that it stands for. The vectors come in batches, so
# keep a moving average of how often each code was chosen, and of the sum of what it was chosen for. The
# code is their quotient:
#
# $$ \begin{aligned}
# n_k &\leftarrow \gamma\, n_k + (1 - \gamma) \sum_i [k_i = k] \\
# s_k &\leftarrow \gamma\, s_k + (1 - \gamma) \sum_i [k_i = k]\, z_i \\
# e_k &= s_k / n_k
# \end{aligned} $$
#
# where $k_i$ is the number of the code that is nearest to the vector $z_i$. (The main text of
# [van den Oord et al. (2017)](https://arxiv.org/abs/1711.00937) moves the codebook by a loss instead; these averages are
# in its appendix A.1.)


# %%
def follow(codebook, use, vectors, decay):
    chosen = np.eye(len(codebook))[nearest(vectors, codebook)]  # one-hot
    sums = (
        decay * use[:, None] * codebook + (1 - decay) * chosen.T @ vectors
    )
    use = decay * use + (1 - decay) * chosen.sum(axis=0)
    return sums / use[:, None], use


# %%
data = pcnn.load_dataset("digits")  # 8 x 8 pixels, 17 levels
small = {
    "train": data.train.images / (data.levels - 1),
    "test": data.test.images / (data.levels - 1),
}


def patches(images):
    cut = images.reshape(len(images), 4, 2, 4, 2).swapaxes(2, 3)
    return cut.reshape(-1, 4)


def joined(vectors):
    cut = vectors.reshape(-1, 4, 4, 2, 2).swapaxes(2, 3)
    return cut.reshape(-1, 8, 8, 1)


def learnt(k, steps=60, batch=500):
    """A codebook of k patches."""
    rng = np.random.default_rng(seed)
    vectors = patches(small["train"])
    different = np.unique(vectors, axis=0)  # many patches are blank
    codebook, use = rng.choice(different, k, replace=False), np.ones(k)
    for _ in range(steps):
        codebook, use = follow(
            codebook, use, rng.choice(vectors, batch), 0.9
        )
    return codebook


# %%
sizes = [2, 4, 8, 16, 32, 64]
books = {k: learnt(k) for k in sizes}
seen = patches(small["test"])
quantised = {k: books[k][nearest(seen, books[k])] for k in sizes}
error = {k: ((quantised[k] - seen) ** 2).mean() for k in sizes}
for k in sizes:
    print(f"{k:3} codes: squared error of a pixel {error[k]:.4f}")

# %% tags=["remove-input"]
shown = np.clip(books[16], 0, 1).reshape(-1, 2, 2, 1) * 255
counts = np.bincount(nearest(seen, books[16]), minlength=16)
show(
    plots.codebook(shown, counts, 256, columns=8),
    alt="Sixteen patches of two by two pixels: blank, full, and edges in many directions; below, bars of how often each is used.",
    caption="A codebook of 16 patches of 2 × 2 pixels, the most used first, and their shares in test digits.",
)
show(
    plots.image_grid(
        {
            "digits": small["test"][:8] * 255,
            **{
                f"codebook of {k}": np.clip(joined(quantised[k])[:8], 0, 1)
                * 255
                for k in (2, 4, 16, 64)
            },
        },
        256,
    ),
    alt="Eight digits of 8 by 8 pixels, and below them the same digits with 2, 4, 16 and 64 codes, better and better.",
    caption="Test digits, put together from 16 patches each, the nearest in a codebook of 2, 4, 16 or 64.",
)

# %% [markdown]
# ## In the open: the gradient goes straight through
#
# A patch by itself knows nothing of its neighbours. A convolutional **encoder** does: it gives each patch a vector that says
# what matters, and a **decoder** looks at neighbouring codes to make pixels of them. But between them stands the
# choice of the nearest code. It is a step, whose derivative is 0 nearly everywhere. No gradient would reach the encoder. The VQ-VAE
# acts as if the step were not there. Forwards the code is passed on. Backwards the gradient of the code is
# handed to the vector as it is ([Bengio et al., 2013](https://arxiv.org/abs/1308.3432)). In code this is one line, the
# last one of `call`. Its value is `codes`, since `inputs` cancels; its gradient is that of `inputs`, since
# `stop_gradient` lets none through. The vectors are also pulled towards their codes, so that they do
# not drift away (the *commitment* loss).


# %%
class Quantize(keras.layers.Layer):
    def __init__(self, codebook, decay=0.9, beta=0.25):
        super().__init__()
        self.decay, self.beta = decay, beta
        own = {"trainable": False}  # by no gradient
        self.codebook = self.add_weight(shape=codebook.shape, **own)
        self.codebook.assign(codebook)
        self.use = self.add_weight(
            shape=codebook.shape[:1], initializer="ones", **own
        )

    def call(self, inputs, training=False):
        vectors = ops.reshape(inputs, (-1, self.codebook.shape[1]))
        vectors = ops.stop_gradient(vectors)
        distances = ops.sum(
            (vectors[:, None] - self.codebook) ** 2, axis=-1
        )
        numbers = ops.argmin(distances, axis=1)
        codes = ops.reshape(
            ops.take(self.codebook, numbers, axis=0), ops.shape(inputs)
        )
        codes = ops.stop_gradient(codes)
        away = ops.sum((inputs - codes) ** 2, axis=(1, 2, 3))
        self.add_loss(self.beta * ops.mean(away))
        if training:
            chosen = ops.one_hot(numbers, self.codebook.shape[0])
            self.follow(chosen, vectors)
        return inputs + ops.stop_gradient(codes - inputs)

    def follow(self, chosen, vectors):
        old, new = self.decay, 1 - self.decay
        sums = old * self.use[:, None] * self.codebook
        sums = sums + new * ops.matmul(ops.transpose(chosen), vectors)
        self.use.assign(old * self.use + new * ops.sum(chosen, axis=0))
        used = self.use[:, None] > 1e-12  # others stay where they are
        middle = sums / ops.where(used, self.use[:, None], 1.0)
        moves = ops.where(used, middle - self.codebook, 0.0)
        self.codebook.assign_add(moves)


# %% [markdown]
# Does it do what it says? Ask for the gradient of a squared error. The value must be that of the code, and the gradient that
# belongs to the *code* must arrive at the *vector*:

# %%
rng = np.random.default_rng(seed)
vectors = rng.normal(size=(2, 3, 3, 4)).astype("float32")
start_book = rng.normal(size=(8, 4)).astype("float32")
quantize = Quantize(start_book)
given, target = tf.Variable(vectors), rng.normal(size=vectors.shape)
with tf.GradientTape() as tape:
    passed_on = quantize(given)
    loss = tf.reduce_sum((passed_on - target) ** 2)
arrived = tape.gradient(loss, given)

chosen = start_book[nearest(vectors.reshape(-1, 4), start_book)]
by_hand = 2 * (chosen.reshape(vectors.shape) - target)
print("value: ", np.abs(passed_on - chosen.reshape(vectors.shape)).max())
print("gradient:", np.abs(arrived - by_hand).max())

# %% [markdown]
# The library's layer computes the same. It adds what long trainings need: a code that is hardly used any more is put where
# vectors are, and the first batch chooses the codebook. Here both are switched off by `revive=0`:

# %%
library = VectorQuantizer(8, 4, decay=0.9, revive=0.0)
library.build(vectors.shape)
library.codebook.assign(start_book)
ours, theirs = (
    quantize(vectors, training=True),
    library(vectors, training=True),
)
by_numpy, _ = follow(start_book, np.ones(8), vectors.reshape(-1, 4), 0.9)
print("output:  ", np.abs(ours - theirs).max())
print("codebook:", np.abs(quantize.codebook - library.codebook).max())
print("NumPy:   ", np.abs(by_numpy - library.codebook).max())
print("loss:    ", float(quantize.losses[0] - library.losses[0]))

# %% [markdown]
# With that layer between two small networks the autoencoder is whole. Its codebook begins with vectors of the encoder:


# %%
def squared(truth, guess):
    return ops.sum((truth - guess) ** 2, axis=(1, 2, 3))


def autoencoder(k, size=4):
    keras.utils.set_random_seed(seed)
    make = keras.layers
    wide = {"padding": "same", "activation": "relu"}
    encoder = keras.Sequential(
        [
            make.Conv2D(filters, 4, strides=2, **wide),
            make.Conv2D(filters, 3, **wide),
            make.Dense(size),
            # Unit variance: else all vectors may shrink to one.
            make.BatchNormalization(
                momentum=0.9, center=False, scale=False
            ),
        ]
    )
    decoder = keras.Sequential(
        [
            make.Conv2D(2 * filters, 3, **wide),
            make.Conv2DTranspose(filters, 4, strides=2, **wide),
            make.Conv2D(1, 3, padding="same"),
        ]
    )
    first = ops.reshape(encoder(small["train"], training=True), (-1, size))
    rows = np.random.default_rng(seed).choice(len(first), k, replace=False)
    quantize = Quantize(np.asarray(first)[rows], decay=0.95)
    image = keras.Input((8, 8, 1))
    network = keras.Model(image, decoder(quantize(encoder(image))))
    network.compile(keras.optimizers.Adam(5e-3), loss=squared)
    return network


# %%
networks, lost = {}, {}
for k in (4, 16, 64):
    networks[k] = autoencoder(k)
    images = small["train"]
    networks[k].fit(images, images, batch_size=64, epochs=epochs, verbose=0)
    off = networks[k].predict(small["test"], verbose=0) - small["test"]
    lost[k] = (off**2).mean()
    print(f"{k:3} codes: patches {error[k]:.4f}, networks {lost[k]:.4f}")

# %% [markdown]
# ## Check: what is lost, and what is paid
#
# More codes lose less. But with more codes, each one costs more bits. As a file ([chapter 11](11_compression.ipynb)) 16 codes take $16 \log_2 K$ bits;
# fewer, if a frequent code has a shorter name than a rare one. Then code $k$ takes $-\log_2 p_k$ bits, where $p_k$ is its share in the training images.


# %%
def bits_per_image(k, train, test):
    """Bits for the 16 codes of a test image, by the shares in training."""
    count = np.bincount(train, minlength=k) + 1  # none is impossible
    return 16 * -np.log2(count / count.sum())[test].mean()


def numbers(network, images):
    _, encoder, quantize, _ = network.layers
    vectors = np.asarray(encoder(images)).reshape(-1, 4)
    return nearest(vectors, np.asarray(quantize.codebook))


paid = {
    k: bits_per_image(
        k, *(numbers(networks[k], small[part]) for part in small)
    )
    for k in networks
}
paid_patches = {
    k: bits_per_image(
        k, *(nearest(patches(small[part]), books[k]) for part in small)
    )
    for k in books
}

# %% tags=["remove-input"]
show(
    plots.lines(
        {
            "patches": (list(paid_patches.values()), list(error.values())),
            "encoder and decoder": (
                list(paid.values()),
                list(lost.values()),
            ),
        },
        x="bits for the codes of an image",
        y="squared error of a pixel",
    ),
    alt="Two curves of the error against the bits: patches, and encoder with decoder.",
    caption="What is lost of test digits against what their codes cost: 2 to 64 codes of patches, and 4, 16 and 64 codes of networks. A pixel is between 0 and 1.",
)
at_equal_bits = {
    k: lost[k]
    / np.interp(paid[k], list(paid_patches.values()), list(error.values()))
    for k in (4, 16)
}
verdict = "Trained for so short a time, they do not beat patches."
if max(at_equal_bits.values()) < 1:
    verdict = "With few codes it helps that a decoder sees all of them."
show_text(
    f"""
    At equal bits the networks lose {at_equal_bits[4]:.2f} times what patches lose with 4 codes, and {at_equal_bits[16]:.2f} times with 16.
    With 64 codes the network takes {paid[64]:.0f} bits and loses {lost[64] / error[64]:.2f} times what 64 patches do, which take {paid_patches[64]:.0f}.
    {verdict} These networks are small.
    """
)

# %% [markdown]
# ## What the published codebook learnt
#
# The published decoder does not give a grey level for each pixel but a distribution, one discretised logistic
# ([chapter 7](07_colour.ipynb)), and was trained on its likelihood. The pictures of this page show the means of these distributions.
#
# `mnist-vqvae` has 256 codes, and each stands for 4 × 4 pixels. What for? Take the mean of all places where a code
# occurs in the test digits above, each with the pixels around it. And the other way round: what does a code say if it stands alone, in the
# middle of a blank image?

# %%
around = np.pad(test, ((0, 0), (4, 4), (4, 4), (0, 0)))
windows = np.lib.stride_tricks.sliding_window_view(around, (12, 12), (1, 2))
windows = windows[:, ::4, ::4]  # (digits, 7, 7, 1, 12, 12)
places = [windows[codes == k] for k in range(256)]
means = np.stack(
    [
        found.mean(0) if len(found) else np.zeros((12, 12))
        for found in places
    ]
)

stored = runs.read_examples("mnist-codes")
counts = stored["counts"]  # in all test images
blank = np.full((256, 7, 7, 1), counts.argmax())
blank[:, 3, 3, 0] = np.arange(256)
alone = model.decode(blank)

# %% tags=["remove-input"]
run, judged = runs.read_run("mnist-vqvae"), runs.read_run("mnist-codes")
share = counts / counts.sum()
entropy = -(share[share > 0] * np.log2(share[share > 0])).sum()
show(
    plots.codebook(means[..., None], counts, 256, columns=16),
    alt="A table of 256 small pictures: blank ones, then blurred strokes in all directions, ends, corners and bends; below, bars of how often each code is used.",
    caption=f"What each code stands for: the mean of 12 × 12 pixels around all its places in {len(test)} test digits, 4 × 4 of them its own. The most used first; below, their shares in the whole MNIST test set.",
)
silent = (alone.max(axis=(1, 2, 3)) < 128).sum()
show_text(
    f"""
    {judged["codes_used"]} of 256 codes occur in the test set. Their perplexity is {2**entropy:.0f}: so many codes, used equally often, would say
    as much. A code is not a fixed picture: {silent} of the 256, alone in a blank image, leave no pixel brighter than half. Encoder and decoder look
    beyond the 4 × 4 pixels, and a code counts together with its neighbours. The squared error of a pixel, between 0 and 1, is
    {judged["squared_error"]:.4f} on the test set.
    """
)

# %% [markdown]
# ## A Gated PixelCNN of codes
#
# A grid of 7 × 7 integers is an image with 256 levels. But code 17 is not "nearly" code 18. So the network does not read numbers as
# shades of grey. It reads a learned vector for each (`inputs="embedding"`), and predicts one probability for each of the 256. All else is the network of
# [chapter 3](03_gated_stacks.ipynb), told the class as in [chapter 5](05_conditioning.ipynb). The autoencoder is trained first, then the
# prior on its codes. In the library this is
#
# ```python
# autoencoder = pcnn.VectorQuantizedAutoencoder(
#     data.image_shape, data.levels, codes=256
# )
# model = pcnn.LatentPrior(autoencoder, condition=pcnn.Labels(10, dropout=0.1))
# pcnn.train(model, data, pcnn.TrainConfig(epochs=4))
# ```
#
# and the published one was trained in these two stages on MNIST with 256 levels, with sizes and a learning rate of its
# own (`results/mnist-vqvae`). It draws:

# %%
asked = np.repeat(np.arange(10), 10)
drawn, drawn_codes = model.sample(
    100, condition=asked, seed=seed, return_codes=True
)

# %% tags=["remove-input"]
show(
    plots.image_grid(drawn, 256, columns=10),
    alt="Ten rows of grey digits of 28 by 28 pixels, a row for each class, drawn from codes.",
    caption="Drawn by the prior, a row for each class, none selected: 49 codes each, and the decoder makes the pixels.",
)

# %% [markdown]
# What is the prior good for? Draw the codes without one: all equally often, or each as often as it occurs. And what if the prior
# always took the likeliest code (the *argmax*)? It is an easy mistake to make.

# %%
rng = np.random.default_rng(seed)
shape = (10, 7, 7, 1)
ten = np.arange(10)
ways = {
    "all codes alike": model.decode(rng.integers(0, 256, shape)),
    "by frequency": model.decode(rng.choice(256, shape, p=share)),
    "the prior": model.sample(10, condition=ten, seed=seed),
    "its argmax": model.sample(
        10, condition=ten, seed=seed, temperature=1e-6
    ),
    "argmax, again": model.sample(
        10, condition=ten, seed=seed + 1, temperature=1e-6
    ),
}


# %% tags=["remove-input"]
def of(kind):
    """Which images are of a kind, and which of all were recognised."""
    rows = stored["kind"] == judged["kinds"].index(kind)
    return rows, stored["recognised"] == stored["asked"]


def recognised(kind, label=None):
    """Share of a kind that is taken for what was asked, and its standard error."""
    rows, right = of(kind)
    if label is not None:
        rows = rows & (stored["asked"] == label)
    n = rows.sum()
    # As if two more were right and two wrong: all of 300 is no certainty.
    p = (right[rows].sum() + 2) / (n + 4)
    return right[rows].mean(), np.sqrt(p * (1 - p) / (n + 4))


def variety(kind):
    """Variance within a class, as a share of that of rebuilt real digits, and its error."""
    own, usual = (
        stored["spread"][of(name)[0]] for name in (kind, "reconstructed")
    )
    whole = usual.mean()
    return own.mean() / whole, own.std() / np.sqrt(len(own)) / whole


def percent(pair):
    return f"{100 * pair[0]:.1f} ± {100 * pair[1]:.1f}"


show(
    plots.image_grid(ways, 256),
    alt="Rows of ten pictures: noise of strokes, scattered strokes, digits from 0 to 9, and two equal rows of plainer digits.",
    caption="From codes drawn in different ways; the last three rows of the classes 0 to 9.",
)
names = {
    "real": "real test digits",
    "reconstructed": "the same, rebuilt from their codes",
    "prior": "the prior",
    "frequency": "codes by frequency",
    "uniform": "all codes alike",
}
number = {
    kind: int((stored["kind"] == k).sum())
    for k, kind in enumerate(judged["kinds"])
}
table(
    ["images", "number", "recognised, per cent", "variety, per cent"],
    [
        [
            name,
            f"{number[kind]:,}",
            percent(recognised(kind)),
            ""
            if kind in ("frequency", "uniform")
            else percent(variety(kind)),
        ]
        for kind, name in names.items()
    ],
    caption="Recognised: mnist-conditional, a PixelCNN of black and white pixels that never saw a code, names the class "
    "asked for by Bayes' rule, as in chapter 5; each pixel was made white with a probability equal to its brightness first. Variety: variance within a class, that of rebuilt real digits being 100%. ± is one standard error. "
    f"Stored by {judged['command']}, commit {judged['commit']}, on {runs.hardware(judged)}, seed {judged['seed']}.",
)

# %% tags=["remove-input"]
same = bool((ways["its argmax"] == ways["argmax, again"]).all())
show_text(
    f"""
    Without the prior the decoder draws strokes, and they make no digit. With the argmax there is one picture for each class,
    {"whatever the seed" if same else "nearly whatever the seed"}: {int(round(recognised("argmax")[0] * number["argmax"]))} of {number["argmax"]} are recognised.
    It is the likeliest code at each place, not the likeliest image, and nothing like a sample. Samples need random numbers.
    """
)

# %% [markdown]
# Are some classes harder than others?

# %% tags=["remove-input"]
by_class = {label: recognised("prior", label) for label in range(10)}
show(
    plots.class_shares(
        by_class,
        y="recognised",
        reference={"real test digits": recognised("real")[0]},
    ),
    alt="Ten points with whiskers, one for each class, below a dotted line near the top.",
    caption=f"Digits drawn by the prior, {number['prior'] // 10} of each class: how many are taken for the class asked for. Whiskers are two standard errors.",
)
lowest = min(share for share, *_ in by_class.values())
hardest = [c for c, (share, *_) in by_class.items() if share == lowest]
show_text(
    f"""
    Of all classes together {percent(recognised("prior"))}% are recognised; the fewest, {100 * lowest:.0f}%, of
    class{"es" if len(hardest) > 1 else ""} {", ".join(map(str, hardest))}. With {number["prior"] // 10} digits of each, much of this order is chance. Real digits that only
    went through their codes are recognised in {percent(recognised("reconstructed"))}% of the cases. So most of what is lost is the
    prior's doing, not the decoder's.
    """
)

# %% [markdown]
# ## Guidance: more of the class than the class itself
#
# In training, the label was left out for one image in ten. So the prior also knows what codes are like without a label. For each code it can tell
# what the label changes. *Classifier-free guidance* exaggerates that
# ([Ho and Salimans, 2022](https://arxiv.org/abs/2207.12598)):
#
# $$ \mathrm{logits} = \mathrm{without} + g \cdot (\mathrm{with} - \mathrm{without}) $$
#
# At $g = 1$ this is the model as it is, at $g = 0$ the label is ignored, and above 1 what speaks for the class counts more.

# %%
guided = {
    f"guidance {g:g}": model.sample(
        10, condition=ten, seed=seed, guidance=g
    )
    for g in (0, 1, 2, 5)
}

# %% tags=["remove-input"]
show(
    plots.image_grid(guided, 256),
    alt="Four rows of ten digits: of any class with guidance 0, then of the classes 0 to 9, plainer and plainer.",
    caption="The classes 0 to 9, all from the same random numbers.",
)
sweep = {
    1.0: "prior",
    **{
        float(kind.split()[1]): kind
        for kind in judged["kinds"]
        if kind.startswith("guidance")
    },
}
strengths = sorted(sweep)
of_all = {
    "recognised": [recognised(sweep[g]) for g in strengths],
    "variety": [variety(sweep[g]) for g in strengths],
}
show(
    plots.lines(
        {
            name: (strengths, *(100 * np.transpose(pairs)))
            for name, pairs in of_all.items()
        },
        x="guidance",
        y="per cent",
        reference={"real digits, recognised": 100 * recognised("real")[0]},
    ),
    alt="One curve rises steeply to nearly all digits recognised; the other, of variety, falls.",
    caption=f"Guidance swept, {number['guidance 2']} digits each ({number['prior']:,} at 1), with two standard errors to either side. At 0 the label is ignored, so that what was asked for as one class mixes all.",
)

# %% tags=["remove-input"]
show_text(
    f"""
    From guidance 1 to 3 the recognised share goes from {percent(recognised("prior"))}% to {percent(recognised("guidance 3"))}%,
    and the variety from {percent(variety("prior"))}% to {percent(variety("guidance 3"))}%. A lower temperature trades variety away too:
    at 0.5 it is {percent(recognised("temperature 0.5"))}% and {percent(variety("temperature 0.5"))}%, where guidance 2 gives
    {percent(recognised("guidance 2"))}% and {percent(variety("guidance 2"))}%. Neither is free. What is
    drawn then follows another distribution than the one that was trained, and the likelihoods on this page are not its likelihoods.
    """
)

# %% [markdown]
# ## 49 steps instead of 784
#
# A hundred digits in 256 shades: from codes, and by `mnist-grey`, which draws each pixel. Both draw from caches, and
# compiling is not counted.

# %% tags=["timing"]
by_pixel = pcnn.load_pretrained("mnist-grey")
seconds = {}
for name, draw in {
    "codes": lambda: model.sample(100, condition=asked, seed=seed),
    "decoder": lambda: model.decode(drawn_codes),
    "pixels": lambda: by_pixel.sample(100, seed=seed),
}.items():
    draw()  # compiles
    start = time.perf_counter()
    draw()
    seconds[name] = time.perf_counter() - start

# %% tags=["remove-input"]
grey = runs.read_run("mnist-grey")
table(
    ["what is drawn", "steps", "seconds", "weights", "bits/dim"],
    [
        [
            "codes, then all pixels",
            "49 and 1",
            f"{seconds['codes']:.2f}",
            f"{run['weights']['parameters']:,}",
            f"at most {run['test']['bits_per_dim']:.4f}",
        ],
        [
            "pixels",
            "784",
            f"{seconds['pixels']:.2f}",
            f"{grey['weights']['parameters']:,}",
            f"{grey['test']['bits_per_dim']:.4f}",
        ],
    ],
    caption="A hundred digits, drawn for this page, and the stored likelihoods of the test set. The first is a bound.",
)
faster = seconds["pixels"] / seconds["codes"]
show_text(
    f"""
    There are 16 times fewer steps, and it is {faster:.1f} times {"as fast" if faster >= 1 else "as fast, so slower"}. A step costs more: this prior has
    {model.prior.count_params():,} weights against {by_pixel.count_params():,}. The decoder, which computes all pixels of an image at once, takes
    {seconds["decoder"]:.2f} s of the {seconds["codes"]:.2f}.
    """
)

# %% [markdown]
# The likelihood of the first row is a **bound**:
#
# $$ p(\mathbf{x}) \ge p(\mathbf{k})\, p(\mathbf{x} \mid \mathbf{k}) $$
#
# where $\mathbf{k}$ are the image's own codes. Other codes could have given the same image, and are left out.

# %% tags=["remove-input"]
test_of = run["test"]
by_shares = entropy * 49 / 784
show_text(
    f"""
    The codes take {test_of["code_bits_per_dim"]:.4f} bits/dim, {test_of["nats_per_code"]:.2f} nats for each. By
    their shares alone it would be {by_shares:.4f}. The difference, {by_shares - test_of["code_bits_per_dim"]:.4f}, is what the prior and the label are worth;
    of it the label tells at most {np.log2(10) / 784:.4f}. The pixels, given the codes, take
    {test_of["pixel_bits_per_dim"]:.4f}. Given the codes, the decoder takes the pixels to be independent of each other, and that costs most. Whoever wants
    likelihood draws pixels: `mnist-grey` needs up to {test_of["bits_per_dim"] - grey["test"]["bits_per_dim"]:.2f} bits/dim less (the other figure is a bound), with fewer weights
    and without being told the class. Codes buy speed, and a prior that spends all it has on the shape.
    """
)

# %% [markdown]
# ### Photographs
#
# The same recipe on the photographs of [chapter 7](07_colour.ipynb), 32 × 32 pixels in 8 × 8 codes:

# %% tags=["remove-input"]
photos = runs.read_run("cifar-subset-vqvae")
stored = runs.read_examples("cifar-subset-vqvae")
show(
    plots.image_grid(
        {"drawn": stored["drawn"], "test images": stored["test"]}, 256
    ),
    alt="Ten small colour pictures of blurred patches without objects, above ten photographs.",
    caption="Drawn by `cifar-subset-vqvae`, none selected, and photographs it never saw.",
)
show_text(
    f"""
    {photos["data"]["train"]:,} photographs are few. There are colours and backgrounds, and no objects. The loss of the prior is
    lowest on validation images after epoch {photos["best_epoch"]} of {len(photos["history"]["loss"])}; from there on it overfits. The
    bound is {photos["test"]["bits_per_dim"]:.2f} bits/dim, of which the codes take {photos["test"]["code_bits_per_dim"]:.2f}: nearly all is
    spent on pixels that the decoder takes to be independent.
    """
)

# %% [markdown]
# Draw some yourself: `python main.py --epochs=0 --pretrained=mnist-vqvae --guidance=2`. Whoever has codes of another network brings them
# as a file: [How to run it](../book/how_to_run.md) shows that.
#
# ## Where it went from here
#
# The recipe has two stages: learn a small code, then learn to draw codes. Many of the large image generators of the years
# after follow it. They changed the parts.
#
# **Better codes.** VQ-VAE-2 has two grids, a small one for what is where and a larger one for detail, with a PixelCNN for
# each ([Razavi et al., 2019](https://arxiv.org/abs/1906.00446)). VQGAN trains the autoencoder with a discriminator and a loss on features, so that fewer
# codes give sharp pictures: 16 × 16 for 256 × 256 pixels ([Esser et al., 2021](https://arxiv.org/abs/2012.09841)). Such a decoder invents detail. It has no
# likelihood, not even a bound.
#
# **Transformers as priors.** Codes in raster order are a sequence, and [chapter 10](10_attention.ipynb) has what it takes to draw it.
# VQGAN put a transformer where the PixelCNN was. DALL·E put a text in front of the codes: one transformer models up to 256 tokens of
# text and 32 × 32 codes of an image, of 8,192 each, as one sequence ([Ramesh et al., 2021](https://arxiv.org/abs/2102.12092)). Parti translates instead: one half of a transformer reads
# the text, the other half draws the codes, 20 billion weights in all, and it guides its codes as above ([Yu et al., 2022](https://arxiv.org/abs/2206.10789)).
#
# **Other orders.** MaskGIT gives up raster order. It guesses all codes at once, keeps those of which it is surest, and
# guesses the rest again: some eight steps instead of 256 ([Chang et al., 2022](https://arxiv.org/abs/2202.04200)). The
# steps are few because many codes are drawn as if they were independent.
#
# **No codebook.** Latent diffusion keeps the autoencoder and draws its vectors, not numbers, by removing noise step by step
# ([Rombach et al., 2022](https://arxiv.org/abs/2112.10752)). Stable Diffusion is such a model. Classifier-free guidance was made for diffusion,
# and is what makes such models follow a text.
#
# What all of these share with this chapter: the pixels are not drawn one by one, the code is chosen before the prior is trained, and
# whatever the autoencoder lost no prior brings back.
#
# ## Recap
#
# A codebook turns vectors into integers: take the nearest, let the codebook follow, and send the gradient straight through. The integers are a
# small image, and a Gated PixelCNN draws it class by class in a fraction of the steps. The likelihood is a bound in two parts. Guidance
# trades variety for certainty, and the argmax is no sample.
#
# ## Exercises
#
# **1.** How many bytes does a digit take as 49 codes, without a prior and with it? And as a file of `mnist-grey`, which loses nothing?


# %% tags=["remove-input"]
def bytes_per_digit():
    """Bytes of the codes as they are, coded by the prior, and of a file without loss."""
    files = runs.read_run("compression/mnist-grey")
    lossless = files["ways"]["ours"]["bytes"] / files["images"]
    with_prior = 49 * run["test"]["nats_per_code"] / np.log(2) / 8
    return 49 * np.log2(256) / 8, with_prior, lossless


plain, with_prior, lossless = bytes_per_digit()
show_solution(
    f"""
    {plain:.0f} bytes, one for each code; {with_prior:.1f} with the prior, whose label is not counted. Without loss it is {lossless:.1f} bytes.
    The difference is roughly what the codes leave out: how exactly each pixel is grey.
    """,
    bytes_per_digit,
)

# %% [markdown]
# **2.** Is guidance 1 exactly no guidance? And do codes that were drawn come back if their image is encoded again?


# %% tags=["remove-input"]
def once_more():
    """Whether guidance 1 changes nothing, and the share of codes that come back."""
    one = model.sample(100, condition=asked, seed=seed, guidance=1)
    return (one == drawn).all(), (model.encode(drawn) == drawn_codes).mean()


exactly, back = once_more()
show_solution(
    f"""
    {"Yes, to the last pixel." if exactly else "No."} Of the codes {back:.0%} come back. Nothing has trained the encoder to undo the
    decoder code by code: neighbours share what they say, and other codes may make nearly the same pixels. That is also why the
    likelihood is a bound.
    """,
    once_more,
)
