"""Explorers of receptive fields and of drawn images, with a kernel and without one.

One JavaScript module draws the controls and the picture: anywidget shows it in Jupyter, Colab and
VS Code, and a page without a kernel holds it together with its data. Every frame is measured on a
model, or drawn by one.
"""

from pcnnlib.viz.explorers.images import image_explorer
from pcnnlib.viz.explorers.receptive_field import measure_frames, receptive_field_explorer

__all__ = ["image_explorer", "measure_frames", "receptive_field_explorer"]
