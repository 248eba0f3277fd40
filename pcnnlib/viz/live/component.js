// A component: its parts, what it knows, and what each event does.
// Names and texts of a model are inserted as text, never as HTML.
function pcnnLive(root, program) {
  "use strict";

  const model = JSON.parse(root.dataset.model), [height, width, channels] = model.image_shape;
  const pixels = height * width, parts = pcnnParts(root, model);

  const state = {
    painted: new Int16Array(pixels * channels).fill(-1), // what the reader gave, -1: nothing
    images: [], bits: [], counts: [], // per image: values, bits of each pixel, pixels drawn
    current: 0, // the image that is drawn now, or was drawn last
    macs: 0, drawing: false, cursor: null,

    empty(count) {
      state.images = Array.from({ length: count }, () => new Uint8Array(pixels * channels));
      state.bits = Array.from({ length: count }, () => new Float32Array(pixels));
      state.counts = new Array(count).fill(0);
      state.macs = state.current = 0;
    },

    // What the network takes as given: the strokes, and perhaps all rows down to the lowest one.
    given() {
      const image = new Uint8Array(pixels * channels), keep = new Uint8Array(pixels * channels);
      let lowest = -1;
      state.painted.forEach((value, k) => {
        if (value < 0) return;
        image[k] = value;
        keep[k] = 1;
        lowest = Math.floor(k / channels / width);
      });
      if (parts.rows.input.checked) keep.fill(1, 0, (lowest + 1) * width * channels);
      return { image, keep, any: lowest >= 0 };
    },
  };

  const pictures = pcnnPictures(root, model, parts, state);
  const drawing = pcnnDrawing(root, model, parts, state, pictures, program);
  const brush = pcnnBrush(model, parts, state, pictures, drawing);

  function changed({ target }) {
    const name = parts.controlOf(target);
    if (name === "speed") drawing.setPace(parts.speed.value);
    if (name === "rows") brush.begin();
    if (name === "many" || name === "model") drawing.stop();
    pictures.refresh();
  }

  function listen() {
    for (const kind of ["pointerdown", "keydown", "focusin"]) root.addEventListener(kind, drawing.wake);
    if (parts.shown.has("brush")) brush.listen();
    parts.drawButton.addEventListener("click", () =>
      state.drawing ? drawing.stop("Stopped.") : drawing.draw());
    parts.againButton.addEventListener("click", () => {
      parts.seed.value = Number(parts.seed.value) + 1;
      drawing.draw();
    });
    parts.clearButton.addEventListener("click", brush.clear);
    parts.startButton.addEventListener("click", brush.useExample);
    root.addEventListener("change", changed);
    for (const kind of ["focusin", "change"]) {
      root.addEventListener(kind, ({ target }) => parts.explain(target));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", pictures.themed);
    const themes = new MutationObserver(pictures.themed); // of the book, Jupyter, Colab, VS Code
    const attributeFilter = ["data-theme", "class", "data-jp-theme-light", "theme"];
    for (const node of [document.documentElement, document.body]) {
      themes.observe(node, { attributes: true, attributeFilter });
    }
  }

  parts.build();
  state.empty(1);
  listen();
  pictures.themed();
  drawing.say(parts.shown.has("brush") ? "Paint, or press Draw." : "Press Draw.");
}
