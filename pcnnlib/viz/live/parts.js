// What a component consists of, and the sentence that each control teaches.
function pcnnParts(root, model) {
  "use strict";

  const { make, field, choice, list, check, slider } = pcnnWidgets(root);
  const shown = new Set(model.controls), { condition, levels } = model;
  const [height, width, channels] = model.image_shape, pixels = height * width;
  const fileBits = pixels * channels * Math.log2(levels), networks = [model, ...model.others];
  const scale = Math.max(4, 4 * Math.round(96 / Math.max(height, width)));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const NOTES = {
    brush: "What you paint is given: the model draws the rest, pixel after pixel, from the top left.",
    rows: "A pixel is drawn from those before it only: a stroke further down is no hint for the rows above it.",
    condition: condition && condition.kind === "labels"
      ? "The class enters every gate of the network, the same at each pixel."
      : "The numbers of the code enter every gate of the network.",
    model: "Each network gives a pixel its own probabilities. The seed, and so the randomness, stays the same.",
    leaks: "This network is shown the pixel that it predicts. Of a given image it copies the answer, so its bits are no likelihood; in drawing there is nothing to copy.",
    temperature: "Below 1 the likely becomes likelier still; above 1 the model takes more risks.",
    seed: "The randomness is chosen before drawing: the same seed gives the same image.",
    speed: "Each pixel waits for the one before it; that is why drawing takes time.",
    many: "Several images from one model: what differs is the randomness alone.",
    cache: "Without the cache the whole network runs again for every pixel, for the same image.",
    hidden: "Hide a part of the past, and see what the network needs it for.",
    above: "Without the rows above, each row is drawn as if it were the first one: dashes instead of a shape.",
    left: "Without the row to the left, the rows above still give a shape, but its strokes are torn.",
    bits: "A pixel that was given probability p costs -log2 p bits: this is what the image costs.",
  };

  // What the reader is told before the first touch.
  const first = ["brush", "condition", "cache", "hidden", "speed", "bits"].find(name => shown.has(name));

  const parts = {
    shown, fileBits, scale, still,
    paper: make("canvas", {
      className: "paper", width: width * scale, height: height * scale,
      ...(shown.has("brush") ? {
        tabIndex: 0, role: "application", "aria-roledescription": "drawing",
        "aria-label": `Image of ${height} by ${width} pixels. Arrow keys move, space paints, delete erases.`,
      } : { role: "img", "aria-label": `Image of ${height} by ${width} pixels` }),
    }),
    hint: make("div", { className: "hint", text: "paint here", "aria-hidden": "true" }),
    heat: make("canvas", {
      className: "heat", width, height, role: "img", "aria-label": "Surprise of each pixel: nothing drawn yet",
    }),
    bars: make("canvas", {
      className: "bars", width: 256, height: 40, role: "img", "aria-label": "Probabilities of the next pixel: not known yet",
    }),
    nextText: make("span", { className: "value", text: "–" }),
    spent: make("span", { className: "value", text: "0" }),
    meterFill: make("div", { className: "fill" }),
    work: make("span", { className: "value", text: "0" }),
    each: make("span", { text: "" }),
    drawButton: make("button", { type: "button", className: "primary", text: "Draw" }),
    againButton: make("button", { type: "button", text: "Another" }),
    clearButton: make("button", { type: "button", text: "Clear" }),
    startButton: make("button", {
      type: "button", text: condition && condition.codes ? "Code of an example" : "Half an example",
    }),
    status: make("p", { className: "status", role: "status", "aria-live": "polite" }),
    note: make("p", { className: "note", text: NOTES[first] || "" }),
    brush: choice("brush", "Brush", [["ink", "Ink"], ["blank", "Blank"], ["erase", "Eraser"]], "ink"),
    rows: check("rows", "All rows down to my lowest stroke are given", channels === 1),
    ink: channels === 3
      ? field("brush", "Ink", make("input", { type: "color", value: "#f0c020" }))
      : levels > 2 ? slider("brush", "Ink", 1, levels - 1, 1, levels - 1).box : null,
    network: list("model", "Network", networks.map(({ name }) => name)),
    temperature: slider("temperature", "Temperature", 0.1, 2, 0.05, 1),
    seed: make("input", { type: "number", min: 0, max: 999999999, step: 1, value: 0 }),
    speed: choice("speed", "Speed", [["slow", "Slow"], ["fast", "Fast"], ["once", "At once"]],
      still ? "once" : "fast"),
    many: choice("many", "Images", [["1", "1"], ["4", "4"], ["16", "16"]], "1"),
    cache: check("cache", "Cache", true),
    hidden: choice("hidden", "Hide from the network",
      [["", "Nothing"], ["above", "Rows above"], ["left", "Left"]], ""),
    classes: condition && condition.kind === "labels"
      ? list("condition", "Class", [...condition.names, "each in turn"]) : null,
    codes: condition && condition.kind === "vector" ? codeSliders() : [],
  };
  parts.meter = make("div", {
    className: "track", role: "meter", "aria-label": "Bits spent so far",
    "aria-valuemin": 0, "aria-valuemax": Math.round(fileBits), "aria-valuenow": 0,
  }, parts.meterFill);

  function codeSliders() {
    const reach = Math.ceil(condition.codes ? Math.max(3, ...condition.codes.flat().map(Math.abs)) : 3);
    const first = condition.codes ? condition.codes[0] : new Array(condition.depth).fill(0);
    return first.map((value, k) => {
      const code = slider("condition", `Code ${k + 1}`, -reach, reach, "any", 0);
      code.set(value);
      return code;
    });
  }

  const panel = (...children) => make("div", { className: "panel" }, ...children);
  const caption = (...children) => make("div", { className: "caption" }, ...children);

  function readings() {
    const { nextText, bars, spent, meter, work, each } = parts, box = make("div", { className: "readings" });
    if (shown.has("probability")) box.append(panel(caption("Next pixel ", nextText), bars));
    if (shown.has("bits")) {
      const of = make("span", { text: ` of ${Math.round(fileBits)}` });
      const bits = panel(caption("Bits spent ", spent, of), meter);
      bits.dataset.control = "bits";
      box.append(bits);
    }
    if (shown.has("cache")) {
      box.append(panel(caption("Multiply-adds ", work), make("div", { className: "aside" }, each)));
    }
    return box;
  }

  function side() {
    const box = make("div", { className: "side" });
    if (shown.has("surprise")) {
      const key = make("div", { className: "scale", "aria-hidden": "true" },
        make("span", { text: "none" }), make("i"), make("span", { text: "great" }));
      box.append(panel(caption("Surprise"), parts.heat, key));
      box.lastChild.classList.add("surprise");
    }
    box.append(readings());
    return box;
  }

  function controls() {
    const box = make("div", { className: "controls" }), { brush, ink, classes, codes } = parts;
    if (networks.length > 1) box.append(parts.network.box);
    if (shown.has("brush")) box.append(brush.box, ...(ink ? [ink] : []));
    if (shown.has("condition")) {
      if (classes) box.append(classes.box);
      // Sliders for as many numbers as a reader can follow; the others stay as they are.
      box.append(...codes.slice(0, 12).map(code => code.box));
    }
    if (shown.has("speed")) box.append(parts.speed.box);
    if (shown.has("many")) box.append(parts.many.box);
    if (shown.has("temperature")) box.append(parts.temperature.box);
    if (shown.has("seed")) box.append(field("seed", "Seed", parts.seed));
    if (shown.has("hidden")) box.append(parts.hidden.box);
    return box;
  }

  function build() {
    const { paper, hint, status, note, drawButton, againButton, clearButton, startButton } = parts;
    const buttons = make("div", { className: "buttons" }, drawButton, againButton, clearButton);
    if (model.examples) buttons.append(startButton);
    const checks = make("div", { className: "checks" });
    if (shown.has("brush")) checks.append(parts.rows.box);
    if (shown.has("cache")) checks.append(parts.cache.box);
    const sheet = make("div", { className: "sheet" }, paper, hint);
    const stage = make("div", { className: "stage" }, sheet, side());
    root.replaceChildren(stage, status, buttons, controls(), checks, note);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", model.title);
    // Jupyter has uses of its own for keys (x cuts a cell), and looks at the focused element first.
    for (const node of [...root.querySelectorAll("[tabindex], button, input, select"), root]) {
      node.setAttribute("data-lm-suppress-shortcuts", "true");
    }
  }

  // The name of the control that a node belongs to.
  function controlOf(node) {
    const owner = node.closest("[data-control]");
    return owner ? owner.dataset.control : node === parts.paper ? "brush" : "";
  }

  function explain(node) {
    let name = controlOf(node);
    if (name === "hidden") name = parts.hidden.value || name;
    if (name === "model" && networks[parts.network.value].leaks) name = "leaks";
    if (NOTES[name]) parts.note.textContent = NOTES[name];
  }

  return Object.assign(parts, { make, build, controlOf, explain });
}
