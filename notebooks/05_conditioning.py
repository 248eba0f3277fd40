# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What changes when the model is told what to draw?
#
# After this chapter you can condition a Gated PixelCNN on a label, on a vector and on a map, and measure
# what each is worth in nats. You can check that drawings follow what was asked for. And you can turn the
# model into a classifier by Bayes' rule, and check that it is right as often as it claims. Images of
# 28 × 28 pixels are drawn from published weights. Small models of 8 × 8 digits are trained as you read.
# The chapter runs in about a minute on two CPU cores.

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
dataset: str = "digits"  # or "mnist", or an .npz of grey images with labels
data_path: str = "data"  # folder that is searched for data files
epochs: int = 4  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 7e-3  # highest
filters: int = 32  # feature maps of each stack
blocks: int = 3  # gated blocks
dilations: str = "2"  # from tap to tap; for 28 x 28, "1,2,4,8"
block: int = 2  # side of the squares that make one coarse pixel
per_class: int = 50  # images of each class that the recogniser judges
seed: int = 0  # of initialisation, shuffling and sampling

# %% tags=["hide-input"]
import math

import keras
import numpy as np
from keras import layers
from sklearn.svm import SVC

import pcnnlib as pcnn
from pcnnlib import analysis, minimal, runs
from pcnnlib.analysis import Likelihood
from pcnnlib.data import statistics
from pcnnlib.nn import conditions
from pcnnlib.viz import explorers, plots
from pcnnlib.viz.notebook import (
    parse_integers,
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
    batch_size=range(1, 4097),
    learning_rate=(0.0, 1.0),
    filters=range(2, 4097),
    blocks=range(1, 101),
    dilations="1,2,4,8",
    block=range(1, 65),
    per_class=range(1, 1001),
    seed=range(2**32),
)
check_dataset(
    pcnn.load_dataset(dataset, data_path=data_path),
    classes=2,
    squares=("block", block),
)

# %% [markdown]
# ## The idea: one more term in every gate
#
# Let $\mathbf{h}$ be something that we know of an image: the digit that it shows, who is on it, what
# it looks like from afar. The model of the image *given* $\mathbf{h}$ is the same product as before,
# with $\mathbf{h}$ behind every bar (equation 3 of [van den Oord et al. (2016b)](https://arxiv.org/abs/1606.05328)):
#
# $$ p(\mathbf{x} \mid \mathbf{h}) = \prod_{i=1}^{D} p(x_i \mid x_1, \dots, x_{i-1}, \mathbf{h}). $$
#
# It enters every gate of both stacks as a bias that depends on $\mathbf{h}$ (equation 4):
#
# $$ \mathbf{y} = \tanh(W_{k,f} \ast \mathbf{x} + V_{k,f}^\top \mathbf{h}) \odot
# \sigma(W_{k,g} \ast \mathbf{x} + V_{k,g}^\top \mathbf{h}). $$
#
# This says *what* is to be drawn. It is the same at every pixel. If $\mathbf{h}$ also says *where*, a
# learned transposed convolution first turns it into a map $\mathbf{s} = m(\mathbf{h})$ of the image's size.
# Then an unmasked 1 × 1 convolution $V_{k} \ast \mathbf{s}$ takes the place of $V_k^\top \mathbf{h}$
# (equation 5). No mask is needed: $\mathbf{h}$ is known before the first pixel is drawn.
#
# In code it is one more term in each gate. The block of [chapter 3](03_gated_stacks.ipynb), told $\mathbf{h}$:


# %%
class ToldBlock(minimal.GatedBlock):
    """Equation 4: a bias of every gate that depends on h."""

    def __init__(self, filters, size, first=False):
        super().__init__(filters, size, first)
        self.tell_above = layers.Dense(2 * filters, use_bias=False)
        self.tell_left = layers.Dense(2 * filters, use_bias=False)

    def call(self, vertical, horizontal, h):  # h: (B, 1, 1, n)
        above = self.vertical(vertical)
        left = self.horizontal(horizontal) + self.link(above)
        left = left + self.tell_left(h)
        features = self.project(minimal.gate(left))
        if not self.first:
            features = horizontal + features
        return minimal.gate(above + self.tell_above(h)), features


