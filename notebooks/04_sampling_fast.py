# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why does drawing take so long, and how can it take less?
#
# After this chapter you can say why pixels must be drawn one after another, and what the plain loop
# computes again and again. You know two exact ways around it: a cache, and guessing with correction. You
# complete half-hidden digits and turn the temperature. It runs in about a minute and a half on two CPU
# cores.

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
dataset: str = "digits"  # "mnist", "binarized_mnist", or a path to an .npz file of grey images
data_path: str = "data"  # folder that is searched for data files
epochs: int = 8  # passes over the training images
batch_size: int = 32  # images a step
learning_rate: float = 5e-3  # highest
filters: int = 32  # feature maps of each stack
blocks: int = 5  # gated blocks
dilations: str = "1"  # from tap to tap; for 28 x 28, "1,2,4,8"
largest_batch: int = 64  # images in the largest batch that is timed
largest_size: int = 16  # height and width of the largest images timed
seed: int = 0  # of initialisation, shuffling and sampling

# %%
import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf

import pcnnlib as pcnn
from pcnnlib import analysis, runs, sampling
from pcnnlib.nn.layers import CausalConv2D
from pcnnlib.sampling.cached import _draw_pixel, append_pixel, predict_pixel
from pcnnlib.viz import plots
from pcnnlib.viz.notebook import (
    parse_integers,
    show,
    show_solution,
    show_source,
    show_text,
    table,
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
    largest_batch=range(1, 4097),
    largest_size=range(6, 65),
    seed=range(2**32),
)
check_dataset(pcnn.load_dataset(dataset, data_path=data_path), test=16)

# %% [markdown]
# ## The idea: a pixel changes little
#
# The likelihood of a given image takes one pass through the network: all pixels are known, so all
# factors of the chain rule
#
# $$ p(\mathbf{x}) = \prod_{i=1}^{D} p(x_i \mid x_1, \dots, x_{i-1}) $$
#
# are computed side by side. Drawing is different. The distribution of $x_i$ is not known until
# $x_1, \dots, x_{i-1}$ have been *drawn*, so $D$ steps must follow one another. The plain loop runs
# the whole network in each of them, and throws away all of its output but one pixel.
#
# Here is that loop, whole, with the published model of 28 × 28 binary digits. Its output is a logit for
# each pixel; the logistic function makes it the probability of a 1.

# %% tags=["timing"]
published = pcnn.load_pretrained("mnist")
network = tf.function(published)  # compiled: as fast as a pass can be


def draw_plainly(n, seed):
    rng = np.random.default_rng(seed)
    images = np.zeros((n, *published.image_shape), "uint8")
    for i in range(images.shape[1]):
        for j in range(images.shape[2]):
            logits = np.asarray(network(images))[:, i, j]  # one pixel
            ones = 1 / (1 + np.exp(-logits))
            images[:, i, j] = rng.random(ones.shape) < ones
    return images


start = time.perf_counter()
plainly = draw_plainly(1, seed)
plain_seconds = time.perf_counter() - start

# %% tags=["remove-input"]
show(
    plots.image_grid(plainly, 2, columns=10),
    alt="One drawn binary digit of 28 by 28 pixels.",
    caption="Drawn by the loop above, pixel by pixel.",
)

# %% tags=["remove-input"]
show_text(f"""
{plain_seconds:.1f} seconds for one image: {plainly[0].size} passes through the whole network. This chapter
shows two ways to draw it in a small part of that time.
""")

# %% [markdown]
# How much of that work is new? Let us train a model, change one pixel, and look at the features of
# every block: which of them change?

# %%
data = pcnn.load_dataset(dataset, data_path=data_path)
keras.utils.set_random_seed(seed)
model = pcnn.GatedPixelCNN(
    data.image_shape,
    data.levels,
    filters,
    blocks,
    dilations=parse_integers("dilations", dilations, "1,2,4,8"),
    dropout=0.1,
)
config = pcnn.TrainConfig(
    epochs=epochs,
    batch_size=batch_size,
    learning_rate=learning_rate,
    seed=seed,
)
history = pcnn.train(model, data, config)
print(pcnn.evaluate(model, data.test))

