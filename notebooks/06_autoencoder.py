# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does a code say to a decoder that can draw?
#
# After this chapter you can train an autoencoder whose decoder is a Gated PixelCNN, say why its
# reconstructions are sharp where an ordinary decoder's are blurred, and measure whether the decoder
# uses its code at all. You will walk from one digit to another through the space of codes. It runs in
# about a minute and a half on two CPU cores.

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
epochs: int = 7  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 5e-3  # highest
filters: int = 24  # feature maps of each stack of the PixelCNN decoder
blocks: int = 4  # gated blocks of the PixelCNN decoder
dilations: str = "2"  # from tap to tap; for 28 x 28, "1,2,4,8"
code_size: int = 4  # numbers in a code; ten for images of 28 x 28
encoder_filters: str = "16,32,64"  # for 28 x 28, 100,150,200
seed: int = 0  # of initialisation, shuffling and sampling

# %%
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.analysis import Likelihood, code_usage
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
    code_size=range(2, 513),
    encoder_filters=("16,32,64", 3),
    seed=range(2**32),
)
check_dataset(pcnn.load_dataset(dataset, data_path=data_path), classes=2)

# %% [markdown]
# ## The idea: leave the details to the decoder
#
# An autoencoder squeezes an image through a few numbers, its *code* $\mathbf{h}$, and asks a decoder
# for the image back. An ordinary decoder paints all pixels at once, each from the code alone:
#
# $$ p(\mathbf{x} \mid \mathbf{h}) = \prod_i p(x_i \mid \mathbf{h}). $$
#
# Whatever the code does not say, such a decoder can only average over. If a stroke may end one pixel
# further left or right, its most faithful picture has a grey smear in both places.
#
# Replace it by a conditional PixelCNN ([van den Oord et al. (2016)](https://arxiv.org/abs/1606.05328), section 2.4):
#
# $$ p(\mathbf{x} \mid \mathbf{h}) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}, \mathbf{h}). $$
#
# Now the decoder can settle such questions by itself, one pixel after the other: once the stroke has
# ended on the left, the next pixels know. The code is free for what the pixels cannot tell each other,
# and the same code may be drawn in several ways.
#
# There is a danger. A PixelCNN draws well without any code, so nothing forces it to listen. Whether it
# does must be measured.
#
# The encoder follows Masci et al. ([Masci et al., 2011](https://doi.org/10.1007/978-3-642-21735-7_7)): three convolutions of 5 × 5, 5 × 5 and
# 3 × 3, pooling after the first two, then a linear layer to {glue:text}`code_size` numbers. Encoder and
# decoder are trained together, by the decoder's likelihood and nothing else:
#
# ```{literalinclude} ../pcnnlib/models/autoencoders.py
# :pyobject: PixelCNNAutoencoder.outputs_of
# ```
#
# ## In code
#
# Two autoencoders with the same encoder, one with each kind of decoder. The ordinary one has transposed
# convolutions. Both predict a distribution over the levels of every pixel, so their losses are in the
# same unit. A PixelCNN without a code is trained as well, to say what a code is worth. (Rate and encoder
# were chosen by validation. The size of the code was settled after trial runs whose test figures had been
# seen: with ten numbers for 64 pixels the two decoders differ less.)

# %%
data = pcnn.load_dataset(dataset, data_path=data_path)
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    seed=seed,
)
images = data.image_shape, data.levels
encoder = dict(
    encoder_filters=parse_integers(
        "encoder_filters", encoder_filters, "16,32,64"
    )
)
sizes = dict(filters=filters, blocks=blocks, first_kernel_size=5)
sizes["dilations"] = parse_integers("dilations", dilations, "1,2,4,8")

keras.utils.set_random_seed(seed)
models = {
    "painting decoder": pcnn.DeconvolutionalAutoencoder(
        *images, code_size, **encoder
    ),
    "drawing decoder": pcnn.PixelCNNAutoencoder(
        *images, code_size, **sizes, **encoder
    ),
    "no code": pcnn.GatedPixelCNN(*images, **sizes),
}
histories = {
    name: pcnn.train(model, data, config) for name, model in models.items()
}
painting, drawing, plain = models.values()
glue("code_size", code_size)

