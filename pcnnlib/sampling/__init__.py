"""How is an image drawn? Pixel by pixel: the plain way (`full`), or from caches (`cached`).

Both draw by inversion from the same uniform noise, made by NumPy from the seed: the same seed gives
the same images, by either method, on either backend, and image k does not depend on how many are
drawn.
"""

from pcnnlib.sampling.cached import cache_size
from pcnnlib.sampling.completion import best_order
from pcnnlib.sampling.draw import METHODS, parameters, sample
from pcnnlib.sampling.growing import frames
from pcnnlib.sampling.protocol import CachedBlock, ImageBlock

__all__ = [
    "METHODS",
    "CachedBlock",
    "ImageBlock",
    "best_order",
    "cache_size",
    "frames",
    "parameters",
    "sample",
]
