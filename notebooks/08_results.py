# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How good are they on real digits, and how do we know?
#
# After this chapter you can say which likelihoods may stand in one column and which may not. You see what
# four models make of MNIST's 28 × 28 pixels, check whether one copies, and draw from their weights in
# seconds. Nothing is trained here. The runs were made before, and their records and weights come with the
# library. This page reads the records, and draws all images anew, in about a minute on two CPU cores.

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
drawn: int = 70  # images in the large grid
temperature: float = 1.0  # of every draw; below 1, less variety
seed: int = 0  # of every draw

# %% tags=["hide-input"]
import textwrap

import numpy as np

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import show, show_solution, show_text, table
from pcnnlib.viz.parameters import check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    drawn=range(1, 10_001),
    temperature=(0.0, 100.0),
    seed=range(2**32),
)

# %% [markdown]
# ## The idea: a figure is worth its conditions
#
# A likelihood in nats looks absolute, and is not. Two papers that both say "MNIST" may have measured
# different things. MNIST's own pixels have 256 levels, and most papers make black and white of them first.
#
# **Which MNIST?**
#
# | name | a pixel is | what differs |
# |---|---|---|
# | 256 levels | what it is | Nothing is lost. A pixel holds up to 8 bits, not 1: the figures are larger, and are told in bits/dim. |
# | thresholded | white if it is lighter than middle grey | Always the same, and without noise at the edges of strokes. That noise is what no model can foretell, so without it figures are lower. |
# | static | white with a probability equal to its brightness, drawn *once*, by one author, for all | Everybody trains and tests on the same pixels. Their noise can be learnt by heart, a little ([Salakhutdinov and Murray, 2008](https://doi.org/10.1145/1390156.1390266)). |
# | fresh | the same, but drawn *anew* each time an image is used | There is no end of training images. Everybody's test images have noise of their own. Also called "dynamic". |
#
# Here they are, made from three of the small digits that come with the library:

# %%
digits = pcnn.load_dataset("digits")
grey = digits.brightness(digits.test)[:3]  # 0 .. 1
rng = np.random.default_rng(seed)


def draw_pixels():
    """White with a probability equal to the brightness."""
    return (rng.random(grey.shape) < grey).astype("uint8")


once = draw_pixels()
ways = {
    "all levels": np.rint(16 * grey).astype("uint8"),
    "thresholded": (grey > 0.5).astype("uint8"),
    "static": once,
    "static, again": once,
    "fresh": draw_pixels(),
    "fresh, again": draw_pixels(),
}

# %% tags=["remove-input"]
scaled = [
    images * (1 if way == "all levels" else 16)
    for way, images in ways.items()
]
show(
    plots.image_grid(
        np.stack(scaled, axis=1).reshape(-1, *grey.shape[1:-1], 1),
        17,
        columns=6,
        heads=list(ways),
        width=6.0,
    ),
    alt="Three digits of eight by eight pixels, in grey and made black and white in three ways.",
    caption="Three digits. Static pixels stay as they are when they are used again, fresh ones do not.",
)

# %% [markdown]
# So figures of two rows of the table do not compare, and published tables that mix them mislead. There are
# three more conditions:
#
# - **Given something.** A model that is told the label, or a code made from the image itself, answers
#   another question. Its nats compare only with its own under another condition.
# - **Exact or bound.** A model that predicts pixel by pixel knows the likelihood itself. A model with
#   latent variables (a VAE) knows only an upper bound of its nats. The tables below mark bounds by ≤.
# - **On what.** A figure on training images, or on test images that had a say in when to stop, promises too
#   much.

# %% tags=["remove-input"]
tasks = {
    "mnist": "fresh",
    "binarized-mnist": "static",
    "mnist-conditional": "fresh, given the label",
    "mnist-autoencoder": "fresh, given a code",
}
published = {name: runs.read_run(name) for name in tasks}
sizes = published["mnist"]["data"]
show_text(
    f"""
    So here {sizes["train"]:,} images train, {sizes["validation"]:,} choose the epoch and all settings, and each
    run reads the {sizes["test"]:,} test images once, at its end. Those of the fresh task were binarised once, with
    a fixed seed, for this. (Earlier runs had read them too: networks without dilation, and `mnist` after four
    epochs. Dilations were then chosen on validation images, and more epochs by the time at hand: validation
    had still been falling.)
    """
)

