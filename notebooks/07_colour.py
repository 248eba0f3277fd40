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
# After this chapter you can say in which order R, G and B are drawn, where a network hides that order
# and where it most often leaks, and what a mixture of logistics buys in place of 256 separate
# probabilities. It trains three small models, in about a minute on two CPU cores.

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
levels: int = 32  # of the two-colour digits; photographs have 256
epochs: int = 8  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 1e-2  # highest
filters: int = 24  # feature maps of each stack, a multiple of 3
blocks: int = 3  # gated blocks
components: int = 5  # logistics in the mixture
seed: int = 0  # of colours, initialisation, shuffling and sampling

# %%
import time

import keras
import numpy as np
from matplotlib.colors import hsv_to_rgb

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.nn import masks
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import glue, show
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

# %% [markdown]
# ## The idea: three small steps for every pixel
#
# A pixel's three values are drawn one after the other, each given those before it
# ([van den Oord et al. (2016)](https://arxiv.org/abs/1601.06759), equation 2):
#
# $$ p(x_i \mid \mathbf{x}_{<i}) = p(x_{i,R} \mid \mathbf{x}_{<i})\; p(x_{i,G} \mid \mathbf{x}_{<i},
# x_{i,R})\; p(x_{i,B} \mid \mathbf{x}_{<i}, x_{i,R}, x_{i,G}). $$
#
# So the mask has something to say within a pixel, too. The features of every layer of the horizontal
# stack are split in three groups, and at the centre tap a group sees its own channel only if the layer
# has type B, later channels never. The vertical stack needs no groups: it knows of rows above alone.

# %%
rgb = masks.feature_groups(3, 3)
six = masks.feature_groups(6, 3)
links = {
    "A: image to features": (masks.channel_mask("A", rgb, six), rgb, six),
    "B: features to features": (
        masks.channel_mask("B", six, six),
        six,
        six,
    ),
}

# %% tags=["hide-input"]
show(
    plots.channel_order(links),
    alt="Two grids of links between groups R, G and B: type A strictly later, type B also the same.",
    caption="Links at the pixel itself. Rows: where from; columns: where to; dark: allowed. The "
    "features of group G may know R, those of B may know R and G.",
)

# %% [markdown]
# ## The leak between the halves
#
# A gate splits its input into features and gates, and multiplies them. Both halves must hold the same
# groups. It is tempting to build one convolution with twice the features and split *those* in three
# groups. Then the cut into halves no longer falls between equal groups, and features that may know R
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
for name, report in reports.items():
    print(f"{name} - {report}")
assert (
    reports["as it should be"].causal
    and not reports["groups over both halves"].causal
)
glue("leaks", len(reports["groups over both halves"].leaks))

# %% tags=["hide-input"]
show(
    plots.causality(reports),
    alt="Two triangles of influence; the second has small squares above the diagonal.",
    caption="Which of 18 values changes the prediction of which, in the order of drawing. The mistake "
    "leaks within a pixel: {} pairs that must not be.".format(
        len(reports["groups over both halves"].leaks)
    ),
)

# %% [markdown]
# {glue:text}`leaks` leaks, all of them between channels of one pixel. Nothing in training would give
# them away: the loss goes *down*. Only the drawn images would be wrong, since a value that is not drawn
# yet cannot help.
#
# ## Images whose channels depend on each other
#
# To see what the order is worth, the channels must have something to tell each other. These are the
# digits again, in two colours that belong together: the paper has the hue opposite to that of the ink.
# And the paper is rough: every pixel is darker or lighter at random, *by the same factor in all three
# channels*. Nothing can foretell the shade of the next pixel. But once its R is known, G and B follow.


