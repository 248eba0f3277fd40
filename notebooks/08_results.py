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
# After this chapter you can say which likelihoods may stand in one column and which may not, see what
# four models make of MNIST's 28 × 28 pixels, check whether one copies, and draw from their weights in
# seconds. Nothing is trained here: the runs were made before, their weights come with the library, and
# this page reads and draws from those, in about a minute on two CPU cores.

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
drawn: int = 100  # images in the large grid
temperature: float = 1.0  # of every draw; below 1, less variety
seed: int = 0  # of every draw

# %%
import textwrap

import numpy as np

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import glue, glue_run, show, table
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
# A likelihood in nats looks absolute, and is not. Two papers that both say "binarised MNIST" may have
# measured different things:
#
# - **Static.** Every image was turned into black and white once, and everybody trains and tests on the
#   same pixels. The pixels' noise can be learnt by heart, a little.
# - **Fresh.** Every time an image is used its pixels are drawn anew, each black with a probability equal
#   to its grey level. There is no end of training images.
# - **Given something.** A model that is told the label, or a code made from the image itself, answers
#   another question. Its nats can only be compared with its own under another condition.
#
# And a figure on training images, or on test images that had a say in when to stop, promises too much.
# So: 50,000 images train, 10,000 choose the epoch and all settings, and each run reads the 10,000 test
# images once, at its end. Those of the fresh task were binarised once, with a fixed seed, for this. (Earlier
# runs had read them too: networks without dilation, and `mnist` after four epochs. Dilations were then
# chosen on validation images, and more epochs by the time at hand: validation had still been falling.)

# %% tags=["hide-input"]
tasks = {
    "mnist": "fresh",
    "binarized-mnist": "static",
    "mnist-conditional": "fresh, given the label",
    "mnist-autoencoder": "fresh, given a code",
}
published = {name: runs.read_run(name) for name in tasks}
table(
    [
        "run",
        "pixels",
        "nats per image",
        "weights",
        "dilations",
        "epochs",
        "hours",
    ],
    [
        [
            name,
            tasks[name],
            f"{run['test']['nats_per_image']:.2f} ± {run['test']['standard_error']:.2f}",
            f"{run['weights']['parameters']:,}",
            ", ".join(map(str, run["model"]["dilations"])),
            len(run["history"]["loss"]),
            f"{run['seconds'] / 3600:.1f}",
        ]
        for name, run in published.items()
    ],
    "The published runs on test images; the ± is the standard error over the 10,000 of them.",
)
for name, run in published.items():
    print(f"{name}: {runs.hardware(run)}, commit {run['commit']}")
    print(textwrap.indent(textwrap.fill(run["command"], 64), "    "))

# %% [markdown]
# Each run is one command. The networks are small: {glue:text}`mnist_weights:,` weights draw `mnist`, and
# most of the autoencoder's belong to its encoder. `experiments/published.py` holds the settings, and
# `make published` repeats the runs: `--scale cpu` is for one core and an hour or two a run, `--scale gpu` for
# a larger network, which has not been trained yet. What they cost:

# %% tags=["hide-input"]
table(
    [
        "run",
        "minutes an epoch",
        "images a second",
        "GFLOP an image",
        "GFLOP a second",
        "drawn a second",
    ],
    [
        [
            name,
            f"{speed['seconds_per_epoch'] / 60:.1f}",
            f"{speed['images_per_second']:.0f}",
            f"{speed['flop_per_image'] / 1e9:.2f}",
            f"{speed['images_per_second'] * speed['flop_per_image'] / 1e9:.0f}",
            f"{speed['drawn_per_second']:.0f}",
        ]
        for name, speed in (
            (name, run["speed"]) for name, run in published.items()
        )
    ],
    "Cost of training: the median epoch, validation included; images trained on a second, where a validated "
    "one counts as a third; operations to train on an image, counted by the backend. And images drawn a "
    "second, a hundred at once, all on the hardware named above.",
)

# %% tags=["remove-input"]
for name, run in published.items():
    glue_run(name.replace("-", "_"), run)

# %% tags=["hide-input"]
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
    "and validation loss lie together, a larger or a longer run may still gain; by how much training is the "
    "lower one, so much was learnt by heart.",
)

# %% [markdown]
# ## Result: beside the others
#
# First the static pixels. All of these are figures on the same test images:


# %% tags=["hide-input"]
def standing(task, name):
    """Our run among others' figures, the best last."""
    rows = []
    for entry in runs.compare(task, name):
        ours = "error" in entry
        nats = f"{'≤ ' if entry.get('bound') else ''}{entry['nats']:.2f}"
        cells = [
            entry["model"],
            f"{nats} ± {entry['error']:.2f}" if ours else nats,
            entry["on"],
            entry.get("epochs", ""),
            (entry["source"], entry["url"])
            if "url" in entry
            else entry["source"],
        ]
        rows.append(["*", *cells] if ours else cells)
    return rows


head = ["model", "nats per image", "on", "epochs", "source"]
table(
    head,
    standing("binarized_mnist", "binarized-mnist"),
    "Static binarisation, test images. Less is better; ≤ marks an upper bound. A choice of related models: "
    "others have published lower figures.",
)

# %% tags=["remove-input"]
others = {
    row["model"]: row["nats"]
    for row in runs.read_literature("binarized_mnist")
}
static = published["binarized-mnist"]["test"]["nats_per_image"]
glue("to_pixelcnn", static - others["PixelCNN"])
glue("to_gated", static - others["Gated PixelCNN"])
fresh = {row["model"]: row["nats"] for row in runs.read_literature("mnist")}
origin = fresh["Gated PixelCNN, TensorFlow"]
glue("to_origin", published["mnist"]["test"]["nats_per_image"] - origin)
label = (
    published["mnist-conditional"]["test"]["nats_per_image"]
    - published["mnist"]["test"]["nats_per_image"]
)
glue("label", label)
usage = published["mnist-autoencoder"]
glue("shuffled", usage["test_shuffled"]["nats_per_image"])
glue("mean_code", usage["test_none"]["nats_per_image"])
glue(
    "listens",
    usage["test_shuffled"]["nats_per_image"]
    - usage["test"]["nats_per_image"],
)

# %% [markdown]
# Our run differs from the PixelCNN of the first paper by {glue:text}`to_pixelcnn:+.2f` nats, and from a
# Gated PixelCNN trained by the authors of PixelVAE by {glue:text}`to_gated:+.2f` (plus is worse).
#
# Now the pixels that are drawn afresh:

# %% tags=["hide-input"]
table(
    head,
    standing("mnist", "mnist"),
    "Binarised afresh by sampling. Everybody's test images have noise of their own, which moves a mean "
    "over 10,000 of them by less than its standard error.",
)

# %% [markdown]
# The code that this project began with, one of the first public ones, reports the loss of its last
# training batch; ours differs from that by {glue:text}`to_origin:+.2f` nats, on test images.
#
# And given something more:

# %% tags=["hide-input"]
table(
    ["given", *head],
    [
        ["*", given, *row[1:]] if row[0] == "*" else [given, *row]
        for given, name in (
            ("the label", "mnist-conditional"),
            ("a code of 10", "mnist-autoencoder"),
        )
        for row in standing(name, name)
    ],
    "Binarised afresh, given something of each image. What is given differs, so compare within a row's kind.",
)

# %% [markdown]
# Told the label, a network of the same size differs from the one that is not by {glue:text}`label:+.2f`
# nats (minus is better), after {glue:text}`mnist_conditional_epochs` epochs against
# {glue:text}`mnist_epochs`. A label tells at most $\ln 10 = 2.30$ nats; two separate trainings may differ
# by more or less than it tells ([chapter 5](05_conditioning.ipynb) says why).
#
# The autoencoder's figure belongs in neither column: it is given ten numbers made from the image itself.
# What says something is that the code is listened to. With another image's code the same images cost
# {glue:text}`shuffled:.2f` nats instead of {glue:text}`mnist_autoencoder_nats:.2f`,
# {glue:text}`listens:.2f` more; with the mean of all codes, {glue:text}`mean_code:.2f`. That is far more than
# a model without any code pays: this one has learnt to trust its code, and a wrong one misleads it.
#
# ## Check: does the last row know what the first ones hold?
#
# A network that cannot see that a digit has been drawn already may start another one below it. How many
# rows up does it see? The first kernel of 7 × 7 reaches three, each further block of 3 × 3 one more. To
# reach across 28 rows takes many blocks, or *dilation*: the taps of a kernel are spread, two, four, eight
# pixels apart from block to block, with as many weights and operations as before
# ([Yu and Koltun, 2016](https://arxiv.org/abs/1511.07122)). The first kernel and the first dilations stay dense, so that no pixel in between is
# skipped. What a prediction in the last row depends on, by its gradient:

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
up = {
    name: at[0] - int(np.flatnonzero(field.any(axis=1))[0])
    for name, field in fields.items()
}
for name, rows_up in up.items():
    print(f"dilations {name:12} {rows_up} rows up")

