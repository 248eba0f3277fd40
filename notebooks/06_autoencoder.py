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
# After this chapter you can train an autoencoder whose decoder is a Gated PixelCNN. You can say why its
# reconstructions are sharp where an ordinary decoder's are blurred, and measure whether the decoder uses
# its code at all. You will walk from one digit to another through the space of codes, and let a classifier
# judge every step. Images of 28 × 28 pixels are drawn from published weights. Small models of 8 × 8 digits
# are trained as you read. The chapter runs in about a minute on two CPU cores.

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
epochs: int = 6  # passes over the training images for each model
batch_size: int = 32  # images a step
learning_rate: float = 5e-3  # highest
filters: int = 24  # feature maps of each stack of the PixelCNN decoder
blocks: int = 4  # gated blocks of the PixelCNN decoder
dilations: str = "2"  # from tap to tap; for 28 x 28, "1,2,4,8"
code_size: int = 4  # numbers in a code; ten for images of 28 x 28
encoder_filters: str = "16,32,64"  # for 28 x 28, 100,150,200
seed: int = 0  # of initialisation, shuffling and sampling

# %% tags=["hide-input"]
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

import pcnnlib as pcnn
from pcnnlib import analysis, runs
from pcnnlib.analysis import Likelihood
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
# Such a decoder can only average over what the code does not say. If a stroke may end one pixel further
# left or right, its most faithful picture has a grey smear in both places.
#
# Replace it by a conditional PixelCNN ([van den Oord et al. (2016b)](https://arxiv.org/abs/1606.05328), section 2.4):
#
# $$ p(\mathbf{x} \mid \mathbf{h}) = \prod_i p(x_i \mid x_1, \dots, x_{i-1}, \mathbf{h}). $$
#
# This decoder draws one pixel after the other. Once the stroke has ended on the left, the next pixels know.
# The code is free for what the pixels cannot tell each other, and one code may be drawn in several ways.
#
# There is a danger. A PixelCNN draws well without any code, so nothing forces it to listen. Whether it
# does must be measured.
#
# The encoder follows Masci et al. ([Masci et al., 2011](https://doi.org/10.1007/978-3-642-21735-7_7)): three
# convolutions of 5 × 5, 5 × 5 and 3 × 3, pooling after the first two, then a linear layer to the numbers of
# the code. Encoder and decoder are trained together. The loss is the decoder's likelihood and nothing else:

# %% tags=["remove-input"]
show_source(pcnn.PixelCNNAutoencoder.outputs_of)

# %% [markdown]
# ## Painted or drawn
#
# Two published autoencoders have learnt MNIST. They have the same encoder and codes of the same size. The
# decoder of `mnist-painting` paints: its transposed convolutions give each pixel a probability, from the
# code alone. The decoder of `mnist-autoencoder` draws. Send the same test images through both:

# %%
drawing = pcnn.load_pretrained("mnist-autoencoder")
painting = pcnn.load_pretrained("mnist-painting")
examples = runs.read_examples("mnist-autoencoder")["test"]
codes = drawing.encode(examples)
painted = painting.encode(examples)
rows = {
    "original": examples,
    "painted mean": painting.decode_mean(painted),
    "painted draw": painting.decode(painted, seed=seed),
}
for k in range(3):
    rows[f"drawn {k + 1}"] = drawing.decode(codes, seed=seed + k)

# %% tags=["remove-input"]
show(
    plots.image_grid(rows, 2, columns=6, width=7),
    alt="Originals, smooth means, ragged draws of the painting decoder, and three sharp draws.",
    caption="The first six of ten test images. Second row: the mean of the painting decoder. Third row: "
    "its pixels drawn from what it believes, each without knowing of the others. Last rows: three draws of "
    "the PixelCNN decoder, all from the same codes.",
)


# %% tags=["remove-input"]
def pieces(images):
    """Connected pieces of white in an image, mean over images."""
    white = np.pad(np.asarray(images)[..., 0] > 0, ((0, 0), (1, 1), (1, 1)))
    own = np.arange(1, white[0].size + 1).reshape(white[0].shape)
    piece, before = own * white, None
    while before is None or (piece != before).any():
        # Each white pixel takes the largest number beside it: one number a piece.
        before = piece
        near = [np.roll(piece, s, axis=a) for s in (-1, 1) for a in (1, 2)]
        piece = np.max([piece, *near], axis=0) * white
    return np.mean([len(np.unique(one)) - 1 for one in piece])