# %%
def two_colours(split):
    """Digits in one of six inks, on rough paper of the opposite hue."""
    rng = np.random.default_rng([seed, len(split)])
    hue = rng.integers(0, 6, (len(split), 1, 1)) / 6
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
# ## Two ways to say what a value may be
#
# **Categorical.** As in the papers, the network gives one number for each level of each channel, and
# knows nothing of level 10 being close to level 11. The order of the channels is the network's
# business: groups and masks, as above.
#
# **Mixture of logistics** ([Salimans et al. (2017)](https://arxiv.org/abs/1701.05517)). The network gives the means and widths of a
# few bell-shaped curves; the probability of a level is their weight over its width, and the two levels
# at the ends take all that lies beyond. Levels close to each other come out alike without being told.
# The order of the channels moves into the distribution: the mean of G is shifted in proportion to the
# actual R, that of B in proportion to R and G. The network needs no groups, and a pixel takes one look
# at it instead of three.
#
# ```{literalinclude} ../pcnnlib/nn/distributions/mixture.py
# :pyobject: LogisticMixture.log_likelihood
# ```
#
# Both are trained on the same images, and for comparison a third one, categorical as well, in which the
# channels of a pixel are **blind to each other**: one line closes the centre tap of the first layer.
# (Colours, rate and epochs were settled by validation, after a first choice of colours whose test figures
# had been seen.)

# %% tags=["timing"]
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    grad_clip=1000.0,
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

# %% tags=["hide-input"]
show(
    plots.training_curves(
        histories, unit="bits/dim", dims=int(np.prod(data.image_shape))
    ),
    alt="Loss of three models: the mixture far below, blind channels highest.",
    caption="The three models as they are trained.",
)

# %% [markdown]
# ## Result

# %% tags=["timing"]
drawn, seconds = {}, {}
for name, model in models.items():
    model.sample(10, seed=seed)  # compiles
    start = time.perf_counter()
    drawn[name] = model.sample(10, seed=seed)
    seconds[name] = time.perf_counter() - start
likelihoods = {
    name: pcnn.evaluate(model, data.test) for name, model in models.items()
}
for name, likelihood in likelihoods.items():
    print(f"{name:14} {likelihood.bits_per_dim:.3f} bits/dim")

# %% tags=["hide-input"]
show(
    plots.image_grid({"real": data.test.images[:10], **drawn}, data.levels),
    alt="Rows of colour digits: real ones, and those of the three models.",
    caption="Real images, and ten draws of each model, none selected.",
)

# %% [markdown]
# Are those still two colours? In a real image every pixel is a shade of a mixture of ink and paper, so
# that all of its pixels lie in a plane of the space of R, G and B. How much of an image lies outside of
# the plane that fits it best?


# %%
def beyond_two_colours(images):
    """Share of an image's light outside of its best plane, mean over images."""
    pixels = images.reshape(len(images), -1, 3).astype(float)
    lengths = np.linalg.svd(pixels, compute_uv=False)
    return float(np.mean(lengths[:, 2] / np.linalg.norm(lengths, axis=1)))


stray = {"real": beyond_two_colours(data.test.images)}
for name, model in models.items():
    stray[name] = beyond_two_colours(model.sample(100, seed=seed + 1))
for name, value in stray.items():
    print(f"{name:14} {value:.3f}")

# %% tags=["remove-input"]
glue("stray_real", stray["real"])
for name, model in models.items():
    key = name.replace(" ", "_")
    glue(f"bits_{key}", likelihoods[name].bits_per_dim)
    glue(
        f"error_{key}",
        likelihoods[name].standard_error
        / np.prod(data.image_shape)
        / np.log(2),
    )
    glue(f"weights_{key}", model.count_params())
    glue(f"epoch_{key}", float(np.median(histories[name]["seconds"])))
    glue(f"seconds_{key}", seconds[name])
    glue(f"stray_{key}", stray[name])

