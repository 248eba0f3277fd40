"""Explorers: measured frames, the choice that Python and the view share, and the page form."""

import base64
import functools
import html
import json
import re

import numpy as np
import pytest

import browser as book_browser
import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.nn import masks
from pcnnlib.viz import explorers, images
from pcnnlib.viz.explorers import receptive_field
from pcnnlib.viz.explorers.receptive_field import MODELS
from pcnnlib.viz.plots.visibility import pixel_roles

SIZE, KERNELS, LAYERS, DILATIONS = 7, (3, 5), (2, 3, 4), ((1,), (1, 2))


@pytest.fixture(scope="module")
def frames():
    return explorers.measure_frames(SIZE, KERNELS, LAYERS, DILATIONS)


@pytest.fixture
def explorer(frames, monkeypatch):
    def measured(*arguments):
        again = arguments == (SIZE, list(KERNELS), list(LAYERS), list(DILATIONS))
        return frames if again else explorers.measure_frames(*arguments)

    monkeypatch.setattr(receptive_field, "measure_frames", measured)
    return explorers.receptive_field_explorer(
        size=SIZE, kernel_sizes=KERNELS, layers=LAYERS, dilations=DILATIONS, at=(4, 3)
    )


def paths(name, kernel, layers, size, dilations=(1,)):
    """What the masks let through, by following every path: an answer without a network."""
    height, width = size, 2 * size - 1

    def spread(seen, mask, step=1):
        centre, moved = kernel // 2, np.zeros_like(seen)
        for a, b in step * (np.argwhere(mask[:, :, 0, 0]) - centre):
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
        step = dilations[(block - 1) % len(dilations)] if block else 1
        vertical = spread(vertical | horizontal, masks.vertical_mask(kernel, kind), step)
        horizontal = spread(horizontal, masks.horizontal_mask(kernel, kind), step)
    return vertical | horizontal


def seen_from(frame, at):
    """The frame, moved so that its own pixel lies at `at`; rows below are never seen."""
    size = len(frame)
    i, j = at
    seen = np.zeros((size, size), bool)
    seen[: i + 1] = frame[size - 1 - i :, size - 1 - j : 2 * size - 1 - j]
    return seen


def test_measured_frames_are_what_the_masks_let_through(frames):
    for m, name in enumerate(MODELS):
        for k, kernel in enumerate(KERNELS):
            for n, layers in enumerate(LAYERS):
                for d, dilations in enumerate(DILATIONS):
                    expected = paths(name, kernel, layers, SIZE, dilations)
                    where = name, kernel, layers, dilations
                    assert (frames[m, k, n, d] == expected).all(), where


def test_reach_is_the_farthest_that_kernels_without_a_blind_spot_see():
    frames = explorers.measure_frames(10, [3, 5], [2, 3, 4], [(1,), (1, 2)])[1]
    for k, n, d in np.ndindex(frames.shape[:3]):
        away = 9 - np.argwhere(frames[k, n, d]).min()
        choice = (3, 5)[k], (2, 3, 4)[n], ((1,), (1, 2))[d]
        far = receptive_field._reach("Gated PixelCNN", *choice)
        assert away == min(far, 9)


@pytest.mark.parametrize("at", [(0, 0), (0, 6), (3, 5), (6, 0), (6, 6)])
@pytest.mark.parametrize("name", list(MODELS))
def test_moved_frame_is_what_a_pixel_anywhere_sees(frames, name, at):
    model = MODELS[name]((SIZE, SIZE, 1), filters=16, blocks=3, first_kernel_size=3, kernel_size=3)
    measured = pcnn.receptive_field(model, at) > 0
    frame = frames[list(MODELS).index(name), 0, LAYERS.index(3), 0]
    roles, _ = pixel_roles(seen_from(frame, at), at)
    assert ((roles == "seen") == measured).all()
    assert roles[at] == "here"


# ---------------------------------------------------------------- the choice


