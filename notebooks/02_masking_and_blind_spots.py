# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How does a convolution look only at the past, and what does it overlook?
#
# After this chapter you can mask a convolution so that it is causal, measure what a pixel really
# sees, explain the blind spot of the first PixelCNN, and find three common mistakes. It runs in less than a minute on two CPU cores.

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
dataset: str = "digits"  # or "mnist", "binarized_mnist", path to an .npz
data_path: str = "data"  # folder that is searched for data files
image_size: int = 15  # height and width of images for receptive fields
epochs: int = 4  # passes over the training images for each model
filters: int = 24  # feature maps of the trained models, an even number
blocks: int = 3  # blocks of the gated models; the PixelCNNs have one more
seed: int = 0  # of initialisation, shuffling and sampling

# %%
import pcnnlib as pcnn
from pcnnlib.nn import masks
from pcnnlib.viz import explorers, plots
from pcnnlib.viz.notebook import (
    show,
    show_solution,
    show_text,
)
from pcnnlib.viz.parameters import check_dataset, check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    dataset=str,
    data_path=str,
    image_size=range(5, 65),
    epochs=range(1, 10_001),
    filters=range(4, 4097, 2),
    blocks=range(1, 101),
    seed=range(2**32),
)
check_dataset(
    pcnn.load_dataset(dataset, data_path=data_path), channels=None
)

# %% [markdown]
# ## The idea: hide the future
#
# The chain rule of the [last chapter](01_pixels_in_order.ipynb) asks for the distribution of every
# pixel given those before it. A convolution could compute all of them at once, if only it did not
# look at the pixels to come. So its kernel $w$, whose entries are called *taps*, is multiplied by a *mask* $M$ of
# zeros and ones:
#
# $$ (w \ast x)_{i,j} = \sum_{a,b} M_{a,b}\, w_{a,b}\, x_{i+a,\,j+b}. $$
#
# Here $i, j$ are the row and the column of the pixel, and $a, b$ say how far a tap lies from the centre: down and
# to the right.
#
# Rows above are shown, and in the same row what lies to the left. What about the centre, the pixel
# itself? That depends ([van den Oord et al., 2016a](https://arxiv.org/abs/1601.06759)):
#
# - **Type A** hides it. The first layer reads the image, where the centre *is* the pixel to be
#   predicted.
# - **Type B** shows it. Later layers read features, and those at the centre no longer contain the
#   pixel.

# %% tags=["remove-input"]
show(
    plots.masks(
        {
            f"{t}, {k} × {k}": masks.raster_mask(k, t)
            for k, t in [(3, "A"), (3, "B"), (7, "A"), (7, "B")]
        }
    ),
    alt="Four masks: ones above and to the left of the centre. Type A has 0 at the centre, B has 1.",
    caption="Masks of both types for two kernel sizes, from `pcnnlib.nn.masks`. The centre is outlined.",
)

# %% [markdown]
# Both take a few lines. Taps are numbered in raster order, and the mask shows those before the centre:

# %%
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(seed)