# %% [markdown]
# ## Four runs
#
# A likelihood has three units. Nats are natural logarithms; a bit is $\ln 2$ nats. Divided by the number of
# pixels, bits are *bits/dim*. And a likelihood of $b$ bits is the length of a file, but for a fraction of a
# byte, if an ideal compressor stores the image with this model.

# %%
pixels = 28 * 28


def units(nats):
    """Nats per image, also as bits/dim and as bytes."""
    bits = nats / np.log(2)
    return [f"{nats:.2f}", f"{bits / pixels:.4f}", f"{bits / 8:.1f}"]


alone = runs.read_run("independent-pixels/mnist")
rows = [["every pixel a coin", "any", *units(pixels * np.log(2)), "0"]]
baseline = units(alone["test"]["nats_per_image"])
rows += [
    ["independent pixels", "fresh", *baseline, f"{alone['parameters']}"]
]
for name, run in published.items():
    test = run["test"]
    nats, bits, size = units(test["nats_per_image"])
    nats += f" ± {test['standard_error']:.2f}"
    weights = f"{run['weights']['parameters']:,}"
    rows.append(["*", name, tasks[name], nats, bits, size, weights])
table(
    ["", "pixels", "nats per image", "bits/dim", "bytes", "weights"],
    rows,
    "Test images of MNIST. ± is the standard error over them.",
)

# %% tags=["remove-input"]
mnist = published["mnist"]["test"]["nats_per_image"]
apart = alone["test"]["nats_per_image"]
show_text(
    f"""
    A model that knows nothing takes every pixel for a coin and pays ln 2 for each:
    {pixels} · ln 2 = {pixels * np.log(2):.1f} nats, {pixels // 8} bytes. *Independent pixels* know how often each
    pixel is white, and nothing of its neighbours (`experiments/independent.py`). What `mnist` pays less than
    that, {apart - mnist:.0f} nats, it gains by looking at earlier pixels.

    **One training each.** The ± says how far the mean would move with other test images. It does *not* say how far it
    would move with another seed of the training: each of these runs was made once, from seed
    {published["mnist"]["seed"]}. How much a seed can matter, the short trainings further down say.
    """
)

# %% [markdown]
# Where does an image's price come from? The next cell shows the model `mnist`, and it draws in your browser.
# Press *Half an example*, then *Draw*. A coin would pay one bit for each of the 784 pixels; see how little of
# that this model pays, and on the small map, for which pixels.

# %%
pcnn.live(
    pcnn.load_pretrained("mnist"),
    run="mnist",
    title="A network that counts its bits",
    controls=["brush", "speed", "surprise", "probability", "bits"],
)

# %% [markdown]
# Each run is one command, and its record names where it was made:

# %%
for name, run in published.items():
    print(f"{name}: {runs.hardware(run)}, commit {run['commit']}")
    print(textwrap.indent(textwrap.fill(run["command"], 64), "    "))

# %% [markdown]
# `experiments/published.py` holds these settings, and `make published` repeats the runs: `--scale cpu` is for
# one core and an hour or two a run, `--scale gpu` for larger networks, of which `mnist-orders` has been trained.
# Most weights of the autoencoder belong to its encoder. What the runs cost:

# %%
rows = []
for name, run in published.items():
    speed = run["speed"]
    gflop = speed["flop_per_image"] / 1e9  # to train on one image
    rows.append(
        [
            name,
            len(run["history"]["loss"]),
            f"{run['seconds'] / 3600:.1f}",
            f"{speed['images_per_second']:.0f}",
            f"{gflop:.2f}",
            f"{speed['images_per_second'] * gflop:.0f}",
            f"{speed['drawn_per_second']:.0f}",
        ]
    )
head = ["", "epochs", "hours", "images a second", "GFLOP an image"]
table(
    [*head, "GFLOP a second", "drawn a second"],
    rows,
    "Cost of training, on the hardware named above. A validated image counts "
    "as a third of one trained on; the backend counted the operations. "
    "Drawn: images a second, a hundred at once.",
)

# %% tags=["remove-input"]
show(
    plots.training_curves(
        {
            name: run["history"]
            for name, run in published.items()
            if name != "mnist-autoencoder"
        }
    ),
    alt="Validation and training loss of three runs against epochs.",
    caption="The runs as they were trained, but for the autoencoder's, which chapter 6 shows. Where training "
    "and validation loss lie together, a larger or a longer run may still gain. "
    "The training loss is the mean during an epoch, the validation loss is that of the averaged weights at its end. "
    "Overfitting begins where the validation loss rises.",
)