told = ToldBlock(filters=4, size=3)
same = np.random.default_rng(seed).normal(size=(1, 8, 8, 4))
same = np.repeat(same, 2, axis=0).astype("float32")  # twice the same
labels = keras.ops.one_hot([3, 8], 10)[:, None, None]
_, features = told(same, same, labels)
print(float(keras.ops.min(abs(features[0] - features[1]))) > 0)

# %% [markdown]
# No feature of any pixel is the same for a 3 and for an 8.
#
# In the library, a condition encodes itself. A label becomes a one-hot vector, a vector stays as it is,
# and a map passes its transposed convolution:

# %% tags=["remove-input"]
show_source(conditions.Labels.encode, conditions.Map.make_encoder)

# %% [markdown]
# ## Check: how far does a condition reach?
#
# Take models that have not been trained. Change the condition, leave the image alone, and see which
# predictions change. A label should reach every pixel, the first one included. One cell of a map should
# reach its own pixels and pixels near them, also to the left in the same rows, but none in the rows above. (To the
# left is no leak: $\mathbf{h}$ is known before the first pixel.) And whatever $\mathbf{h}$ is, no pixel may see a
# later pixel.

# %%
noise = np.random.default_rng(seed).integers(0, 17, (4, 8, 8, 1))
nothing, first, inner = np.zeros((3, 4, 4, 4, 1))  # four maps of 4 x 4 each
first[:, 0, 0] = inner[:, 2, 1] = 1
changes = {
    "label": (pcnn.Labels(10), [3] * 4, [8] * 4),
    "map, first cell": (pcnn.Map((4, 4, 1)), nothing, first),
    "map, cell (2, 1)": (pcnn.Map((4, 4, 1)), nothing, inner),
}
reached = {}
for name, (condition, before, after) in changes.items():
    model = pcnn.GatedPixelCNN((8, 8, 1), 17, 8, 3, condition=condition)
    reached[name] = analysis.changed_predictions(
        model, noise, before, after
    )
    assert pcnn.check_causality(model).causal
assert reached["label"].all()
assert not reached["map, cell (2, 1)"][:4].any()

# %% tags=["remove-input"]
show(
    plots.changed_predictions(
        reached,
        {"map, first cell": (0, 0, 2, 2), "map, cell (2, 1)": (4, 2, 2, 2)},
    ),
    alt="Three maps of pixels: a label reaches all, a cell of a map its own place and those beside and below.",
    caption="Predictions that change with the condition, in an untrained model. Outlined: the pixels "
    "that the changed cell of a 4 × 4 map stands for.",
)

# %% tags=["remove-input"]
show_text(f"""
The label reaches {reached["label"].sum()} of 64 pixels, the first cell of the map
{reached["map, first cell"].sum()}, and the cell further down {reached["map, cell (2, 1)"].sum()}.
""")

# %% [markdown]
# ## Labels
#
# The published model `mnist-conditional` has learnt MNIST's digits together with their labels. Ask it for
# seven images of each class:

# %%
published = pcnn.load_pretrained("mnist-conditional")
asked = np.repeat(np.arange(10), 7)
large = published.sample(len(asked), asked, seed=seed)

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {str(k): large[asked == k] for k in range(10)}, 2, width=7
    ),
    alt="Ten rows of drawn digits, one row for each class.",
    caption="Drawn from the published weights: a row for each class, seven images each, none selected.",
)

# %% [markdown]
# Ask it yourself: the next cell shows the same model, and it draws in your browser. Choose a class and press
# *Draw*. Then paint the top of one digit, ask for another one, and see what the model makes of two hints that
# disagree.

# %%
pcnn.live(
    published,
    run="mnist-conditional",
    title="A network that is told what to draw",
    controls=["brush", "condition", "many", "temperature"],
)