def raster_mask(size, own_pixel):
    """Ones on the rows above and to the left, (size, size)."""
    number = np.arange(size * size).reshape(size, size)
    return (number < size * size // 2 + own_pixel).astype("float32")


def masked_convolution(x, kernel, mask):
    """x (B, H, W, 1), kernel and mask (size, size)."""
    hidden = (kernel * mask)[:, :, None, None]
    return tf.nn.conv2d(x, hidden, strides=1, padding="SAME")


x = np.zeros((1, 5, 5, 1), "float32")
x[0, 2, 2] = 1  # one pixel that is not black
for letter in "AB":
    mask = raster_mask(3, own_pixel=letter == "B")
    assert (mask == masks.raster_mask(3, letter)[:, :, 0, 0]).all()
    print(f"type {letter}: which outputs know the pixel in the middle?")
    knows = masked_convolution(x, np.ones((3, 3), "float32"), mask)
    print(knows[0, :, :, 0].numpy().astype(int))

# %% [markdown]
# What comes before the pixel never knows it; at the pixel itself, only type B does. The library's masks are the
# same. They also have *channel groups*, for colour images, where R comes before G and G before B within a
# pixel. We need them below.
#
# ## What a pixel sees
#
# A prediction depends on a pixel if the gradient with respect to that pixel is not zero. So what a
# network sees can be measured, without a thought about its inside: take a random image, and ask how
# the output at one pixel changes with each pixel of the image.

# %%
middle = (2 * image_size // 3, image_size // 2)
shape = (image_size, image_size, 1)
model = pcnn.PixelCNN(shape, blocks=3, first_kernel_size=3)
image = tf.random.normal((1, *shape))
with tf.GradientTape() as tape:
    tape.watch(image)
    # The network alone, on real numbers: levels have no gradient.
    output = model.predict_scaled(image)[0, middle[0], middle[1]]
gradient = tape.gradient(output, image)[0, :, :, 0].numpy()
print((gradient != 0).astype(int))

# %% [markdown]
# Ones are seen, zeros are not. `pcnnlib.receptive_field` does the same for several random images, and
# averages the strengths: one image alone may hide a pixel by chance, where a ReLU is off. Here it is for
# deeper and deeper stacks of 3 × 3 convolutions.

# %%
assert (pcnn.receptive_field(model, middle) > 0)[gradient != 0].all()
fields = {}
for layers in (2, 3, 5, 8):
    model = pcnn.PixelCNN(shape, blocks=layers, first_kernel_size=3)
    fields[f"{layers} layers"] = pcnn.receptive_field(model, middle)

# %% tags=["remove-input"]
show(
    plots.receptive_fields(
        fields, middle, reach={f"{n} layers": n for n in (2, 3, 5, 8)}
    ),
    alt="Receptive fields that grow with depth, but never fill the triangle above and to the right.",
    caption="What one pixel sees through 2, 3, 5 and 8 layers: the fuller the blue, the stronger. Grey "
    "pixels come into reach with more layers. Orange ones are in reach and stay unseen.",
)

# %% [markdown]
# More layers see further up and to the left, yet a triangle to the right stays out of sight. A path
# through the layers that moves right must also move up: in its own row a mask lets it move left only.
# With 3 × 3 kernels that is one column to the right for every row. This is the **blind spot**. It
# does not go away with depth. Figure 1 of the paper ([van den Oord et al., 2016b](https://arxiv.org/abs/1606.05328)) draws it, and the
# text puts it at up to a quarter of the field that the kernels could reach.
#
# How much is it here? The gated model of the [next chapter](03_gated_stacks.ipynb) has no blind
# spot; with kernels and depth alike it shows what could be reached. We measure both at the bottom
# of an image that is wide enough to hold the field.

# %%
depth = 8
pixelcnn, gated = explorers.measure_frames(depth + 1, [3], [depth])
share = 1 - pixelcnn.sum() / gated.sum()
print(f"{pixelcnn.sum()} of {gated.sum()} are seen, {share:.0%} are not")

# %% [markdown]
# The share grows towards a quarter as layers are added: of $2L^2 + 2L$ pixels in reach of $L$ layers,
# $L(L-1)/2$ are blind.
#
# ## Explore
#
# Choose a model, a kernel, a depth and a pixel, or click on one. Orange pixels are blind: the kernels
# reach that far, and no path leads there. Grey ones are out of reach: it takes more layers to reach them, or
# *dilated* kernels, which leave gaps between their taps. The library has those for the Gated
# PixelCNN. Every field that you see was measured by gradient, as above.

# %%
explorers.receptive_field_explorer(size=image_size, at=middle)

# %% [markdown]
# ## Check: is a model causal?
#
# Gradients tell what is seen. Whether something *forbidden* is seen deserves a stricter test:
# `pcnnlib.check_causality` changes every value of an image in turn, and notes which predictions
# change, to the last bit. A causal model changes none at or before the value.


# %%
def colour_model():
    return pcnn.PixelCNN((4, 4, 3), 4, 48, blocks=3, first_kernel_size=3)


right = colour_model()
print(pcnn.check_causality(right))

# %% [markdown]
# A check that never fails is worth nothing, so we build three models that are wrong, in ways that
# are common.
#
# **1. The centre is visible in layer one.** The mask hides the pixels to come but leaves the centre
# tap alone. Every value of the pixel then sees all values of the pixel, itself included.

# %%
visible = colour_model()
visible.first.mask[-1, 1] = 1  # the centre: last row stored, middle column
print(pcnn.check_causality(visible))

# %% [markdown]
# **2. Mask B on the first layer.** The masks are right, but the types are mixed up. Now the order of
# the channels is kept, and each value sees itself.

# %%
early = colour_model()
groups = early.first.out_groups  # of each feature: R, G or B
early.first.mask[-1, 1] = masks.channel_mask("B", [0, 1, 2], groups)
print(pcnn.check_causality(early))

# %%
reports = {
    "right": pcnn.check_causality(right),
    "1. centre visible": pcnn.check_causality(visible),
    "2. mask B first": pcnn.check_causality(early),
}
assert [report.causal for report in reports.values()] == [
    True,
    False,
    False,
]

# %% tags=["remove-input"]
show(
    plots.causality(reports),
    alt="Three triangular matrices of influence; the wrong models have entries on the diagonal.",
    caption="Which value changes which prediction, in the order R, G, B of the first pixel, then "
    "of the second, and so on. The right model has nothing on or above the diagonal.",
)

# %% tags=["remove-input"]
leaks = {name: len(report.leaks) for name, report in reports.items()}
show_text(f"""
The first mistake leaks {leaks["1. centre visible"]} times. The second leaks {leaks["2. mask B first"]}
times, once for each value. In grey images, with one channel, the two are the same mask.
""")

# %% [markdown]
# **3. The link is shifted down once too often.** The Gated PixelCNN has a *vertical* stack that sees the rows
# above and hands its features to a *horizontal* stack, through a 1 × 1 convolution: the link. The
# vertical stack already stops at the row above the pixel, so the pixel's own row may use its features as they
# are. A program that shifts them down by one more row, to be safe, hides that row twice. Here is this
# mistake: row $i$ gets what was meant for row $i-1$.


# %%
def one_row_late(vertical_stack):
    def wrong(*args, **kwargs):
        features, link = vertical_stack(*args, **kwargs)
        nothing = keras.ops.zeros_like(link[:, :1])
        return features, keras.ops.concatenate(
            [nothing, link[:, :-1]], axis=1
        )

    return wrong


def shift_links(model):
    for block in model.blocks:
        block.vertical_stack = one_row_late(block.vertical_stack)


# %%
deep = dict(levels=4, filters=16, blocks=5)
right = pcnn.GatedPixelCNN((8, 8, 1), **deep)
shifted = pcnn.GatedPixelCNN((8, 8, 1), **deep)
shift_links(shifted)
links = {
    "right": pcnn.check_causality(right),
    "shifted": pcnn.check_causality(shifted),
}
for name, report in links.items():
    print(f"{name} - {report}")
assert not links["right"].blind_spot.any()
assert links["shifted"].blind_spot.any()

# %% [markdown]
# Nothing leaks this time: the model is causal, and blind. The second row never hears of the first,
# and no row hears of the one right above it. The report tells by the number of earlier values that
# are never seen, which should be zero for this model.

# %%
pixels = {
    f"{name}, row {row}": (row, 4) for row in (1, 5) for name in links
}
seen = {
    f"{name}, row {row}": report.seen_from((row, 4))
    for row in (1, 5)
    for name, report in links.items()
}

# %% tags=["remove-input"]
show(
    plots.receptive_fields(seen, pixels),
    alt="Four maps. With the shifted link the row right above the pixel is not seen.",
    caption="What a pixel in row 1 and one in row 5 see (rows count from 0), with the link as it "
    "should be and with the link shifted.",
)

# %% [markdown]
# ## Result: what a wrong mask does to the loss
#
# Why does it matter? Because the loss will not warn you. We train four models on the digits: a
# PixelCNN as it should be, one whose centre is visible (in grey images mistakes 1 and 2 are the same), a
# Gated PixelCNN as it should be, and one with mistake 3.

# %%
data = pcnn.load_dataset(dataset, data_path=data_path)
sizes = data.image_shape, data.levels, filters
keras.utils.set_random_seed(seed)
models = {
    "PixelCNN": pcnn.PixelCNN(*sizes, blocks + 1),
    "PixelCNN, centre visible": pcnn.PixelCNN(*sizes, blocks + 1),
    "Gated": pcnn.GatedPixelCNN(*sizes, blocks),
    "Gated, link shifted": pcnn.GatedPixelCNN(*sizes, blocks),
}
centre = models["PixelCNN, centre visible"].first.kernel_size // 2
models["PixelCNN, centre visible"].first.mask[-1, centre] = 1
shift_links(models["Gated, link shifted"])

# %%
config = pcnn.TrainConfig(
    epochs=epochs, batch_size=32, learning_rate=5e-3, seed=seed
)
likelihoods = {}
for name, model in models.items():
    pcnn.train(model, data, config)
    likelihoods[name] = pcnn.evaluate(model, data.test)

# %% tags=["remove-input"]
show(
    plots.compare_likelihoods(likelihoods),
    alt="Test bits per dimension: the model with a visible centre is far below all others.",
    caption="Test bits/dim after the same short training. One number is too good to be true.",
)

# %% tags=["remove-input"]
bits = {name: value.bits_per_dim for name, value in likelihoods.items()}
show_text(f"""
With the centre visible, the loss falls from {bits["PixelCNN"]:.2f} to
{bits["PixelCNN, centre visible"]:.2f} bits/dim. The model copies the answer, and a longer training would copy it
better. That number is no likelihood any more. **If a loss is too good,
look for a leak first.** The shifted link does the reverse: {bits["Gated, link shifted"]:.2f} instead of
{bits["Gated"]:.2f}. Neither mistake comes with a warning.
""")

# %% [markdown]
# Samples give the leak away, because when drawing there is no answer to copy, only the empty pixel:

# %%
drawn = {}
for name, model in models.items():
    drawn[name] = model.sample(10, seed=seed, method="full")
drawn["real"] = data.test.images[:10]

# %% tags=["remove-input"]
show(
    plots.image_grid(drawn, data.levels),
    alt="Samples of the four models and real digits; those of the leaking model are black.",
    caption="Samples of the four models, none selected. The best loss has the worst samples.",
)

# %% [markdown]
# Try it. The next cell shows three of these networks, and they draw in your browser. Choose the one whose
# centre is visible, press *Half an example*, then *Draw*: it asks far fewer bits for the half that it is
# given, since it reads each answer there, and below that it draws next to nothing, since there is none to
# read. Then choose another network and press *Draw* again.

# %%
compared = ["PixelCNN", "PixelCNN, centre visible", "Gated"]
pcnn.live(
    {name: models[name] for name in compared},
    title="Three networks, one of them with a wrong mask",
    examples=data.test.images[:10],
    controls=["brush", "speed", "surprise", "probability", "bits"],
)

# %% [markdown]
# ## Recap
#
# Masks make a convolution causal: type A where it reads the image, type B after. A stack of masked
# convolutions has a blind spot, above and to the right, that depth does not cure. A leak makes the loss look better.
# Blindness can make it worse: by as much as the unseen pixels would have told. So causality has to be tested,
# and `check_causality` tests both.
#
# ## Exercises
#
# **1.** A kernel large enough has no blind spot. How large must the *first* one be for 8 × 8 images?


# %% tags=["remove-input"]
def count_blind_values():
    counts = {}
    for size in (3, 7, 11, 13, 15):
        wide = pcnn.PixelCNN(
            (8, 8, 1), filters=16, blocks=4, first_kernel_size=size
        )
        report = pcnn.check_causality(wide)
        counts[size] = int(report.blind_spot.sum())
    return counts


counts = count_blind_values()
smallest = min(size for size, count in counts.items() if count == 0)
show_solution(
    f"""
Pairs of an earlier value and a prediction that never sees it: {
        ", ".join(f"{n} with {size} × {size}" for size, n in counts.items())
    }. So it must be {smallest}: {
        smallest // 2
    } to each side. With less, the other layers do not help
everywhere. They move to the right only as they move up, so in the row right above, nothing further right
than half of the first kernel is ever reached.
""",
    count_blind_values,
)

# %% [markdown]
# **2.** Before you run it: how many leaks should mistakes 1 and 2 have on images of 4 × 4 pixels
# with three channels?

# %% tags=["remove-input"]
expected = {
    "1. centre visible": 16 * (1 + 2 + 3),
    "2. mask B first": 16 * 3,
}
assert all(leaks[name] == count for name, count in expected.items())
show_solution(rf"""
Mistake 2: every value changes its own prediction, $4 \cdot 4 \cdot 3 = {expected["2. mask B first"]}$.
Mistake 1: in each pixel R, G and B change predictions of R, of R and G, and of all three,
$1 + 2 + 3 = 6$, so $16 \cdot 6 = {expected["1. centre visible"]}$. The two reports above say the same. If a
report of yours has fewer, some value was too weak to show in the random images that were tried: try more of
them, `check_causality(model, images=16)`.
""")

# %% [markdown]
# **3.** Show the pixel to the *right* in a later layer: `model.blocks[0].convolution.mask`. Does it leak?
# Can the rows *below* leak in this way?


# %% tags=["remove-input"]
def show_the_pixel_to_the_right():
    wrong = pcnn.PixelCNN(
        (4, 4, 1), filters=16, blocks=3, first_kernel_size=3
    )
    mask = wrong.blocks[0].convolution.mask
    mask[-1, 2] = 1  # the last row stored, right of the centre
    return len(pcnn.check_causality(wrong).leaks), mask.shape[0]


count, stored = show_the_pixel_to_the_right()
show_solution(
    f"""
It leaks {count} times. Only the taps that a mask can show are stored: for a raster mask {stored} of 3
rows, those down to the pixel's own one, over the full width. So there *is* a tap to the right of the
centre. What is impossible is a look at the rows below, for which no weights exist. The vertical and
horizontal kernels of the next chapter store no hidden tap, and leave nothing to unmask.
""",
    show_the_pixel_to_the_right,
)
