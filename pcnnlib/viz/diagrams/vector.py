"""The parts that drawings are made of, as SVG. Its ink has the colour of the text around it."""

from typing import Any

from pcnnlib.viz.markup import escape
from pcnnlib.viz.style import LATER, SEEN


class Drawing:
    """A drawing that shows itself as HTML: no script, no kernel and no network.

    Attributes:
        body: HTML, with `{alt}` where the description for those who cannot see it stands.
        summary: what stands in its place where there is only text.
    """

    def __init__(self, body: str, summary: str) -> None:
        self.body = body
        self.summary = summary

    def html(self, alt: str = "") -> str:
        """The drawing as HTML, with `alt` for those who cannot see it."""
        return self.body.replace("{alt}", escape(alt or self.summary))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.summary}


def element(name: str, content: str = "", **attributes: Any) -> str:
    """An SVG element; an underscore in the name of an attribute stands for a hyphen."""
    pairs = {key.strip("_").replace("_", "-"): value for key, value in attributes.items()}
    written = "".join(
        f' {key}="{escape(round(value, 2) if isinstance(value, float) else value)}"'
        for key, value in pairs.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def text(x: float, y: float, words: str, **attributes: Any) -> str:
    """Words with their middle at `(x, y)`, unless `text_anchor` says otherwise."""
    attributes = {"text_anchor": "middle", "dominant_baseline": "central"} | attributes
    return element("text", escape(words), x=x, y=y, **attributes)


def box(x: float, y: float, width: float, height: float, **attributes: Any) -> str:
    """A box with its middle at `(x, y)`."""
    corner: dict[str, Any] = {"x": x - width / 2, "y": y - height / 2}
    return element("rect", **corner, width=width, height=height, rx=4, **attributes)


def arrow(*points: tuple[float, float], head: bool = True, **attributes: Any) -> str:
    """Straight lines from point to point, along the axes, and a head at the last one."""
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    drawn = element("polyline", points=line, class_="line", **attributes)
    if not head:
        return drawn
    (a, b), (x, y) = points[-2:]
    dx, dy = (x > a) - (x < a), (y > b) - (y < b)
    back, side = 7, 4
    corners = [
        (x, y),
        (x - back * dx + side * dy, y - back * dy + side * dx),
        (x - back * dx - side * dy, y - back * dy - side * dx),
    ]
    return drawn + element(
        "polygon", points=" ".join(f"{x:g},{y:g}" for x, y in corners), class_="head"
    )


def touched(*points: tuple[float, float]) -> str:
    """An unseen broad line, so that a thin one below a finger or a pointer is met."""
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return element("polyline", points=line, class_="hit")


def node(x: float, y: float, sign: str) -> str:
    """A circle with an operation in it."""
    return element("circle", cx=x, cy=y, r=11, class_="box") + text(x, y, sign)


def mask_cells(x: float, y: float, mask: Any, size: float) -> str:
    """A small mask with its middle at `(x, y)`: taps that are used, and taps that are hidden.

    Args:
        x, y: of its middle.
        mask: array of 0 and 1, `(rows, columns)`.
        size: of a tap.
    """
    rows, columns = mask.shape
    cells = [
        element(
            "rect",
            x=x + (j - columns / 2) * size + 0.5,
            y=y + (i - rows / 2) * size + 0.5,
            width=size - 1,
            height=size - 1,
            fill=SEEN if mask[i, j] else LATER,
            class_="tap" if mask[i, j] else "hidden",
        )
        for i in range(rows)
        for j in range(columns)
    ]
    return "".join(cells) + element(
        "rect", x=x - size / 2, y=y - size / 2, width=size, height=size, class_="centre"
    )