# %% [markdown]
# ## Result: beside the others
#
# ### Static
#
# First the static pixels. All of these are figures on the same test images:


# %%
def standing(task, *names):
    """Our runs among others' figures, the best last."""
    rows = []
    for entry in runs.compare(task, *names):
        nats, bits, _ = units(entry["nats"])
        row = [
            entry["model"],
            ("≤ " if entry.get("bound") else "") + nats,
            bits,
        ]
        row += [entry["on"], entry.get("epochs", "")]
        if "error" in entry:  # ours
            row[1] += f" ± {entry['error']:.2f}"
            rows.append(["*", *row, entry["source"]])
        else:
            rows.append([*row, (entry["source"], entry["url"])])
    return rows


head = ["model", "nats per image", "bits/dim", "on", "epochs", "source"]
table(
    head,
    standing("binarized_mnist", "binarized-mnist"),
    "Static binarisation. Less is better; ≤ marks an upper bound. "
    "A choice of related models: others have published lower figures.",
)

# %% tags=["remove-input"]
others = {
    row["model"]: row["nats"]
    for row in runs.read_literature("binarized_mnist")
}
static = published["binarized-mnist"]["test"]
afresh = runs.read_run("mnist-orders-static")
show_text(
    f"""
    Our run differs from the PixelCNN of the first paper by
    {static["nats_per_image"] - others["PixelCNN"]:+.2f} nats, and from a Gated PixelCNN trained by the authors of
    PixelVAE by {static["nats_per_image"] - others["Gated PixelCNN"]:+.2f} (minus is better). From the best of the list it
    differs by {static["nats_per_image"] - min(others.values()):+.2f}. That says nothing about which of the two is
    better: the standard error is {static["standard_error"]:.2f}, the other figure is a bound, and ours is one training
    from one seed.

    Static pixels are drawn once, so a larger network could learn their noise by heart. What would one reach that does not?
    `mnist-orders`, our largest, was trained on pixels drawn afresh from the training digits. On these static test
    images it has {afresh["test"]["nats_per_image"]:.2f} nats in raster order, and
    {afresh["test_mixture"]["nats_per_image"]:.2f} ± {afresh["test_mixture"]["standard_error"]:.2f} as a mixture of
    its orders. It does not stand in the table: drawing afresh takes the grey levels of the training digits, which no
    other row has used.
    """
)

# %% [markdown]
# ### Fresh
#
# Now the pixels that are drawn afresh:

# %%
table(
    head,
    standing("mnist", "mnist", "mnist-orders"),
    "Binarised afresh. Everybody's test images have noise of their own. "
    "It moves a mean over 10,000 of them by less than its standard error.",
)

# %% tags=["remove-input"]
fresh = {row["model"]: row["nats"] for row in runs.read_literature("mnist")}
(grey_levels,) = runs.read_literature("mnist-256-levels")
show_text(
    f"""
    The code that this project began with, one of the first public ones, reports the loss of its last
    training batch. Ours, on test images, differs from that by
    {mnist - fresh["Gated PixelCNN, TensorFlow"]:+.2f} nats. The sizes and training times of these models differ
    widely, so the table ranks results and not ideas. Ours with attention is `mnist-orders`, the one network of
    these pages that a GPU trained; [chapter 9](09_orders.ipynb) says what its orders are.

    On all 256 levels a figure looks quite different. A
    [tutorial's Gated PixelCNN]({grey_levels["url"]}) reaches {grey_levels["bits_per_dim"]:.3f} bits/dim there
    after {grey_levels["epochs"]} epochs. Nobody may say that ours, at {mnist / pixels / np.log(2):.3f} of the black and
    white pixels, is better.

    ### Given something
    """
)

# %%
given = {
    "mnist-conditional": "the label",
    "mnist-autoencoder": "a code of 10",
}
rows = []
for name, what in given.items():
    for row in standing(name, name):
        rows.append(
            ["*", what, *row[1:]] if row[0] == "*" else [what, *row]
        )
table(
    ["given", *head],
    rows,
    "Binarised afresh, given something of each image. What is given differs: "
    "compare only rows that are given the same.",
)

