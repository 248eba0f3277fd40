"""Drawing in the browser: the page's engine against the whole network for every pixel.

    python benchmarks/in_browser.py
    npm pack onnxruntime-web@1.22.0 && tar xzf onnxruntime-web-1.22.0.tgz
    python benchmarks/in_browser.py --onnxruntime_web package/dist

Chromium opens the exported page of a published model from the disk and draws "at once". What has no
cache runs the whole network for every pixel: one pass is timed and multiplied by the pixels. The
file for ONNX Runtime, the fastest general program for networks in a browser, is exported by
`model.export`; the package is not part of this project, and must have been fetched before.
"""

import argparse
import functools
import http.server
import os
import pathlib
import platform
import shutil
import statistics
import sys
import tempfile
import threading

import pcnnlib_startup

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "book"))
with pcnnlib_startup.without_chatter():
    import browser as chromium
    import pcnnlib as pcnn
    from pcnnlib.viz.live import component

# Milliseconds from the click to the first pixels on the screen; at the latest when all are drawn,
# since an image may cost as many bits as the one before.
FIRST = """() => new Promise((done, fail) => {
  const root = document.querySelector(".pcnn-live"), start = performance.now();
  const bits = root.querySelector("[data-control=bits] .value"), before = bits.textContent;
  delete root.dataset.seconds;
  [...root.querySelectorAll("button")].find(b => b.textContent === "Draw").click();
  const look = () => {
    const passed = performance.now() - start, text = bits.textContent;
    if (root.dataset.seconds !== undefined || (text !== before && text !== "0.0")) done(passed);
    else if (passed > 60000) fail(new Error("nothing was drawn in a minute"));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
DONE = "document.querySelector('.pcnn-live').dataset.drawing === 'false'"
SECONDS = "Number(document.querySelector('.pcnn-live').dataset.seconds)"
# Milliseconds of one pass of the whole network, in the engine.
PASS = """repeats => {
  const model = JSON.parse(document.querySelector(".pcnn-live").dataset.model);
  model.weights = document.querySelector("script[type='text/plain']").textContent;
  const network = new pcnn.Network(model), times = [];
  const image = new Uint8Array(network.height * network.width * network.channels);
  for (let k = 0; k <= repeats; k++) {
    const start = performance.now();
    pcnn.forward(network, image, 0);
    times.push(performance.now() - start);
  }
  return times.slice(1);
}"""
ORT = """async ([shape, repeats]) => {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create("model.onnx"), times = [];
  const size = shape.reduce((a, b) => a * b);
  const images = new ort.Tensor("uint8", new Uint8Array(size), shape);
  for (let k = 0; k <= repeats; k++) {
    const start = performance.now();
    await session.run({ [session.inputNames[0]]: images });
    times.push(performance.now() - start);
  }
  return times.slice(1);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def time_page(page, path, repeats):
    """`(first pixels in a new page, later ones, seconds per image)`; medians but for the first."""
    page.goto(path.as_uri())
    page.locator(".options label", has_text="At once").click()
    page.evaluate("document.activeElement.blur()")
    page.reload()  # nothing is loaded yet, and a form keeps its choice
    page.locator(".options label", has_text="At once").evaluate("label => label.click()")
    firsts, images = [], []
    for _ in range(repeats + 1):
        firsts.append(page.evaluate(FIRST) / 1000)
        page.wait_for_function(DONE)
        images.append(page.evaluate(SECONDS))
    return firsts[0], statistics.median(firsts[1:]), statistics.median(images[1:])


def time_pass(page, path, repeats):
    page.goto(path.as_uri())
    page.evaluate("script => (0, eval)(script + 'window.pcnn = pcnn;')", component.engine())
    return statistics.median(page.evaluate(PASS, repeats)) / 1000


def time_onnx(page, model, dist, folder, repeats):
    for name in ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        shutil.copy(dist / name, folder)
    with pcnnlib_startup.without_chatter():
        model.export(folder / "model.onnx", format="onnx", verbose=False)
    (folder / "onnx.html").write_text('<script src="ort.wasm.min.js"></script>')
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/onnx.html")
        times = page.evaluate(ORT, [[1, *model.image_shape], repeats])
        server.shutdown()
    return statistics.median(times) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pretrained", default="mnist", help="a published run without conditions")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--onnxruntime_web", type=pathlib.Path, metavar="FOLDER")
    args = parser.parse_args()
    model = pcnn.load_pretrained(args.pretrained)
    pixels = model.image_shape[0] * model.image_shape[1]
    # Not the book's own browser: that one finds no host, not even this machine.
    opened = chromium.start_playwright().chromium.launch(executable_path=chromium.find_chromium())
    with opened, tempfile.TemporaryDirectory() as folder:
        folder, page = pathlib.Path(folder), opened.new_page()
        path = pcnn.export_html(model, folder / "page.html", run=args.pretrained)
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
        print(f"Chromium {opened.version}; {args.pretrained}, {path.stat().st_size:,} bytes")
        cold, warm, image = time_page(page, path, args.repeats)
        print(f"first pixels after {cold:.3f} s, in later images after {warm:.3f} s\n")
        print("| | seconds a pass | seconds an image |\n|---|---|---|")
        print(f"| engine, cache | | {image:.3f} |")
        one = time_pass(page, path, args.repeats)
        print(f"| engine, no cache | {one:.4f} | {pixels * one:.1f} |")
        if args.onnxruntime_web is not None:
            one = time_onnx(page, model, args.onnxruntime_web, folder, args.repeats)
            print(f"| onnxruntime-web, one thread | {one:.4f} | {pixels * one:.1f} |")


if __name__ == "__main__":
    main()
