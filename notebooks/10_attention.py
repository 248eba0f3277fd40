# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From PixelCNN to attention
#
# After this chapter you know how a language model draws its words, because you have drawn pixels in the same way.
# You see that the causality of a PixelCNN is the mask of attention, write attention in a few lines, and find
# that the cache of [chapter 4](04_sampling_fast.ipynb) and the key-value cache of a language model are one idea. Then
# you look where a stroke looks, and see what attention costs. It takes less than a minute on two CPU cores.

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
epochs: int = 15  # passes over the training images
filters: int = 16  # features of each stack
blocks: int = 3  # gated blocks, the first included
heads: int = 2  # of attention: parts of the features that look separately
shown: int = 6  # digits whose attention is drawn
seed: int = 0  # of initialisation, batches and draws

# %% tags=["hide-input"]
import time

import keras
import numpy as np

import pcnnlib as pcnn
from pcnnlib import runs, sampling
from pcnnlib.nn.attention import check_heads
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import show, show_solution, show_text, table
from pcnnlib.viz.parameters import check_parameters

# %% tags=["remove-cell"]
# Wrong parameters are named before anything else is done.
check_parameters(
    globals(),
    epochs=range(1, 100_001),
    filters=range(2, 1_001),
    blocks=range(1, 101),
    heads=range(1, 101),
    shown=range(1, 101),
    seed=range(2**32),
)
check_heads("heads", heads, filters)

# %% [markdown]
# ## The idea: who may see whom
#
# A PixelCNN predicts each pixel from the pixels before it. Write that as a table: a row for each pixel that is
# predicted, a column for each pixel that may be seen. `check_causality` measures it, by changing each pixel in
# turn. Here it is for one block of convolutions, which does not reach far, and for the same block with
# *attention* behind it:

# %%
side = 5
keras.utils.set_random_seed(seed)
small = {"filters": 8, "blocks": 1, "first_kernel_size": 3}
networks = {
    "convolutions": pcnn.GatedPixelCNN((side, side, 1), **small),
    "with attention": pcnn.GatedPixelCNN(
        (side, side, 1), **small, attention=(1,)
    ),
}
n = side * side
measured = {
    name: pcnn.check_causality(network).influence.reshape(n, n).T
    for name, network in networks.items()
}

# %% [markdown]
# And here is the mask of attention. It is nothing but raster order, written as a table: a pixel sees those
# whose number is smaller.

# %%
turns = np.arange(n)
mask = turns[None, :] < turns[:, None]
print(bool((measured["with attention"] == mask).all()))
print(bool((measured["convolutions"] & ~mask).any()))

# %% tags=["remove-input"]
show(
    plots.sight_tables({**measured, "mask of attention": mask}),
    alt="Three square tables. The first has narrow stripes below the diagonal, the other two are full triangles.",
    caption="Who sees whom, among the pixels of a small image in raster order: measured in two networks, and the mask. "
    "A row is a pixel that is predicted, a column a pixel that it may see.",
)

# %% [markdown]
# Convolutions fill stripes of the triangle: pixels to the left, and some of the rows above. Each block makes the stripes
# wider. Attention fills the triangle at once.
# No weight is tied to a distance; each pixel *looks for* what it needs
# ([Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)):
#
# - each pixel has a **query**, what it looks for,
# - each earlier pixel has a **key**, by which it is found, and a **value**, what it gives,
# - the pixel takes the mean of the values, weighted by how well query and keys agree:
#
# $$ \mathrm{weights} = \mathrm{softmax}\left(\frac{Q K^\top}{\sqrt{d}}\right), \qquad
# \mathrm{taken} = \mathrm{weights} \cdot V $$
#
# where $d$ is the number of features of a query, and the softmax of a row goes over what the mask shows.
#
# ## In code
#
# For one image, in NumPy. `look` gives the weights. `attend` splits the features into parts of equal size, the
# **heads**: each looks with weights of its own, and $d$ is the number of features of a head. Nothing comes before the
# first pixel, so it takes nothing:


# %%
def look(queries, keys, visible):
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    weights = visible * np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)


def attend(queries, keys, values, visible, heads):
    parts = (np.split(x, heads, axis=1) for x in (queries, keys, values))
    taken = [
        look(q, k, visible) @ v for q, k, v in zip(*parts, strict=True)
    ]
    return np.concatenate(taken, axis=1)


# %% [markdown]
# Put it behind blocks of a Gated PixelCNN, as PixelSNAIL puts it behind blocks of its own
# ([Chen et al., 2018](https://arxiv.org/abs/1712.09763)). The query of a pixel is made of its horizontal features: they
# know only the pixels before it, and so may ask for it. Keys and values are made of the image and both stacks. Only
# later pixels read them, so they may hold the pixel itself. All are told the pixel's row and column. What is taken goes
# through one more 1x1 layer, and is added to the horizontal features. `attention=(k, ...)` says behind which blocks. The digits, in black and white:

# %%
data = pcnn.load_dataset("digits").redrawn(
    lambda split: (split.images > 7).astype("uint8"),
    name="digits in black and white",
    levels=2,
)
keras.utils.set_random_seed(seed)
model = pcnn.GatedPixelCNN(
    data.image_shape,
    data.levels,
    filters,
    blocks,
    attention=(blocks,),
    attention_heads=heads,
)
config = pcnn.TrainConfig(
    epochs=epochs, batch_size=64, learning_rate=5e-3, seed=seed
)
history = pcnn.train(model, data, config)
print(pcnn.evaluate(model, data.test))

# %% [markdown]
# The layers around attention are 1x1, products with a matrix. So the whole block of the library fits on a page.
# What goes into it are the features that the blocks before it have left: `stacks` gives the vertical and the horizontal
# ones behind each block.

# %%
digit = data.test.images[:1]
scaled = model.scale(digit)
# Before and behind the last block:
*_, inputs, outputs = model.stacks(scaled)
height, width = data.image_shape[:2]
pixels = height * width
image, vertical, horizontal, expected = (
    np.asarray(x).reshape(pixels, -1) for x in (scaled, *inputs, outputs[1])
)
block = model.blocks[-1]
rows, columns = np.indices((height, width)).reshape(2, pixels)
place = np.stack(
    [2 * rows / (height - 1) - 1, 2 * columns / (width - 1) - 1], axis=1
)


def layer(name, inputs):
    dense = getattr(block, name)
    bias = 0 if dense.bias is None else np.asarray(dense.bias)
    return inputs @ np.asarray(dense.kernel) + bias


queries = layer("query", horizontal) + layer("query_position", place)
seen = np.concatenate([image, vertical, horizontal, place], axis=1)
keys, values = np.split(layer("key_value", seen), 2, axis=1)
turns = np.arange(pixels)
visible = turns[None, :] < turns[:, None]
taken = attend(queries, keys, values, visible, heads)
by_hand = horizontal + layer("project", taken)
print(np.abs(by_hand - expected).max())

# %% [markdown]
# The difference is that of rounding.
#
# ## The cache is the key-value cache
#
# Training computes the whole table at once: all pixels are known. Drawing cannot, since a pixel's key and value are
# known only when the pixel is drawn. But they never change afterwards. So keep them. Each new pixel asks one query,
# and looks into what is kept:

# %%
kept_keys, kept_values, one_by_one = [], [], []
for p in range(pixels):
    if p == 0:
        one_by_one.append(np.zeros(filters))
    else:
        all_kept = np.ones((1, p), bool)
        found = attend(
            queries[p : p + 1],
            np.stack(kept_keys),
            np.stack(kept_values),
            all_kept,
            heads,
        )
        one_by_one.append(found[0])
    kept_keys.append(keys[p])
    kept_values.append(values[p])
print(np.abs(np.stack(one_by_one) - taken).max())

# %% [markdown]
# That list is what language models call the **key-value cache**. Their sampler is this book's sampler, in other
# words:
#
# | here | in a language model |
# |---|---|
# | pixel | token |
# | levels | vocabulary |
# | raster order | order of reading |
# | pixels that are kept | prompt |
# | cached rows and columns (convolutions) | – |
# | cached keys and values | key-value cache |
# | temperature | temperature |
#
# One thing differs. A language model asks at a token for the *next* one, so its mask includes the diagonal. Here the
# query belongs to the pixel that is predicted, so the diagonal is left out.
#
# The convolutions' cache is a window: rows out of reach are forgotten, and its size does not depend on the height of
# the image. A key-value cache forgets nothing. It grows with every pixel, as that of a language model grows with the
# length of the text. The library draws from both, and gets what the whole network gets:

# %%
whole = np.asarray(model(data.test.images[:20]))
step_by_step = sampling.parameters(model, data.test.images[:20])
print(np.abs(whole - step_by_step).max())

# %% tags=["timing"]
seconds, drawn = {}, {}
for method in ("full", "cached"):
    model.sample(10, seed=seed, method=method)  # compiles
    start = time.perf_counter()
    drawn[method] = model.sample(10, seed=seed, method=method)
    seconds[method] = time.perf_counter() - start
same = bool((drawn["full"] == drawn["cached"]).all())

# %% tags=["remove-input"]
show(
    plots.image_grid(
        {"whole network": drawn["full"], "caches": drawn["cached"]},
        data.levels,
    ),
    alt="Two rows of ten drawn digits of 8 by 8 pixels; the rows are alike.",
    caption="The same digits, drawn with the whole network for each pixel and drawn from caches.",
)
convolutions = pcnn.GatedPixelCNN(data.image_shape, 2, filters, blocks)
show_text(
    f"""
    {"Both ways drew the same images." if same else "The two ways differ in some pixels."} With the whole network for
    each pixel it took {seconds["full"]:.2f} s, from caches {seconds["cached"]:.2f} s. The caches of this network hold
    {sampling.cache_size(model):,} numbers an image, those of the same convolutions without attention
    {sampling.cache_size(convolutions):,}.
    """
)

