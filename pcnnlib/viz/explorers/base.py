"""What explorers share: controls, and their form as plain HTML."""

import base64
import html
import importlib.resources
import json
import uuid

import ipywidgets
import numpy as np


class Explorer(ipywidgets.VBox):
    """What explorers share: controls to choose with, and a second form as plain HTML.

    A subclass sets `controls`, a dict of ipywidgets, before it calls this constructor with the
    widgets that show what was chosen; it has `redraw()` and `html()`.
    """

    said = "an explorer"

    def __init__(self, shown, **kwargs):
        super().__init__([*self.controls.values(), *shown], **kwargs)
        for control in self.controls.values():
            control.observe(self.redraw, names="value")
        self.redraw()

    def _page(self, name, controls, shown, script, call, data):
        """Controls, what they show, and the script that connects them, in one element."""
        packed = json.dumps(data).replace("</", "<\\/")  # a name must not end the script
        # The script runs in a function of its own, so that several explorers fit on a page.
        return (
            f"<style>{_asset('explorer.css')}</style>"
            f'<div class="pcnn-explorer" id="{name}">'
            f'<div class="controls">{"".join(controls)}</div>{shown}</div>'
            f"<script>(() => {{\n{_asset(script)}"
            f'{call}(document.getElementById("{name}"), {packed});\n'
            "})();</script>"
        )

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/html"] = self.html()
        data["text/plain"] = self.said
        return bundle


def _fresh_name():
    return f"explorer-{uuid.uuid4().hex[:8]}"


def _pack(frames):
    """Frames as base64 of their bits, each frame filled up to whole bytes."""
    flat = frames.reshape(-1, frames.shape[-2] * frames.shape[-1])
    return base64.b64encode(np.packbits(flat, axis=1).tobytes()).decode()


def _select(name, control, label, options, chosen):
    choices = "".join(
        f"<option{' selected' if option == chosen else ''}>{html.escape(option)}</option>"
        for option in options
    )
    return (
        f'<label for="{name}-{control}"><span>{label}</span>'
        f'<select id="{name}-{control}" data-control="{control}">{choices}</select></label>'
    )


def _slider(name, control, label, first, last, chosen, said=None):
    said = chosen if said is None else said
    key = f"{name}-{control.replace(' ', '-')}"
    return (
        f'<label for="{key}"><span>{html.escape(label)}</span><input type="range" '
        f'id="{key}" data-control="{html.escape(control)}" min="{first}" max="{last}" '
        f'value="{chosen}"><output for="{key}">{html.escape(str(said))}</output></label>'
    )


def _asset(name):
    return (
        importlib.resources.files("pcnnlib.viz.explorers")
        .joinpath(name)
        .read_text(encoding="utf-8")
    )