means = rows["painted mean"]
undecided = ((means > 0.1) & (means < 0.9)).mean()
between_draws = np.mean(rows["drawn 1"] != rows["drawn 2"])
many = [painting.decode(painted, seed=k) for k in range(10)]
drawn = [rows[f"drawn {k + 1}"] for k in range(3)]
show_text(f"""
The mean is smooth, because it averages over what the code leaves open: {undecided:.0%} of its pixels have a
probability between 10% and 90%. In the third row these pixels are drawn one by one, and do not know of each
other. So strokes fall apart. Over all ten test images, the white of a painted draw is in
{pieces(np.concatenate(many)):.1f} pieces on average. That of an original is in {pieces(examples):.1f}, and that
of the PixelCNN's draws in {pieces(np.concatenate(drawn)):.1f}. Two draws of the PixelCNN from one code differ in
{between_draws:.1%} of their pixels: that is what the code leaves open, the chance in making a pixel black or
white included.
""")

# %% [markdown]
# ## Check: does the decoder use the code?
#
# Ask the decoder three questions about each test image. What does the image cost given its own code? Given
# the code of another image? And given no information, the mean of all codes in place of its own? The page
# does not have MNIST's 10,000 test images, so these are **stored results**, measured when the weights were
# published.

# %% tags=["remove-input"]
stored = {
    name: runs.read_run(name)
    for name in ("mnist-autoencoder", "mnist-painting", "mnist")
}


def tested(name, test="test"):
    """Nats of a published run, with their standard error, as text."""
    result = stored[name][test]
    return (
        f"{result['nats_per_image']:.2f} ± {result['standard_error']:.2f}"
    )


def trained_for(name):
    run = stored[name]
    epochs = len(run["history"]["loss"])
    return f"{epochs} epoch{'s' if epochs > 1 else ''}, {run['seconds'] / 3600:.1f} hours"


def made_by(name):
    run = stored[name]
    return f"`{name}`: {runs.hardware(run)}, seed {run['seed']}, commit {run['commit']}"


together = len(stored["mnist-painting"]["history"]["val_loss"])
so_far = {
    name: stored[name]["history"]["val_loss"][together - 1]
    for name in ("mnist-autoencoder", "mnist-painting")
}
nats = {name: run["test"]["nats_per_image"] for name, run in stored.items()}
gap = nats["mnist"] - nats["mnist-painting"]
saved = nats["mnist"] - nats["mnist-autoencoder"]
show_text(f"""
| {stored["mnist"]["test"]["images"]:,} MNIST test images, a code of {drawing.code_size} numbers | nats per image | trained for |
|---|---|---|
| drawing decoder, own code | {tested("mnist-autoencoder")} | {trained_for("mnist-autoencoder")} |
| drawing decoder, another image's code | {tested("mnist-autoencoder", "test_shuffled")} | the same model |
| drawing decoder, mean code | {tested("mnist-autoencoder", "test_none")} | the same model |
| no code: the PixelCNN `mnist` | {tested("mnist")} | {trained_for("mnist")} |
| painting decoder, own code | {tested("mnist-painting")} | {trained_for("mnist-painting")} |

(± is one standard error. {made_by("mnist-autoencoder")}; {made_by("mnist-painting")}.)

If the drawing decoder ignored its code, its three rows would be alike. It listens: a wrong code costs far
more than none. The mean code is not the same as no code, because this decoder has learnt to trust what it
is given.

The painting decoder pays for every pixel whose neighbours it does not know. With its code it costs
{abs(gap):.2f} nats {"less" if gap > 0 else "more"} than a PixelCNN that has no code at all; with the drawing
decoder, a code of the same size saves {saved:.2f}. Part of that is training, since the models were not trained
equally long. After the same number of epochs ({together}), the validation images cost {so_far["mnist-painting"]:.2f} nats
painted and {so_far["mnist-autoencoder"]:.2f} drawn.

One caution: nats *given the code* are not the likelihood of an image. The code was made from the image, and
what it says is not counted. Compare the rows with a code with each other, not with other chapters.
""")

# %% [markdown]
# ## From one code to another
#
# Between two codes lie others. Go from the code of one test image to that of another in equal steps, and
# decode each, with the same noise in every step. What is on the way? Let a classifier judge it: Bayes' rule
# on the published `mnist-conditional`, which has seen neither decoder
# ([chapter 5](05_conditioning.ipynb) says how often it is right on real images).

# %%
judge = pcnn.load_pretrained("mnist-conditional")
steps = np.linspace(0, 1, 7)[:, None]
paths = {"drawn": [], "painted": []}
for k in range(5):
    a, b = drawing.encode(examples[[k, 9 - k]])
    paths["drawn"] += [
        drawing.decode(code[None], seed=seed)[0]
        for code in a + steps * (b - a)
    ]
    a, b = painting.encode(examples[[k, 9 - k]])
    paths["painted"] += [*painting.decode_mean(a + steps * (b - a))]