# %% [markdown]
# ### What is a label worth?
#
# A label is one of ten. So it cannot *tell* more than $\ln 10$ nats. To see why, sum the label out. For
# every image $\mathbf{x}$ and every label $y$,
#
# $$ -\ln p(\mathbf{x}) = -\ln \sum_{k} p(k)\, p(\mathbf{x} \mid k)
# \;\le\; -\ln p(\mathbf{x} \mid y) - \ln p(y), $$
#
# because the sum holds the term of $y$, and no term is negative. With $p(y) = 1/10$ the last term is
# $\ln 10$.
#
# Does the published model keep to this bound? The answer needs the 10,000 test images of MNIST, which this
# page does not have. So the next cell reads **stored results**: the log-likelihood of each test image under
# each of the ten labels, and under the published model without labels. All that follows is computed from
# them here.

# %%
stored = runs.read_examples("mnist-bayes")
scores = stored["log_likelihoods"]  # (10000, 10): log p(x | y)
truth = stored["labels"].astype(int)
probabilities, evidence = analysis.posterior(scores)
nats = {
    "without": -stored["unconditional"].astype(float),
    "given": -scores[np.arange(len(truth)), truth].astype(float),
    "summed": -evidence,
}


# %% tags=["remove-input"]
def mean_of(values):
    """Mean of nats of each image, with its standard error, as text."""
    mean = Likelihood.of(np.asarray(values), (1, 1, 1))
    return f"{mean.nats_per_image:.2f} ± {mean.standard_error:.2f}"


judging = runs.read_run("mnist-bayes")
made = {
    name: runs.read_run(name) for name in ("mnist", "mnist-conditional")
}
trained_for = {
    name: f"{len(run['history']['loss'])} epochs, {run['seconds'] / 3600:.1f} hours"
    for name, run in made.items()
}
bound = math.log(10)
worth = nats["summed"] - nats["given"]
show_text(f"""
| {len(truth):,} MNIST test images | nats per image | trained for |
|---|---|---|
| `mnist`: without labels | {mean_of(nats["without"])} | {trained_for["mnist"]} |
| `mnist-conditional`: given the label | {mean_of(nats["given"])} | {trained_for["mnist-conditional"]} |
| `mnist-conditional`: the label summed out | {mean_of(nats["summed"])} | the same model |

(± is one standard error. Stored in `results/mnist-bayes` by `{judging["command"]}`, commit
{judging["commit"]}; both models were trained on {runs.hardware(made["mnist-conditional"])}, seed
{made["mnist-conditional"]["seed"]}.)

Image by image, the first two rows differ by {mean_of(nats["without"] - nats["given"])} nats. That is
{"more" if (nats["without"] - nats["given"]).mean() > bound else "not more"} than the bound of ln 10 =
{bound:.2f}. But these are two models, and the bound is about one. Within the
conditional model, the label is worth {mean_of(worth)} nats on average, and {worth.max():.3f} at most: the
bound holds for every image. The rest, {mean_of(nats["without"] - nats["summed"])} nats, is a difference between two
trainings, one seed each: with its labels summed out, the second model is the better model of images. That may come
from the labels in training, from its settings, or from chance, which the ± does not cover.
""")

# %% [markdown]
# ### A classifier for free
#
# The same ten numbers give Bayes' rule, $p(y \mid \mathbf{x}) \propto p(y)\, p(\mathbf{x} \mid y)$. The
# model was never trained to classify, but it can:

# %%
named = probabilities.argmax(axis=1)
sure = probabilities.max(axis=1)
right = named == truth
print(f"right: {right.mean():.2%} of {len(truth):,} test images")

# %% tags=["remove-input"]
wrong = stored["wrong"]
titles = [
    f"{truth[k]}, named {named[k]} ({100 * sure[k]:.1f}%)" for k in wrong
]
show(
    plots.image_grid(
        stored["wrong_images"], 2, columns=5, titles=titles, width=7
    ),
    alt="Ten test images of unusual digits, with the label and the class that the model names.",
    caption="The mistakes of which the model is surest. Above each: its label, the class that Bayes' rule "
    "names, and the probability of that class.",
)

