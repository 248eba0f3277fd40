# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does likelihood buy?
#
# After this chapter you can say what a nat is worth: bytes. You write an arithmetic coder, compress a few
# hundred digits to the size that the model promised, and get every pixel back. You also see what a good
# likelihood does *not* buy: a model that knows which images are strange, or one that draws well. Nothing is
# trained; it takes less than a minute on two CPU cores.

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
digits: int = 250  # test digits compressed: 2 to 300
photographs: int = 40  # compared with other pictures: 2 to 40
seed: int = 0  # of messages, noise and colours

# %% tags=["hide-input"]
import io

import constriction
import numpy as np
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import analysis, codec, runs
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import show, show_solution, show_text, table
from pcnnlib.viz.parameters import check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    digits=range(2, 301),
    photographs=range(2, 41),
    seed=range(2**32),
)

# %% [markdown]
# ## The idea: what is expected takes few bits
#
# Somebody sends a message, one symbol after the other, and you guess each before it comes. If you gave a
# symbol the probability $p$, then $-\log_2 p$ bits are enough to tell you which it was: nothing if you were
# certain, one bit if it was a coin's throw, many if you had ruled it out. That is the same sum that a
# PixelCNN is trained on. Its negative log-likelihood *is* the length of a file; one nat is
# $1 / \ln 2 \approx 1.44$ bits, and eight bits are a byte.
#
# ## In the open: an arithmetic coder
#
# How does a third of a bit get into a file? All symbols share one number. Begin with the interval
# from 0 to 1. Cut it in proportion to the probabilities, and keep the part that the first symbol stands for. Cut that
# part in the same way for the second symbol, and so on.

# %% tags=["remove-input"]
show(
    plots.narrowing_intervals([11, 4, 1], [0, 0, 1, 0, 2]),
    alt="Five rows. In each the framed part of the row above is enlarged and cut again.",
    caption="The message 0, 0, 1, 0, 2, whose symbols have the probabilities 11/16, 4/16 and 1/16. The framed part of each row is enlarged to the next.",
)

# %% [markdown]
# In the end any number within the interval names the message, and in an interval of width $w$ there is one of
# at most $2 - \log_2 w$ binary digits, whatever follows them. The width is the product of the probabilities. So
# the file is at most two bits longer than the sum of $-\log_2 p$, however long the message is. In integers, which
# Python has in any size:


# %%
def encode(symbols, counts):
    """The shortest number that lies within a message's interval."""
    low, width, whole = 0, 1, 1  # the interval begins at low / whole
    for symbol in symbols:
        low = low * sum(counts) + width * sum(counts[:symbol])
        width *= counts[symbol]
        whole *= sum(counts)
    digits = 0
    while True:
        number = -(-(low << digits) // whole)  # the first one not below
        if (number + 1) * whole <= (low + width) << digits:
            return number, digits
        digits += 1


def decode(number, digits, counts, length):
    """The message of `length` symbols that a number stands for."""
    at, whole, symbols = number, 1 << digits, []
    for _ in range(length):
        place = at * sum(counts) // whole
        symbols.append(
            max(k for k in range(len(counts)) if sum(counts[:k]) <= place)
        )
        at = at * sum(counts) - whole * sum(counts[: symbols[-1]])
        whole *= counts[symbols[-1]]
    return symbols


# %%
counts = [11, 4, 1]  # of 16
shares = np.array(counts) / sum(counts)
message = np.random.default_rng(seed).choice(3, 400, p=shares).tolist()
number, length = encode(message, counts)
surprise = -np.log2(shares[message]).sum()
print(f"{surprise:.1f} bits of surprise, {length} binary digits")
print("the same message:", decode(number, length, counts, 400) == message)

# %% tags=["remove-input"]
show_text(
    f"""
    With two bits for each of three symbols it would have been {2 * len(message)} digits.
    """
)

# %% [markdown]
# A real coder gives out bytes on the way, so that its numbers stay small. It is called a range coder, and the library uses one
# that was made for models like ours, `constriction` ([Bamler, 2022](https://arxiv.org/abs/2201.01741)). What the
# coder above does with one table of counts, it does with a new table for every pixel.
#
# ## Surprise, pixel by pixel
#
# Here are digits that the published model of [chapter 8](08_results.ipynb) has never seen, and what each of
# their pixels costs under it:

# %%
model = pcnn.load_pretrained("mnist")
test = runs.read_examples("compression/mnist")["test"][:digits]
nats = analysis.surprise(model, test)  # (digits, 28, 28)
bits = nats / np.log(2)

# %% tags=["remove-input"]
show(
    plots.bits_of_pixels(test[:6], bits[:6], 2),
    alt="Six digits, and below each a map of the bits that its pixels cost: bright at edges of strokes.",
    caption="Six test digits and the bits of each pixel. Background and the inside of strokes are nearly free; what costs is where a stroke begins, ends and turns.",
)

# %% [markdown]
# ## In code: a file of digits
#
# `compress` steps through the images just as `sample` does. For each pixel the network gives a probability;
# drawing would take a random number to choose the value, compressing takes the value that is there and narrows the interval.
# Reading the file chooses by the number that the file is. Probabilities are rounded to multiples of $2^{-24}$, and none is
# ever 0.

# %%
data = pcnn.compress(model, test)
back = pcnn.decompress(model, data)
print(f"{len(test)} digits in {len(data):,} bytes")
print("every pixel is the same:", np.array_equal(back, test))

# %% tags=["remove-input"]
file = codec.parse(data)
promise = bits.sum() / 8
show_text(
    f"""
    The likelihood promised {promise:,.1f} bytes, {promise / len(test):.2f} for a digit. The images take
    {len(file.payload):,} bytes, {len(file.payload) / promise - 1:.2%} more. The other {file.header_bytes} are a
    header: sizes, checksums, and what the file was made with. One bit for each pixel would have been
    {test.size / 8 / len(test):.0f} bytes for a digit.
    """
)

# %% [markdown]
# Both sides must compute *exactly* the same probabilities. A single rounding that differs leads the reader to another
# symbol, and everything after it is noise. Another processor, backend or version may round in another way. So the file carries
# checksums, and `decompress` gives every pixel back or stops with an error; it never gives a wrong image.
#
# A better model is a smaller file, byte for byte. Here are models from worse to better. The first is one number: how
# many of all pixels are white. The coder turns it into a file too:

# %%
others = {"binarized-mnist": pcnn.load_pretrained("binarized-mnist")}
white = test.mean()
coder = constriction.stream.queue.RangeEncoder()
one_number = constriction.stream.model.Bernoulli(
    float(white), perfect=False
)
coder.encode(test.ravel().astype("int32"), one_number)
costs = {
    "all pixels alike": -test[0].size
    * (white * np.log(white) + (1 - white) * np.log(1 - white)),
    "independent pixels": runs.read_run("independent-pixels/mnist")["test"][
        "nats_per_image"
    ],
    **{
        name: -other.log_likelihood(test).mean()
        for name, other in others.items()
    },
    "mnist": nats.sum(axis=(1, 2)).mean(),
}
sizes = {
    name: len(codec.parse(pcnn.compress(other, test, verify=False)).payload)
    for name, other in others.items()
}
sizes["all pixels alike"] = coder.get_compressed().nbytes
sizes["mnist"] = len(file.payload)

# %% tags=["remove-input"]
table(
    ["model", "nats per digit", "bytes promised", "bytes in the file"],
    [
        [
            name,
            f"{cost:.2f}",
            f"{cost / np.log(2) / 8:.2f}",
            f"{sizes[name] / len(test):.2f}" if name in sizes else "",
        ]
        for name, cost in costs.items()
    ],
    caption="Bytes per digit, header left out. Independent pixels: the mean over all test digits, of which no file was made; each pixel is white as often as in training.",
)

# %% [markdown]
# ## Check: against image formats
#
# `benchmarks/file_sizes.py` did the same for whole test sets, beside image formats and compressors. Each image format got
# every image as a file of its own, and all of them as one large picture, where headers no longer count.

# %% tags=["remove-input"]
NAMES = {
    "mnist": "MNIST, black and white",
    "mnist-grey": "MNIST, 256 levels",
    "cifar-subset": "CIFAR-10, 400 images",
}
measured = {
    name: run
    for name, run in runs.read_runs("compression").items()
    if name in NAMES
}
for name in sorted(measured, key=list(NAMES).index):
    run = measured[name]
    ways = sorted(run["ways"].items(), key=lambda way: way[1]["bytes"])
    table(
        [
            "way",
            "bytes",
            "of them header",
            "bits/dim",
            "images/s in",
            "images/s out",
        ],
        [
            [
                *(["*"] if way == "ours" else []),
                way,
                f"{line['bytes']:,}",
                ""
                if line["header_bytes"] is None
                else f"{line['header_bytes']:,}",
                f"{line['bits_per_dim']:.4f}",
                f"{line['images_per_second_in']:,.0f}",
                f"{line['images_per_second_out']:,.0f}",
            ]
            for way, line in ways
        ],
        caption=f"{NAMES[name]}: {run['images']:,} test images. The model "
        f"{run['settings']['model']} promised {run['promised_bits_per_dim']:.4f} bits/dim. "
        f"Measured on {runs.hardware(run)}; seconds are processor time.",
    )

# %% [markdown]
# Our files are the smallest, and by far the slowest to read. And there is a second bill. Whoever reads such a file needs the
# model, and its weights are a file too.

# %% tags=["remove-input"]
run = measured["mnist"]
weights = 4 * run["settings"]["parameters"]
peer, best = min(
    (way for way in run["ways"].items() if way[0] != "ours"),
    key=lambda way: way[1]["bytes"],
)
saved = (best["bytes"] - run["ways"]["ours"]["bytes"]) / run["images"]
show_text(
    f"""
    The model weighs {weights / 1000:,.0f} kB, as many bytes as {weights * run["images"] / run["ways"]["ours"]["bytes"]:,.0f}
    compressed digits. The best of the others, {peer}, takes {saved:.1f} bytes more for a digit than ours. So the model pays for itself
    after {weights / saved:,.0f} digits: about {weights / saved / 10_000:.0f} times the test set.
    """
)

# %% [markdown]
# ## What it does not buy: knowing what is strange
#
# A model that gives digits high probability should give other images low probability: so one could tell what is no
# digit. Try it. Which of these is the most likely under the model of digits?

# %%
rng = np.random.default_rng(seed)
strange = {
    "digits": test,
    "upside down": test[:, ::-1, ::-1],
    "inverted": 1 - test,
    "noise": rng.integers(0, 2, test.shape, "uint8"),
    "blank": np.zeros_like(test[:1]),
}
costs = {
    name: -model.log_likelihood(images) for name, images in strange.items()
}

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {
            f"{name}\n{costs[name].mean():,.0f} nats": np.resize(
                images, (6, *images.shape[1:])
            )
            for name, images in strange.items()
        },
        2,
    ),
    alt="Rows of digits, digits upside down, inverted digits, noise, and blank images.",
    caption="Nats per image under the model of digits.",
)
show(
    plots.histograms(
        {name: costs[name] for name in ("digits", "upside down")},
        x="nats per image",
    ),
    alt="Histograms of the nats of digits and of digits upside down, which overlap.",
    caption="Digits, and the same ones upside down.",
)