# %% tags=["hide-input"]
show(
    plots.receptive_fields(
        {f"dilations {name}": field for name, field in fields.items()},
        at,
        columns=3,
    ),
    alt="Three maps of pixels: what the published network sees of the image, and what two with fewer "
    "dilations see.",
    caption="Pixels that the prediction of the outlined one depends on, stronger influence darker: in the "
    "published network, and in untrained ones of the same size with fewer dilations and with none.",
)

# %% tags=["remove-input"]
glue("blocks", model.n_blocks)
glue("up_published", up["1, 2, 4, 8"])
glue("up_near", up["1"])
glue("earlier", at[0] * width + at[1])
glue("seen_published", int((fields["1, 2, 4, 8"] > 0).sum()))
glue("seen_near", int((fields["1"] > 0).sum()))
pilots = runs.read_runs("mnist-dilations")
glue("pilot_train", pilots["whole"]["data"]["train"])
glue("pilot_validation", pilots["whole"]["data"]["validation"])
glue("pilot_commit", pilots["whole"]["commit"])
glue("pilot_hardware", runs.hardware(pilots["whole"]))

# %% [markdown]
# The published network of {glue:text}`blocks` blocks sees {glue:text}`up_published` rows up,
# {glue:text}`seen_published` of {glue:text}`earlier` earlier pixels (the rows that it misses are almost
# always empty); one of the same size without dilation sees {glue:text}`up_near` rows,
# {glue:text}`seen_near` pixels.
#
# What is that worth? All three were trained in one pass over {glue:text}`pilot_train:,` images of MNIST, and
# compared on {glue:text}`pilot_validation:,` *validation* images
# (`experiments/dilations.py`; commit {glue:text}`pilot_commit`,
# {glue:text}`pilot_hardware`):

# %% tags=["hide-input"]
by_seed = {
    ", ".join(map(str, run["model"]["dilations"])): np.mean(
        run["validation_nats"], axis=1
    )
    for run in pilots.values()
}
table(
    ["dilations", "rows up", "nats per image", "by seed"],
    [
        [
            name,
            up[name],
            f"{nats.mean():.2f}",
            ", ".join(f"{value:.2f}" for value in nats),
        ]
        for name, nats in sorted(
            by_seed.items(), key=lambda item: up[item[0]]
        )
    ],
    "The same short training with three sets of dilations, on validation images. Its likelihoods are far "
    "from final.",
)

# %% tags=["remove-input"]
glue(
    "pilot_gain", float(by_seed["1"].mean() - by_seed["1, 2, 4, 8"].mean())
)

# %% [markdown]
# ## Samples

# %%
images = model.sample(drawn, seed=seed, temperature=temperature)

# %% tags=["hide-input"]
show(
    plots.image_grid(images, 2),
    alt="A large grid of drawn binary digits of 28 by 28 pixels.",
    caption="Drawn by `mnist`, none selected. Every pixel is black or white, as in training; the grey of "
    "MNIST's edges becomes noise along the strokes.",
)

# %%
conditional = pcnn.load_pretrained("mnist-conditional")
labels = np.repeat(np.arange(10), 10)
by_class = conditional.sample(
    100, labels, seed=seed, temperature=temperature
)

# %% tags=["hide-input"]
show(
    plots.image_grid({str(k): by_class[labels == k] for k in range(10)}, 2),
    alt="Ten rows of drawn digits, a row for each class from 0 to 9.",
    caption="Drawn by `mnist-conditional`, ten of each class, none selected.",
)

# %% [markdown]
# Given the upper half of a test image, the unconditional model draws the lower one. It was never trained
# for that; keeping pixels instead of drawing them is all that changes.

# %%
real = runs.read_examples("mnist")["test"]
upper = np.zeros((28, 28), bool)
upper[:14] = True
ways = [
    model.sample(10, image=real, keep=upper, seed=seed + k)
    for k in range(3)
]

# %% tags=["hide-input"]
shown = np.where(upper[..., None], real, 0)
show(
    plots.image_grid(
        {
            "given": shown,
            **{f"drawn, {k}": images for k, images in enumerate(ways, 1)},
            "real": real,
        },
        2,
    ),
    alt="Upper halves of test images, three completions of each, and the whole images.",
    caption="The first test image of each class: its upper half, three lower halves drawn to it, and the "
    "image itself, which the model has never seen.",
)

# %% [markdown]
# And from ten numbers, the autoencoder draws what was encoded, in as many handwritings as it is asked
# for:

# %%
autoencoder = pcnn.load_pretrained("mnist-autoencoder")
real = runs.read_examples("mnist-autoencoder")["test"]
codes = autoencoder.encode(real)
rows = {"original": real} | {
    f"drawn, {k + 1}": autoencoder.decode(codes, seed=seed + k)
    for k in range(4)
}

# %% tags=["hide-input"]
show(
    plots.image_grid(rows, 2),
    alt="Ten test images and four drawings from the code of each.",
    caption="First row: test images. Below: four draws from the code of each.",
)

# %% [markdown]
# ## Check: are they copies?
#
# A model that has learnt its training images by heart draws them again. So compare each drawn image with
# all 50,000 training images, and keep the nearest, counting pixels that differ. How near would a copy
# come? Not to zero: the grey pixels of an image are binarised afresh every time. The same count for
# training images that are binarised once more says how near. And *test* images, which are no copies for
# certain, say how near an honest newcomer comes.

# %%
kept = runs.read_examples("mnist")
distances = {
    "drawn": kept["drawn_distance"],
    "test images": kept["test_distance"],
    "copies": kept["copied_distance"],
}
for name, values in distances.items():
    print(f"{name:12} {np.median(values):.0f} pixels differ")

# %% tags=["hide-input"]
show(
    plots.image_grid(
        {
            "drawn": kept["drawn"],
            "nearest": kept["nearest"],
            "they differ": kept["drawn"] != kept["nearest"],
        },
        2,
    ),
    alt="Ten drawn digits, the training images nearest to them, and the pixels in which they differ.",
    caption="Ten drawn images, the nearest training image of each, and the pixels that differ.",
)
show(
    plots.histograms(
        distances, x="pixels that differ from the nearest training image"
    ),
    alt="Histograms of distances to the nearest training image: drawn images, test images and copies.",
    caption="Distances to the nearest training image, of as many images of each kind.",
)

# %% tags=["remove-input"]
for key, name in {
    "drawn": "drawn",
    "test": "test images",
    "copied": "copies",
}.items():
    glue(f"{key}_distance", float(np.median(distances[name])))
usual = np.median(distances["copies"])
glue("like_copies", int((distances["drawn"] <= usual).sum()))
glue("test_like_copies", int((distances["test images"] <= usual).sum()))
glue("compared", len(distances["drawn"]))

# %% [markdown]
# Half of the drawn images differ from every training image in more than {glue:text}`drawn_distance:.0f` of
# 784 pixels, half of the test images in more than {glue:text}`test_distance:.0f`, half of the copies in more
# than {glue:text}`copied_distance:.0f`. As near as that come {glue:text}`like_copies` of
# {glue:text}`compared` drawn images, and {glue:text}`test_like_copies` test images, which are copies of
# nothing. Were `mnist` drawing training images from memory, its distances would lie with the copies'. (The
# other models were not examined.)
#
# ## What is each part worth?
#
# On MNIST a whole training of every variant would take days. On the embedded digits it takes minutes, so
# each was trained from several seeds (`experiments/ablations.py`). Differences are taken seed by seed on the
# *validation* images:

# %%
ablations = runs.read_runs("digits-ablations")
nats = {
    run["variant"]: np.mean(run["validation_nats"], axis=1)
    for run in ablations.values()
}
changed = {}
for name in sorted(nats, key=lambda name: -nats[name].mean()):
    if name != "whole":
        worse = nats[name] - nats["whole"]
        error = worse.std(ddof=1) / np.sqrt(len(worse))
        changed[name] = float(worse.mean()), float(error)
        print(f"{name:20} {worse.mean():+.2f} ± {error:.2f} nats")

# %% tags=["hide-input"]
show(
    plots.differences(
        changed, x="nats per image more than the whole model"
    ),
    alt="Differences of variants from the whole model, with two standard errors.",
    caption="What each change costs (to the right) or brings (to the left), with two standard errors over "
    "the seeds.",
)

# %% tags=["remove-input"]
whole = ablations["whole"]
glue("ablation_seeds", len(whole["seeds"]))
glue("ablation_whole", float(nats["whole"].mean()))
glue("ablation_blocks", whole["model"]["blocks"])
glue("ablation_filters", whole["model"]["filters"])
glue("ablation_commit", whole["commit"])
glue("ablation_cpu", runs.hardware(whole))
glue("no_dilation", changed["no dilation"][0])
for key, name in {
    "no_gate": "no gate",
    "half_deep": "half as deep",
    "twice_deep": "twice as deep",
    "no_average": "no averaged weights",
}.items():
    glue(key, changed[name][0])
    glue(f"{key}_error", changed[name][1])