# %%
height, width = data.image_shape[:2]
drawn_pixel = (height // 3, width // 3)
vertical, horizontal = analysis.changed_features(model, drawn_pixel)

# %% tags=["remove-input"]
show(
    plots.changed_features(
        vertical,
        horizontal,
        drawn_pixel,
        blocks=sorted({1, (blocks + 1) // 2, blocks}),
    ),
    alt="Maps of both stacks in three blocks. A cone below the drawn pixel changes; of the next "
    "pixel's own column, only one cell per block is needed.",
    caption="What changes in both stacks when the outlined pixel does. Nothing above or to the left "
    "changes; most of what does lies in later rows and can wait until they are drawn. The next pixel "
    "needs one place per block.",
)

# %% tags=["remove-input"]
show_text(f"""
Of {2 * vertical.size:,} positions (both stacks, all blocks), {int(vertical.sum() + horizontal.sum()):,}
change. The next pixel needs {blocks} of them: one in each block of the horizontal stack. The plain loop
computes all {2 * vertical.size:,}, for every pixel.
""")

# %% [markdown]
# ## The cache
#
# Two facts are enough to avoid it:
#
# - The **vertical stack** of a row depends on the rows above and on nothing else. It can be computed
#   *once per row*, for all columns together. All it needs of the past is the last row of each
#   block's input: as many rows as its kernel reaches up.
# - The **horizontal stack** has to be computed *once per pixel*, but at that pixel alone. All it
#   needs is the last few columns of each block's input.

# %% tags=["remove-input"]
show(
    plots.kept_by_cache(10, 12, (6, 7)),
    alt="Two grids. The vertical stack keeps the row above, the horizontal one the pixel to the left.",
    caption="What one block with 3 × 3 kernels keeps of its input while the marked pixel is drawn. The "
    "vertical stack computes the whole row at once, the horizontal one a single pixel.",
)

# %% [markdown]
# What is kept is exactly what the convolution would have found in its window, had the whole image been
# there. Here is the horizontal stack in small: a row of eight pixels with three features each, and a kernel with two
# taps, for the pixel to the left and for the pixel itself.

# %%
rng = np.random.default_rng(seed)
row, kernel = rng.normal(size=(8, 3)), rng.normal(size=(2, 3, 3))
padded = np.concatenate([np.zeros((1, 3)), row])
whole_row = padded[:-1] @ kernel[0] + padded[1:] @ kernel[1]

kept, by_pixel = np.zeros(3), []
for pixel in row:
    by_pixel.append(kept @ kernel[0] + pixel @ kernel[1])
    kept = pixel  # all that the next step needs
print(np.abs(whole_row - by_pixel).max())

# %% [markdown]
# The vertical stack works alike, with a row kept in place of a pixel. So the layers need no second implementation:
# training pads the image and convolves it, sampling convolves the window that it kept.

# %% tags=["remove-input"]
show_source(CausalConv2D.call)

# %% [markdown]
# And this is the step for one pixel in the library. `horizontal_step` is one step of the loop above; `append_pixel`
# keeps the pixel; `link_features` are what the vertical stack has computed for the row; `head` makes a distribution:

# %% tags=["remove-input"]
show_source(predict_pixel, _draw_pixel, append_pixel)

# %% [markdown]
# The idea is that of [Ramachandran et al. (2017)](https://arxiv.org/abs/1704.06001), who cached PixelCNN++; the two stacks of the
# Gated PixelCNN make it simpler.

# %%
kept = sampling.cache_size(model)
everything = 2 * filters * height * width * blocks
print(f"{kept:,} numbers kept per image, of {everything:,} in both stacks")

# %% [markdown]
# The cache grows with the width of the image, not with its height.
#
# ## Check: is it the same distribution?
#
# A cache that is off by one row would still draw something like digits. So we ask the cached sampler
# for the parameters that it would use at every pixel of real images, and compare them with those of
# the whole network. Then we draw with both, from the same seed.

# %%
real = data.test.images[:16]
whole = np.asarray(model(real))
difference = float(np.abs(sampling.parameters(model, real) - whole).max())
cached = model.sample(16, seed=seed)
full = model.sample(16, seed=seed, method="full")
equal = int((cached == full).all(axis=(1, 2, 3)).sum())
print(f"largest difference of a logit: {difference:.1e}")
print(f"largest logit: {np.abs(whole).max():.1f}")
print(f"images that are equal in every pixel: {equal} of {len(full)}")
assert difference < 1e-4

# %% [markdown]
# The logits differ by rounding only, and images are equal in every pixel.
#
# See it at work. The next cell shows the published model, and it draws in your browser. Press *Draw*, take
# the tick from *Cache*, and draw again: the same image comes, but each pixel now costs as many multiplications
# as the whole image did before. (Press *Stop* when you have seen enough.)

# %%
pcnn.live(
    published,
    run="mnist",
    title="One network, with a cache and without",
    controls=["speed", "seed", "cache"],
)

# %% [markdown]
# ## Result: how much faster?
#
# First against the number of images drawn together, each point the faster of two runs, compilation
# left out:


# %% tags=["timing"]
def seconds(function):
    """Faster of two runs, after one that compiles."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times[1:])


batches = [n for n in (1, 4, 16) if n < largest_batch] + [largest_batch]
by_batch = {"full": {}, "cached": {}, "one forward pass": {}}
for n in batches:
    known = data.train.images[:n]
    by_batch["full"][n] = seconds(
        lambda n=n: model.sample(n, seed=0, method="full")
    )
    by_batch["cached"][n] = seconds(lambda n=n: model.sample(n, seed=0))
    by_batch["one forward pass"][n] = seconds(
        lambda x=known: model.log_likelihood(x, batch_size=len(x))
    )

# %% tags=["remove-input"]
show(
    plots.timing(by_batch),
    alt="Seconds against batch size: full far above cached, cached somewhat above a forward pass.",
    caption="Seconds to draw a batch, measured while this page was built.",
)

# %%
gain, passes = (
    by_batch[name][largest_batch] / by_batch["cached"][largest_batch]
    for name in ("full", "one forward pass")
)
print(f"the cache is {gain:.0f} times as fast as the plain loop")
print(f"and takes the time of {1 / passes:.1f} forward passes")

# %% [markdown]
# These images are small. The plain loop takes $D$ steps, each of which costs as much as $D$
# pixels; the cached one takes $D$ steps of constant cost, so it should gain more and more as images
# grow. That is a prediction, and it could come out wrong:

# %% tags=["timing"]
sizes = sorted({max(1, largest_size * k // 6) for k in (2, 3, 4, 6)})
by_size = {"full": {}, "cached": {}}
for size in sizes:
    larger = pcnn.GatedPixelCNN(
        (size, size, 1), 2, filters=16, blocks=blocks
    )
    by_size["full"][size**2] = seconds(
        lambda m=larger: m.sample(8, seed=0, method="full")
    )
    by_size["cached"][size**2] = seconds(
        lambda m=larger: m.sample(8, seed=0)
    )
growth = {
    name: np.polyfit(np.log(list(line)), np.log(list(line.values())), 1)[0]
    for name, line in by_size.items()
}

# %% tags=["remove-input"]
show(
    plots.timing(by_size, x="pixels in an image"),
    alt="Seconds against pixels: full rises more steeply than cached.",
    caption="Seconds to draw eight images with untrained networks, against their number of pixels.",
)

# %% tags=["remove-input"]
show_text(f"""
The slopes of these lines are {growth["full"]:.1f} for the plain loop and {growth["cached"]:.1f} for the
cached one. Arithmetic alone would give 2 and 1. Each step also has a fixed cost, which brings the plain loop from 2
towards 1; each call and each row have one too, which brings the cached one below 1.
""")

# %% [markdown]
# ## The second way: guess, and correct
#
# A cache needs two stacks that can be computed piece by piece. There is an exact way without one.
#
# 1. Draw the noise first: one number between 0 and 1 for each pixel. It decides what is drawn once the
#    probability is known.
# 2. *Guess* the whole image.
# 3. Redraw all of its pixels at once, each with its own noise, given the guess. Repeat this until
#    nothing changes.
#
# The first pixel depends on nothing: it is right after one round, and stays. So the second is right
# after two rounds, and so on. After at most $D$ rounds nothing changes any more, and that is the image
# which the plain loop would have drawn with this noise. Most pixels do not wait for their turn: their
# noise decides alike whatever the last few pixels are
# ([Wiggers and Hoogeboom, 2020](https://arxiv.org/abs/2002.09928); [Song et al., 2021](https://arxiv.org/abs/2002.03629)).

# %%
together = 16
noise = np.random.default_rng(seed).random(
    (together, *published.image_shape), "float32"
)
guess = np.zeros(noise.shape, "uint8")
rounds, settled = 0, np.zeros((together, published.image_shape[0]), int)
while True:
    ones = 1 / (1 + np.exp(-np.asarray(network(guess))))
    redrawn = (noise >= 1 - ones).astype("uint8")
    changed = (redrawn != guess).any(axis=(2, 3))  # of each image, rows
    if not changed.any():
        break
    rounds += 1
    settled[changed] = rounds
    guess = redrawn
same = (guess == published.sample(together, seed=seed)).all()
print(
    f"{rounds} rounds instead of {guess[0].size}; equal to the cached: {same}"
)
assert same

# %% tags=["remove-input"]
rows = np.arange(1, 1 + published.image_shape[0])
one, latest = (
    np.maximum.accumulate(r) for r in (settled[0], settled.max(axis=0))
)
show(
    plots.lines(
        {
            "first image": (rows, one),
            f"latest of {together}": (rows, latest),
        },
        x="row of the image",
        y="rounds until it is right",
    ),
    alt="Rounds against rows: flat while rows are empty, then one or two rounds more for each row.",
    caption="After how many rounds a row, and all rows above it, were right. Empty rows are right at "
    "once. Where there is ink, a row waits for the one above it.",
)

# %% tags=["remove-input"]
slowest = int(np.argmax(np.diff(latest, prepend=0))) + 1
show_text(f"""
The first image alone takes {one[-1]} rounds, all {together} together {rounds}, since a batch waits for its
slowest image. Of their rows, the one numbered {slowest} adds most: {int(np.diff(latest, prepend=0).max())}
rounds. In an empty row no pixel depends on its neighbours, so it is right with the first guess. In a
stroke each pixel follows from the one before it, and a wrong one is corrected pixel by pixel.

`method="parallel"` is this loop, compiled, for any model. `method="rows"` keeps the cache of the rows above
and guesses within a row only. All methods draw the same images from the same seed:
""")

# %%
one_stack = pcnn.PixelCNN(
    data.image_shape, data.levels, max(4, filters // 2 * 2), blocks
)
short = pcnn.train(
    one_stack, data, dataclasses.replace(config, epochs=min(epochs, 3))
)

# %% tags=["timing"]
methods = {}
for n in (1, together):
    for method in ("cached", "rows", "parallel"):
        methods[method, n] = seconds(
            lambda n=n, m=method: published.sample(n, seed=0, method=m)
        )
    methods["forward", n] = seconds(
        lambda n=n: published.log_likelihood(guess[:n], batch_size=n)
    )
for method in ("full", "parallel"):
    methods[f"PixelCNN, {method}", 1] = seconds(
        lambda m=method: one_stack.sample(1, seed=0, method=m)
    )

# %% tags=["remove-input"]
names = {
    "cached": "cached: pixel by pixel",
    "rows": "rows: guessing within a row",
    "parallel": "parallel: guessing the image",
    "forward": "one forward pass, for comparison",
}
lines = [["the plain loop, above", f"{plain_seconds:.3f}", "–"]]
lines += [
    [text, *(f"{methods[name, n]:.3f}" for n in (1, together))]
    for name, text in names.items()
]
for text in ("pixel by pixel", "guessing the image"):
    method = "full" if text.startswith("pixel") else "parallel"
    time_of_one = methods[f"PixelCNN, {method}", 1]
    lines.append([f"PixelCNN: {text}", f"{time_of_one:.3f}", "–"])
table(
    ["Seconds", "1 image", f"{together} images"],
    lines,
    caption="Time on the processor that built this page. The upper rows are of the published Gated PixelCNN "
    "of 28 × 28 pixels. The last two are of a PixelCNN trained on this chapter's images, which keeps no cache.",
)

# %% tags=["remove-input"]
fastest = {
    n: min(("cached", "rows", "parallel"), key=lambda m: methods[m, n])
    for n in (1, together)
}
one, many = f'`"{fastest[1]}"`', f'`"{fastest[together]}"`'
winners = (
    f"{one}, for one image and for {together}"
    if one == many
    else f"{one} for one image, and {many} for {together}"
)
pixelcnn = methods["PixelCNN, full", 1] / methods["PixelCNN, parallel", 1]
show_text(f"""
The fastest here is {winners} (methods within a few per cent of each other are equal: time varies that much).
The cache does the least work, but in {plainly[0].size} steps, one after another. Guessing does more work in fewer steps. A
machine that does much at once, such as a GPU, may prefer that: run this cell on yours. A `PixelCNN` has no
cache. It draws an image {pixelcnn:.1f} times as fast by guessing as pixel by pixel.
""")

# %% [markdown]
# ## At full size
#
# How long does a trained network of useful size take? The published run `mnist` has 28 × 28 pixels; its
# weights come with the library.

# %% tags=["timing"]
full = runs.read_run("mnist")
digits = published.sample(largest_batch, seed=seed)
drawing = seconds(lambda: published.sample(largest_batch, seed=seed))
forward = seconds(
    lambda: published.log_likelihood(digits, batch_size=len(digits))
)

# %% tags=["remove-input"]
show(
    plots.image_grid(
        digits[:32], 2, columns=min(8, largest_batch), width=7.0
    ),
    alt="Drawn digits of 28 by 28 pixels, white on black, as different as if many people wrote them.",
    caption="Drawn from the published weights of `mnist` while this page was built. None was selected.",
)

# %% tags=["remove-input"]
nats, error = (
    full["test"][name] for name in ("nats_per_image", "standard_error")
)
show_text(f"""
{largest_batch} images in {drawing:.2f} seconds, about as long as {drawing / forward:.1f} forward passes; the
plain loop needs {digits[0].size} of those. `benchmarks/sampling.py` runs the plain loop too, on your
machine.

These weights are stored with the library, they were not trained for this page: a network of
{full["weights"]["parameters"]:,} weights at {nats:.2f} ± {error:.2f} nats per test image, trained for
{full["seconds"] / 3600:.1f} hours on {runs.hardware(full)}, commit {full["commit"]}. See
[chapter 8](08_results.ipynb).
""")

# %% [markdown]
# ## Complete what is half hidden
#
# Pixels that are known need not be drawn: `image` holds them, the mask `keep` marks them, and the
# rest is drawn as before.

# %%
hidden = data.test.images[:8]
upper = np.zeros((height, width), bool)
upper[: height // 2] = True
left = np.zeros((height, width), bool)
left[:, : width // 2] = True
rows = {"real": hidden}
for name, keep in {"upper half": upper, "left half": left}.items():
    for k in range(2):
        rows[f"{name} given, {k + 1}"] = model.sample(
            8, image=hidden, keep=keep, seed=k
        )

# %% tags=["remove-input"]
show(
    plots.image_grid(rows, data.levels),
    alt="Real digits and completions; each keeps its given half and varies in the other.",
    caption="Completions of the same digits from their upper half and from their left half, two of "
    "each. What was given stays as it is, to the last pixel.",
)

# %% tags=["remove-input"]
show(
    plots.animate(
        rows["upper half given, 1"], data.levels, keep=upper[..., None]
    ),
    alt="Animation: the lower halves of eight digits are drawn pixel by pixel.",
    caption="Lower halves being drawn.",
)

# %% [markdown]
# With the published model of 28 × 28 pixels, two digits of the test set and twelve endings of each:

# %%
stubs = runs.read_examples("mnist")["test"][[3, 5]]
half = np.zeros(stubs.shape[1:3], bool)
half[: len(half) // 2] = True
endings = published.sample(
    24, image=stubs.repeat(12, axis=0), keep=half, seed=seed
)

# %% tags=["remove-input"]
pages, visible = [], []
for stub, drawn in zip(stubs, np.split(endings, 2), strict=True):
    pages += [stub, *drawn[:6], stub, *drawn[6:]]
    visible += [half[..., None], *[half[..., None] | True] * 13]
show(
    plots.image_grid(
        np.array(pages), 2, columns=7, shown=np.array(visible), width=6.3
    ),
    alt="Two half digits, and twelve ways to complete each; all begin with the given half.",
    caption="Left, what was given of a digit, and below it the digit itself. Beside them twelve completions, "
    "none selected.",
)

# %% [markdown]
# The two are not alike. **Only pixels earlier in the order can inform a pixel.** With the upper half
# given, everything given comes before everything drawn: these are exact draws from
# $p(\text{lower} \mid \text{upper})$. With the left half given, a pixel of the first row is drawn
# knowing one half of the first row only; the left half of the rows *below* is given too, but the
# model has no way to ask for it. The right half may then fail to fit, and another seed fits only by luck. Other orders of pixels, or models trained on many orders, would.
#
# ## Temperature
#
# Dividing the logits by a temperature $T$ before drawing makes likely values likelier ($T < 1$) or
# levels them ($T > 1$). Only $T = 1$ draws from the model. So only there should drawn images cost as
# many nats as real ones, and that is a test of the model:

# %%
temperatures = (0.5, 0.8, 1.0, 1.2)
rows, nats = {}, {}
for t in temperatures:
    images, likelihood = model.sample(
        200, seed=seed, temperature=t, return_log_likelihood=True
    )
    rows[f"T = {t}"] = images[:10]
    nats[f"T = {t}"] = pcnn.Likelihood.of(-likelihood, data.image_shape)
nats["real"] = pcnn.evaluate(model, data.test)
for name, value in nats.items():
    print(f"{name:8} {value.nats_per_image:6.1f} nats per image")

# %% tags=["remove-input"]
show(
    plots.image_grid(rows, data.levels),
    alt="Digits at four temperatures: clean and alike at 0.5, ragged at 1.2.",
    caption="Four temperatures, the same seed, none selected.",
)

# %% [markdown]
# At temperature 1, drawn images should cost what real ones cost. Images from a cold model cost less: they
# are "better" than real ones by the model's own measure, and less varied. That is why a sample grid
# should always state its temperature.
#
# ## Recap
#
# Drawing is serial, but a step of it is small: once per row for the vertical stack, once per pixel for
# the horizontal one. Keeping what the kernels still reach makes a batch cost a few forward passes,
# with the same images as before. Without a cache the image can be guessed and redrawn until nothing changes: exact
# too, in at most $D$ rounds and usually far fewer. Completion is exact where everything given comes first; temperature
# trades variety for likelihood.
#
# ## Exercises
#
# **1.** Draw the same eight digits with every second pixel given, in a chessboard pattern. Which
# pixels profit from it?


# %% tags=["remove-input"]
def complete_a_chessboard():
    board = np.indices((height, width)).sum(axis=0) % 2 == 0
    drawn = model.sample(8, image=hidden, keep=board, seed=0)
    unknown = model.sample(8, seed=0)
    return [
        np.abs(x[:, ~board].astype(int) - hidden[:, ~board]).mean()
        for x in (drawn, unknown)
    ]


with_board, without = complete_a_chessboard()
show_solution(
    f"""
A drawn pixel is {with_board:.1f} levels away from the real one on average; {without:.1f} if nothing is
given. Every drawn pixel has given neighbours above and to the left, so all of them profit. None can use
its given neighbours to the right and below.
""",
    complete_a_chessboard,
)

# %% [markdown]
# **2.** How many numbers would the cache hold for images twice as high? Twice as wide?


# %% tags=["remove-input"]
def sizes_of_caches():
    shapes = [(8, 8, 1), (16, 8, 1), (8, 16, 1)]
    return {
        shape[:2]: sampling.cache_size(
            pcnn.GatedPixelCNN(shape, 17, filters=32, blocks=5)
        )
        for shape in shapes
    }


held = sizes_of_caches()
show_solution(
    f"""
{held[8, 8]:,} numbers for 8 × 8 pixels, {held[16, 8]:,} for images twice as high, {held[8, 16]:,} for
images twice as wide: as many, and not quite twice as many. The rows above become longer; the columns to
the left do not become more.
""",
    sizes_of_caches,
)

# %% [markdown]
# **3.** `callback=` is called after each row. Use it to stop the clock for every row: does the time per
# row grow?


# %% tags=["remove-input", "timing"]
def time_rows():
    times = [time.perf_counter()]
    model.sample(
        64, seed=0, callback=lambda *_: times.append(time.perf_counter())
    )
    return 1000 * np.diff(times)


time_rows()  # compiles
milliseconds = time_rows()
show_solution(
    f"""
Milliseconds from the first row to the last: {", ".join(f"{t:.0f}" for t in milliseconds)}. The time does not grow
from row to row; only the first may also hold the start of the call. A plain loop would show the same, but each of its rows costs as much as {width} passes
through the whole network.
""",
    time_rows,
)