# %% tags=["remove-input"]
above = (costs["upside down"][:, None] > costs["digits"]).mean()
show_text(
    f"""
    An empty image costs {costs["blank"][0]:.1f} nats: it is likelier than {(costs["digits"] > costs["blank"]).mean():.0%} of the digits, and it is none.
    Inverted digits and noise are told at once. But a digit that stands on its head is the less likely one in only {above:.0%} of all
    pairs; by chance it would be 50%.
    """
)

# %% [markdown]
# Large models of colour photographs find house numbers likelier than the photographs that they learnt
# ([Nalisnick et al., 2019](https://arxiv.org/abs/1810.09136)). One explanation is that simple images are cheap
# ([Serrà et al., 2020](https://arxiv.org/abs/1909.11480)). The model of
# [chapter 7](07_colour.ipynb) learnt photographs. Here are pictures that it never saw the like of:

# %%
colour_model = pcnn.load_pretrained("cifar-subset/mixture")
photos = runs.read_examples("compression/cifar-subset")["test"][
    :photographs
]
n = len(photos)
small = pcnn.load_dataset("digits")
ink = small.brightness(small.test)[:n].repeat(4, axis=1).repeat(4, axis=2)
ink = np.resize(ink, (n, *ink.shape[1:]))
paint, paper = rng.integers(0, 256, (2, n, 1, 1, 3))
pictures = {
    "photographs": photos,
    "coloured digits": np.rint(ink * paint + (1 - ink) * paper).astype(
        "uint8"
    ),
    "one colour": np.broadcast_to(paper, photos.shape).astype("uint8"),
    "noise": rng.integers(0, 256, photos.shape, "uint8"),
}
values = photos[0].size * np.log(2)
colour_costs = {
    name: -colour_model.log_likelihood(images, batch_size=20) / values
    for name, images in pictures.items()
}  # bits/dim

