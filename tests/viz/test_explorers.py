"""The explorer: measured frames, the live widget, and the page that needs no kernel."""

import base64
import io
import json
import re

import numpy as np
import pytest
from pcnnlib.errors import UsageError
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import images, masks, widgets

SIZE, KERNELS, LAYERS = 7, (3, 5), (2, 3, 4)


@pytest.fixture(scope="module")
def explorer():
    return widgets.receptive_field_explorer(
        size=SIZE, kernel_sizes=KERNELS, layers=LAYERS, at=(4, 3)
    )


def reach(name, kernel, layers, size):
    """What the masks let through, by following every path: an answer without a network."""
    height, width = size, 2 * size - 1

    def spread(seen, mask):
        centre, moved = kernel // 2, np.zeros_like(seen)
        for a, b in np.argwhere(mask[:, :, 0, 0]) - centre:
            for i, j in np.argwhere(seen):
                if 0 <= i + a < height and 0 <= j + b < width:
                    moved[i + a, j + b] = True
        return moved

    start = np.zeros((height, width), bool)
    start[size - 1, size - 1] = True
    if name == "PixelCNN":
        for _ in range(layers - 1):
            start = spread(start, masks.raster_mask(kernel, "B"))
        return spread(start, masks.raster_mask(kernel, "A"))
    # From the prediction back to the image: at each block a path may change to the vertical stack.
    vertical, horizontal = np.zeros_like(start), start
    for block in reversed(range(layers)):
        kind = "B" if block else "A"
        vertical = spread(vertical | horizontal, masks.vertical_mask(kernel, kind))
        horizontal = spread(horizontal, masks.horizontal_mask(kernel, kind))
    return vertical | horizontal


def test_measured_frames_are_what_the_masks_let_through(explorer):
    for m, name in enumerate(widgets.MODELS):
        for k, kernel in enumerate(KERNELS):
            for n, layers in enumerate(LAYERS):
                expected = reach(name, kernel, layers, SIZE)
                assert (explorer.frames[m, k, n] == expected).all(), (name, kernel, layers)


@pytest.mark.parametrize("at", [(0, 0), (0, 6), (3, 5), (6, 0), (6, 6)])
@pytest.mark.parametrize("name", list(widgets.MODELS))
def test_moved_frame_is_what_a_pixel_anywhere_sees(explorer, name, at):
    blocks = 2 if name == "PixelCNN" else 3
    model = widgets.MODELS[name](
        (SIZE, SIZE, 1), filters=16, blocks=blocks, first_kernel_size=3, kernel_size=3
    )
    measured = pcnn.receptive_field(model, at) > 0
    m = list(widgets.MODELS).index(name)
    found = widgets.pixel_roles(explorer.frames[m, 0, LAYERS.index(3)], at)
    assert ((found == "seen") == measured).all()
    assert found[at] == "here"


def test_live_widget_follows_its_controls(explorer):
    before = explorer.picture.value
    explorer.controls["model"].value = "Gated PixelCNN"
    explorer.controls["layers"].value = 4
    after = explorer.picture.value
    assert before != after and "Row 4, column 3" in after
    explorer.controls["row"].value = 0
    assert "Row 0, column 3: 3 of 3 earlier pixels seen" in explorer.picture.value
    explorer.controls["row"].value = 4


def test_page_form_stands_alone_and_several_fit_on_a_page(explorer):
    bundle = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    first, second = bundle["text/html"], explorer.html()
    assert "http" not in first and "require" not in first and len(first) < 40_000
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in (first, second)]
    assert len(ids[0]) == 6 and not ids[0] & ids[1]
    assert set(re.findall(r' for="([^"]+)"', first)) <= ids[0]  # every label has its control


def test_page_form_holds_the_measured_frames(explorer):
    call = re.search(r"exploreReceptiveField\(document.*?, (\{.*\})\);", explorer.html()).group(1)
    data = json.loads(call)
    packed = np.frombuffer(base64.b64decode(data["frames"]), "uint8")
    frames = explorer.frames
    rows = packed.reshape(np.prod(frames.shape[:3]), -1)
    bits = np.unpackbits(rows, axis=1)[:, : frames.shape[-2] * frames.shape[-1]]
    assert (bits.reshape(frames.shape) == frames).all()