# What is painted is judged with every pixel at its likelier value.
judged = np.concatenate([paths["drawn"], np.rint(paths["painted"])])
likelihoods = analysis.class_log_likelihoods(judge, judged.astype(int))
seen = analysis.posterior(likelihoods)[0].reshape(2, 5, 7, 10)

# %% tags=["remove-input"]
shown, ends = {}, {}
for k in range(3):
    for row, (name, images) in enumerate(paths.items()):
        label = f"{k} to {9 - k}\n{name}"
        shown[label] = images[7 * k : 7 * k + 7], seen[row, k]
        ends[label] = k, 9 - k
show(
    plots.judged_images(shown, 2, ends=ends),
    alt="Three pairs of rows in which one digit turns into another, drawn and painted, with classes.",
    caption="From the code of one test image (left) to that of another (right). Under each image: the class "
    "that the classifier sees in it, and its probability. Blue is the class on the left, orange the one on "
    "the right.",
)

# %% tags=["remove-input"]
inner = seen[:, :, 1:-1]
named = seen.argmax(axis=-1)
ends_of = np.array([[k, 9 - k] for k in range(5)])
is_end = (named[:, :, 1:-1, None] == ends_of[:, None]).any(axis=-1)
turns = (np.diff(named, axis=-1) != 0).sum(axis=-1).mean(axis=-1)
grey = np.reshape(paths["painted"], (5, 7, -1))
grey = ((grey > 0.1) & (grey < 0.9)).mean(axis=(0, 2))
between = is_end[0].size
show_text(f"""
Over all five pairs there are {between} steps between the ends.

| | drawn | painted |
|---|---|---|
| judged to be the class of one of the ends | {is_end[0].sum()} of {between} | {is_end[1].sum()} of {between} |
| judged to be a third class | {(~is_end[0]).sum()} of {between} | {(~is_end[1]).sum()} of {between} |
| mean probability of the class that is named | {inner[0].max(axis=-1).mean():.2f} | {inner[1].max(axis=-1).mean():.2f} |
| changes of the class on a path, mean | {turns[0]:.1f} | {turns[1]:.1f} |

So a straight line between two codes is not always a straight way from one digit to the other, with either
decoder. The difference is in the pictures. The painting decoder fades one image into the
other: half-way, {grey[3]:.0%} of its pixels are between 10% and 90% white, at the ends {grey[[0, -1]].mean():.0%}.
Every step of the PixelCNN is a sharp image in black and white.
""")

# %% [markdown]
# ## The same, trained here
#
# Two small autoencoders with the same encoder, one with each kind of decoder, are trained on 8 × 8 digits. A
# PixelCNN without a code is trained as well, to say what a code is worth. (Learning rate and encoder were
# chosen by validation images. The size of the code was chosen after trial runs whose test figures had been
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

# %% tags=["remove-input"]
show(
    plots.training_curves(histories),
    alt="Loss of three models against epochs: the drawing decoder with its code ends lowest.",
    caption="The three models as they are trained.",
)

# %%
originals = data.test.images[:10]
codes = drawing.encode(originals)
painted = painting.encode(originals)
rows = {
    "original": originals,
    "painted mean": painting.decode_mean(painted),
    "painted draw": painting.decode(painted, seed=seed),
}
for k in range(3):
    rows[f"drawn {k + 1}"] = drawing.decode(codes, seed=seed + k)

# %% tags=["remove-input"]
show(
    plots.image_grid(rows, data.levels),
    alt="Small digits, blurred means, noisy draws of the painting decoder, and three sharp draws.",
    caption="Ten test images, which neither model has seen, through the code and back.",
)


# %% tags=["remove-input"]
def mean_of(values):
    """Mean of nats of each image, with its standard error, as text."""
    mean = Likelihood.of(values, data.image_shape)
    return f"{mean.nats_per_image:.2f} ± {mean.standard_error:.2f}"


usage = analysis.code_usage(drawing, data.test.images, seed=seed)
no_code = -plain.log_likelihood(data.test.images)
of_painting = -painting.log_likelihood(data.test.images)
show_text(f"""
| {len(data.test):,} test images, a code of {code_size} numbers | nats per image |
|---|---|
| drawing decoder, own code | {mean_of(usage["own"])} |
| drawing decoder, another image's code | {mean_of(usage["shuffled"])} |
| drawing decoder, mean code | {mean_of(usage["none"])} |
| no code: a PixelCNN | {mean_of(no_code)} |
| painting decoder, own code | {mean_of(of_painting)} |

Image by image, the own code saves {mean_of(no_code - usage["own"])} nats against the PixelCNN that never had
one.
""")

# %% [markdown]
# ## What is in a code?
#
# If the details are left to the decoder, the code may hold what the pixels have in common, such as the
# class. A linear classifier can tell: it sees codes alone, and never an image. The code of the painting
# decoder, which has to hold everything, is the comparison.

