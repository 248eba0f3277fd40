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
# After this chapter you can condition a Gated PixelCNN on a label, on a vector and on a map, measure
# what each is worth in nats, check that drawings follow what was asked for, and turn the model into a
# classifier by Bayes' rule. Four small models are trained, in about a minute and a half on two CPU cores.

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

# %%
import keras
import numpy as np
from sklearn.svm import SVC

import pcnnlib as pcnn
from pcnnlib import analysis, runs
from pcnnlib.analysis import Likelihood
from pcnnlib.data import statistics
from pcnnlib.viz import explorers, plots
from pcnnlib.viz.notebook import (
    glue,
    glue_run,
    parse_integers,
    show,
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
# with $\mathbf{h}$ behind every bar (equation 3 of [van den Oord et al. (2016)](https://arxiv.org/abs/1606.05328)):
#
# $$ p(\mathbf{x} \mid \mathbf{h}) = \prod_{i=1}^{n^2} p(x_i \mid x_1, \dots, x_{i-1}, \mathbf{h}). $$
#
# It enters every gate of both stacks as a bias that depends on $\mathbf{h}$ (equation 4):
#
# $$ \mathbf{y} = \tanh(W_{k,f} \ast \mathbf{x} + V_{k,f}^\top \mathbf{h}) \odot
# \sigma(W_{k,g} \ast \mathbf{x} + V_{k,g}^\top \mathbf{h}). $$
#
# This says *what* is to be drawn, the same at every pixel. If $\mathbf{h}$ also says *where*, a learned
# transposed convolution first turns it into a map $\mathbf{s} = m(\mathbf{h})$ of the image's size, and
# an unmasked 1 × 1 convolution $V_{k} \ast \mathbf{s}$ takes the place of $V_k^\top \mathbf{h}$
# (equation 5). No mask is needed: $\mathbf{h}$ is known before the first pixel is drawn.
#
# In the library, a condition encodes itself. A label is a one-hot vector, a vector is itself,
# a map passes its transposed convolution:
#
# ```{literalinclude} ../pcnnlib/nn/conditions.py
# :pyobject: Labels.encode
# ```
#
# ```{literalinclude} ../pcnnlib/nn/conditions.py
# :pyobject: Map.make_encoder
# ```
#
# ## Check: how far does a condition reach?
#
# Before any training: change the condition, leave the image alone, and see which predictions change.
# A label should reach every pixel, the first one included. One cell of a map should reach its own
# pixels, and what is drawn after them as far as the kernels carry, but nothing before. And whatever
# $\mathbf{h}$ is, no pixel may see a later pixel.

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
for name, pixels in reached.items():
    print(f"{name:16} reaches {pixels.sum()} of 64 pixels")
assert reached["label"].all()
assert not reached["map, cell (2, 1)"][:4].any()

# %% tags=["hide-input"]
show(
    plots.changed_predictions(
        reached,
        {"map, first cell": (0, 0, 2, 2), "map, cell (2, 1)": (4, 2, 2, 2)},
    ),
    alt="Three maps of pixels: a label reaches all, a cell of a map its own place and later ones.",
    caption="Predictions that change with the condition, in an untrained model. Outlined: the pixels "
    "that the changed cell of a 4 × 4 map stands for.",
)

# %% [markdown]
# ## Labels
#
# Two models, equal but for the label, are trained on the same images in the same order.

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

# %% tags=["hide-input"]
show(
    plots.training_curves(
        {"without labels": plain_history, "with labels": labelled_history}
    ),
    alt="Loss of both models against epochs; the one with labels ends lower.",
    caption="Both models as they are trained.",
)

# %%
labels = np.repeat(np.arange(classes), 10)
by_class = labelled.sample(len(labels), labels, seed=seed)

# %% tags=["hide-input"]
show(
    plots.image_grid(
        {str(k): by_class[labels == k] for k in range(classes)}, data.levels
    ),
    alt="Ten rows of drawn digits, one row for each class.",
    caption="One row for each class, ten drawn images each, none selected.",
)

# %% [markdown]
# ### Are they what was asked for?
#
# Eyes are kind judges. A classifier that has only ever seen real digits is a stricter one: a support
# vector machine, fitted on the training images, looks at {glue:text}`judged` drawn ones.

# %%
recogniser = SVC(C=10).fit(
    data.train.images[:5000].reshape(len(data.train.images[:5000]), -1),
    data.train.labels[:5000],
)


def recognised(images):
    """The class that the recogniser sees in each image."""
    return recogniser.predict(images.reshape(len(images), -1))


asked = np.repeat(np.arange(classes), per_class)
judged = recognised(labelled.sample(len(asked), asked, seed=seed + 1))
on_real = (recognised(data.test.images) == data.test.labels).mean()
on_drawn = (judged == asked).mean()
print(
    f"recognised: {on_real:.1%} of real images, {on_drawn:.1%} of drawn ones"
)

# %% tags=["remove-input"]
glue("judged", len(asked))
glue("on_real", float(100 * on_real))
glue("on_drawn", float(100 * on_drawn))
confused = np.zeros((classes, classes), int)
np.add.at(confused, (asked, judged), 1)

# %% tags=["hide-input"]
show(
    plots.confusion(
        confused, truth="class asked for", judged="class recognised"
    ),
    alt="A table of classes asked for against classes recognised, most of it on the diagonal.",
    caption="What the recogniser took the drawn images for.",
)

# %% [markdown]
# It recognises {glue:text}`on_real:.1f`% of the real test images and {glue:text}`on_drawn:.1f`% of the
# drawn ones. A model that ignored its label would get 1 in {glue:text}`classes` right.
#
# ### What is a label worth?

# %%
nats = {
    "without": -plain.log_likelihood(data.test.images),
    "with": -labelled.log_likelihood(data.test.images, data.test.labels),
}
per_class_nats = analysis.class_log_likelihoods(labelled, data.test.images)
probabilities, evidence = analysis.posterior(per_class_nats)
nats["summed out"] = -evidence
for name, values in nats.items():
    print(f"{name:10} {Likelihood.of(values, data.image_shape)}")

# %% tags=["remove-input"]
glue("classes", classes)
glue("bound", float(np.log(classes)))
for name, values in nats.items():
    key = name.replace(" ", "_")
    glue(
        f"nats_{key}",
        Likelihood.of(values, data.image_shape).nats_per_image,
    )
    glue(
        f"error_{key}",
        Likelihood.of(values, data.image_shape).standard_error,
    )
for key, (a, b) in {
    "gain": ("without", "with"),
    "label_worth": ("summed out", "with"),
}.items():
    difference = Likelihood.of(nats[a] - nats[b], data.image_shape)
    glue(key, difference.nats_per_image)
    glue(f"{key}_error", difference.standard_error)

# %% [markdown]
# | test images | nats per image |
# |---|---|
# | model without labels | {glue:text}`nats_without:.2f` ± {glue:text}`error_without:.2f` |
# | model with labels, given the label | {glue:text}`nats_with:.2f` ± {glue:text}`error_with:.2f` |
# | model with labels, the label summed out | {glue:text}`nats_summed_out:.2f` ± {glue:text}`error_summed_out:.2f` |
#
# Image by image, the label saves {glue:text}`gain:.2f` ± {glue:text}`gain_error:.2f` nats. Is that
# possible? A label is one of {glue:text}`classes`, so it cannot *tell* more than
# $\ln$ {glue:text}`classes` = {glue:text}`bound:.2f` nats: for every image
#
# $$ -\ln p(\mathbf{x}) = -\ln \sum_{y} p(y)\, p(\mathbf{x} \mid y)
# \;\le\; -\ln p(\mathbf{x} \mid y) - \ln p(y). $$
#
# The last row of the table applies the sum to the conditional model itself. Against that, the label is
# worth {glue:text}`label_worth:.2f` ± {glue:text}`label_worth_error:.2f` nats, within the bound. Whatever the first
# difference has beyond it comes from training: the two models have not learnt the same, and with few
# images a model that is told the class may learn more from each.
#
# ### A classifier for free
#
# With the same sum comes Bayes' rule, $p(y \mid \mathbf{x}) \propto p(y)\, p(\mathbf{x} \mid y)$.
# The model was never trained to classify, but it can:

# %%
bayes = (probabilities.argmax(axis=1) == data.test.labels).mean()
glue("bayes", float(100 * bayes))
print(
    f"right by Bayes' rule: {bayes:.1%} of {len(data.test):,} test images"
)

# %% [markdown]
# It is right on {glue:text}`bayes:.1f`% of the test images. And since the likelihood is a product over
# pixels, the rule works for any number of first pixels: how soon does the model know what it is
# looking at? If it is right to be as sure as it is, its mean confidence is equal to its accuracy.

# %%
seen = data.test.images[:300]
surprise = np.stack(
    [
        analysis.surprise(labelled, seen, np.full(len(seen), k))
        for k in range(classes)
    ],
    axis=-1,
)
steps = surprise.reshape(len(seen), -1, classes).cumsum(axis=1)
steps = np.concatenate([np.zeros((len(seen), 1, classes)), steps], axis=1)
belief, _ = analysis.posterior(-steps)
right = (belief.argmax(axis=-1) == data.test.labels[:300, None]).mean(
    axis=0
)
sure = belief.max(axis=-1).mean(axis=0)
glue("too_sure", float(100 * (sure - right).mean()))

# %% tags=["hide-input"]
show(
    plots.lines(
        {
            "accuracy": (np.arange(len(right)), right),
            "confidence": (np.arange(len(sure)), sure),
        },
        x="pixels seen",
        y="share",
        reference={"one class in all": 1 / classes},
    ),
    alt="Accuracy and confidence rise with the number of pixels seen.",
    caption="Accuracy of Bayes' rule on the first pixels of test images, and the mean probability of "
    "the class that it names.",
)

# %% [markdown]
# It knows many digits before half of their pixels are there. Averaged over the whole curve, it is
# {glue:text}`too_sure:.1f` percentage points surer than it is right (less sure, if the number is
# negative).
#
# ## Vectors
#
# A vector can hold anything that is the same all over the image. The paper conditions on the
# embedding of a face, taken from another network; here is a vector that you can read. It has the
# label, one-hot, and two numbers that are measured on each image: its *ink*, the mean brightness, and
# its *slant*, how far strokes move to the right per row upwards, both in standard deviations from the
# training images' mean.


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
# Ask for it, then measure it: ink and slant are drawn at random, ten images of each class.

# %%
wanted = np.random.default_rng(seed).uniform(-1.5, 1.5, (len(labels), 2))
drawn = styled.sample(
    len(labels),
    np.column_stack([np.eye(classes)[labels], wanted]),
    seed=seed,
)
got = style(measured(drawn / (data.levels - 1)))
follows = [np.corrcoef(wanted[:, k], got[:, k])[0, 1] for k in range(2)]
glue("follows_ink", float(follows[0]))
glue("follows_slant", float(follows[1]))

# %% tags=["hide-input"]
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

# %% [markdown]
# The correlations are {glue:text}`follows_ink:.2f` for ink and {glue:text}`follows_slant:.2f` for slant.
# The scatter around the diagonal is no fault by itself: the model was shown pairs of image and
# measurement, and draws what is likely, not what is exact.
#
# The same noise can be spent on every request. What then differs between two images of a class is
# what was asked for:

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

# %% tags=["hide-input"]
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

# %% tags=["hide-input"]
axes = {"class": range(classes), "ink": inks, "slant": slants}
explorers.image_explorer(
    strips, data.levels, axes, start=(min(3, classes - 1), 1, 1)
)

# %% [markdown]
# ## Maps
#
# A label says what, a map also says where. Here the map is the image itself, seen from afar: the means
# of squares of {glue:text}`block` × {glue:text}`block` pixels. The model has to draw the fine image
# that belongs to it. That is upscaling, and it has more than one answer.

# %%
coarse_data = data.conditioned(
    lambda split: statistics.coarse(data.brightness(split), block)
)
map_shape = coarse_data.test.conditions.shape[1:]
upscaling, _ = trained(coarse_data, pcnn.Map(map_shape))

# %%
maps = coarse_data.test.conditions
fine = upscaling.sample(len(maps[:300]), maps[:300], seed=seed)
seen_from_afar = statistics.coarse(fine / (data.levels - 1), block)
kept = np.abs(seen_from_afar - maps[:300]).mean()
shuffled = np.abs(seen_from_afar - np.roll(maps[:300], 1, axis=0)).mean()
print(
    f"coarse version of what was drawn, against what was asked: {kept:.3f}"
)
print(f"against what was asked for of another image: {shuffled:.3f}")

# %% tags=["remove-input"]
given_map = Likelihood.of(
    -upscaling.log_likelihood(data.test.images, maps), data.image_shape
)
glue("block", block)
glue("map_numbers", int(np.prod(map_shape)))
glue("nats_map", given_map.nats_per_image)
glue("error_map", given_map.standard_error)
glue("kept", float(kept))
glue("shuffled", float(shuffled))

# %% tags=["hide-input"]
shown = maps[:10].repeat(block, axis=1).repeat(block, axis=2)
again = [
    upscaling.sample(10, maps[:10], seed=seed + k) for k in range(1, 4)
]
show(
    plots.image_grid(
        {
            "given": np.rint(shown * (data.levels - 1)).astype(int),
            **{
                f"drawn, {k}": images
                for k, images in enumerate(again, start=1)
            },
            "real": data.test.images[:10],
        },
        data.levels,
    ),
    alt="Coarse digits, three fine versions of each, and the real ones.",
    caption="First row: all that the model is given. Last row: the test images that it was taken from, "
    "which the model has never seen. Between them, three draws for each.",
)

# %% [markdown]
# Seen from afar, the drawn images differ from their maps by {glue:text}`kept:.3f` on average (brightness
# 0 to 1), from other images' maps by {glue:text}`shuffled:.3f`: the map is obeyed, place by place. Its
# {glue:text}`map_numbers` numbers bring the test images down to {glue:text}`nats_map:.2f` ±
# {glue:text}`error_map:.2f` nats, from {glue:text}`nats_without:.2f` without any condition.
#
# ## At full size
#
# Two published runs on MNIST's 28 × 28 binary pixels, one of them with labels. What they were is in
# `results/`, and their weights come with the library.

# %%
full = {
    name: runs.read_run(name) for name in ("mnist", "mnist-conditional")
}
published = pcnn.load_pretrained("mnist-conditional")
large_labels = np.tile(np.arange(10), 4)
large = published.sample(len(large_labels), large_labels, seed=seed)
for run in full.values():
    print(f"{run['test']['nats_per_image']:.2f} nats: {run['command']}")

# %% tags=["hide-input"]
show(
    plots.training_curves(
        {name: run["history"] for name, run in full.items()}
    ),
    alt="Validation and training loss of both published runs against epochs.",
    caption="The published runs as they were trained.",
)
show(
    plots.image_grid(large, 2, columns=10),
    alt="Four rows of drawn digits of 28 by 28 pixels, a column for each class.",
    caption="Drawn from the published weights, a column for each class, none selected.",
)

# %% tags=["remove-input"]
for name, run in full.items():
    glue_run(f"full_{name.replace('-', '_')}", run)
glue(
    "full_gain",
    full["mnist-conditional"]["test"]["nats_per_image"]
    - full["mnist"]["test"]["nats_per_image"],
)

# %% [markdown]
# | 10,000 MNIST test images | nats per image | epochs | hours |
# |---|---|---|---|
# | without labels | {glue:text}`full_mnist_nats:.2f` ± {glue:text}`full_mnist_error:.2f` | {glue:text}`full_mnist_epochs` | {glue:text}`full_mnist_hours:.1f` |
# | given the label | {glue:text}`full_mnist_conditional_nats:.2f` ± {glue:text}`full_mnist_conditional_error:.2f` | {glue:text}`full_mnist_conditional_epochs` | {glue:text}`full_mnist_conditional_hours:.1f` |
#
# The second differs from the first by {glue:text}`full_gain:+.2f` nats (minus is better). Where the epochs
# differ, part of that comes from training. (On {glue:text}`full_mnist_conditional_hardware`, commits
# {glue:text}`full_mnist_commit` and {glue:text}`full_mnist_conditional_commit`;
# [chapter 8](08_results.ipynb) has the rest.)
#
# ## Recap
#
# A condition is one more term in every gate: $V^\top \mathbf{h}$, the same at every pixel, for labels
# and vectors; a map of the image's size where it matters where. It needs no mask, since it is known
# before the first pixel. A label saves at most as many nats as it tells; what a model draws can be
# measured against what it was asked for; and a model of $\mathbf{x}$ given $y$ is also a classifier.
#
# ## Exercises
#
# **1.** Where in the image does the label help? Predict it, then draw the nats that each pixel saves.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# images, labels = data.test.images, data.test.labels
# saved = analysis.surprise(plain, images) - analysis.surprise(labelled, images, labels)
# plots.surprise(images[0], saved.mean(axis=0).clip(0), data.levels)
# ```
#
# Mostly in the first rows. Further down, the pixels already drawn tell the class, and a label has
# little to add: the curve of the accuracy above says the same.
#
# </details>
#
# **2.** Give the model the upper half of some images and the label of another class. Which of the two
# does it believe?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# hidden = data.test.images[:8]
# upper = np.zeros(data.image_shape[:2], bool)
# upper[: len(upper) // 2] = True
# rows = {"real": hidden}
# for label in (0, 3, 8):
#     labels = np.full(8, label)
#     rows[f"as a {label}"] = labelled.sample(8, labels, image=hidden, keep=upper, seed=0)
# plots.image_grid(rows, data.levels)
# ```
#
# Both, as far as it can: the lower half is that of the label, joined to strokes that are already there.
# The likelihood of such a half shows how much it had to bend.
#
# </details>
#
# **3.** Make the map coarser: squares of 4 × 4. How many nats are lost, and what happens to the drawn
# images?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```bash
# papermill notebooks/05_conditioning.ipynb out.ipynb -p block 4
# ```
#
# Four numbers instead of sixteen: the nats go most of the way back to those of the unconditional model,
# and the draws of one map begin to disagree about the class.
#
# </details>
#
# **4.** The vector model has never seen an image that is half a 3 and half an 8. Ask for one.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# half = 0.5 * np.eye(classes)[3] + 0.5 * np.eye(classes)[8]
# drawn = styled.sample(10, np.tile([*half, 0, 0], (10, 1)), seed=0)
# plots.image_grid(drawn, data.levels, columns=10)
# ```
#
# Nothing in training says what this means: some come out as one of the two, some as a mixture of both.
# A vector between two that were seen is a guess of the network, not a law.
#
# </details>