# %% [markdown]
# ## Where does a stroke look?
#
# The weights of attention can be looked at. Take the last inked pixel of some digits. Which of the earlier pixels
# does it take from?

# %%
digits = data.test.images[:shown]
*_, (vertical, horizontal), _ = model.stacks(model.scale(digits))
maps = np.asarray(block.maps(vertical, horizontal, model.scale(digits)))
looks = {}
for head in range(heads):
    for k, digit in enumerate(digits[..., 0]):
        last = int(np.flatnonzero(digit)[-1])
        looks[f"digit {k + 1},\nhead {head + 1}"] = (
            digit,
            maps[k, head, last].reshape(height, width),
            (last // width, last % width),
        )

# %% tags=["remove-input"]
show(
    plots.attention_maps(looks, columns=shown),
    alt="Small digits in dots. Blue marks the pixels that the outlined last pixel of each digit takes from.",
    caption="What the outlined pixel takes from each earlier pixel. Dots are ink; the fuller the blue, the more. "
    "Each map has a scale of its own.",
)

# %% tags=["remove-input"]
inked = data.test.images[..., 0].reshape(-1, pixels).astype(bool)
*_, (vertical, horizontal), _ = model.stacks(model.scale(data.test.images))
weights = np.asarray(
    block.maps(vertical, horizontal, model.scale(data.test.images))
)
# Of strokes, where much has been drawn already: the inked pixels of the lower halves.
image_of, pixel = np.nonzero(inked & (turns >= pixels // 2))
distance = np.hypot(
    rows[:, None] - rows[None], columns[:, None] - columns[None]
)[pixel]
alike = visible[pixel] / visible[pixel].sum(axis=1, keepdims=True)


def of_strokes(shares):
    """How much is taken from ink, in per cent, and from how far away, in pixels."""
    from_ink = (shares * inked[image_of]).sum(axis=1).mean()
    return 100 * from_ink, (shares * distance).sum(axis=1).mean()


per_head = "; ".join(
    "head {} takes {:.0f} % from ink, {:.1f} pixels away on average".format(
        head + 1, *of_strokes(weights[image_of, head, pixel])
    )
    for head in range(heads)
)
ink_there, far_there = of_strokes(alike)
show_text(
    f"""
    Over all inked pixels in the lower halves of test digits: {per_head}. A head that took from all earlier pixels alike
    would take {ink_there:.0f} % from ink, {far_there:.1f} pixels away. More ink than that says that strokes look for
    strokes; less, that they look for the background. A shorter distance says that they look nearby. What remains is taken from the background, which also says
    something: no stroke came there.
    """
)

# %% [markdown]
# ## What does it cost?
#
# At 28 × 28 the table of who sees whom has 784 rows. Its cost grows with the square of that, which is slow on one CPU core.
# So the fair question is what each network reaches in the same time. Four networks of about as many weights were trained for a
# few minutes each (`experiments/attention.py`; the runs are stored): dilated convolutions; fewer blocks without
# dilation and attention behind two of them; both; and a decoder-only transformer over pixels
# ([Parmar et al., 2018](https://arxiv.org/abs/1802.05751)): the pixel before and its place go in, then the same
# attention block and a layer that looks at each pixel alone take turns, as in a language model.

# %%
names = {
    "whole": "dilated convolutions",
    "attention": "attention",
    "attention-and-dilation": "attention and dilation",
    "transformer": "transformer",
}
stored = runs.read_runs("mnist-attention")
by_seed, minutes, drawing, rows_shown = {}, {}, {}, []


def seconds_a_pass(run):
    """The fastest: of passes timed apart, and of whole trainings."""
    a_pass = min(run["seconds"]) / run["training"]["epochs"]
    return min(run["seconds_a_pass"], a_pass)


for folder, name in names.items():
    run = stored[folder]
    passes = run["training"]["epochs"]
    nats = by_seed[name] = np.mean(run["validation_nats"], axis=1)
    minutes[name] = passes * seconds_a_pass(run) / 60
    drawing[name] = run["seconds_drawn_image"]
    rows_shown.append(
        [
            name,
            f"{run['parameters']:,}",
            passes,
            f"{minutes[name]:.1f}",
            f"{drawing[name]:.3f}",
            f"{nats.mean():.2f} ± {nats.std(ddof=1):.2f}",
        ]
    )

# %% tags=["remove-input"]
table(
    [
        "network",
        "weights",
        "passes",
        "minutes",
        "seconds per drawn image",
        "nats per image",
    ],
    rows_shown,
    "Nats of validation images of MNIST; the ± is the standard deviation between seeds. Minutes are those of the "
    "fastest pass, times the passes; the time of a drawn image is the fastest of three, from caches.",
)

# %% tags=["remove-input"]
near = [name for name in by_seed if name != names["transformer"]]
show(
    plots.costs(
        {name: by_seed[name] for name in near},
        {
            "minutes of training": {name: minutes[name] for name in near},
            "seconds per drawn image": {
                name: drawing[name] for name in near
            },
        },
    ),
    alt="Two panels with a dot for each training: nats against minutes, and against seconds per drawn image.",
    caption="What each network reaches, against what it costs: further left and further down is better. A dot is a "
    "training, a bar their mean. The transformer lies far above, and is left out.",
)

# %% tags=["remove-input"]
base = stored["whole"]
order = sorted(by_seed, key=lambda name: by_seed[name].mean())
gaps = ", ".join(
    f"{name} {by_seed[name].mean() - by_seed[order[0]].mean():+.2f}"
    for name in order[1:]
)
slowest = max(map(seconds_a_pass, stored.values()))
best = minutes[order[0]] / minutes[names["whole"]]
show_text(
    f"""
    ({base["data"]["train"]:,} training images, {base["data"]["validation"]:,} validation images,
    {len(base["seeds"])} seeds; commit `{base["commit"]}`, {runs.hardware(base)}, which other programs used too.) The
    lowest nats are those of: {order[0]}, which took {best:.2f} times the minutes of {names["whole"]}, since a training is a
    whole number of passes. The others, in nats more: {gaps}. The slowest network needs
    {slowest / seconds_a_pass(base):.1f} times as long as dilated convolutions for a pass over the images. In
    {minutes[names["whole"]]:.1f} minutes those saw each image {base["training"]["epochs"]} times; the transformer, in
    {minutes[names["transformer"]]:.1f} minutes, {stored["transformer"]["training"]["epochs"]}. The figures are far from final: they say what a few
    minutes of one core buy, not what attention is worth with hardware made for large products of matrices, and days.
    """
)

# %% [markdown]
# ## Recap
#
# What a PixelCNN may see, written as a table, is the mask of attention. Attention fills that table at once: each pixel
# weighs all earlier ones by how well its query agrees with their keys. Drawing keeps keys and values as it keeps
# rows and columns. A language model draws its tokens in the same way, and its memory grows with the text. In a few
# minutes of one core, dilated convolutions and attention together came lowest, with the most minutes; a transformer
# had hardly begun to learn.
#
# ## Exercises
#
# **1.** How many numbers do the caches keep for one image of 28 × 28 pixels, with 8 blocks of 32 filters (7 × 7 in the first
# block, 3 × 3 in the others, no dilation), without attention and with attention behind two blocks? And for 56 × 28, twice
# as high? `pcnnlib.sampling.cache_size` counts them.


# %% tags=["remove-input"]
def caches_of(height, behind):
    """Numbers kept for one image."""
    network = pcnn.GatedPixelCNN(
        (height, 28, 1), 2, filters=32, blocks=8, attention=behind
    )
    return sampling.cache_size(network)


sizes = {
    (height, behind): caches_of(height, behind)
    for height in (28, 56)
    for behind in ((), (4, 8))
}
show_solution(
    f"""
    Without attention {sizes[28, ()]:,}, and {sizes[56, ()]:,} for the higher image. With attention
    {sizes[28, (4, 8)]:,}, and {sizes[56, (4, 8)]:,}: each of the two blocks keeps a key and a value of 32 features for
    every pixel.
    """,
    caches_of,
)

# %% [markdown]
# **2.** Attention itself knows no places: exchange two earlier pixels, with their keys and values, and what is taken
# stays the same. How much does the trained model need to be told rows and columns? Set the weights that read them
# to zero, and compare.


# %% tags=["remove-input"]
def without_places():
    """Nats per test image with and without rows and columns in attention."""
    blind = pcnn.GatedPixelCNN.from_config(model.get_config())
    blind.set_weights(model.get_weights())
    attention = blind.blocks[-1]
    attention.query_position.kernel.assign(
        np.zeros((2, filters), "float32")
    )
    kernel = keras.ops.convert_to_numpy(attention.key_value.kernel).copy()
    kernel[-2:] = 0  # the last two inputs are row and column
    attention.key_value.kernel.assign(kernel)
    return [
        -float(m.log_likelihood(data.test.images).mean())
        for m in (model, blind)
    ]


told, blind = without_places()
show_solution(
    f"""
    {told:.2f} nats with rows and columns, {blind:.2f} without: {blind - told:+.2f}. The features of the two stacks also
    tell a little of the place, since the padding at the edges does.
    """,
    without_places,
)