def test_choice_can_be_set_from_python_a_few_names_at_a_time(explorer):
    begin = {
        "model": "PixelCNN",
        "kernel": 3,
        "layers": 3,
        "dilations": "1",
        "row": 4,
        "column": 3,
    }
    assert explorer.choice == begin
    explorer.choice = {"model": "Gated PixelCNN", "layers": np.int64(4)}
    expected = begin | {"model": "Gated PixelCNN", "layers": 4}
    assert explorer.choice == expected
    # What a kernel sends to the view, which is JSON.
    assert json.loads(json.dumps(explorer.get_state("choice"))) == {"choice": expected}


def test_choice_follows_the_view(explorer):
    heard = []
    explorer.observe(lambda change: heard.append(change["new"]["row"]), names="choice")
    explorer.set_state({"choice": explorer.choice | {"row": 0}})  # as a message of the view does
    assert heard == [0]
    assert explorer.choice["row"] == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"layers": 9}, "choice of layers must be one of 2, 3, 4, got 9"),
        (
            {"depth": 3},
            "choice must be of model, kernel, layers, dilations, row, column, got 'depth'",
        ),
    ],
)
def test_choice_that_no_control_offers_is_refused(explorer, wrong, message):
    before = explorer.choice
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        explorer.choice = wrong
    assert explorer.choice == before