# %% tags=["hide-input"]
show(
    plots.training_curves(histories),
    alt="Loss of three models against epochs: the drawing decoder with its code ends lowest.",
    caption="The three models as they are trained.",
)

# %% [markdown]
# ## Result: blurred or drawn
#
# Ten test images, which neither has seen, through {glue:text}`code_size` numbers and back:

# %%
originals = data.test.images[:10]
codes = drawing.encode(originals)
painted = painting.encode(originals)
rows = {
    "original": originals,
    "painted: mean": np.rint(painting.decode_mean(painted)).astype(int),
    "painted: a draw": painting.decode(painted, seed=seed),
    **{
        f"drawn, {k + 1}": drawing.decode(codes, seed=seed + k)
        for k in range(4)
    },
}

# %% tags=["hide-input"]
show(
    plots.image_grid(rows, data.levels),
    alt="Originals, blurred means, noisy draws of the painting decoder, and four sharp draws.",
    caption="Second row: the painting decoder's mean. Third: its pixels drawn one by one from what it "
    "believes, without knowing of each other. Last four: draws of the PixelCNN decoder, all four from the "
    "same code.",
)

# %% [markdown]
# The mean is smooth, because it averages over everything that the code leaves open. That it is no more
# than an average shows in the third row: the same beliefs, drawn pixel by pixel, are speckled. The
# PixelCNN's draws look like somebody's handwriting, and differ among themselves in what the code
# leaves open.
#
# ## Check: does the decoder use the code?
#
# Three questions to the decoder about the same test images. What do they cost given their own code?
# Given the code of another image? And given no information, the mean of all codes in place of each?

# %%
usage = code_usage(drawing, data.test.images, seed=seed)
costs = {
    "own code": usage["own"],
    "another's code": usage["shuffled"],
    "mean code": usage["none"],
    "no code at all": -plain.log_likelihood(data.test.images),
    "painted, own code": -painting.log_likelihood(data.test.images),
}
likelihoods = {
    name: Likelihood.of(nats, data.image_shape)
    for name, nats in costs.items()
}
for name, value in likelihoods.items():
    print(
        f"{name:18} {value.nats_per_image:6.2f} ± {value.standard_error:.2f}"
    )

# %% tags=["remove-input"]
for name, likelihood in likelihoods.items():
    key = name.replace(" ", "_").replace("'", "").replace(",", "")
    glue(f"nats_{key}", likelihood.nats_per_image)
    glue(f"error_{key}", likelihood.standard_error)
worth = Likelihood.of(
    costs["no code at all"] - costs["own code"], data.image_shape
)
glue("worth", worth.nats_per_image)
glue("worth_error", worth.standard_error)

# %% tags=["hide-input"]
show(
    plots.compare_likelihoods(likelihoods, from_zero=False),
    alt="Test bits per dimension: lowest with the own code, highest with another image's.",
    caption="What test images cost under five conditions. Whiskers are two standard errors.",
)

# %% [markdown]
# | test images | nats per image |
# |---|---|
# | PixelCNN decoder, own code | {glue:text}`nats_own_code:.2f` ± {glue:text}`error_own_code:.2f` |
# | PixelCNN decoder, another image's code | {glue:text}`nats_anothers_code:.2f` ± {glue:text}`error_anothers_code:.2f` |
# | PixelCNN decoder, mean code | {glue:text}`nats_mean_code:.2f` ± {glue:text}`error_mean_code:.2f` |
# | PixelCNN trained without a code | {glue:text}`nats_no_code_at_all:.2f` ± {glue:text}`error_no_code_at_all:.2f` |
# | painting decoder, own code | {glue:text}`nats_painted_own_code:.2f` ± {glue:text}`error_painted_own_code:.2f` |
#
# If the decoder had ignored its code, the first three rows would be alike. The code is used: a wrong one
# is worse than none, and the right one saves {glue:text}`worth:.2f` ± {glue:text}`worth_error:.2f` nats
# against a PixelCNN that never had one. (The mean code is not the same as having none: this decoder was
# trained to trust its code.) The painting decoder pays for every pixel's neighbour that it does not
# know.
#
# One caution: nats *given the code* are not the likelihood of an image. The code was made from the image,
# and what it says is not counted. Compare them with each other, not with the models of other chapters.
#
# ## What is in a code?
#
# If the details are left to the decoder, the code should hold what the pixels have in common: above
# all, the class. A linear classifier can tell, on codes alone; it never saw an image.

