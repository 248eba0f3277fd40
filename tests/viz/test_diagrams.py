"""Drawings: parts and their lines of code light up together, and paths are those of the masks."""

import re

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.nn import masks
from pcnnlib.viz import diagrams
from pcnnlib.viz.diagrams import block, paths

PIXELS = {"shape": (6, 8), "at": (4, 2), "goal": (3, 5)}


def test_each_part_of_the_block_has_its_lines_in_the_source():
    lines = block.sources()
    assert "def call(self, vertical, horizontal):" in lines and "def gate(x):" in lines
    used = {k for part in block.PARTS.values() for k in block.lines_of(part, lines)}
    # Nothing is computed that is not drawn.
    quiet = ("def ", '"""')
    assert {
        k for k, line in enumerate(lines) if line and not line.strip().startswith(quiet)
    } == used


def test_a_line_that_has_gone_from_the_source_is_noticed():
    lines = [line.replace("self.link(above)", "self.bridge(above)") for line in block.sources()]
    with pytest.raises(LookupError, match="link"):
        block.lines_of(block.PARTS["link"], lines)


def lit(browser):
    """Lines of code that stand out, and the sentence that is shown."""
    return browser.evaluate(
        """() => [
            [...document.querySelectorAll(".source span")]
                .filter(line => getComputedStyle(line).backgroundColor !== "rgba(0, 0, 0, 0)")
                .map(line => line.textContent.trim()),
            [...document.querySelectorAll(".about p")]
                .filter(p => getComputedStyle(p).visibility === "visible")
                .map(p => p.dataset.about ?? ""),
        ]"""
    )


LINK = "left = self.horizontal(horizontal) + self.link(above)"


def test_pointing_tapping_and_the_keyboard_light_the_line(browser, tmp_path):
    page = tmp_path / "block.html"
    html = diagrams.gated_block().html('a "block"')
    assert "<script" not in html and 'aria-label="a &quot;block&quot;"' in html
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{html}", encoding="utf-8")
    browser.open(page, settle=0)
    assert lit(browser) == [[], [""]]
    browser.page.hover('[data-part="link"]')
    assert lit(browser) == [[LINK], ["link"]]
    browser.page.hover('[data-part="project"]')
    assert lit(browser) == [["features = self.project(gate(left))  # (B, H, W, F)"], ["project"]]
    browser.page.mouse.move(1, 1)
    assert lit(browser) == [[], [""]]
    # With the Tab key, part by part.
    for name, part in block.PARTS.items():
        browser.page.keyboard.press("Tab")
        lines = block.sources()
        wanted = [lines[k].strip() for k in block.lines_of(part, lines)]
        assert lit(browser) == [wanted, [name]]
    # What is pointed at wins over what has the focus; a tap leaves the focus there.
    browser.page.click('[data-part="link"]')
    assert lit(browser) == [[LINK], ["link"]]
    browser.page.mouse.move(1, 1)
    assert lit(browser) == [[LINK], ["link"]]
    browser.page.hover('[data-part="vertical-convolution"]')
    assert lit(browser)[1] == ["vertical-convolution"]
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [420, 1300])
def test_lettering_can_be_read_and_nothing_scrolls_sideways(browser, tmp_path, width):
    page = tmp_path / "page.html"
    both = diagrams.gated_block().html("block") + diagrams.paths_to_a_pixel().html("paths")
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{both}", encoding="utf-8")
    size = browser.page.viewport_size
    browser.page.set_viewport_size({"width": width, "height": 800})
    try:
        browser.open(page, settle=0)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        heights = browser.evaluate(
            """() => [...document.querySelectorAll("svg text")].map(
                text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a)"""
        )
        assert len(heights) > 30 and min(heights) >= 9.9
    finally:
        browser.page.set_viewport_size(size)


def layers_of(mask, n=3):
    return [mask(3, t)[:, :, 0, 0] for t in "B" * (n - 1) + "A"]


