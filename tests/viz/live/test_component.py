"""The component in Chromium, from a file, with the network off: by mouse, touch and keyboard."""

import re
import shutil

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import sampling
from pcnnlib.viz.live import component

pytestmark = pytest.mark.browser
EVIL = '</script><script>window.bitten = 1</script><img src=x onerror="window.bitten = 1">'
SIZE = 6


def network(**options):
    keras.utils.set_random_seed(0)
    sizes = {"filters": 6, "blocks": 2, "first_kernel_size": 3, **options}
    return pcnn.GatedPixelCNN((SIZE, SIZE, sizes.pop("channels", 1)), **sizes)


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch):
    """XLA would take a second for each of these models, and draws the same images."""
    monkeypatch.setattr(sampling.cached, "XLA", False)


@pytest.fixture
def opened(page, tmp_path):
    """Function that writes a model's page, opens it, and returns the browser's page."""

    def open_page(model, change=str, **options):
        path = pcnn.export_html(model, tmp_path / "page.html", **options)
        path.write_text(change(path.read_text("utf-8")), encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_selector(".paper, .failed")
        return page

    return open_page


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def choose(page, name):
    page.locator(".options label", has_text=re.compile(f"^{name}$")).click()


def shown(page):
    """Wait until the page has shown what it knows: it does so once a frame."""
    page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")


def finish(page):
    page.wait_for_selector('[data-drawing="false"][data-seconds]')
    shown(page)


def status(page):
    return page.locator(".status").inner_text()


def pixels(page, tiles=1):
    """The image on the canvas as colours, `(rows, columns, 3)`: the middle of each pixel."""
    shown(page)
    read = page.locator(".paper").evaluate(
        """(c, n) => {
          const pen = c.getContext("2d"), step = c.width / n, found = [];
          for (let k = 0; k < n * n; k++) {
            const x = (k % n + 0.5) * step, y = (Math.floor(k / n) + 0.5) * step;
            found.push(...pen.getImageData(x, y, 1, 1).data.slice(0, 3));
          }
          return found;
        }""",
        SIZE * tiles,
    )
    return np.array(read).reshape(SIZE * tiles, SIZE * tiles, 3)


def drawn(page):
    """Levels of a binary image that is drawn: white is 1. What is given has other colours."""
    return (pixels(page).min(axis=-1) == 255).astype("uint8")


INK, BLANK = (169, 211, 247), (29, 53, 80)  # of given pixels


def is_colour(found, colour):
    return (found == np.array(colour)).all(axis=-1)


@pytest.mark.parametrize("pace", ["Slow", "Fast", "At once"])
def test_the_image_on_the_page_is_the_library_s_for_the_seed(opened, model, pace):
    page = opened(model)
    choose(page, pace)
    page.get_by_label("Seed").fill("5")
    press(page, "Draw")
    finish(page)
    expected = model.sample(1, seed=5)[0, :, :, 0]
    assert (drawn(page) == expected).all()
    nats = -model.log_likelihood(expected[None, :, :, None], batch_size=1)[0]
    assert float(page.locator("[data-control=bits] .value").inner_text()) == pytest.approx(
        nats / np.log(2), abs=0.1
    )
    assert page.get_by_role("meter").get_attribute("aria-valuemax") == str(SIZE * SIZE)
    assert status(page).startswith("Done: ")
    if pace == "Slow":
        return
    press(page, "Another")
    finish(page)
    assert page.get_by_label("Seed").input_value() == "6"
    page.wait_for_function("document.querySelector('.status').textContent.startsWith('Done')")
    assert (drawn(page) == model.sample(1, seed=6)[0, :, :, 0]).all()


def test_many_images_are_those_of_the_library(opened):
    model = network(condition=pcnn.Labels(3))
    page = opened(model, class_names=["a", "b", "c"])
    page.get_by_label("Class").select_option("each in turn")
    choose(page, "4")
    press(page, "Draw")
    finish(page)
    expected = model.sample(4, np.array([0, 1, 2, 0]), seed=0)[..., 0]
    grid = expected.reshape(2, 2, SIZE, SIZE).transpose(0, 2, 1, 3).reshape(2 * SIZE, 2 * SIZE)
    assert ((pixels(page, tiles=2).min(axis=-1) == 255) == grid).all()
    assert status(page).startswith("4 images, on average ")


def strokes(page):
    """Function of `(row, column)` that returns where this pixel is on the screen."""

    def at(i, j):
        page.locator(".paper").scroll_into_view_if_needed()
        box = page.locator(".paper").bounding_box()
        step = box["width"] / SIZE
        return box["x"] + (j + 0.5) * step, box["y"] + (i + 0.5) * step

    return at


def test_mouse_paints_what_is_given_and_the_rest_is_drawn(opened, model):
    page = opened(model)
    at = strokes(page)
    page.mouse.move(*at(1, 1))
    page.mouse.down()
    page.mouse.move(*at(1, 4), steps=2)  # a fast hand skips pixels, the stroke does not
    page.mouse.up()
    page.mouse.move(*at(5, 5))  # not pressed any more
    given = np.zeros((SIZE, SIZE), bool)
    given[1, 1:5] = True
    found = pixels(page)
    assert (is_colour(found, INK) == given).all()
    rows = np.arange(SIZE)[:, None] <= np.full(SIZE, 1)
    assert (is_colour(found, BLANK) == (rows & ~given)).all()  # rows down to the stroke are given
    press(page, "Draw")
    finish(page)
    image, keep = given.astype("uint8")[..., None], rows
    expected = model.sample(1, seed=0, image=image, keep=keep)[0, :, :, 0]
    assert (drawn(page)[2:] == expected[2:]).all()
    assert (is_colour(pixels(page), INK) == given).all()
    # Without the rows, what is not painted is drawn, above the stroke as well.
    page.get_by_label("All rows down to my lowest stroke").uncheck()
    press(page, "Draw")
    finish(page)
    expected = model.sample(1, seed=0, image=image, keep=given)[0, :, :, 0]
    assert (drawn(page)[~given] == expected[~given]).all()
    choose(page, "Eraser")
    page.mouse.click(*at(1, 2))
    choose(page, "Blank")
    page.mouse.click(*at(1, 3))
    found = pixels(page)
    assert is_colour(found, INK).sum() == 2 and is_colour(found, BLANK).sum() == 1
    press(page, "Clear")
    assert not is_colour(pixels(page), INK).any()


def test_touch_paints_without_moving_the_page(opened, model):
    page = opened(model)
    page.set_viewport_size({"width": 320, "height": 500})
    at = strokes(page)
    page.touchscreen.tap(*at(2, 3))
    assert is_colour(pixels(page), INK)[2, 3]
    session = page.context.new_cdp_session(page)
    for kind, place in [("touchStart", (0, 1)), ("touchMove", (4, 1)), ("touchEnd", None)]:
        points = [] if place is None else [dict(zip("xy", at(*place), strict=True))]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert is_colour(pixels(page), INK)[:5, 1].all()
    assert page.evaluate("scrollY") == 0


def test_keyboard_does_all_that_a_mouse_does(opened, model):
    page = opened(model)
    page.keyboard.press("Tab")  # the image is the first stop
    assert page.evaluate("document.activeElement.className") == "paper"
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert status(page) == "Row 2, column 2: ink"  # the first key shows the cursor
    assert is_colour(pixels(page), INK)[1, 1]
    page.keyboard.press("Delete")
    assert status(page) == "Row 2, column 2: not given"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Draw"
    page.keyboard.press("Enter")
    finish(page)
    image = np.zeros((SIZE, SIZE, 1), "uint8")
    image[1, 1] = 1
    keep = np.arange(SIZE)[:, None] <= np.full(SIZE, 1)
    expected = model.sample(1, seed=0, image=image, keep=keep)[0, :, :, 0]
    assert (drawn(page)[2:] == expected[2:]).all()
    # Every control can be reached, and each group of radio buttons moves by arrows.
    page.locator(".options input:checked").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "blank"


def test_without_the_cache_the_same_image_costs_more(opened, model):
    page = opened(model)
    choose(page, "At once")
    counts = {}
    for cached in (True, False):
        page.get_by_label("Cache").set_checked(cached)
        press(page, "Draw")
        finish(page)
        counts[cached] = drawn(page), page.locator(".aside").inner_text()
    assert (counts[True][0] == counts[False][0]).all()
    numbers = {k: float(re.match(r"[\d.]+", text)[0]) for k, (_, text) in counts.items()}
    unit = {k: 1e6 if "M" in text else 1e3 if "K" in text else 1 for k, (_, text) in counts.items()}
    ratio = numbers[False] * unit[False] / (numbers[True] * unit[True])
    assert ratio == pytest.approx(SIZE * SIZE, rel=0.02)


def test_a_reader_chooses_among_networks_and_a_wrong_mask_is_named(opened, model):
    stack = pcnn.PixelCNN((SIZE, SIZE, 1), filters=4, blocks=2, first_kernel_size=3)
    leaking = pcnn.PixelCNN((SIZE, SIZE, 1), filters=4, blocks=2, first_kernel_size=3)
    leaking.first.mask[-1, 1] = 1
    rng = np.random.default_rng(0)
    for weight in leaking.weights:
        weight.assign(rng.normal(0, 1, weight.shape))
    networks = {"gated": model, "one stack": stack, "leaking": leaking}
    page = opened(networks, title="Three", examples=np.eye(SIZE, dtype="uint8")[None, :, :, None])
    choose(page, "At once")
    for name, one in networks.items():
        page.get_by_label("Network").select_option(name)
        press(page, "Draw")
        finish(page)
        expected = one.sample(1, seed=0, method="full")
        assert (drawn(page) == expected[0, :, :, 0]).all()
        nats = -one.log_likelihood(expected, batch_size=1)[0]
        bits = float(page.locator("[data-control=bits] .value").inner_text())
        assert bits == pytest.approx(nats / np.log(2), abs=0.1)
        told = page.locator(".note").inner_text()
        assert told.startswith("This network is shown the pixel") == (name == "leaking")
    assert page.get_by_role("button", name="Half an example").count() == 1


def test_drawing_stops_when_it_is_told_to_and_the_page_never_waits(opened, model):
    page = opened(model)
    choose(page, "Slow")
    press(page, "Draw")
    page.wait_for_function("/%/.test(document.querySelector('.readings .value').textContent)")
    press(page, "Stop")
    assert status(page) == "Stopped."
    before = pixels(page)
    page.wait_for_timeout(250)
    assert (pixels(page) == before).all()
    assert page.locator("[data-drawing=true]").count() == 0


def test_names_of_classes_are_text(opened):
    model = network(condition=pcnn.Labels(2))
    page = opened(model, title=EVIL, class_names=[EVIL, "b"], card={EVIL: EVIL})
    assert page.get_by_label("Class").locator("option").first.inner_text() == EVIL
    assert page.locator("h1").inner_text() == page.locator("dd").inner_text() == EVIL
    assert page.evaluate("window.bitten") is None and page.locator("img").count() == 0


DAMAGED = "The model's weights are damaged. Nothing can be drawn from them."
FAILURES = {
    "a wrong letter": (r'(-weights">.{50}).', r"\1*", DAMAGED),
    "letters missing": (r'(-weights">.{50}).{8}', r"\1", DAMAGED),
    "no weights": (
        r'<script type="text/plain".*?</script>',
        "",
        "The model's weights could not be loaded.",
    ),
    "no workers": (
        "<body>",
        "<body><script>delete window.Worker</script>",
        "This browser lets no page run a program in the background, so the model cannot draw here.",
    ),
}


@pytest.mark.parametrize("kind", list(FAILURES))
def test_what_fails_is_said_in_one_sentence_and_the_page_stays(opened, model, kind):
    pattern, instead, message = FAILURES[kind]

    def break_it(text):
        assert re.search(pattern, text)
        return re.sub(pattern, instead, text)

    page = opened(model, change=break_it, card={"Data": "none"})
    press(page, "Draw")
    page.wait_for_selector(".failed")
    assert status(page) == message
    assert page.get_by_role("alert").count() == 1
    assert page.get_by_role("button", name="Draw", exact=True).is_disabled()
    assert page.locator("dd").inner_text() == "none"


def test_weights_are_loaded_when_the_component_is_first_touched(page, model, tmp_path):
    """From a script beside the page, which then may lie in any folder."""
    shown = component.live(model)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "w.js").write_text(shown.weights_script())
    (tmp_path / "a" / "page.html").write_text(
        f'<!doctype html><meta charset="utf-8">{shown.html("w.js")}'
    )
    shutil.move(tmp_path / "a", tmp_path / "b")
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto((tmp_path / "b" / "page.html").as_uri())
    page.wait_for_timeout(200)
    assert asked == ["page.html"]
    press(page, "Draw")
    finish(page)
    assert asked.count("w.js") == 1
    assert (drawn(page) == model.sample(1, seed=0)[0, :, :, 0]).all()


