"""What a block must offer to be drawn from caches. The sampler never looks inside a block.

B batch, W columns, I features of the block's input, F of its output. A cache may be a tensor or
any nesting of tensors.
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
    image's height keeps it from `build`.
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