@pytest.mark.parametrize(
    "wrong", [{"size": 1}, {"layers": (1, 2)}, {"at": (15, 0)}, {"kernel_sizes": (4,)}]
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        widgets.receptive_field_explorer(**wrong)


@pytest.mark.browser
def test_page_form_answers_as_the_live_widget_does(explorer, tmp_path):
    import browser as chromium

    if chromium.find_chromium() is None:
        pytest.skip("Chromium is not installed: the explorer is not tried")
    page = tmp_path / "page.html"
    other = widgets.receptive_field_explorer(size=3, kernel_sizes=(3,), layers=(2,), at=(1, 1))
    page.write_text(
        f'<!doctype html><meta charset="utf-8">{explorer.html()}{other.html()}', encoding="utf-8"
    )
    with chromium.Browser() as browser:
        browser.open(page)

        def pixel_roles():
            cells = "[...document.querySelector('.field').querySelectorAll('rect')]"
            classes = browser.evaluate(f"{cells}.map(cell => cell.getAttribute('class'))")
            return np.array(classes).reshape(SIZE, SIZE)

        def choose(control, name, value):
            browser.evaluate(
                f"(c => {{ c.{name} = {value}; c.dispatchEvent(new Event('input', "
                f"{{bubbles: true}})) }})(document.querySelector('[data-control={control}]'))"
            )

        for model, kernel, layers, at in [(0, 0, 3, (4, 3)), (1, 1, 2, (6, 6)), (0, 1, 4, (3, 0))]:
            choose("model", "selectedIndex", model)
            choose("kernel", "selectedIndex", kernel)
            choose("layers", "value", layers)
            choose("row", "value", at[0])
            choose("column", "value", at[1])
            frame = explorer.frames[model, kernel, LAYERS.index(layers)]
            assert (pixel_roles() == widgets.pixel_roles(frame, at)).all()
        browser.evaluate(
            "document.querySelectorAll('.field rect')[9].dispatchEvent("
            "new MouseEvent('click', {bubbles: true}))"
        )
        assert pixel_roles()[1, 2] == "here"
        # The second explorer on the page has gone its own way.
        second = "document.querySelectorAll('.said')[1].textContent"
        assert browser.evaluate(second).startswith("Row 1, column 1")
        assert browser.complaints() == []


# ---------------------------------------------------------------- drawn images

AXES = {"class": [0, 1, 2], "ink": ["thin", "bold"]}


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def drawn(request):
    """Three classes, two amounts of ink, four images each."""
    shape = (3, 2, 4, 3, 5, request.param)
    return np.random.default_rng(0).integers(0, 17, shape).astype("uint8")


def test_live_images_follow_their_controls(drawn):
    explorer = widgets.image_explorer(drawn, 17, AXES, start=[0, 0])
    before = explorer.picture.value
    explorer.controls["class"].value = 2
    explorer.controls["ink"].value = 1
    assert explorer.picture.value != before
    with Image.open(io.BytesIO(explorer.picture.value)) as picture:
        shown = np.asarray(picture)
    expected = images.tile(drawn[2, 1], 17, columns=4, width=480)
    np.testing.assert_array_equal(shown, expected)


def test_map_of_points_needs_a_class_for_each(drawn):
    for wrong, message in [
        ({"points": np.zeros((3, 2))}, "points must be"),
        ({"points": np.zeros((3, 2)), "labels": [1]}, "labels must be one for each of 3"),
        ({"start": [0, 2]}, "start must be an integer 0..1, got 2"),
        ({"start": [0]}, "start must have 2 indices"),
    ]:
        with pytest.raises(UsageError, match=message):
            widgets.image_explorer(drawn, 17, AXES, **wrong)
    with pytest.raises(UsageError, match="images must have shape"):
        widgets.image_explorer(drawn[:2], 17, AXES)
    with pytest.raises(UsageError, match="images must hold integer levels 0..3"):
        widgets.image_explorer(drawn, 4, AXES)


def test_names_cannot_end_the_script(drawn):
    page = widgets.image_explorer(drawn[:1], 17, {"a": ["</script>"], "b": ["x", "y"]}).html()
    assert page.count("</script>") == 1


@pytest.mark.browser
def test_page_form_shows_the_images_that_were_drawn(drawn, tmp_path):
    import browser as chromium

    if chromium.find_chromium() is None:
        pytest.skip("Chromium is not installed: the explorer is not tried")
    points = np.array([[0, 0], [2, 1]])
    explorer = widgets.image_explorer(drawn, 17, AXES, points=points, labels=[3, 8])
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8">{explorer.html()}', encoding="utf-8")
    with chromium.Browser() as browser:
        browser.open(page)
        height, width = drawn.shape[3:5]

        def shown():
            pixels = browser.evaluate(
                "(c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data])"
                "(document.querySelector('canvas'))"
            )
            strip = np.array(pixels).reshape(height, -1, 4)
            # A column of nothing between images.
            return np.stack(
                [strip[:, k * (width + 1) : (k + 1) * (width + 1) - 1, :3] for k in range(4)]
            )

        def expected(*place):
            return images.to_rgb(drawn[place], 17)

        np.testing.assert_array_equal(shown(), expected(1, 1))  # the middle, to begin with
        browser.evaluate(
            "(c => { c.value = 2; c.dispatchEvent(new Event('input', {bubbles: true})) })"
            "(document.querySelector('[data-control=class]'))"
        )
        np.testing.assert_array_equal(shown(), expected(2, 1))
        assert browser.evaluate("document.querySelectorAll('output')[1].value") == "bold"
        browser.evaluate(
            "(m => { const b = m.getBoundingClientRect(); m.dispatchEvent(new MouseEvent('click', {"
            "bubbles: true, clientX: b.left + b.width * 0.1, clientY: b.top + b.height * 0.9 })) })"
            "(document.querySelector('.map'))"
        )
        np.testing.assert_array_equal(shown(), expected(0, 0))
        assert browser.evaluate("document.querySelector('.marker').getAttribute('cy')") == "1"
        assert browser.complaints() == []