# %% [markdown]
# ### Is it right as often as it claims?
#
# Bayes' rule gives a probability, not just an answer. The model's *confidence* is the probability of the
# class that it names. If it is calibrated, it is right on 90% of the images of which it is 90% sure. To
# check, sort the images into bins $b$ by confidence. Let $n_b$ of $N$ images be in bin $b$. The *expected
# calibration error* ([Guo et al., 2017](https://arxiv.org/abs/1706.04599)) is the mean distance between
# accuracy and confidence:
#
# $$ \mathrm{ECE} = \sum_b \frac{n_b}{N} \left| \mathrm{accuracy}(b) - \mathrm{confidence}(b) \right|. $$

# %%
calibration = analysis.calibration(probabilities, truth, bins=10)

# %% tags=["remove-input"]
show(
    plots.reliability(calibration),
    alt="Accuracy against confidence in ten bins, and the number of images in each bin.",
    caption="Above: accuracy against mean confidence in each bin; whiskers are two standard errors, and on "
    "the diagonal both are equal. Below: images in each bin, on a logarithmic scale.",
)

# %% tags=["remove-input"]
unsure = calibration.images[:-1].sum()
too_sure = mean_of(100 * (sure - right))
below = sure < 0.9  # not in the last bin
# What a calibrated model would have: it is right as often as it claims.
rng = np.random.default_rng(seed)
place = np.minimum((10 * sure).astype(int), 9)
by_chance = [
    abs(np.bincount(place, (rng.random(len(sure)) < sure) - sure)).sum()
    for _ in range(200)
]
show_text(f"""
The expected calibration error is {100 * calibration.expected_error:.2f} percentage points; a calibrated model would
have about {100 * np.mean(by_chance) / len(sure):.2f} by chance alone. On average the model claims {sure.mean():.2%} and
is right on {right.mean():.2%}: the difference is {too_sure} points. But {calibration.images[-1]:,} of {len(truth):,}
images are in the last bin. Of the other {unsure:,} the model claims {sure[below].mean():.1%} and is right on
{right[below].mean():.1%}; that difference is {mean_of(100 * (sure - right)[below])} points.
""")

# %% [markdown]
# ### The same, trained here
#
# Two small models of 8 × 8 digits, equal but for the label, are trained on the same images in the same
# order.

# %%
data = pcnn.load_dataset(dataset, data_path=data_path)
classes = data.classes
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    seed=seed,
)
sizes = dict(filters=filters, blocks=blocks, first_kernel_size=5)
# On the digits, taps two pixels apart see six rows up, of eight; tap beside tap, four.
sizes["dilations"] = parse_integers("dilations", dilations, "1,2,4,8")


def trained(data, condition=None):
    """A model of these images under this condition, and its history."""
    keras.utils.set_random_seed(seed)
    model = pcnn.GatedPixelCNN(
        data.image_shape, data.levels, condition=condition, **sizes
    )
    return model, pcnn.train(model, data, config)


plain, plain_history = trained(data)
labelled, labelled_history = trained(data, pcnn.Labels(classes))

# %% tags=["remove-input"]
show(
    plots.training_curves(
        {"without labels": plain_history, "with labels": labelled_history}
    ),
    alt="Loss of both models against epochs; the one with labels ends lower.",
    caption="Both models as they are trained.",
)

# %% [markdown]
# Are their drawings what was asked for? Eyes are kind judges. A classifier that has only seen real digits
# is a stricter one. Here it is a support vector machine that was fitted on the training images.


# %%
def flat(images):
    """One row for each image."""
    return images.reshape(len(images), -1)


recogniser = SVC(C=10).fit(
    flat(data.train.images[:5000]), data.train.labels[:5000]
)
asked = np.repeat(np.arange(classes), per_class)
drawn = labelled.sample(len(asked), asked, seed=seed)
judged = recogniser.predict(flat(drawn))

# %% tags=["remove-input"]
confused = np.zeros((classes, classes), int)
np.add.at(confused, (asked, judged), 1)
show(
    plots.confusion(
        confused, truth="class asked for", judged="class recognised"
    ),
    alt="A table of classes asked for against classes recognised, most of it on the diagonal.",
    caption="What the recogniser took the drawn images for.",
)