@pytest.mark.parametrize(
    ("system", "theme", "dark"),
    [
        ("light", "", False),
        ("dark", "", True),
        ("light", "html.dataset.theme = 'dark'", True),
        ("dark", "html.dataset.theme = 'light'", False),
        ("light", "body.dataset.jpThemeLight = 'false'", True),
        ("dark", "body.dataset.jpThemeLight = 'true'", False),
        ("light", "html.setAttribute('theme', 'dark')", True),
        ("dark", "html.setAttribute('theme', 'light')", False),
        ("light", "body.className = 'vscode-dark'", True),
        ("light", "body.className = 'vscode-high-contrast'", True),
        ("dark", "body.className = 'vscode-light'", False),
        ("dark", "body.className = 'vscode-high-contrast vscode-high-contrast-light'", False),
    ],
)
def test_letters_follow_the_theme_of_the_page(opened, model, system, theme, dark):
    """The book's, Jupyter's, Colab's or VS Code's; the system's where the page names none."""
    page = opened(model)
    page.emulate_media(color_scheme=system)
    page.evaluate(f"() => {{ const {{ documentElement: html, body }} = document; {theme} }}")
    ink = page.evaluate("getComputedStyle(document.querySelector('.pcnn-live')).color")
    assert (min(map(int, re.findall(r"\d+", ink))) > 128) == dark
    if not theme and dark:  # a page that names no theme may be white
        ground = "getComputedStyle(document.querySelector('.pcnn-live')).backgroundColor"
        assert max(map(int, re.findall(r"\d+", page.evaluate(ground))[:3])) < 64


