"""Which taps of a convolution kernel may be seen: masks of types A and B.

A pixel is generated after all pixels in the rows above it and after those to its left (raster
order), and within a pixel R before G before B. Masks follow van den Oord et al. 2016
(arXiv:1601.06759, section 3.4, figure 2; arXiv:1606.05328, section 2.1):

* type "A" hides the value being predicted. The first layer uses it, since its input *is* the image.
* type "B" shows it. Later layers use it, since their features at a pixel no longer hold its value.

Kernels are `(kernel rows, kernel columns, in features, out features)`, in the order of Keras. Masks
are NumPy arrays of 0 and 1. Features belong to *groups*, one group per image channel: group 0 may
see what R may see, group 1 also sees R, group 2 also sees R and G.
"""

from collections.abc import Sequence

import numpy as np

from pcnnlib._internal.errors import UsageError, check_int, check_kernel_size

MASK_TYPES = ("A", "B")


def feature_groups(features: int, channel_groups: int) -> np.ndarray:
    """Group of each feature: `features` split into `channel_groups` contiguous equal parts.

    Args:
        features: number of features (channels of a layer, or of the image).
        channel_groups: number of channel_groups, one per image channel.

    Returns:
        int array `(features,)`, e.g. `[0, 0, 1, 1, 2, 2]` for 6 features in 3 channel_groups.

    Raises:
        UsageError: if `features` is not a multiple of `channel_groups`.
    """
    features = check_int("features", features, 1)
    channel_groups = check_int("channel_groups", channel_groups, 1)
    if features % channel_groups:
        raise UsageError(
            f"filters must be a multiple of the {channel_groups} channel groups, got {features}"
        )
    return np.repeat(np.arange(channel_groups), features // channel_groups)


def channel_mask(
    mask_type: str, in_groups: Sequence[int] | np.ndarray, out_groups: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Links allowed at the centre tap: the pixel's own earlier channels.

    Args:
        mask_type: "A" (only earlier groups) or "B" (earlier groups and the same one).
        in_groups: int array `(I,)`, the group of each input feature.
        out_groups: int array `(O,)`, the group of each output feature.

    Returns:
        float32 array `(I, O)` of 0 and 1.

    Raises:
        UsageError: if `mask_type` is neither "A" nor "B".
    """
    _check_mask_type(mask_type)
    in_groups, out_groups = np.asarray(in_groups)[:, None], np.asarray(out_groups)[None, :]
    allowed = in_groups < out_groups if mask_type == "A" else in_groups <= out_groups
    return allowed.astype("float32")


def raster_mask(
    kernel_size: int,
    mask_type: str,
    in_groups: Sequence[int] | np.ndarray = (0,),
    out_groups: Sequence[int] | np.ndarray = (0,),
) -> np.ndarray:
    """Mask of the 2016 PixelCNN: all rows above, the same row to the left, part of the centre.

    Returns:
        float32 array `(kernel_size, kernel_size, I, O)` of 0 and 1.

    Raises:
        UsageError: for an even kernel, one below 3, or an unknown mask type.

    >>> raster_mask(3, "A")[:, :, 0, 0].astype(int).tolist()
    [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    """
    mask = _empty(kernel_size, in_groups, out_groups)
    centre = kernel_size // 2
    mask[:centre] = 1
    mask[centre, :centre] = 1
    mask[centre, centre] = channel_mask(mask_type, in_groups, out_groups)
    return mask


def vertical_mask(
    kernel_size: int,
    mask_type: str,
    in_groups: Sequence[int] | np.ndarray = (0,),
    out_groups: Sequence[int] | np.ndarray = (0,),
) -> np.ndarray:
    """Mask of the vertical stack: the rows above (A), or those and the current one (B).

    The vertical stack of row i stands for everything *above* row i. Its first layer ("A") reads the
    image and must stop at row i-1; later layers ("B") read vertical features, which have already
    stopped there, and so may use row i. No pixel of row i is ever seen, hence no channel order.

    >>> vertical_mask(3, "A")[:, :, 0, 0].astype(int).tolist()
    [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    >>> vertical_mask(3, "B")[:, :, 0, 0].astype(int).tolist()
    [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    """
    _check_mask_type(mask_type)
    mask = _empty(kernel_size, in_groups, out_groups)
    mask[: kernel_size // 2 + (mask_type == "B")] = 1
    return mask


def horizontal_mask(
    kernel_size: int,
    mask_type: str,
    in_groups: Sequence[int] | np.ndarray = (0,),
    out_groups: Sequence[int] | np.ndarray = (0,),
) -> np.ndarray:
    """Mask of the horizontal stack: the current row to the left, and part of the centre.

    >>> horizontal_mask(3, "A")[:, :, 0, 0].astype(int).tolist()
    [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    >>> horizontal_mask(3, "B")[:, :, 0, 0].astype(int).tolist()
    [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
    """
    mask = _empty(kernel_size, in_groups, out_groups)
    centre = kernel_size // 2
    mask[centre, :centre] = 1
    mask[centre, centre] = channel_mask(mask_type, in_groups, out_groups)
    return mask


def crop_to_taps(mask: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The smallest box of a square mask that holds all its ones, and where it lies.

    Only these taps are stored and multiplied: a vertical 3x3 mask of type B costs 6 taps, not 9.

    Returns:
        `(mask on the window, (top, bottom, left, right))`: distances from the centre tap to the
        window's edges in rows and columns, e.g. `(-1, 0, -1, 1)` for the rows above and the
        current one of a 3x3 kernel.
    """
    seen = np.argwhere(mask.any(axis=(2, 3)))
    (top, left), (bottom, right) = seen.min(axis=0), seen.max(axis=0)
    centre = mask.shape[0] // 2
    box = mask[top : bottom + 1, left : right + 1]
    return box, tuple(int(edge) - centre for edge in (top, bottom, left, right))


def unseen_between(first_kernel_size: int, kernel_size: int, dilations: Sequence[int]) -> list[int]:
    """Pixels that a stack of dilated kernels skips between those that it sees.

    Args:
        first_kernel_size: odd int, of the first layer, which has no dilation.
        kernel_size: odd int, of the later layers.
        dilations: int for each later layer.

    Returns:
        list of distances, counted to the left or upwards alike: such pixels are nearer than the
        farthest one seen, and not seen themselves.

    >>> unseen_between(7, 3, [1, 2, 4, 8]), unseen_between(3, 3, [2, 2])
    ([], [2, 4])
    """
    seen = set(range(1, first_kernel_size // 2 + 1))
    for dilation in dilations:
        seen |= {near + tap * dilation for near in seen for tap in range(1, kernel_size // 2 + 1)}
    return sorted(set(range(1, max(seen))) - seen)


def _empty(kernel_size, in_groups, out_groups):
    size = check_kernel_size("kernel_size", kernel_size)
    return np.zeros((size, size, len(in_groups), len(out_groups)), "float32")


def _check_mask_type(mask_type):
    if mask_type not in MASK_TYPES:
        raise UsageError(f'mask_type must be "A" or "B", got {mask_type!r}')
