"""What explorers share: a choice that Python and the view can both change, and the page form."""

import json
import pathlib
import uuid
from collections.abc import Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz.markup import escape

FOLDER = pathlib.Path(__file__).parent


class Explorer(anywidget.AnyWidget):
    """Controls to choose with, and a picture that follows them.

    `choice` is a trait, a dict of each control's name and value. Assign a dict with the names that
    shall change, and the view follows; `observe` it to follow the view.

    >>> explorer.choice = {"model": "Gated PixelCNN", "layers": 4}
    """

    _esm = FOLDER / "explorer.js"
    _css = FOLDER / "explorer.css"
    data = traitlets.Dict().tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)

    def __init__(self, summary: str, choice: dict[str, Any], data: dict[str, Any]) -> None:
        self.summary = summary
        self._complete: dict[str, Any] = {}
        super().__init__(data=data, choice=choice)

    @traitlets.validate("choice")
    def _complete_choice(self, proposal: dict[str, Any]) -> dict[str, Any]:
        values = {control["name"]: control["values"] for control in self.data["controls"]}
        choice = dict(self._complete)
        for name, value in proposal["value"].items():
            if name not in values:
                raise UsageError(f"choice must be of {', '.join(values)}, got {name!r}")
            if np.ndim(value) or value not in values[name]:
                allowed = ", ".join(map(str, values[name]))
                raise UsageError(f"choice of {name} must be one of {allowed}, got {value!r}")
            # The control's own value: JSON knows no NumPy numbers.
            choice[name] = values[name][values[name].index(value)]
        self._complete = choice
        return dict(choice)

    def html(self) -> str:
        """The explorer as HTML that needs nothing else: no kernel, no library, no network."""
        name = f"explorer-{uuid.uuid4().hex[:8]}"
        # An attribute, since no text in it can end the script, and JSON knows no special names.
        state = escape(json.dumps({"data": self.data, "choice": self.choice}, allow_nan=False))
        # Each module has its own scope, so that several explorers fit on a page.
        return (
            f'<style>{self._css}</style><div id="{name}" data-state="{state}">'
            f"<p>In a browser that runs JavaScript, here is {escape(self.summary)}.</p></div>"
            f'<script type="module">\n{self._esm}'
            f'renderAlone(document.getElementById("{name}"));\n</script>'
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/html": self.html(), "text/plain": self.summary}, metadata


def control(
    name: str,
    label: str,
    values: Sequence[Any],
    options: Sequence[str],
    *,
    menu: bool = False,
    only: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A control for the JavaScript module: a menu or a slider, with a text for each value.

    It can be used only while the other controls have the values that `only` names.
    """
    return {
        "name": name,
        "label": label,
        "values": list(values),
        "options": list(options),
        "menu": menu,
        "only": only or {},
    }