def test_after_drawing_no_next_pixel_is_told(opened, model):
    page = opened(model)
    press(page, "Draw")
    finish(page)
    assert page.locator(".bars").get_attribute("aria-label").endswith("not known")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 420, 1300])
def test_nothing_overflows_or_moves(opened, browser, dark, width):
    page = opened(network(condition=pcnn.Labels(2)), class_names=["a" * 60, "b"])
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.set_viewport_size({"width": width, "height": 800})
    places = "() => [...document.querySelectorAll('.pcnn-live *')].map(e => e.offsetTop)"
    before = page.evaluate(places)
    press(page, "Draw")
    finish(page)
    pixels(page)
    assert page.evaluate(places) == before
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.evaluate(
        "() => [...document.querySelectorAll('.pcnn-live .options, .pcnn-live .panel')]"
        ".map(e => [e.scrollWidth, e.clientWidth])"
    ):
        assert box[0] <= box[1] + 1
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 24, 29)") == dark


def test_reduced_motion_shows_the_image_when_it_is_done(opened, model):
    page = opened(model)
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    assert page.locator(".options input:checked + label", has_text="At once").count() == 1


def test_keys_in_a_component_are_no_commands_of_jupyter(opened, model):
    """There x cuts the cell. Its keys are looked up from the focused element on."""
    page = opened(model)
    free = ".pcnn-live :is([tabindex], button, input, select):not([data-lm-suppress-shortcuts])"
    assert page.locator(free).count() == 0 and page.locator(".pcnn-live button").count() >= 3