# %% tags=["remove-input"]
on_real = recogniser.score(flat(data.test.images), data.test.labels)
show_text(f"""
It recognises {on_real:.1%} of the real test images and {(judged == asked).mean():.1%} of {len(asked)} drawn
ones. Of a model that ignored its label it would recognise 1 in {classes}.
""")

# %% [markdown]
# The likelihood is a product over pixels. So Bayes' rule works for any number of first pixels. How soon
# does the model know what it is looking at?

# %%
seen = data.test.images[:300]
surprise = np.stack(
    [
        analysis.surprise(labelled, seen, np.full(len(seen), k))
        for k in range(classes)
    ],
    axis=-1,
)
so_far = surprise.reshape(len(seen), -1, classes).cumsum(axis=1)
so_far = np.pad(so_far, ((0, 0), (1, 0), (0, 0)))  # nothing seen yet
belief, small_evidence = analysis.posterior(-so_far)
correct = belief.argmax(axis=-1) == data.test.labels[:300, None]

# %% tags=["remove-input"]
pixels = np.arange(so_far.shape[1])
show(
    plots.lines(
        {
            "accuracy": (pixels, correct.mean(axis=0)),
            "confidence": (pixels, belief.max(axis=-1).mean(axis=0)),
        },
        x="pixels seen",
        y="share",
        reference={f"1 in {classes}": 1 / classes},
    ),
    alt="Accuracy and confidence rise with the number of pixels seen.",
    caption="Accuracy of Bayes' rule on the first pixels of test images, and the mean probability of "
    "the class that it names.",
)

# %% tags=["remove-input"]
rows_of_labels = np.arange(len(seen)), data.test.labels[:300]
small = {
    "without labels": -plain.log_likelihood(seen),
    "given the label": so_far[:, -1][rows_of_labels],
    "the label summed out": -small_evidence[:, -1],
}
half = len(pixels) // 2
show_text(
    f"""
After half of the pixels it is right on {correct[:, half].mean():.1%}, after all of them on
{correct[:, -1].mean():.1%} of {len(seen)} test images. The nats are these:

| {len(seen)} test images | nats per image |
|---|---|
"""
    + "\n".join(f"| {name} | {mean_of(small[name])} |" for name in small)
    + f"""

Within the conditional model, the label is worth
{mean_of(small["the label summed out"] - small["given the label"])} nats; the bound is ln {classes} =
{math.log(classes):.2f}. The two models differ by
{mean_of(small["without labels"] - small["given the label"])}. What is beyond the bound is not what the label
tells: here, too, the last row of the table is below the first.
"""
)

# %% [markdown]
# ## Vectors
#
# A vector can hold anything that is the same all over the image. The paper conditions on the
# embedding of a face, taken from another network. Here is a vector that you can read. It holds the label,
# one-hot, and two numbers that are measured on each image: its *ink*, the mean brightness, and its
# *slant*, how far strokes move to the right per row upwards. Both are counted in standard deviations from
# the training images' mean. (Strokes are bright here, so ink is white.)


# %%
def measured(brightness):
    """Ink and slant of images, `(N, 2)`."""
    return np.column_stack(
        [statistics.ink(brightness), statistics.slant(brightness)]
    )


training = measured(data.brightness(data.train))


def style(values):
    """Ink and slant in deviations from the mean of the training images."""
    return (values - training.mean(axis=0)) / training.std(axis=0)


styled_data = data.conditioned(
    lambda split: np.column_stack(
        [
            np.eye(classes)[split.labels],
            style(measured(data.brightness(split))),
        ]
    )
)
styled, _ = trained(styled_data, pcnn.Vector(classes + 2))

# %% [markdown]
# Ask for it, then measure it. Ink and slant are drawn at random, ten images of each class:

# %%
labels = np.repeat(np.arange(classes), 10)
wanted = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(labels), 2))
drawn = styled.sample(
    len(labels),
    np.column_stack([np.eye(classes)[labels], wanted]),
    seed=seed,
)
got = style(measured(drawn / (data.levels - 1)))

# %% tags=["remove-input"]
show(
    plots.asked_and_measured(
        {
            "ink": (wanted[:, 0], got[:, 0]),
            "slant": (wanted[:, 1], got[:, 1]),
        }
    ),
    alt="Two scatter plots along the diagonal: ink and slant measured against asked for.",
    caption="Ink and slant of drawn images against what was asked for, in standard deviations.",
)

