"""The figure of orders numbers every pixel by its turn."""

from support_figures import Drawn

from pcnnlib.nn.raster import ORDERS, before, raster_order
from pcnnlib.viz import plots
from pcnnlib.viz.style import LATER, SEEN


def test_each_panel_numbers_the_pixels_by_their_turn_and_fills_the_first_half():
    figure = plots.reading_orders(4)
    drawn = Drawn(figure)
    for order, axis in enumerate(figure.axes):
        turns = raster_order(4, 4, order=order)
        numbers = {text.get_position(): int(text.get_text()) for text in axis.texts}
        assert numbers == {(j, i): turns[i, j] + 1 for i in range(4) for j in range(4)}
        expected = [["first" if turn < 8 else "later" for turn in row] for row in turns]
        assert drawn.names(axis, (4, 4), {"first": SEEN, "later": LATER}) == expected
        assert axis.get_title().replace("\n", " ") == f"{order}: {ORDERS[order]}"
    assert len(figure.axes) == 8


def test_what_is_seen_in_an_order_is_no_leak():
    seen = before((4, 4), (1, 2), 6)
    roles, _ = plots.pixel_roles(seen, (1, 2), order=6)
    assert set(roles[seen].flat) == {"seen"} and set(roles[~seen].flat) == {"here", "later"}
    assert "leak" in plots.pixel_roles(seen, (1, 2))[0]
    figure = plots.receptive_fields({"a": seen, "b": seen}, (1, 2), order={"a": 6, "b": 0})
    crossed = [len(axis.lines) for axis in figure.axes]
    assert crossed[0] == 0 and crossed[1] > 0