blind = nats["one stack, no gate"] - nats["no gate, no dilation"]
glue("blind_spot", float(blind.mean()))
glue("blind_spot_error", float(blind.std(ddof=1) / np.sqrt(len(blind))))

# %% [markdown]
# (The whole model: {glue:text}`ablation_blocks` blocks of {glue:text}`ablation_filters` filters, dilated by
# two, {glue:text}`ablation_whole:.2f` nats, {glue:text}`ablation_seeds` seeds; commit
# {glue:text}`ablation_commit`, {glue:text}`ablation_cpu`.) Most depends on depth: half of it costs
# {glue:text}`half_deep:.2f` nats, twice as much changes the figure by {glue:text}`twice_deep:+.2f`. "No gate"
# adds the two halves of each convolution and applies ReLU, with the same weights otherwise:
# {glue:text}`no_gate:+.2f` ± {glue:text}`no_gate_error:.2f`. Averaged weights make a difference of
# {glue:text}`no_average:+.2f` ± {glue:text}`no_average_error:.2f` here.
#
# And the blind spot? "One stack, no gate" is the PixelCNN of the first paper, with about as many weights in
# more features. It has no dilation either, so its neighbour is "no gate, no dilation", two stacks without a
# blind spot: one stack differs from that by {glue:text}`blind_spot:+.2f` ± {glue:text}`blind_spot_error:.2f`
# nats, where the blind spot of 8 × 8 pixels is small and the features are more. What holds on small images
# after a short training need not hold on large ones after a long one.
#
# ## What would a run of the paper's size cost today?
#
# For its training the paper names 60 hours on 32 GPUs ([van den Oord et al., 2016](https://arxiv.org/abs/1606.05328)). Take colour images of
# 32 × 32, as in CIFAR-10, and a network of about that size: 20 layers of 384 features with kernels of 5 × 5,
# and 200,000 steps of 128 images. How far is that from one core? The backend counts the operations, and the
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
print(f"{flop:.1e} operations: {core_years:.0f} years of this core")

# %% tags=["remove-input"]
glue("paper_weights", paper.count_params())
glue("paper_exaflop", flop / 1e18)
glue("core_gigaflops", a_second / 1e9)
glue("core_years", core_years)
glue("card_hours", card_hours)
glue("card_peak", peak)
glue("card_share", 100 * share)

# %% [markdown]
# {glue:text}`paper_weights:,` weights and {glue:text}`paper_exaflop:.0f` · 10¹⁸ operations: at the
# {glue:text}`core_gigaflops:.0f` · 10⁹ a second that were measured, {glue:text}`core_years:.0f` years of
# this core. One H200 that reached {glue:text}`card_share:.0f`% of its peak in bfloat16,
# {glue:text}`card_peak` · 10¹², would need {glue:text}`card_hours:.0f` hours; that share is assumed, not
# measured. [On several devices and
# hosts](../book/cluster.md) tells how to spread a run.
#
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
# validation images, read the test once, and say on what hardware and for how long. A receptive field must
# span the image: without dilation a short training on MNIST ends {glue:text}`pilot_gain:.2f` nats higher,
# one on the digits {glue:text}`no_dilation:.2f`. Whether a model copies is a question of distances, to be
# asked of test images and of copies too.
#
# ## Exercises
#
# **1.** Draw the large grid at temperature 0.8. What is gained, and what is lost? Would its likelihood be
# that of the table?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
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
# **2.** How sure is the model of each pixel of a test image? Where does it pay most?
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# image = runs.read_examples("mnist")["test"][3:4]
# nats = pcnn.analysis.surprise(model, image)[0]
# plots.surprise(image[0], nats, 2)
# ```
#
# At the edges of strokes: there the grey of the original image was drawn as black or white by chance, and
# no model can know how. The background costs next to nothing.
#
# </details>
#
# **3.** Is the label-conditional model a classifier? Apply Bayes' rule to the ten examples.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```python
# real = runs.read_examples("mnist-conditional")["test"]
# per_class = pcnn.analysis.class_log_likelihoods(conditional, real)
# probabilities, _ = pcnn.analysis.posterior(per_class)
# print(probabilities.argmax(axis=1), probabilities.max(axis=1).round(3))
# ```
#
# The examples are one of each class, in order. It was never trained to classify.
#
# </details>
#
# **4.** Repeat a run in small: one epoch, into a folder of its own.
#
# <details style="margin-bottom: 1.2em"><summary>Solution</summary>
#
# ```bash
# python experiments/published.py --data_path data --scale cpu --only mnist \
#     --epochs 1 --results_path /tmp/try
# ```
#
# MNIST is looked for in `data`, then downloaded.
#
# </details>
