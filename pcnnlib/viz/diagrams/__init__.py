"""Drawings of the network: what a block computes, and how a pixel comes to be seen.

They are vector drawings made here, in the colours of the page around them, and need no script.
"""

from pcnnlib.viz.diagrams.block import gated_block
from pcnnlib.viz.diagrams.paths import paths_to_a_pixel
from pcnnlib.viz.diagrams.vector import Drawing

__all__ = ["Drawing", "gated_block", "paths_to_a_pixel"]
