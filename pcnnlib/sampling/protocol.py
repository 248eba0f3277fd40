"""What a block must offer to be drawn from caches. The sampler never looks inside a block.

A `CachedBlock` keeps a window of the rows above and of its own row, an `ImageBlock` something of
all pixels drawn so far.

B batch, W columns, C channels, I features of the block's input, F of its output. A cache may be a
tensor or any nesting of tensors.
"""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class CachedBlock(Protocol):
    """A block with a vertical and a horizontal stack that can be computed piece by piece.

    The vertical stack is computed once per row, for all columns; the horizontal stack once per
    pixel. The first block reads the image, of which the current row, and the current pixel, are
    not drawn yet: it gets None for the row, and the channels drawn so far for the pixel.

    So a block can use the vertical features of all rows above, and the horizontal features of its
    own row, but no horizontal features of rows above: `left` begins anew in every row. A cache
    keeps its shapes from pixel to pixel, because the loop is compiled. A block that needs the
    image's height keeps it from `build`; one that needs all earlier pixels is an `ImageBlock`.
    """

    def initial_cache(self, batch: int, width: int) -> tuple[Any, Any]:
        """What is kept of the rows above, and of the row to the left, before the first pixel."""

    def vertical_step(self, above: Any, row: Any, condition: Any = None) -> tuple[Any, Any]:
        """The vertical stack of one row.

        Args:
            above: what is kept of the rows above.
            row: the block's vertical input in this row, `(B, 1, W, I)`; None in the first block.
            condition: encoded, of this row, `(B, 1, 1 or W, D)`, or None.

        Returns:
            Vertical features `(B, 1, W, F)`, and link features, `(B, 1, W, any)`.
        """

    def append_row(self, above: Any, row: Any) -> Any:
        """`above` for the next row: `row` is known now, and what is out of reach is dropped."""

    def horizontal_step(self, left: Any, pixel: Any, link_features: Any) -> Any:
        """The horizontal stack of one pixel.

        Args:
            left: what is kept of the row to the left.
            pixel: the block's horizontal input at this pixel, `(B, 1, 1, I)`.
            link_features: of this pixel, `(B, 1, 1, any)`.

        Returns:
            `(B, 1, 1, F)`.
        """

    def append_pixel(self, left: Any, pixel: Any) -> Any:
        """`left` for the next pixel: `pixel` is complete now."""


@runtime_checkable
class RowBlock(CachedBlock, Protocol):
    """A block that can also compute its horizontal stack for a whole row at once."""

    def horizontal_row(self, row: Any, link_features: Any) -> Any:
        """The horizontal stack of a row that is guessed, each pixel from those to its left.

        Args:
            row: the block's horizontal input, `(B, 1, W, I)`.
            link_features: of the row, `(B, 1, W, any)`.

        Returns:
            `(B, 1, W, F)`.
        """


@runtime_checkable
class ImageBlock(Protocol):
    """A block whose horizontal stack reads all earlier pixels, such as attention.

    It has one cache, its memory, that lives from the first pixel of the image to the last, and that
    is told of every pixel when it is complete. Its shapes stay the same: there is room for the
    whole image from the start.
    """

    def initial_memory(self, batch: int) -> Any:
        """What is kept of the pixels drawn so far, before the first one."""

    def vertical_step(self, memory: Any, row: Any, condition: Any = None) -> tuple[Any, Any]:
        """The vertical stack of one row, as of a `CachedBlock`; None for features it has not."""

    def horizontal_step(self, memory: Any, pixel: Any, link_features: Any) -> Any:
        """The horizontal stack of one pixel, as of a `CachedBlock`."""

    def remember(self, memory: Any, pixel: Any, link_features: Any, image: Any) -> Any:
        """The memory for the next pixel: this one is complete now.

        Args:
            memory: of the pixels before.
            pixel: the block's horizontal input at this pixel, `(B, 1, 1, I)`.
            link_features: of this pixel, `(B, 1, 1, any)`.
            image: the pixel that was drawn, scaled, `(B, 1, 1, C)`.
        """