# %% [markdown]
# | | test bits/dim | beyond two colours | weights | seconds an epoch | seconds for 10 images |
# |---|---|---|---|---|---|
# | real images | | {glue:text}`stray_real:.3f` | | | |
# | mixture | {glue:text}`bits_mixture:.3f` ± {glue:text}`error_mixture:.3f` | {glue:text}`stray_mixture:.3f` | {glue:text}`weights_mixture:,` | {glue:text}`epoch_mixture:.1f` | {glue:text}`seconds_mixture:.2f` |
# | categorical | {glue:text}`bits_categorical:.3f` ± {glue:text}`error_categorical:.3f` | {glue:text}`stray_categorical:.3f` | {glue:text}`weights_categorical:,` | {glue:text}`epoch_categorical:.1f` | {glue:text}`seconds_categorical:.2f` |
# | categorical, channels blind | {glue:text}`bits_channels_blind:.3f` ± {glue:text}`error_channels_blind:.3f` | {glue:text}`stray_channels_blind:.3f` | {glue:text}`weights_channels_blind:,` | {glue:text}`epoch_channels_blind:.1f` | {glue:text}`seconds_channels_blind:.2f` |
#
# Blind channels pay for a pixel's shade three times, and draw it three times, which makes coloured
# specks. Who has seen R knows the shade, and what the models make of it is plain in what they expect of
# one pixel, near the left edge of a test image:

# %%
image = data.test.images[:1]
at = data.image_shape[0] // 2, 1
predictions = {
    name: np.asarray(model.distribution.probabilities(model(image), image))[
        0, at[0], at[1]
    ]
    for name, model in models.items()
}

# %% tags=["hide-input"]
show(
    plots.level_probabilities(predictions, image[0, at[0], at[1]]),
    alt="Predicted probabilities of the levels of R, G and B by the three models.",
    caption="What each model expects of one test pixel: of R given all earlier pixels, of G given R as "
    "well, of B given R and G. Dotted: the actual value.",
)

# %% [markdown]
# R is open to all three, and G may still be that of the ink or that of the paper. Once R and G are
# known, the two models that see them are nearly sure of B; the blind one knows no more of B than it did
# of R. The form of the mixture says that channels rise and fall together. The categorical model has to
# learn that for every level by itself, from images in which most combinations are rare: that costs it
# most where data are few.
#
# ## Real images
#
# The same comparison on photographs: 4,000 images of CIFAR-10 with 32 × 32 pixels and 256 levels, of
# which 400 test. Two yardsticks stand beside the two distributions: the test images as PNG files, and
# the `PixelCNN` of TensorFlow Probability, which follows PixelCNN++ ([Salimans et al., 2017](https://arxiv.org/abs/1701.05517)),
# trained on the same images. Every training run had the same processor time; ours took their steps by
# Muon, the peer by Adam. They were made by `experiments/colour.py`; their records are in
# `results/cifar-subset`, and this page reads it from there.

# %%
photo_runs = runs.read_runs("cifar-subset")
labels = {
    "mixture": "Gated PixelCNN, mixture",
    "categorical": "Gated PixelCNN, categorical",
    "tfp": "TensorFlow Probability",
    "png": "PNG",
}
for name, label in labels.items():
    test = photo_runs[name]["test"]
    print(f"{label:28} {test['bits_per_dim']:.3f} bits/dim")

# %% tags=["remove-input"]
for name in labels:
    glue(f"cifar_{name}", photo_runs[name]["test"]["bits_per_dim"])
    glue(f"cifar_error_{name}", photo_runs[name]["test"]["standard_error"])
for name in ("mixture", "categorical", "tfp"):
    model_of = photo_runs[name].get("weights", photo_runs[name])
    glue(f"cifar_weights_{name}", model_of["parameters"])
    glue(f"cifar_images_{name}", photo_runs[name]["history"]["images"][-1])
    glue(f"cifar_minutes_{name}", photo_runs[name]["cpu_seconds"] / 60)
glue("cifar_cpu", photo_runs["mixture"]["hardware"]["cpu"])
glue("cifar_seed", photo_runs["mixture"]["seed"])
glue("cifar_commit", photo_runs["mixture"]["commit"])