# %% tags=["remove-input"]
follows = [np.corrcoef(wanted[:, k], got[:, k])[0, 1] for k in range(2)]
show_text(f"""
The correlations are {follows[0]:.2f} for ink and {follows[1]:.2f} for slant. The scatter is no fault by
itself. The model has learnt from pairs of an image and its measurement, and draws what is likely.

Now draw every request with the same noise. What then differs between two images of a class is what was
asked for:
""")

# %%
inks = {"thin": -1.5, "usual": 0.0, "bold": 1.5}
slants = {"left": -1.5, "upright": 0.0, "right": 1.5}
four_each = np.eye(classes).repeat(4, axis=0)
strips = [
    styled.sample(
        len(four_each),
        np.column_stack([four_each, np.tile([a, b], (len(four_each), 1))]),
        seed=seed,
    )
    for a in inks.values()
    for b in slants.values()
]
shape = len(inks), len(slants), classes, 4, *data.image_shape
strips = np.moveaxis(np.reshape(strips, shape), 2, 0)

# %% tags=["remove-input"]
rows = {
    "usual": (1, 1),
    "thin": (0, 1),
    "bold": (2, 1),
    "left": (1, 0),
    "right": (1, 2),
}
show(
    plots.image_grid(
        {name: strips[:, i, j, 0] for name, (i, j) in rows.items()},
        data.levels,
    ),
    alt="Five rows of digits 0 to 9: usual ones, thin, bold, slanted to the left and to the right.",
    caption="Every class as usual, with less and more ink, and with a slant to the left and to the "
    "right. The noise is the same down each column.",
)

# %% [markdown]
# Choose for yourself. The four images of a place differ in their noise:

# %% tags=["remove-input"]
axes = {"class": range(classes), "ink": inks, "slant": slants}
explorers.image_explorer(
    strips, data.levels, axes, start=(min(3, classes - 1), 1, 1)
)

# %% [markdown]
# ## Maps
#
# A label says what, a map also says where. Here the map is the image itself, seen from afar: the means of
# small squares. The model has to draw the fine image that belongs to it. That is upscaling, and it has
# more than one answer.


# %%
def seen_from_afar(block):
    """The data, each image with the means of its squares as a map."""
    return data.conditioned(
        lambda split: statistics.coarse(data.brightness(split), block)
    )


coarse_data = seen_from_afar(block)
maps = coarse_data.test.conditions
upscaling, _ = trained(coarse_data, pcnn.Map(maps.shape[1:]))
again = [upscaling.sample(10, maps[:10], seed=seed + k) for k in range(3)]

# %% tags=["remove-input"]
shown = maps[:10].repeat(block, axis=1).repeat(block, axis=2)
show(
    plots.image_grid(
        {
            "given": np.rint(shown * (data.levels - 1)).astype(int),
            **{f"drawn, {k + 1}": again[k] for k in range(3)},
            "real": data.test.images[:10],
        },
        data.levels,
    ),
    alt="Coarse digits, three fine versions of each, and the real ones.",
    caption="First row: all that the model is given. Last row: the test images that it was taken from, "
    "which the model has never seen. Between them, three draws for each.",
)

# %% tags=["remove-input"]
fine = upscaling.sample(len(maps[:300]), maps[:300], seed=seed)
coarse = statistics.coarse(fine / (data.levels - 1), block)
kept = np.abs(coarse - maps[:300]).mean()
shuffled = np.abs(coarse - np.roll(maps[:300], 1, axis=0)).mean()
of_map = -upscaling.log_likelihood(data.test.images, maps)
without = -plain.log_likelihood(data.test.images)
show_text(f"""
Is the map obeyed, place by place? Make the drawn images coarse again. Their brightness, from 0 to 1,
differs from that of their own maps by {kept:.3f} on average, and from that of another image's map by
{shuffled:.3f}. A map of {block} × {block} squares has {maps[0].size} numbers. They bring the test images
from {mean_of(without)} nats, without any condition, down to {mean_of(of_map)}.
""")

