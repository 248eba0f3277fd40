"""Figures of the book, by topic. Each function returns a `Picture`, a Matplotlib figure.

H rows, W columns, C channels, K levels.
"""

from pcnnlib.viz.animation import Animation, animate
from pcnnlib.viz.plots.architecture import channel_order, gate, masks, raster_order
from pcnnlib.viz.plots.attention import attention_maps, costs, sight_tables
from pcnnlib.viz.plots.caches import kept_by_cache
from pcnnlib.viz.plots.classes import judged_images, reliability
from pcnnlib.viz.plots.codes import class_shares, codebook, codes_of_images
from pcnnlib.viz.plots.comparison import (
    asked_and_measured,
    code_space,
    compare_likelihoods,
    confusion,
    differences,
    histograms,
    lines,
)
from pcnnlib.viz.plots.compression import bits_of_pixels, narrowing_intervals
from pcnnlib.viz.plots.images import (
    grids_side_by_side,
    image_grid,
    level_probabilities,
    surprise,
)
from pcnnlib.viz.plots.mixtures import bell_in_bins, log_probabilities, mixture_fits
from pcnnlib.viz.plots.orders import reading_orders
from pcnnlib.viz.plots.training import timing, training_curves
from pcnnlib.viz.plots.visibility import (
    causality,
    changed_features,
    changed_predictions,
    pixel_roles,
    receptive_fields,
)
from pcnnlib.viz.style import Picture

__all__ = [
    "Animation",
    "Picture",
    "animate",
    "asked_and_measured",
    "attention_maps",
    "bell_in_bins",
    "bits_of_pixels",
    "causality",
    "changed_features",
    "changed_predictions",
    "channel_order",
    "class_shares",
    "code_space",
    "codebook",
    "codes_of_images",
    "compare_likelihoods",
    "confusion",
    "costs",
    "differences",
    "gate",
    "grids_side_by_side",
    "histograms",
    "image_grid",
    "judged_images",
    "kept_by_cache",
    "level_probabilities",
    "lines",
    "log_probabilities",
    "masks",
    "mixture_fits",
    "narrowing_intervals",
    "pixel_roles",
    "raster_order",
    "reading_orders",
    "receptive_fields",
    "reliability",
    "sight_tables",
    "surprise",
    "timing",
    "training_curves",
]