# %% [markdown]
# | 400 test images | test bits/dim | weights | images trained on | processor minutes |
# |---|---|---|---|---|
# | Gated PixelCNN, mixture | {glue:text}`cifar_mixture:.3f` ± {glue:text}`cifar_error_mixture:.3f` | {glue:text}`cifar_weights_mixture:,` | {glue:text}`cifar_images_mixture:,` | {glue:text}`cifar_minutes_mixture:.0f` |
# | Gated PixelCNN, categorical | {glue:text}`cifar_categorical:.3f` ± {glue:text}`cifar_error_categorical:.3f` | {glue:text}`cifar_weights_categorical:,` | {glue:text}`cifar_images_categorical:,` | {glue:text}`cifar_minutes_categorical:.0f` |
# | TensorFlow Probability, `PixelCNN` | {glue:text}`cifar_tfp:.3f` ± {glue:text}`cifar_error_tfp:.3f` | {glue:text}`cifar_weights_tfp:,` | {glue:text}`cifar_images_tfp:,` | {glue:text}`cifar_minutes_tfp:.0f` |
# | PNG, optimised | {glue:text}`cifar_png:.3f` ± {glue:text}`cifar_error_png:.3f` | | | |
#
# (Seed {glue:text}`cifar_seed`, commit {glue:text}`cifar_commit`, on {glue:text}`cifar_cpu`. The ± is the
# standard error over test images; between models it says too much, since they share the images.) These
# are minutes of one small processor core and a fourteenth part of the images. The paper's Gated PixelCNN
# reached 3.03 bits/dim on all of CIFAR-10 ([van den Oord et al., 2016](https://arxiv.org/abs/1606.05328)), PixelCNN++ 2.92
# ([Salimans et al., 2017](https://arxiv.org/abs/1701.05517)).

# %%
curves = {
    labels[name]: (
        np.array(photo_runs[name]["history"]["cpu_seconds"]) / 60,
        photo_runs[name]["history"]["val_bits_per_dim"],
    )
    for name in ("mixture", "categorical", "tfp")
}
photographs = {
    name: pcnn.load_pretrained(f"cifar-subset/{name}").sample(10, seed=seed)
    for name in ("mixture", "categorical")
}

# %% tags=["hide-input"]
show(
    plots.lines(
        curves,
        x="processor minutes",
        y="validation bits/dim",
        reference={"PNG, test": photo_runs["png"]["test"]["bits_per_dim"]},
    ),
    alt="Validation bits per dimension of three models against processor time.",
    caption="Validation as the models of the table were trained.",
)
show(
    plots.image_grid(photographs, 256),
    alt="Two rows of small blurred colour images without recognisable objects.",
    caption="Ten draws of each of our two models, from the weights in `results/`, none selected: colours "
    "and textures of photographs, but no objects. So little training buys no more.",
)

# %% [markdown]
# ## Recap
#
# R is drawn before G before B. Either the network keeps that order, with groups of features and a mask
# at the pixel itself, and then both halves of a gate need the same groups; or the distribution
# does, and the network looks once per pixel. A mixture of logistics knows that neighbouring levels are
# alike and that channels rise and fall together; a categorical distribution has to learn both.
#
# ## Exercises
#
# **1.** How many links are there at the centre tap of a type B layer with 24 features in three groups?
# And without groups?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# groups = masks.feature_groups(24, 3)
# print(masks.channel_mask("B", groups, groups).sum(), 24 * 24)
# ```
#
# 384 of 576: six of nine blocks of 8 × 8. A third of the weights at that tap is never used, in the
# centre tap alone.
#
# </details>
#
# **2.** Train the model with the leak. What happens to the loss, and what to the images?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# leaking = spread_over_both_halves(build("categorical"))
# pcnn.train(leaking, data, config)
# print(pcnn.evaluate(leaking, data.test))
# plots.image_grid(leaking.sample(10, seed=0, method="full"), data.levels, columns=10)
# ```
#
# The loss falls far below that of any honest model: the network reads off the values that it is asked
# to predict. Drawing, it finds a placeholder there instead, and the images fall apart.
#
# </details>
#
# **3.** Keep R and G of some test images, and let the model draw B alone.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
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
# The mixture mostly gives back the original colours. The blind model sees neither R nor G of the pixel
# itself, has its earlier neighbours alone to go by, and scatters.
#
# </details>
#
# **4.** With 256 levels instead of 32 the categorical model falls further behind. Why?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
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