# %% [markdown]
# ## Recap
#
# A condition is one more term in every gate. For labels and vectors it is $V^\top \mathbf{h}$, the same at
# every pixel. Where it matters where, a map of the image's size takes its place. It needs no mask, since it
# is known before the first pixel. A label saves at most as many nats as it can tell. What a model draws
# can be measured against what it was asked for. And a model of $\mathbf{x}$ given $y$ is also a
# classifier.
#
# ## Exercises
#
# **1.** Where in the image does the label help? Predict it, then compute how many of the nats that it saves
# are saved in the upper half.


# %% tags=["remove-input"]
def saved_by_row():
    images, labels = data.test.images, data.test.labels
    given = analysis.surprise(labelled, images, labels)
    saved = analysis.surprise(plain, images) - given
    return saved.mean(axis=0).sum(axis=1)


saved = saved_by_row()
upper_half = saved[: len(saved) // 2].sum()
show_solution(
    f"""
{upper_half:.2f} of {saved.sum():.2f} nats are saved in the upper half. Further down, the pixels that are
already there tell the class, and a label has little to add. The curve of the accuracy above says the same.
""",
    saved_by_row,
)

# %% [markdown]
# **2.** Give the model the upper half of test images and the label of another class. Which of the two does
# it believe? Let the recogniser judge.


# %% tags=["remove-input"]
def believed():
    images = data.test.images[:100]
    real = data.test.labels[:100]
    other = (real + classes // 2) % classes
    upper = np.zeros(data.image_shape[:2], bool)
    upper[: len(upper) // 2] = True
    completed = labelled.sample(
        len(images), other, image=images, keep=upper, seed=0
    )
    judged = recogniser.predict(flat(completed))
    return (judged == other).mean(), (judged == real).mean()


as_label, as_image = believed()
show_solution(
    f"""
{as_label:.0%} of the completed images are recognised as the class of the label, {as_image:.0%} as the class
of the upper half, and {1 - as_label - as_image:.0%} as neither. Without the label, nothing would speak for its class; without
the pixels, nearly all images would be of it. So the model listens to both, and often has to serve two masters.
""",
    believed,
)

# %% [markdown]
# **3.** Give the upscaling model a map whose upper half is that of one image and whose lower half is that of
# another. Is each half obeyed?


# %% tags=["remove-input"]
def halves_obeyed():
    cut = maps.shape[1] // 2
    mixed = maps[:300].copy()
    mixed[:, cut:] = np.roll(maps[:300], 1, axis=0)[:, cut:]
    drawn = upscaling.sample(len(mixed), mixed, seed=seed)
    coarse = statistics.coarse(drawn / (data.levels - 1), block)
    off = np.abs(coarse - mixed)
    return off[:, :cut].mean(), off[:, cut:].mean()


upper_off, lower_off = halves_obeyed()
show_solution(
    f"""
The brightness of the upper half differs from its map by {upper_off:.3f} on average, that of the lower half by
{lower_off:.3f}. Both are far below the {shuffled:.3f} of another image's map; with maps that fit together it was
{kept:.3f}. The upper half is drawn first and knows nothing of the join. Only the lower half has to join strokes that do
not fit.
""",
    halves_obeyed,
)

# %% [markdown]
# **4.** The vector model has never seen an image that is half of one class and half of another. Ask for one,
# say half a 3 and half an 8.


# %% tags=["remove-input"]
def drawn_between(a, b):
    half = (np.eye(classes)[a] + np.eye(classes)[b]) / 2
    drawn = styled.sample(100, np.tile([*half, 0, 0], (100, 1)), seed=0)
    judged = recogniser.predict(flat(drawn))
    return (judged == a).mean(), (judged == b).mean()


a, b = (3, 8) if classes > 8 else (0, 1)
as_a, as_b = drawn_between(a, b)
show_solution(
    f"""
Of 100 images, {as_a:.0%} are recognised as {a}, {as_b:.0%} as {b}, and {1 - as_a - as_b:.0%} as something
else. Nothing in training says what such a vector means. Between two vectors that were seen, the
network guesses.
""",
    drawn_between,
)