# %%
train_codes = drawing.encode(data.train.images)
test_codes = drawing.encode(data.test.images)
spread = train_codes.std(axis=0)
reader = LogisticRegression(max_iter=2000).fit(
    train_codes / spread, data.train.labels
)
read = reader.score(test_codes / spread, data.test.labels)
glue("read", float(100 * read))
print(f"class read off the code: {read:.1%} of test images")

# %% [markdown]
# The class is right for {glue:text}`read:.1f`% of the test images. Nobody told the autoencoder that there
# are classes. The two directions in which codes vary most (their first two principal components)
# already show it:

# %%
mean = train_codes.mean(axis=0)
_, deviations, directions = np.linalg.svd(
    train_codes - mean, full_matrices=False
)
deviations /= np.sqrt(len(train_codes))
plane = (test_codes - mean) @ directions[:2].T / deviations[:2]

# %% tags=["hide-input"]
show(
    plots.code_space(
        plane[:300],
        data.test.labels[:300],
        names=["first component", "second component"],
    ),
    alt="A scatter plot of codes drawn as digits; equal digits lie together.",
    caption="Codes of test images in the plane of their first two principal components, in standard "
    "deviations. Each is shown as its class.",
)

# %% [markdown]
# ### From one code to another
#
# Between two codes lie others. Draw along the way from one image's code to another's, with the same
# noise in every step:

# %%
classes = data.classes
first_of = [
    np.flatnonzero(data.test.labels == k)[0] for k in range(classes)
]
steps = np.linspace(0, 1, 9)[:, None]
paths = {}
for k in range(min(3, classes // 2)):
    ends = data.test.images[[first_of[k], first_of[classes - 1 - k]]]
    a, b = drawing.encode(ends)
    drawn = [
        drawing.decode(code[None], seed=seed)[0]
        for code in a + steps * (b - a)
    ]
    paths[f"{k} to {classes - 1 - k}, drawn"] = drawn
    a, b = painting.encode(ends)
    means = painting.decode_mean(a + steps * (b - a))
    paths[f"{k} to {classes - 1 - k}, painted"] = np.rint(means).astype(int)

# %% tags=["hide-input"]
show(
    plots.image_grid(paths, data.levels),
    alt="Three pairs of rows in which one digit turns into another, drawn and painted.",
    caption="From the code of one test image (left) to that of another (right).",
)

# %% [markdown]
# The painting decoder fades one image into the other. The PixelCNN commits itself: every step is an image
# that it believes in, and somewhere on the way it changes its mind.
#
# ### A walk through the code space
#
# Move through the plane of the two components, by the sliders or by a click on the map. The four images
# of a place are drawn from one code, with the same four noises everywhere.

# %%
ticks = np.linspace(-2, 2, 9)
positions = np.array([[x, y] for x in ticks for y in ticks])
grid_codes = mean + (positions * deviations[:2]) @ directions[:2]
strips = [
    drawing.decode(np.tile(code, (4, 1)), seed=seed) for code in grid_codes
]
strips = np.reshape(strips, (len(ticks), len(ticks), 4, *data.image_shape))

# %% tags=["hide-input"]
names = [f"{tick:+.1f}" for tick in ticks]
inside = np.abs(plane).max(axis=1) <= 2
explorers.image_explorer(
    strips,
    data.levels,
    {"first component": names, "second component": names},
    points=(plane[inside][:150] + 2) * 2,
    labels=data.test.labels[inside][:150],
)

# %% [markdown]
# ## At full size
#
# The published run on MNIST: ten numbers for 784 binary pixels, with the encoder's full width. Its weights
# come with the library, and so do ten test images.

# %%
full = runs.read_run("mnist-autoencoder")
print(full["command"])
published = pcnn.load_pretrained("mnist-autoencoder")
real = runs.read_examples("mnist-autoencoder")["test"]
large_codes = published.encode(real)
large = {"original": real} | {
    f"drawn, {k + 1}": published.decode(large_codes, seed=seed + k)
    for k in range(3)
}

# %% tags=["hide-input"]
show(
    plots.training_curves({"mnist-autoencoder": full["history"]}),
    alt="Validation and training loss of the published run against epochs.",
    caption="The published run as it was trained, in nats given the own code.",
)
show(
    plots.image_grid(large, 2),
    alt="Ten test images of 28 by 28 pixels and three drawings from the code of each.",
    caption="One test image of each class, and three draws from its code, none selected.",
)

# %% tags=["remove-input"]
glue_run("full", full)
for kind in ("shuffled", "none"):
    glue(f"full_{kind}", full[f"test_{kind}"]["nats_per_image"])
    glue(f"full_{kind}_error", full[f"test_{kind}"]["standard_error"])
glue("full_code", full["model"]["code_size"])

# %% [markdown]
# | 10,000 MNIST test images, a code of {glue:text}`full_code` | nats per image |
# |---|---|
# | own code | {glue:text}`full_nats:.2f` ± {glue:text}`full_error:.2f` |
# | another image's code | {glue:text}`full_shuffled:.2f` ± {glue:text}`full_shuffled_error:.2f` |
# | mean code | {glue:text}`full_none:.2f` ± {glue:text}`full_none_error:.2f` |
#
# ({glue:text}`full_epochs` epochs, {glue:text}`full_hours:.1f` hours on {glue:text}`full_hardware`, seed
# {glue:text}`full_seed`, commit {glue:text}`full_commit`.) The first two rows would be
# alike if this decoder ignored its code.
#
# ## Recap
#
# An autoencoder's decoder decides what its code has to say. One that paints every pixel from the code
# alone needs every detail in it, and averages over those that are not there. A Gated PixelCNN draws the
# details by itself, so its pictures are sharp, vary, and leave the code to what the image is about.
# Whether it listens to the code is no matter of faith: compare the likelihood under the own code with
# that under another's.
#
# ## Exercises
#
# **1.** Where in the image does the code help most? Compare the nats of each row of pixels given the
# own code and given the mean code.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# images = data.test.images
# own = pcnn.analysis.surprise(drawing.decoder, images, test_codes)
# mean_codes = np.tile(test_codes.mean(axis=0), (len(images), 1))
# without = pcnn.analysis.surprise(drawing.decoder, images, mean_codes)
# rows = np.arange(data.image_shape[0])
# lines = {"own": (rows, own.mean(axis=(0, 2))), "mean": (rows, without.mean(axis=(0, 2)))}
# plots.lines(lines, x="row", y="nats")
# ```
#
# The first rows gain in proportion the most: there the decoder has seen few pixels, and the code is
# nearly all it knows.
#
# </details>
#
# **2.** What does a code of two numbers still hold? Of thirty?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```bash
# papermill notebooks/06_autoencoder.ipynb two.ipynb -p code_size 2
# papermill notebooks/06_autoencoder.ipynb thirty.ipynb -p code_size 30
# ```
#
# With two numbers the classes stay, mostly; details are all the decoder's. With many, a code can tell
# single pixels, and the draws from one code come to look alike.
#
# </details>
#
# **3.** Complete the lower half of an image given its upper half *and* its code. Does the code change
# the completion?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# upper = np.zeros(data.image_shape[:2], bool)
# upper[: len(upper) // 2] = True
# options = dict(image=originals, keep=upper, seed=0)
# plots.image_grid(
#     {
#         "original": originals,
#         "own code": drawing.decode(codes, **options),
#         "another's": drawing.decode(np.roll(codes, 1, axis=0), **options),
#     },
#     data.levels,
# )
# ```
#
# With its own code the lower half agrees with the original much more often. With another's, the decoder
# has to serve two masters, and the lower half tends to belong to the other image.
#
# </details>