# %%
read = {}
for name, autoencoder in {"painting": painting, "drawing": drawing}.items():
    train_codes = autoencoder.encode(data.train.images)
    test_codes = autoencoder.encode(data.test.images)
    spread = train_codes.std(axis=0)
    reader = LogisticRegression(max_iter=2000).fit(
        train_codes / spread, data.train.labels
    )
    read[name] = reader.score(test_codes / spread, data.test.labels)
    print(f"class read off the {name} decoder's code: {read[name]:.1%}")

# %% tags=["remove-input"]
error = 100 * np.sqrt(
    sum(p * (1 - p) for p in read.values()) / len(data.test)
)
more = 100 * (read["drawing"] - read["painting"])
show_text(f"""
The class is read {
    "more" if more > 0 else "less"
} often off the drawing decoder's code, by {abs(more):.1f} ± {error:.1f}
points. {
    "So freed from details, the code does hold more of the class here."
    if more > 2 * error
    else "So it is not shown here that a code freed from details holds more of the class."
}
""")

# %% [markdown]
# Nobody told either autoencoder that there are classes. The two directions in which codes vary most (their
# first two principal components) already show them:

# %%
mean = train_codes.mean(axis=0)
_, deviations, directions = np.linalg.svd(
    train_codes - mean, full_matrices=False
)
deviations /= np.sqrt(len(train_codes))
plane = (test_codes - mean) @ directions[:2].T / deviations[:2]

# %% tags=["remove-input"]
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
# ## A walk through the code space
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

# %% tags=["remove-input"]
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
# ## Recap
#
# An autoencoder's decoder decides what its code has to say. One that paints every pixel from the code
# alone needs every detail in it, and averages over those that are not there. A Gated PixelCNN draws the
# details by itself. So its pictures are sharp and vary. Whether its code then holds more of what the image is about is
# another question: a linear classifier answers it for the class.
# Whether it listens to the code can be measured: compare the likelihood under the own code with that under
# another's.
#
# ## Exercises
#
# **1.** Where in the image does the code help most? Compare the nats of each row of pixels given the
# own code and given the mean code.


# %% tags=["remove-input"]
def nats_by_row(codes):
    images = data.test.images
    nats = analysis.surprise(drawing.decoder, images, codes)
    return nats.mean(axis=0).sum(axis=1)


same_code = np.tile(test_codes.mean(axis=0), (len(test_codes), 1))
own, same = nats_by_row(test_codes), nats_by_row(same_code)
saved = (same - own) / same
best = int(saved.argmax())
show_solution(
    f"""
Share of each row's nats that the own code saves, from the top:
{", ".join(f"{share:.0%}" for share in saved)}. It is largest in row {best + 1} of {len(saved)}, and at least
{saved.min():.0%} everywhere. So the pixels above a row do not make the code superfluous.
""",
    nats_by_row,
)

# %% [markdown]
# **2.** How much of the code does the decoder need? Keep the first few principal components of each code,
# put the mean in the place of the others, and compute the nats.


# %% tags=["remove-input"]
def nats_given_components(kept):
    part = directions[:kept]
    codes = mean + (test_codes - mean) @ part.T @ part
    return -drawing.decoder.log_likelihood(data.test.images, codes)


costs = [
    nats_given_components(kept).mean() for kept in range(code_size + 1)
]
enough = int(np.argmax(np.array([*costs[:-1], 0]) < no_code.mean()))
listed = "; ".join(f"{k}: {nats:.1f}" for k, nats in enumerate(costs))
show_solution(
    f"""
Components kept, and nats per image: {listed}. The last one is the whole code. A PixelCNN without any code has
{no_code.mean():.1f}. With fewer than {enough} of {code_size} components, a code is worse than none: the decoder trusts
all of its numbers.
""",
    nats_given_components,
)

# %% [markdown]
# **3.** Complete the lower half of an image given its upper half *and* a code. Does the code change the
# completion? Compare it with the original.


# %% tags=["remove-input"]
def lower_half_off(codes):
    images = data.test.images[:100]
    upper = np.zeros(data.image_shape[:2], bool)
    upper[: len(upper) // 2] = True
    drawn = drawing.decode(codes, image=images, keep=upper, seed=0)
    off = np.abs(drawn.astype(int) - images)[:, ~upper]
    return off.mean() / (data.levels - 1)


of_own = lower_half_off(test_codes[:100])
of_other = lower_half_off(np.roll(test_codes[:100], 1, axis=0))
show_solution(
    f"""
With the own code, a pixel of the lower half is {of_own:.3f} off on average, where black is 0 and
white 1. With the code of another image it is {of_other:.3f} off: then the lower half tends to belong to the other
image.
""",
    lower_half_off,
)