# %% [markdown]
# A partial cure asks how *simple* an image is, and how much of its likelihood is owed to that alone. The ratio of two likelihoods
# says it: the model's, and that of something more general. [Ren et al. (2019)](https://arxiv.org/abs/1906.02845) take
# a second network, trained on images with noise in them. Serrà et al. take an image format, and so do we. In bits the
# ratio is a difference: what the model takes, less what WebP takes.


# %%
def webp_bits(image):
    """Bits per dimension of an image as a lossless WebP file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", lossless=True, quality=100)
    return 8 * file.tell() / image.size


baseline = {
    name: np.array([webp_bits(image) for image in images])
    for name, images in pictures.items()
}

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {name: images[:6] for name, images in pictures.items() if n >= 6}
        or pictures,
        256,
    ),
    alt="Rows of photographs, coloured digits, images of one colour, and noise.",
    caption="What the model of photographs is asked about.",
)


def told_apart(scores, name):
    """How often a photograph has the lower score of the two, in all pairs."""
    return (scores["photographs"][:, None] < scores[name]).mean()


ratio = {name: colour_costs[name] - baseline[name] for name in pictures}
table(
    [
        "images",
        "model, bits/dim",
        "WebP, bits/dim",
        "difference",
        "told by the model",
        "told by the difference",
    ],
    [
        [
            name,
            f"{colour_costs[name].mean():.2f}",
            f"{baseline[name].mean():.2f}",
            f"{ratio[name].mean():.2f}",
            ""
            if name == "photographs"
            else f"{told_apart(colour_costs, name):.0%}",
            ""
            if name == "photographs"
            else f"{told_apart(ratio, name):.0%}",
        ]
        for name in pictures
    ],
    caption="Told: in so many of all pairs the photograph has the lower figure of the two. 50% is chance, and 0% is always wrong.",
)

# %% tags=["remove-input"]
show_text(
    f"""
    Under this small model simple images are not cheaper than photographs on average. But an image of one colour leaves
    little to predict, and still its likelihood hardly gives it away. By likelihood alone, a photograph is told from an image of one colour in {told_apart(colour_costs, "one colour"):.0%} of the pairs, and from
    coloured digits in {told_apart(colour_costs, "coloured digits"):.0%}. By the difference it is {told_apart(ratio, "one colour"):.0%} and
    {told_apart(ratio, "coloured digits"):.0%}, and for noise {told_apart(ratio, "noise"):.0%}. But the figures hold for this coder and these
    kinds of images. Another coder, or images as rich as photographs, may give others: the cure is a partial one.
    """
)

# %% [markdown]
# ## What it does not buy either: good samples
#
# Take the model of digits and spoil it: 99 times out of 100 it now draws noise. Its likelihood is that of a mixture, a hundredth
# of the model's probability and more. So no image can cost more than $\ln 100 \approx 4.6$ nats beyond what it cost before
# ([Theis et al., 2016](https://arxiv.org/abs/1511.01844)):

# %%
shares = np.array([0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999])
own = model.log_likelihood(test)
uniform = -test[0].size * np.log(2)  # each pixel a coin's throw
with np.errstate(divide="ignore"):
    spoilt = -np.logaddexp(
        np.log(1 - shares) + own[:, None], np.log(shares) + uniform
    ).mean(axis=0)

# %%
drawn = model.sample(16, seed=seed)
noisy = rng.random(16) < 0.99
mixed = np.where(
    noisy[:, None, None, None],
    rng.integers(0, 2, drawn.shape, "uint8"),
    drawn,
)

# %% tags=["remove-input"]
show(
    plots.grids_side_by_side(
        {
            f"the model\n{spoilt[0]:.1f} nats": drawn,
            f"99% noise\n{spoilt[shares == 0.99][0]:.1f} nats": mixed.astype(
                "uint8"
            ),
        },
        2,
        columns=2,
    ),
    alt="Sixteen digits drawn by the model beside sixteen draws of the mixture, nearly all noise.",
    caption="Draws, and the nats per test digit, of the model and of the mixture.",
)
show(
    plots.lines(
        {"mixture of model and noise": (100 * shares, spoilt)},
        x="draws that are noise, per cent",
        y="nats per test digit",
    ),
    alt="A curve that rises slowly up to nine tenths of noise, and then by some nats.",
    caption="What noise among the draws costs in likelihood.",
)

# %% [markdown]
# The other way round, good samples need no likelihood: a model that draws its training images again draws perfectly, and gives test images
# nothing. Whether one copies must be looked at by itself, as [chapter 8](08_results.ipynb) does it.
#
# ## Recap
#
# A negative log-likelihood is the length of a file, and an arithmetic coder makes that file. A better model is a smaller file, as long as the
# model is not sent with it. Likelihood says nothing certain about single strange images, which may be simpler than what was
# learnt, and little about samples: 99% noise costs less than five nats.
#
# ## Exercises
#
# **1.** A conditional model is told the class of each digit. Its file has to hold the class too. Is it smaller?


# %% tags=["remove-input"]
def with_and_without_class():
    """Bytes per digit of the published models: without, and with its class."""
    without, given = (
        runs.read_run(name)["test"]["nats_per_image"]
        for name in ("mnist", "mnist-conditional")
    )
    return without / np.log(2) / 8, (given + np.log(10)) / np.log(2) / 8


without, given = with_and_without_class()
show_solution(
    rf"""
    It takes {given:.2f} bytes, of which {np.log2(10) / 8:.2f} are the class, against {without:.2f}. With perfect models it
    could not be smaller: $-\ln p(c) - \ln p(x \mid c) = -\ln p(x) - \ln p(c \mid x)$, and the last term is never
    negative. So a smaller file with the class only means that the model without it is the weaker of the two.
    """,
    with_and_without_class,
)

# %% [markdown]
# **2.** In one file the digits share the rounding up. What would it cost to send each digit as a file of its own, header left out?


# %% tags=["remove-input"]
def whole_bytes():
    """Bytes per digit where each is rounded up to whole bytes."""
    each = bits.sum(axis=(1, 2))
    return np.ceil(each / 8).mean(), each.mean() / 8


rounded, exact = whole_bytes()
show_solution(
    f"""
    {rounded:.2f} bytes for a digit instead of {exact:.2f}: half a byte more, as was to be expected. The bit or two that
    the end of each message takes are still left out.
    """,
    whole_bytes,
)