@pytest.mark.parametrize(
    "wrong", [{"size": 1}, {"layers": (1, 2)}, {"at": (15, 0)}, {"kernel_sizes": (4,)}]
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        explorers.receptive_field_explorer(**wrong)


# ---------------------------------------------------------------- the page form


def state_of(page):
    return json.loads(html.unescape(re.search(r' data-state="([^"]*)"', page).group(1)))


def test_page_form_stands_alone_and_several_fit_on_a_page(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    first, second = bundle["text/html"], explorer.html()
    assert "http" not in first and "require" not in first and len(first) < 40_000
    assert not re.search(r"\bimport\b", first)
    ids = [re.findall(r' id="([^"]+)"', page) for page in (first, second)]
    assert len(ids[0]) == len(ids[1]) == 1 and ids[0] != ids[1]
    assert bundle["text/plain"] == "an explorer of receptive fields"


def test_without_javascript_a_sentence_stands_in_its_place(explorer, browser, tmp_path):
    sentence = "In a browser that runs JavaScript, here is an explorer of receptive fields."
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><meta charset=utf-8>{explorer.html()}", encoding="utf-8")
    context = browser.chromium.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(page.as_uri())
    assert still.locator("p").all_inner_texts() == [sentence]
    context.close()
    browser.open(page, settle=0)
    assert sentence not in browser.evaluate("document.body.innerText")
    assert browser.evaluate("document.querySelectorAll('.controls').length") == 1


def test_page_form_holds_the_measured_frames_and_the_choice(explorer, frames):
    explorer.choice = {"row": 2}
    state = state_of(explorer.html())
    packed = np.frombuffer(base64.b64decode(state["data"]["frames"]), "uint8")
    rows = packed.reshape(np.prod(frames.shape[:4]), -1)
    bits = np.unpackbits(rows, axis=1)[:, : frames.shape[-2] * frames.shape[-1]]
    assert (bits.reshape(frames.shape) == frames).all()
    assert state["choice"] == explorer.choice


# ---------------------------------------------------------------- in Chromium


@pytest.fixture(scope="module")
def chromium():
    """Started as the book's pages are: a process can have only one Playwright."""
    program = book_browser.find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed: the explorers are not tried")
    try:
        driver = book_browser.start_playwright()
    except book_browser.BrowserError as error:
        pytest.skip(str(error))
    browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture
def open_page(chromium, tmp_path):
    """Function that opens HTML from disk. A request or an error of the page fails the test."""
    complaints = []
    context = chromium.new_context(offline=True)
    page = context.new_page()
    page.set_default_timeout(5000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # The hint on reading a canvas often is for this test, the only one that reads.
    page.on("console", lambda m: "willReadFrequently" in m.text or complaints.append(m.text))
    file = tmp_path / "page.html"
    own = (file.as_uri(), "blob:")
    page.on("request", lambda r: r.url.startswith(own) or complaints.append(r.url))

    def opened(body):
        file.write_text(f'<!doctype html><meta charset="utf-8">{body}', encoding="utf-8")
        page.goto(file.as_uri())
        return page

    yield opened
    context.close()
    assert complaints == []


# A kernel's model, as much of it as anywidget lets the module see.
LIVE = """async ([module, state]) => {
  const file = new Blob([module], { type: "text/javascript" });
  const { render } = (await import(URL.createObjectURL(file))).default;
  const heard = new Set();
  window.saved = [];
  window.model = {
    get: name => state[name],
    set(name, value) { state[name] = value; heard.forEach(f => f()); },
    save_changes() { saved.push(state.choice); },
    on(name, f) { if (name === "change:choice") heard.add(f); },
    off(name, f) { if (name === "change:choice") heard.delete(f); },
  };
  window.listeners = heard;
  window.views = [0, 1].map(() => {
    const el = document.body.appendChild(document.createElement("div"));
    return { el, close: render({ model, el }) };
  });
}"""


@pytest.fixture
def open_live(open_page):
    """Function that shows an explorer twice, as a notebook's kernel does with two views of it."""

    def opened(explorer):
        page = open_page(f"<style>{explorer._css}</style>")
        state = {"data": explorer.data, "choice": explorer.choice}
        page.evaluate(LIVE, [str(explorer._esm), state])
        return page

    return opened


def control(page, name, nth=0):
    return page.locator(f"[data-control='{name}']").nth(nth)


def choose(page, name, index):
    control(page, name).evaluate(
        "(c, k) => { c.value = k; c.dispatchEvent(new Event('input', { bubbles: true })) }", index
    )


def drawn_roles(page, nth=0):
    return np.array(
        page.locator(".field").nth(nth).evaluate("f => [...f.children].map(c => c.classList[0])")
    ).reshape(SIZE, SIZE)


@pytest.mark.browser
def test_drawn_roles_are_those_of_the_figures(explorer, frames, open_page):
    other = explorers.receptive_field_explorer(size=3, kernel_sizes=(3,), layers=(2,), at=(1, 1))
    page = open_page(explorer.html() + other.html())
    roles = set()
    for model, kernel, layers, dilation, at in [
        (0, 0, 3, 0, (4, 3)),
        (1, 1, 2, 0, (6, 6)),
        (0, 1, 4, 0, (3, 0)),
        (1, 0, 2, 0, (0, 0)),
        (1, 0, 3, 0, (6, 6)),
        (1, 0, 3, 1, (6, 6)),
        (0, 0, 2, 0, (6, 3)),
        (0, 0, 4, 1, (6, 3)),
    ]:
        depth = LAYERS.index(layers)
        choice = {"model": model, "kernel": kernel, "layers": depth, "dilations": dilation}
        for name, index in (choice | {"row": at[0], "column": at[1]}).items():
            choose(page, name, index)
        choice = KERNELS[kernel], layers, DILATIONS[dilation]
        far = receptive_field._reach(list(MODELS)[model], *choice)
        seen = seen_from(frames[model, kernel, depth, dilation], at)
        expected, _ = pixel_roles(seen, at, far)
        np.testing.assert_array_equal(drawn_roles(page), expected)
        roles |= set(expected.flat)
        assert control(page, "dilations").is_disabled() == (model == 0)
        counted = page.locator(".summary").first.inner_text()
        blind, far = ((expected == role).sum() for role in ("blind", "unreached"))
        assert counted.endswith(f"earlier pixels seen, {blind} blind, {far} out of reach.")
    assert roles == {"here", "seen", "blind", "unreached", "later"}
    choose(page, "layers", 2)
    choose(page, "row", 0)
    assert (
        "Row 0, column 3: 3 of 3 earlier pixels seen" in page.locator(".summary").first.inner_text()
    )
    page.locator(".field rect").nth(9).click()
    assert drawn_roles(page)[1, 2] == "here"
    # The second explorer on the page has gone its own way.
    assert page.locator(".summary").nth(1).inner_text().startswith("Row 1, column 1")


@pytest.mark.browser
@pytest.mark.parametrize("at", [(0, 0), (2, 5), (6, 1)])
def test_leaks_are_drawn_as_leaks(explorer, open_page, at):
    leaky = np.random.default_rng(1).random((2, 2, 3, 2, SIZE, 2 * SIZE - 1)) < 0.5
    leaky[..., SIZE - 1, SIZE - 1] = at == (2, 5)  # the pixel itself
    explorer.data = explorer.data | {"frames": receptive_field._pack(leaky)}
    explorer.choice = {"row": at[0], "column": at[1]}
    page = open_page(explorer.html())
    expected, _ = pixel_roles(seen_from(leaky[0, 0, 1, 0], at), at, 3)
    assert "leak" in expected
    np.testing.assert_array_equal(drawn_roles(page), expected)
    assert page.get_by_text("later, but seen: a leak").is_visible()


@pytest.mark.browser
def test_live_view_and_kernel_follow_each_other(explorer, frames, open_live):
    page = open_live(explorer)
    assert not page.get_by_text("later, but seen: a leak").first.is_visible()
    # From the kernel: both views follow.
    explorer.choice = {"model": "Gated PixelCNN", "layers": 4, "row": 6}
    page.evaluate("choice => model.set('choice', choice)", explorer.choice)
    expected, _ = pixel_roles(seen_from(frames[1, 0, 2, 0], (6, 3)), (6, 3), 4)
    for view in (0, 1):
        np.testing.assert_array_equal(drawn_roles(page, view), expected)
        assert control(page, "layers", view).input_value() == "2"
    assert page.evaluate("saved.length") == 0
    # From the view: the kernel hears the whole choice.
    choose(page, "kernel", 1)
    (saved,) = page.evaluate("saved")
    assert saved == explorer.choice | {"kernel": 5}
    explorer.set_state({"choice": saved})
    assert explorer.choice == saved
    page.evaluate("views[0].close()")
    assert page.evaluate("listeners.size") == 1


@pytest.mark.browser
def test_controls_have_names_and_obey_the_keyboard(explorer, open_page):
    page = open_page(explorer.html())
    for name in ("Model", "Kernel", "Dilations"):
        assert page.get_by_role("combobox", name=name).count() == 1
    for name in ("Layers", "Row", "Column"):
        assert page.get_by_role("slider", name=name).count() == 1
    slider = page.get_by_role("slider", name="Layers")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "4"
    page.get_by_role("slider", name="Row").press("Home")
    sentence = page.locator(".summary[role=status]").inner_text()
    assert sentence == "Row 0, column 3: 3 of 3 earlier pixels seen, 0 blind, 0 out of reach."
    assert page.get_by_role("img", name=sentence).count() == 1
    assert page.locator("label").evaluate_all("all => all.every(l => l.control)")


@pytest.mark.browser
def test_ink_has_the_colour_of_the_text(explorer, open_page):
    page = open_page(explorer.html())
    ink = functools.partial(
        page.locator(".field .here").evaluate, "cell => getComputedStyle(cell).fill"
    )
    colours = []
    for colour in ("rgb(1, 2, 3)", "rgb(250, 251, 252)"):
        page.evaluate("colour => { document.body.style.color = colour }", colour)
        colours.append(ink())
    assert colours == ["rgb(1, 2, 3)", "rgb(250, 251, 252)"]


# ---------------------------------------------------------------- drawn images

AXES = {"class": [0, 1, 2], "ink": ["thin", "bold"]}


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def drawn(request):
    """Three classes, two amounts of ink, four images each."""
    shape = (3, 2, 4, 3, 5, request.param)
    return np.random.default_rng(0).integers(0, 17, shape).astype("uint8")


def shown_images(page, height, width, nth=0):
    pixels = (
        page.locator("canvas")
        .nth(nth)
        .evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    )
    strip = np.array(pixels).reshape(height, -1, 4)
    # A column of nothing between images.
    return np.stack([strip[:, k * (width + 1) : (k + 1) * (width + 1) - 1, :3] for k in range(4)])


def test_choice_of_images_is_an_index_on_every_axis(drawn):
    explorer = explorers.image_explorer(drawn, 17, AXES, start=[0, 0])
    assert explorer.choice == {"class": 0, "ink": 0}
    explorer.choice = {"class": 2}
    assert explorer.choice == {"class": 2, "ink": 0}
    with pytest.raises(UsageError, match="choice of ink must be one of 0, 1, got 2"):
        explorer.choice = {"ink": 2}
    assert explorers.image_explorer(drawn, 17, AXES).choice == {"class": 1, "ink": 1}


@pytest.mark.browser
def test_live_images_follow_their_choice(drawn, open_live):
    explorer = explorers.image_explorer(drawn, 17, AXES, start=[0, 0])
    page = open_live(explorer)
    before = shown_images(page, 3, 5)
    np.testing.assert_array_equal(before, images.to_rgb(drawn[0, 0], 17))
    explorer.choice = {"class": 2, "ink": 1}
    page.evaluate("choice => model.set('choice', choice)", explorer.choice)
    assert (shown_images(page, 3, 5) != before).any()
    for view in (0, 1):
        np.testing.assert_array_equal(
            shown_images(page, 3, 5, view), images.to_rgb(drawn[2, 1], 17)
        )
    choose(page, "class", 1)
    assert page.evaluate("saved") == [{"class": 1, "ink": 1}]


def test_map_of_points_needs_a_class_for_each(drawn):
    for wrong, message in [
        ({"points": np.zeros((3, 2))}, "points must be"),
        ({"points": np.zeros((3, 2)), "labels": [1]}, r"labels must be integers of shape \(3\)"),
        ({"start": [0, 2]}, "start must be an integer 0..1, got 2"),
        ({"start": [0]}, "start must be 2 values"),
    ]:
        with pytest.raises(UsageError, match=message):
            explorers.image_explorer(drawn, 17, AXES, **wrong)
    with pytest.raises(
        UsageError, match=r"images must be integers of shape \(3, 2, m, H, W, 1 or 3\)"
    ):
        explorers.image_explorer(drawn[:2], 17, AXES)
    with pytest.raises(UsageError, match=r"images must hold levels 0\.\.3 \(levels=4\), got 16"):
        explorers.image_explorer(drawn, 4, AXES)


def test_names_cannot_end_the_script(drawn):
    page = explorers.image_explorer(drawn[:1], 17, {"a": ["</script>"], "b": ["x", "y"]}).html()
    assert page.count("</script>") == 1


@pytest.mark.browser
def test_names_are_text_and_no_markup(drawn, open_page):
    axes = {"<b>a</b>": ["</script>", "<i>", "&lt;"], "b": ["x", "y"]}
    page = open_page(explorers.image_explorer(drawn, 17, axes, start=[0, 0]).html())
    assert page.get_by_role("slider", name="<b>a</b>").count() == 1
    assert page.locator("output").first.inner_text() == "</script>"
    assert page.locator("b, i").count() == 0


@pytest.mark.browser
def test_page_form_shows_the_images_that_were_drawn(drawn, open_page):
    points = np.array([[0, 0], [2, 1]])
    explorer = explorers.image_explorer(drawn, 17, AXES, points=points, labels=[3, 8])
    page = open_page(explorer.html())
    height, width = drawn.shape[3:5]

    def check(*position):
        expected = images.to_rgb(drawn[position], 17)
        np.testing.assert_array_equal(shown_images(page, height, width), expected)

    check(1, 1)  # the middle, to begin with
    choose(page, "class", 2)
    check(2, 1)
    assert page.locator("output").nth(1).inner_text() == "bold"
    assert page.get_by_role("img", name="4 drawn images: class 2, ink bold").count() == 1
    assert page.locator(".map text").all_text_contents() == ["3", "8"]
    page.locator(".map").evaluate(
        "m => { const b = m.getBoundingClientRect(); m.dispatchEvent(new MouseEvent('click', {"
        "bubbles: true, clientX: b.left + b.width * 0.1, clientY: b.top + b.height * 0.9 })) }"
    )
    check(0, 0)
    assert page.locator(".marker").get_attribute("cy") == "1"