def test_every_control_has_a_name(opened):
    model = network(condition=pcnn.Vector(2), levels=4)
    page = opened(model)
    names = page.evaluate(
        """() => [...document.querySelectorAll(".pcnn-live :is(input, select, button, canvas)")]
          .map(e => e.getAttribute("aria-label") || e.textContent ||
            [...(e.labels || [])].map(l => l.textContent).join(" "))"""
    )
    assert len(names) > 15 and all(name.strip() for name in names)
    assert page.locator("[role=status]").get_attribute("aria-live") == "polite"
    page.get_by_label("Code 1").fill("1.5")
    press(page, "Draw")
    finish(page)
    expected = model.sample(1, np.array([[1.5, 0]], "float32"), seed=0)[0, :, :, 0]
    assert (np.rint(pixels(page)[:, :, 0] / 85) == expected).all()


def test_colour_is_painted_and_drawn(opened):
    model = network(channels=3, levels=4)
    page = opened(model)
    page.get_by_label("Ink").last.fill("#0000ff")
    page.locator(".paper").focus()
    for key, word in (("Space", "ink"), ("Delete", "not given")):
        page.keyboard.press(key)
        assert status(page) == f"Row 1, column 1: {word}"
    page.get_by_label("Ink").last.fill("#ff0055")
    page.mouse.click(*strokes(page)(0, 0))
    press(page, "Draw")
    finish(page)
    image = np.zeros((SIZE, SIZE, 3), "uint8")
    image[0, 0] = 3, 0, 1
    keep = image.any(axis=-1)
    expected = model.sample(1, seed=0, image=image, keep=keep)[0]
    assert (np.rint(pixels(page) / 85) == expected).all()


def test_an_example_gives_its_upper_half_and_an_autoencoder_its_code(opened):
    images = np.eye(SIZE, dtype="uint8")[None, :, :, None]
    page = opened(network(), examples=images)
    press(page, "Half an example")
    assert (is_colour(pixels(page), INK) == (np.eye(SIZE) * (np.arange(SIZE)[:, None] < 3))).all()
    keras.utils.set_random_seed(0)
    coder = pcnn.PixelCNNAutoencoder((SIZE, SIZE, 1), code_size=2, filters=4, blocks=2)
    page = opened(coder, examples=images)
    press(page, "Code of an example")
    shown = [float(page.get_by_label(f"Code {k}").input_value()) for k in (1, 2)]
    # The very numbers, not those that the sliders' steps and labels would make of them.
    code = coder.encode(images)[:1]
    assert (np.array(shown, "float32") == code[0]).all() and (code * 10 % 1).all()
    assert page.locator("output").first.inner_text() == f"{code[0, 0]:.1f}"
    press(page, "Draw")
    finish(page)
    expected = coder.decode(code, seed=0)[0, :, :, 0]
    assert (drawn(page) == expected).all()
