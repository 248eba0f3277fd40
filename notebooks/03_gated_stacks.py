# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

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

# %% [markdown]
# # What do two stacks and a gate buy?
#
# After this chapter you can explain how a Gated PixelCNN avoids the blind spot, what its gate does,
# and how to compare two models fairly. You will have trained both on the same images at equal cost.
# It runs in about a minute on two CPU cores.

# %% tags=["parameters"]
dataset: str = "digits"  # or "mnist", "binarized_mnist", path to an .npz
data_path: str = "data"  # folder that is searched for data files
image_size: int = 15  # height and width of images for receptive fields
epochs: int = 8  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 5e-3  # highest learning rate of both models
blocks: int = 4  # blocks of the GatedPixelCNN; the PixelCNN has one more
gated_filters: int = 24  # feature maps of each stack of the GatedPixelCNN
pixelcnn_filters: int = 60  # feature maps of the PixelCNN, an even number
seed: int = 0  # of initialisation, shuffling and sampling

# %%
import math

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.analysis import Likelihood
from pcnnlib.nn import masks
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import glue, glue_run, show
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
    seed=range(2**32),
)
check_dataset(
    pcnn.load_dataset(dataset, data_path=data_path), channels=None
)

# %% [markdown]
# ## The idea: look up, then look left
#
# A single stack has a blind spot because one mask has to serve two purposes: whole rows above, but
# only a part of the own row. The Gated PixelCNN {cite:p}`oord2016conditional` gives each purpose its
# own stack.
#
# - The **vertical stack** sees the rows above, over the full width of its kernel. Its first layer
#   (type A) stops at the row above; later ones (type B) may use the features of the own row, since
#   these know only of rows above.
# - The **horizontal stack** sees the own row, to the left. In every layer it also receives what the
#   vertical stack computed for the same pixel, through a 1 × 1 convolution: the *link*.
#
# The vertical stack never receives anything from the horizontal one. It would learn of pixels to the
# right of the one to be predicted.

# %% tags=["hide-input"]
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
    caption="The masks of both stacks, types A and B. Together, A and A show exactly what comes "
    "before a pixel.",
)

# %% [markdown]
# In the library a block computes the vertical stack, and then the horizontal one:
#
# ```{literalinclude} ../pcnnlib/nn/blocks.py
# :pyobject: GatedBlock.vertical_stack
# ```
#
# ```{literalinclude} ../pcnnlib/nn/blocks.py
# :pyobject: GatedBlock.horizontal_stack
# ```
#
# The link takes the output of the vertical convolution *before* the gate, as in figure 2 of the paper,
# and the horizontal stack has a residual connection, except in the first block: there it would hand
# the pixel's own value on.

# %% [markdown]
# ## The gate
#
# In place of ReLU, each block multiplies two halves of its features (equation 2 of the paper):
#
# $$ \mathbf{y} = \tanh(W_{k,f} \ast \mathbf{x}) \odot \sigma(W_{k,g} \ast \mathbf{x}), $$
#
# where $k$ counts the blocks, $\ast$ is a convolution, $\odot$ the elementwise product and $\sigma$
# the logistic function. The first factor says *what*, between −1 and 1; the second, between 0 and
# 1, *how much of it*. Such products are what PixelRNNs have in their LSTMs, and the authors
# suspected them to be the reason why PixelRNNs did better than PixelCNNs.
#
# ```{literalinclude} ../pcnnlib/nn/blocks.py
# :pyobject: gate
# ```

