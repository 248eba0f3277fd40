"""Explorers of receptive fields and of drawn images, alive with a kernel and without one.

In Jupyter and Colab they are made of ipywidgets. On a page without a kernel the same frames are
shown by a few lines of JavaScript that stand in the page itself. Every frame is measured on a
model, or drawn by one.
"""

from pcnnlib.viz.explorers.images import image_explorer
from pcnnlib.viz.explorers.receptive_field import measure_frames, receptive_field_explorer

__all__ = ["image_explorer", "measure_frames", "receptive_field_explorer"]