def test_one_stack_does_not_reach_the_goal_at_any_depth_and_the_vertical_one_does():
    shape, at, goal = PIXELS.values()
    for n in range(1, 12):
        assert not paths.reached(layers_of(masks.raster_mask, n), at, shape)[-1][goal]
    assert paths.reached(layers_of(masks.vertical_mask), at, shape)[-1][goal]
    assert not paths.reached(layers_of(masks.vertical_mask, 2), at, shape)[-1][goal]


def test_reached_pixels_are_those_that_change_the_model():
    shape, at = (6, 8), (4, 2)
    model = pcnn.PixelCNN((*shape, 1), filters=8, blocks=3, first_kernel_size=3)
    seen = pcnn.receptive_field(model, at) > 0
    found = paths.reached(layers_of(masks.raster_mask), at, shape)[-1]
    np.testing.assert_array_equal(found, seen)


@pytest.mark.parametrize("mask", [masks.raster_mask, masks.vertical_mask])
def test_every_step_of_a_path_is_a_tap_of_its_layer(mask):
    shape, at, goal = PIXELS.values()
    layers = layers_of(mask)
    path = paths.nearest_path(layers, at, goal, shape)
    assert path[0] == at and len(path) == 4
    for kernel, here, there in zip(layers, path, path[1:], strict=False):
        assert kernel[there[0] - here[0] + 1, there[1] - here[1] + 1] == 1
    # In the goal's column: two rows too high, or there.
    assert path[-1] == ((1, 5) if mask is masks.raster_mask else goal)


def test_for_readers_who_prefer_less_motion_the_last_picture_stands(browser, tmp_path):
    page = tmp_path / "paths.html"
    html = diagrams.paths_to_a_pixel(**PIXELS).html("two paths")
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{html}", encoding="utf-8")
    running = "document.getAnimations().filter(a => a.playState === 'running').length"
    browser.open(page, settle=0)
    assert browser.evaluate(running) > 0
    browser.page.emulate_media(reduced_motion="reduce")
    try:
        assert browser.evaluate(running) == 0
        assert browser.evaluate(
            """[...document.querySelectorAll(".dot")].every(
                dot => getComputedStyle(dot.parentElement).opacity === "1")"""
        )
        assert re.findall(r"3 layers: [^<]*", html) == [
            "3 layers: 2 rows too high",
            "3 layers: reached",
        ]
        assert browser.complaints() == []
    finally:
        browser.page.emulate_media(reduced_motion="no-preference")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ((3, 5), "reached"),
        ((1, 5), "2 rows too high"),
        ((4, 5), "1 row too low"),
        ((3, 2), "3 columns too far left"),
        ((2, 6), "1 row too high, 1 column too far right"),
    ],
)
def test_a_path_that_misses_says_by_what(end, words):
    assert paths.missed_by(end, (3, 5)) == words


def test_two_drawings_on_a_page_keep_their_own_steps_and_time():
    few, many = (diagrams.paths_to_a_pixel(**PIXELS, layers=n).html("a") for n in (2, 6))
    names = [set(re.findall(r"@keyframes ([\w-]+)", html)) for html in (few, many)]
    assert all(names) and not names[0] & names[1]
    times = [re.findall(r"(\.[\w-]+) \.step { animation: ([\d.]+)s", html) for html in (few, many)]
    (one,), (other,) = times
    assert one[0] != other[0] and float(one[1]) < float(other[1])
    # What all drawings share names neither a time nor steps.
    shared = [html[: html.index("</style>")] for html in (few, many)]
    assert shared[0] == shared[1] and "keyframes" not in shared[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"goal": (4, 5)}, r"goal must come before \(4, 2\) in raster order, got \(4, 5\)"),
        ({"at": (6, 0)}, "at"),
        ({"layers": 0}, "layers"),
        ({"shape": (6, 99)}, "each of shape"),
    ],
)
def test_paths_refuse(changed, message):
    with pytest.raises(UsageError, match=message):
        diagrams.paths_to_a_pixel(**{**PIXELS, **changed})


def test_a_drawing_shows_itself():
    bundle = diagrams.gated_block()._repr_mimebundle_()
    assert bundle["text/html"].count("{alt}") == 0
    assert bundle["text/plain"] == "drawing of the gated block"