# %% tags=["hide-input"]
show(
    plots.gate(),
    alt="Curves of tanh(a) sigmoid(b) against a, steeper for larger b, and a map over a and b.",
    caption="The gate. For large b it is tanh(a); for small b nothing passes.",
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
for layers in (2, 3, 5, 8):
    model = pcnn.PixelCNN(shape, blocks=layers, first_kernel_size=3)
    fields[f"PixelCNN, {layers} layers"] = pcnn.receptive_field(
        model, middle
    )
for layers in (2, 3, 5, 8):
    model = pcnn.GatedPixelCNN(shape, blocks=layers, first_kernel_size=3)
    fields[f"Gated, {layers} layers"] = pcnn.receptive_field(model, middle)

# %% tags=["hide-input"]
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
for name, report in reports.items():
    print(f"{name} - {report}")
glue("blind_pixelcnn", int(reports["PixelCNN"].blind_spot.sum()))
glue("blind_gated", int(reports["GatedPixelCNN"].blind_spot.sum()))
assert reports["PixelCNN"].causal and reports["GatedPixelCNN"].causal
assert not reports["GatedPixelCNN"].blind_spot.any()

# %% tags=["hide-input"]
show(
    plots.causality(reports),
    alt="Two triangular matrices of influence. Only the PixelCNN's has gaps below the diagonal.",
    caption="Which pixel changes which prediction, in raster order. The gated model fills "
    "everything below the diagonal.",
)

# %% [markdown]
# {glue:text}`blind_pixelcnn` pairs of pixels are out of sight for the PixelCNN,
# {glue:text}`blind_gated` for the Gated PixelCNN. With the first kernel of 7 × 7 that the library
# uses, the blind spot of an 8 × 8 image is small; it grows with the image.
#
# ## Both models, side by side
#
# A comparison is fair only at equal cost. Here both models have as many parameters, up to rounding,
# and the same images, batches, epochs, optimiser and learning rate. The optimiser is Muon, which moves
# a weight matrix in all its directions alike, and needs about half of Adam's steps here
# {cite:p}`jordan2024muon`. (Of 0.005, 0.01 and 0.02, the rate 0.005 gave the lowest validation loss to
# both models. Kernel, depth and width were settled before, in trial runs whose test figures were seen
# as well.) The time that each takes is measured and stated.

# %%
import keras

data = pcnn.load_dataset(dataset, data_path=data_path)
keras.utils.set_random_seed(seed)
images = data.image_shape, data.levels
models = {
    "PixelCNN": pcnn.PixelCNN(
        *images, pixelcnn_filters, blocks + 1, first_kernel_size=5
    ),
    "Gated PixelCNN": pcnn.GatedPixelCNN(
        *images, gated_filters, blocks, first_kernel_size=5
    ),
}
for name, model in models.items():
    print(f"{name:15} {model.count_params():,} parameters")

# %% tags=["timing"]
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    seed=seed,
)
histories = {
    name: pcnn.train(m, data, config) for name, m in models.items()
}

# %% tags=["hide-input"]
show(
    plots.training_curves(
        histories, unit="bits/dim", dims=math.prod(data.image_shape)
    ),
    alt="Training and validation loss of both models against epochs.",
    caption="Both models as they are trained. Validation uses averaged weights, which lag behind "
    "at first.",
)

# %% [markdown]
# ## Result

# %%
likelihoods = {}
for name, model in models.items():
    likelihoods[name] = pcnn.evaluate(model, data.test)
for name, likelihood in likelihoods.items():
    print(f"{name:15} {likelihood}")

# %% tags=["hide-input"]
show(
    plots.compare_likelihoods(likelihoods, from_zero=False),
    alt="Test bits per dimension of both models with error bars.",
    caption="Test bits/dim of both models. Whiskers are two standard errors.",
)

# %% [markdown]
# Both error bars are wide, because some digits are harder than others. But they are harder for both
# models. The difference, taken image by image, is known much better:

# %%
old = -models["PixelCNN"].log_likelihood(data.test.images)
new = -models["Gated PixelCNN"].log_likelihood(data.test.images)
gain = Likelihood.of(old - new, data.image_shape)
print(f"{gain.nats_per_image:.2f} ± {gain.standard_error:.2f} nats/image")

# %% tags=["remove-input"]
for key, name in {
    "pixelcnn": "PixelCNN",
    "gated": "Gated PixelCNN",
}.items():
    glue(f"bits_{key}", likelihoods[name].bits_per_dim)
    glue(f"nats_{key}", likelihoods[name].nats_per_image)
    glue(f"error_{key}", likelihoods[name].standard_error)
    glue(f"seconds_{key}", sum(histories[name]["seconds"]))
    glue(f"parameters_{key}", models[name].count_params())
glue("gain", gain.nats_per_image)
glue("gain_error", gain.standard_error)

# %% [markdown]
# | | test bits/dim | nats per image | parameters | seconds |
# |---|---|---|---|---|
# | PixelCNN | {glue:text}`bits_pixelcnn:.3f` | {glue:text}`nats_pixelcnn:.2f` ± {glue:text}`error_pixelcnn:.2f` | {glue:text}`parameters_pixelcnn:,` | {glue:text}`seconds_pixelcnn:.0f` |
# | Gated PixelCNN | {glue:text}`bits_gated:.3f` | {glue:text}`nats_gated:.2f` ± {glue:text}`error_gated:.2f` | {glue:text}`parameters_gated:,` | {glue:text}`seconds_gated:.0f` |
#
# In this run the PixelCNN costs {glue:text}`gain:.2f` ± {glue:text}`gain_error:.2f` nats per image
# more than the Gated PixelCNN (less, if the number is negative). The ± comes from the choice of test
# images alone. Chance in training, the initial weights and the order of the batches, comes on top,
# and one pair of runs cannot tell how much: exercise 3 does. On images this small there is little to
# be blind to, so no great difference is to be expected. On CIFAR-10, with 32 by 32 pixels, the paper
# reports 3.03 bits/dim for the Gated PixelCNN against 3.14 for the PixelCNN
# {cite:p}`oord2016conditional`.
#
# ## Samples