# %% tags=["remove-input"]
told = published["mnist-conditional"]
usage = {
    key: published["mnist-autoencoder"][key]["nats_per_image"]
    for key in ("test", "test_shuffled", "test_none")
}
show_text(
    f"""
    Told the label, a network of the same size differs from the one that is not by
    {told["test"]["nats_per_image"] - mnist:+.2f} nats (minus is better), after {len(told["history"]["loss"])} epochs against
    {len(published["mnist"]["history"]["loss"])}. A label tells at most ln 10 = {np.log(10):.2f} nats. Two separate trainings
    may differ by more or less than it tells ([chapter 5](05_conditioning.ipynb) says why).

    The autoencoder's figure stands in neither column: it is given ten numbers made from the image itself.
    What says something is that the code is listened to. With another image's code the same images cost
    {usage["test_shuffled"]:.2f} nats instead of {usage["test"]:.2f}; with the mean of all codes,
    {usage["test_none"]:.2f}. That is far more than a model without any code pays. This one has learnt to trust its
    code, and a wrong one misleads it.
    """
)

# %% [markdown]
# ## Check: does the last row know what the first ones hold?
#
# A network that cannot see that a digit has been drawn already may start another one below it. How many
# rows up does it see? The first kernel of 7 × 7 reaches three, each further block of 3 × 3 one more. To
# reach across 28 rows takes many blocks, or *dilation*: the taps of a kernel are spread, two, four, eight
# pixels apart from block to block, with as many weights and operations as before
# ([Yu and Koltun, 2016](https://arxiv.org/abs/1511.07122)). The first kernel and the first dilations stay
# dense, so that no pixel in between is skipped. What a prediction in the last row depends on, by its gradient:

# %%
model = pcnn.load_pretrained("mnist")
height, width, _ = model.image_shape
at = (height - 1, width // 2)
fields = {"1, 2, 4, 8": pcnn.receptive_field(model, at=at)}
assert model.dilations == (1, 2, 4, 8)
for dilations in ((1, 2, 4), (1,)):
    other = model.get_config() | {"dilations": dilations}
    fields[", ".join(map(str, dilations))] = pcnn.receptive_field(
        pcnn.GatedPixelCNN.from_config(other), at=at
    )

# %% tags=["remove-input"]
show(
    plots.receptive_fields(
        {f"dilations {name}": field for name, field in fields.items()},
        at,
        columns=3,
    ),
    alt="Three maps of pixels: what the published network sees of the image, and what two with fewer "
    "dilations see.",
    caption="Pixels that the prediction of the marked one depends on; the fuller the blue, the more: in the "
    "published network, and in untrained ones of the same size with fewer dilations and with none.",
)

# %% [markdown]
# What is that worth? All three were trained for a short time from two seeds, and compared on *validation*
# images (`experiments/dilations.py`; these figures are stored, too):

# %%
pilots = runs.read_runs("mnist-dilations")
by_seed = {
    ", ".join(map(str, run["model"]["dilations"])): np.mean(
        run["validation_nats"], axis=1
    )
    for run in pilots.values()
}
earlier = at[0] * width + at[1]
rows = []
for name, nats in sorted(by_seed.items(), key=lambda item: -item[1].mean()):
    up = at[0] - np.flatnonzero(fields[name].any(axis=1))[0]
    seen = f"{(fields[name] > 0).sum()} of {earlier}"
    seeds = ", ".join(f"{value:.2f}" for value in nats)
    rows.append([name, up, seen, f"{nats.mean():.2f}", seeds])
table(
    ["dilations", "rows up", "pixels seen", "nats per image", "by seed"],
    rows,
    "The same short training with three sets of dilations. "
    "Its likelihoods are far from final.",
)

# %% tags=["remove-input"]
pilot_gain = float(by_seed["1"].mean() - by_seed["1, 2, 4, 8"].mean())
whole_pilot = pilots["whole"]
spread = {name: float(np.ptp(nats)) for name, nats in by_seed.items()}
show_text(
    f"""
    (One pass over {whole_pilot["data"]["train"]:,} images, {whole_pilot["data"]["validation"]:,} validation images,
    {len(whole_pilot["seeds"])} seeds; commit `{whole_pilot["commit"]}`, {runs.hardware(whole_pilot)}.)
    Dilation is worth {pilot_gain:.2f} nats here. And the table says what a seed may change: after this short
    training the two seeds of one network lie {min(spread.values()):.2f} to {max(spread.values()):.2f} nats apart. Two
    seeds say little, and what a long training would give was not measured.
    """
)

# %% [markdown]
# ## Samples

# %%
images = model.sample(drawn, seed=seed, temperature=temperature)

# %% tags=["remove-input"]
show(
    plots.image_grid(images, 2, columns=7, width=7.0),
    alt="A large grid of drawn binary digits of 28 by 28 pixels.",
    caption="Drawn by `mnist`, none selected. Every pixel is black or white, as in training; the grey of "
    "MNIST's edges becomes noise along the strokes.",
)

# %%
conditional = pcnn.load_pretrained("mnist-conditional")
labels = np.repeat(np.arange(10), 7)
by_class = conditional.sample(
    70, labels, seed=seed, temperature=temperature
)

# %% tags=["remove-input"]
show(
    plots.image_grid(by_class, 2, columns=7, width=7.0),
    alt="Ten rows of drawn digits, a row for each class from 0 to 9.",
    caption="Drawn by `mnist-conditional`, a row of each class from 0 to 9, none selected.",
)

# %% [markdown]
# ### Completions
#
# Given the first rows of a test image, the unconditional model draws the rest. It was never trained
# for that; keeping pixels instead of drawing them is all that changes. Twelve for each of three stubs:

# %%
real = runs.read_examples("mnist")["test"][[2, 5, 7]]
upper = np.zeros((28, 28), bool)
upper[:11] = True
stubs = np.repeat(real, 12, axis=0)
completed = model.sample(36, image=stubs, keep=upper, seed=seed)

# %% tags=["remove-input"]
cells, visible = [], []
for stub, twelve in zip(
    real, completed.reshape(3, 12, 28, 28, 1), strict=True
):
    cells += [stub, *twelve[:6], stub, *twelve[6:]]
    visible += [upper[..., None], *[np.ones((28, 28, 1), bool)] * 13]
show(
    plots.image_grid(
        np.array(cells), 2, columns=7, shown=np.array(visible), width=7.0
    ),
    alt="The first rows of three test images, twelve completions of each, and the whole images.",
    caption="Two rows for each stub. Left: what is given, and below it the test image, which the model has never "
    "seen. Right of them: twelve ways to go on.",
)

# %% [markdown]
# ### From ten numbers
#
# The autoencoder draws what was encoded, in as many handwritings as it is asked for:

# %%
autoencoder = pcnn.load_pretrained("mnist-autoencoder")
originals = runs.read_examples("mnist-autoencoder")["test"][:7]
codes = autoencoder.encode(originals)
decoded = autoencoder.decode(np.repeat(codes, 4, axis=0), seed=seed)

# %% tags=["remove-input"]
rows = np.concatenate(
    [originals[None], decoded.reshape(7, 4, 28, 28, 1).swapaxes(0, 1)]
)
show(
    plots.image_grid(rows.reshape(-1, 28, 28, 1), 2, columns=7, width=7.0),
    alt="Seven test images and four drawings from the code of each.",
    caption="First row: test images. Below: four draws from the code of each.",
)

# %% [markdown]
# ## Check: are they copies?
#
# A model that has learnt its training images by heart draws them again. So each drawn image was compared
# with all training images, and the nearest kept, counting pixels that differ. How near would a copy
# come? Not to zero: the grey pixels of an image are binarised afresh every time. The same count for
# training images that are binarised once more says how near. And *test* images, which are no copies for
# certain, say how near an honest newcomer comes. (The counts were made with the run, where the training
# images are at hand. The library stores them beside the weights.)

# %%
kept = runs.read_examples("mnist")
distances = {
    "drawn": kept["drawn_distance"],
    "test images": kept["test_distance"],
    "copies": kept["copied_distance"],
}

# %% tags=["remove-input"]
pairs = np.stack(
    [kept["drawn"], kept["nearest"], kept["drawn"] != kept["nearest"]]
)[:, :7]
show(
    plots.image_grid(
        pairs.reshape(-1, 28, 28, 1).astype("uint8"),
        2,
        columns=7,
        width=7.0,
    ),
    alt="Seven drawn digits, the training images nearest to them, and the pixels in which they differ.",
    caption="First row: drawn images. Second: the nearest training image of each. Third: the pixels that differ.",
)
show(
    plots.histograms(
        distances, x="pixels that differ from the nearest training image"
    ),
    alt="Histograms of distances to the nearest training image: drawn images, test images and copies.",
    caption="Distances to the nearest training image, of as many images of each kind.",
)
half = {name: np.median(values) for name, values in distances.items()}
usual = half["copies"]
show_text(
    f"""
    Half of the drawn images differ from every training image in more than {half["drawn"]:.0f} of {pixels} pixels,
    half of the test images in more than {half["test images"]:.0f}, half of the copies in more than {usual:.0f}.
    {(distances["drawn"] <= usual).sum()} of {len(distances["drawn"])} drawn images are as near as that, and so are
    {(distances["test images"] <= usual).sum()} test images, which are copies of nothing. Were `mnist` drawing
    training images from memory, its distances would lie with the copies'. (The other models were not examined.)
    """
)

# %% [markdown]
# ## What is each part worth?
#
# On MNIST a whole training of every variant would take days. On the embedded digits it takes minutes, so
# each was trained from several seeds (`experiments/ablations.py`; these figures are stored). Differences are
# taken seed by seed on the *validation* images:


# %%
def difference(one, other):
    """Mean over seeds of what `one` costs more, and its standard error."""
    worse = nats[one] - nats[other]
    return float(worse.mean()), float(worse.std(ddof=1) / len(worse) ** 0.5)


ablations = runs.read_runs("digits-ablations")
nats = {
    run["variant"]: np.mean(run["validation_nats"], axis=1)
    for run in ablations.values()
}
changed = {
    name: difference(name, "whole")
    for name in sorted(nats, key=lambda name: -nats[name].mean())
    if name != "whole"
}

# %% tags=["remove-input"]
show(
    plots.differences(
        changed, x="nats per image more than the whole model"
    ),
    alt="Differences of variants from the whole model, with two standard errors.",
    caption="What each change costs (to the right) or brings (to the left), with two standard errors over "
    "the seeds.",
)
whole = ablations["whole"]
blind = difference("one stack, no gate", "no gate, no dilation")
show_text(
    f"""
    (The whole model: {whole["model"]["blocks"]} blocks of {whole["model"]["filters"]} filters, dilated by two,
    {nats["whole"].mean():.2f} nats, {len(whole["seeds"])} seeds; commit `{whole["commit"]}`, {runs.hardware(whole)}.)
    The largest differences come with depth. But twice and half as deep also have
    {ablations["twice-as-deep"]["parameters"]:,} and {ablations["half-as-deep"]["parameters"]:,} weights instead of {whole["parameters"]:,}:
    depth is not told from size. "No gate" adds the two halves of each convolution and applies ReLU. The sum of two
    convolutions is one convolution, so half of the weights are lost to it:
    [chapter 3](03_gated_stacks.ipynb) compares them at equal weights. A change whose error bars cross the grey line was not shown to matter.

    And the blind spot? "One stack, no gate" is the PixelCNN of the first paper, with about as many weights in
    more features. It has no dilation either, so its neighbour is "no gate, no dilation", two stacks without a
    blind spot. One stack differs from that by {blind[0]:+.2f} ± {blind[1]:.2f} nats. On 8 × 8 pixels the blind
    spot is small and the features are more. What holds on small images after a short training need not hold
    on large ones after a long one.
    """
)

# %% [markdown]
# ## What would a run of the paper's size cost today?
#
# For its training the paper names 60 hours on 32 GPUs
# ([van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)). Take its network for ImageNet, with colour images of
# 32 × 32: 20 layers of 384 features with kernels of 5 × 5, and 200,000 steps of 128 images. How far is that from one core? The backend counts the operations, and the
# run above measured how many a second it did.

# %%
paper = pcnn.GatedPixelCNN(
    (32, 32, 3), 256, filters=384, blocks=20, kernel_size=5
)
flop = 3 * pcnn.analysis.flop_per_image(paper) * 200_000 * 128
speed = published["mnist"]["speed"]
a_second = speed["images_per_second"] * speed["flop_per_image"]
core_years = flop / a_second / 3600 / 24 / 365
peak, share = 989, 0.3  # H200: 10^12 a second; part of it reached
card_hours = flop / (share * peak * 1e12) / 3600

# %% tags=["remove-input"]
show_text(
    f"""
    {paper.count_params():,} weights and {flop / 1e18:.0f} · 10¹⁸ operations: at the {a_second / 1e9:.0f} · 10⁹ a second
    that were measured, {core_years:.0f} years of this core. One H200 that reached {100 * share:.0f}% of its peak in
    bfloat16, {peak} · 10¹², would need {card_hours:.0f} hours; that share is assumed, not measured.
    [On several devices and hosts](../book/cluster.md) tells how to spread a run.
    """
)

# %% [markdown]
# ## Draw some yourself
#
# ```bash
# python main.py --epochs=0 --pretrained=mnist-conditional --classes=3,3,7
# ```
#
# writes a picture and an animation to `samples/`, without any data and in seconds; in Python,
# `pcnn.load_pretrained("mnist-conditional").sample(3, condition=[3, 3, 7])`.
#
# ## Recap
#
# Likelihoods stand in one column only if pixels, split and what the model is told agree. Choose on
# validation images, read the test once, and say on what hardware, for how long and from how many seeds. Whether a
# model copies is a question of distances, to be asked of test images and of copies too.

# %% tags=["remove-input"]
mixture = runs.read_run("mnist-orders")["test_mixture"]
show_text(f"""
On static pixels our run has {static["nats_per_image"]:.2f} ± {static["standard_error"]:.2f} nats. On fresh ones `mnist`
has {mnist:.2f}, and `mnist-orders`, trained on a GPU, {mixture["nats_per_image"]:.2f} ± {mixture["standard_error"]:.2f} as
a mixture. The tables above say what others reached. A receptive field that reaches more of the image was worth
{pilot_gain:.2f} nats after a short training.
""")

# %% [markdown]
# ## Exercises
#
# **1.** A model of black and white images of 28 × 28 reaches 0.2 bits/dim. How many nats is that, and how many
# bytes? Does it beat independent pixels?

# %% tags=["remove-input"]
show_solution(
    f"""
    0.2 · {pixels} = {0.2 * pixels:.1f} bits, times ln 2 are {0.2 * pixels * np.log(2):.1f} nats; divided by 8,
    {0.2 * pixels / 8:.1f} bytes. Independent pixels pay {apart:.1f} nats: it beats them by
    {apart - 0.2 * pixels * np.log(2):.1f}.
    """
)

# %% [markdown]
# **2.** How sure is the model of each pixel of a test image? What share of all nats do the dearest tenth of its
# pixels cost?


# %% tags=["remove-input"]
def dearest_tenth(model):
    """Share of an image's nats that a tenth of its pixels cost."""
    image = runs.read_examples("mnist")["test"][3:4]
    nats = np.sort(pcnn.analysis.surprise(model, image).ravel())
    return nats[-len(nats) // 10 :].sum() / nats.sum()


show_solution(
    f"""
    {100 * dearest_tenth(model):.0f}% (`plots.surprise` draws where). They are the edges of strokes: there the grey of
    the original image was drawn as black or white by chance, and no model can know how. The background costs
    next to nothing.
    """,
    dearest_tenth,
)

# %% [markdown]
# **3.** Is the label-conditional model a classifier? Apply Bayes' rule to its ten example images, one of each
# class.


# %% tags=["remove-input"]
def judged(conditional):
    """The likeliest class of each example, and its probability."""
    images = runs.read_examples("mnist-conditional")["test"]
    per_class = pcnn.analysis.class_log_likelihoods(conditional, images)
    probabilities, _ = pcnn.analysis.posterior(per_class)
    return probabilities.argmax(axis=1), probabilities.max(axis=1)


classes, sure = judged(conditional)
show_solution(
    f"""
    The ten examples are of the classes 0 to 9, in order. It says {", ".join(map(str, classes))}:
    {(classes == np.arange(10)).sum()} of 10 are right, with probabilities from {sure.min():.3f} to {sure.max():.3f}. It was never
    trained to classify. [Chapter 5](05_conditioning.ipynb) asks this of more images.
    """,
    judged,
)

# %% [markdown]
# **4.** Draw the large grid at temperature 0.8. What is gained, and what is lost? Would its likelihood be
# that of the table?
#
# <details><summary>Solution</summary>
#
# ```bash
# papermill notebooks/08_results.ipynb out.ipynb -p temperature 0.8
# ```
#
# Strokes become smoother and thicker forms rarer; unusual handwriting disappears. The table is about
# temperature 1: another temperature draws from another distribution.
#
# </details>
#
# **5.** Repeat a run in small: one epoch, into a folder of its own.
#
# <details><summary>Solution</summary>
#
# ```bash
# python experiments/published.py --data_path data --scale cpu --only mnist \
#     --epochs 1 --results_path /tmp/try
# ```
#
# MNIST is looked for in `data`, then downloaded.
#
# </details>