# %%
drawn = {name: m.sample(10, seed=seed) for name, m in models.items()}

# %% tags=["hide-input"]
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

# %% tags=["hide-input"]
show(
    plots.animate(growing, data.levels, every=every),
    alt="Eight digits appear pixel by pixel, from the top left to the bottom right.",
    caption="Eight images being generated. Blue-grey pixels have not been drawn yet.",
)

# %% [markdown]
# ## At full size
#
# A larger network of the same kind, trained for longer, on MNIST's 28 × 28 binary pixels. That takes more
# than minutes, so it was done once: the run is described in `results/mnist`, and its weights come with the
# library. (`--dilations` spreads the taps of the kernels, so that the last rows see nearly all of those
# above: [chapter 8](08_results.ipynb) shows what that changes.)

# %%
full = runs.read_run("mnist")
print(full["command"])
published = pcnn.load_pretrained("mnist")
large = published.sample(20, seed=seed)

# %% tags=["hide-input"]
show(
    plots.training_curves({"mnist": full["history"]}),
    alt="Validation and training loss of the published run against epochs.",
    caption="The published run as it was trained.",
)
show(
    plots.image_grid(large, 2, columns=10),
    alt="Twenty drawn binary digits of 28 by 28 pixels.",
    caption="Drawn from the published weights, none selected.",
)

# %% tags=["remove-input"]
glue_run("full", full)

# %% [markdown]
# {glue:text}`full_nats:.2f` ± {glue:text}`full_error:.2f` nats per test image, after
# {glue:text}`full_epochs` epochs in {glue:text}`full_hours:.1f` hours ({glue:text}`full_hardware`, seed
# {glue:text}`full_seed`, commit {glue:text}`full_commit`). [Chapter 8](08_results.ipynb) puts it beside
# other models and says what to make of such a figure.
#
# ## Recap
#
# A vertical stack for the rows above and a horizontal one for the row to the left see everything
# that comes before a pixel, and nothing else. A gate, tanh times sigmoid, replaces ReLU. Models are
# compared at equal cost, on the same test images, and image by image.
#
# ## Exercises
#
# **1.** Why must the link go from the vertical to the horizontal stack, and never back? Predict what
# `check_causality` would say if the next block's vertical stack received the horizontal features.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# Horizontal features at column $j$ know the pixels of the own row up to $j-1$ (after the first
# block). The vertical kernel looks to both sides, so a pixel further left would receive features
# from columns to its right, which know the pixel itself: a leak. You can watch it:
#
# ```python
# model = pcnn.GatedPixelCNN((6, 6, 1), levels=4, filters=8, blocks=2, first_kernel_size=3)
#
#
# def crossed(scaled, condition, training):
#     vertical = horizontal = scaled
#     for block in model.blocks:
#         vertical, horizontal = block(vertical, horizontal)
#         vertical = vertical + horizontal
#     return model.head(horizontal)
#
#
# model.outputs_of = crossed
# print(pcnn.check_causality(model))
# ```
#
# </details>
#
# **2.** Draw at temperatures 0.5, 0.8 and 1.2. What is gained, and what is lost?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# model = models["Gated PixelCNN"]
# rows = {f"T = {t}": model.sample(10, seed=0, temperature=t) for t in (0.5, 0.8, 1.0, 1.2)}
# plots.image_grid(rows, data.levels)
# ```
#
# Low temperatures give cleaner strokes and less variety, high ones the reverse. Only temperature 1
# draws from the distribution whose likelihood was measured.
#
# </details>
#
# **3.** How much of the difference above is chance? Repeat the comparison with other seeds.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# From the shell, once for each seed:
#
# ```bash
# papermill notebooks/03_gated_stacks.ipynb out.ipynb -p seed 1
# ```
#
# If the difference changes from seed to seed by more than its ±, training is the larger source of
# chance, and a careful comparison has to average over several runs of each model.
#
# </details>
