// The component: controls, and the pictures that follow them. The network runs in a Web Worker, so
// that the page never waits; it is made when the reader first touches the component.
// Names and texts of a model are inserted as text, never as HTML.
function pcnnLive(root, engine) {
  "use strict";

  const model = JSON.parse(root.dataset.model), shown = new Set(model.controls);
  const [height, width, channels] = model.image_shape, { levels, condition } = model;
  const pixels = height * width, top = levels - 1, fileBits = pixels * channels * Math.log2(levels);
  const scale = Math.max(4, 4 * Math.round(96 / Math.max(height, width)));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  // ---------------------------------------------------------------- what is said

  const NOTES = {
    brush: "What you paint is given: the model draws the rest, pixel after pixel, from the top left.",
    rows: "A pixel is drawn from those before it only: a stroke further down is no hint for the rows above it.",
    condition: condition && condition.kind === "labels"
      ? "The class enters every gate of the network, the same at each pixel."
      : "The numbers of the code enter every gate of the network.",
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

  // ---------------------------------------------------------------- small helpers

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (name in node && name !== "list") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  let names = 0;
  const unique = () => `${root.id}-${++names}`;
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const bitsText = bits => bits.toFixed(bits < 99.5 ? 1 : 0);

  function field(name, label, input) {
    input.id = unique();
    input.dataset.control = name;
    return make("div", { className: "field" }, make("label", { htmlFor: input.id, text: label }), input);
  }

  // Radio buttons side by side.
  function choice(name, label, options, value) {
    const group = unique(), inputs = options.map(([key]) =>
      make("input", { type: "radio", name: group, value: key, checked: key === value, id: unique() }));
    const box = make("fieldset", { className: "choice" }, make("legend", { text: label }));
    const row = make("div", { className: "options" });
    options.forEach(([, text], k) =>
      row.append(inputs[k], make("label", { htmlFor: inputs[k].id, text })));
    box.append(row);
    box.dataset.control = name;
    const state = {
      box,
      get value() { return inputs.find(input => input.checked).value; },
      set value(key) { inputs.find(input => input.value === key).checked = true; },
    };
    return state;
  }

  function check(name, label, checked) {
    const input = make("input", { type: "checkbox", checked, id: unique() });
    input.dataset.control = name;
    const box = make("div", { className: "check" }, input, make("label", { htmlFor: input.id, text: label }));
    return { box, input };
  }

  function slider(name, label, min, max, step, value) {
    const input = make("input", { type: "range", min, max, step, value });
    const output = make("output", { text: String(value), "aria-hidden": "true" });
    input.addEventListener("input", () => (output.textContent = input.value));
    const box = field(name, label, input);
    box.append(output);
    return { box, input, set(v) { input.value = v; output.textContent = input.value; } };
  }

  // ---------------------------------------------------------------- the parts of the page

  const paper = make("canvas", {
    className: "paper", width: width * scale, height: height * scale, tabIndex: 0,
    role: "application", "aria-roledescription": "drawing",
    "aria-label": `Image of ${height} by ${width} pixels. Arrow keys move, space paints, delete erases.`,
  });
  const hint = make("div", { className: "hint", text: "paint here", "aria-hidden": "true" });
  const heat = make("canvas", {
    className: "heat", width, height, role: "img", "aria-label": "Surprise of each pixel: nothing drawn yet",
  });
  const bars = make("canvas", {
    className: "bars", width: 256, height: 40, role: "img", "aria-label": "Probabilities of the next pixel: not known yet",
  });
  const nextText = make("span", { className: "value", text: "–" });
  const spent = make("span", { className: "value", text: "0" });
  const meterFill = make("div", { className: "fill" });
  const meter = make("div", {
    className: "track", role: "meter", "aria-label": "Bits spent so far",
    "aria-valuemin": 0, "aria-valuemax": Math.round(fileBits), "aria-valuenow": 0,
  }, meterFill);
  const work = make("span", { className: "value", text: "0" });
  const each = make("span", { text: "" });
  const drawButton = make("button", { type: "button", className: "primary", text: "Draw" });
  const againButton = make("button", { type: "button", text: "Another" });
  const clearButton = make("button", { type: "button", text: "Clear" });
  const startButton = make("button", { type: "button", text: "Half an example" });
  const status = make("p", { className: "status", role: "status", "aria-live": "polite" });
  const note = make("p", { className: "note", text: NOTES.brush });

  const brush = choice("brush", "Brush", [["ink", "Ink"], ["blank", "Blank"], ["erase", "Eraser"]], "ink");
  const rows = check("rows", "All rows down to my lowest stroke are given", channels === 1);
  const ink = channels === 3
    ? field("brush", "Ink", make("input", { type: "color", value: "#f0c020" }))
    : levels > 2 ? slider("brush", "Ink", 1, top, 1, top).box : null;
  const temperature = slider("temperature", "Temperature", 0.1, 2, 0.05, 1);
  const seed = make("input", { type: "number", min: 0, max: 999999999, step: 1, value: 0 });
  const speed = choice("speed", "Speed", [["slow", "Slow"], ["fast", "Fast"], ["once", "At once"]],
    still ? "once" : "fast");
  const many = choice("many", "Images", [["1", "1"], ["4", "4"], ["16", "16"]], "1");
  const cache = check("cache", "Cache", true);
  const hidden = choice("hidden", "Hide from the network",
    [["", "Nothing"], ["above", "Rows above"], ["left", "Left"]], "");
  const classes = make("select");
  const codes = [];

  function build() {
    const side = make("div", { className: "side" });
    if (shown.has("surprise")) {
      side.append(make("div", { className: "panel surprise" },
        make("div", { className: "caption", text: "Surprise" }), heat,
        make("div", { className: "scale", "aria-hidden": "true" },
          make("span", { text: "none" }), make("i"), make("span", { text: "great" }))));
    }
    const readings = make("div", { className: "readings" });
    if (shown.has("probability")) {
      readings.append(make("div", { className: "panel" },
        make("div", { className: "caption" }, "Next pixel ", nextText), bars));
    }
    if (shown.has("bits")) {
      const line = make("div", { className: "caption" }, "Bits spent ", spent);
      line.append(make("span", { text: ` of ${Math.round(fileBits)}` }));
      const panel = make("div", { className: "panel" }, line, meter);
      panel.dataset.control = "bits";
      readings.append(panel);
    }
    if (shown.has("cache")) {
      readings.append(make("div", { className: "panel" },
        make("div", { className: "caption" }, "Multiply-adds ", work), make("div", { className: "aside" }, each)));
    }
    side.append(readings);
    const buttons = make("div", { className: "buttons" }, drawButton, againButton, clearButton);
    if (model.examples) buttons.append(startButton);
    const controls = make("div", { className: "controls" });
    if (shown.has("brush")) controls.append(brush.box, ...(ink ? [ink] : []));
    if (condition && shown.has("condition")) controls.append(...conditionFields());
    if (shown.has("speed")) controls.append(speed.box);
    if (shown.has("many")) controls.append(many.box);
    if (shown.has("temperature")) controls.append(temperature.box);
    if (shown.has("seed")) controls.append(field("seed", "Seed", seed));
    if (shown.has("hidden")) controls.append(hidden.box);
    const checks = make("div", { className: "checks" });
    if (shown.has("brush")) checks.append(rows.box);
    if (shown.has("cache")) checks.append(cache.box);
    root.replaceChildren(
      make("div", { className: "stage" }, make("div", { className: "sheet" }, paper, hint), side), status, buttons, controls, checks, note);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", model.title);
  }

  function conditionFields() {
    if (condition.kind === "labels") {
      condition.names.forEach((name, k) => classes.append(new Option(name, k)));
      classes.append(new Option("each in turn", -1));
      return [field("condition", "Class", classes)];
    }
    // Sliders for as many numbers as a reader can follow; the others stay as they are.
    const reach = condition.codes ? Math.max(3, ...condition.codes.flat().map(Math.abs)) : 3;
    for (let k = 0; k < condition.depth; k++) {
      codes.push(slider("condition", `Code ${k + 1}`, -Math.ceil(reach), Math.ceil(reach), 0.1, 0));
    }
    if (condition.codes) condition.codes[0].forEach((value, k) => codes[k].set(value));
    return codes.slice(0, 12).map(({ box }) => box);
  }

  // ---------------------------------------------------------------- state

  const painted = new Int16Array(pixels * channels).fill(-1); // what the reader gave, -1: nothing
  let images = [], bits = [], counts = []; // per image: values, bits of each pixel, pixels drawn
  let current = 0; // the image that is drawn now, or was drawn last
  let run = 0, drawing = false, failed = false, macs = 0, begun = 0, cursor = null, example = -1;
  let worker = null, queued = null, ready = false;

  function empty(count) {
    images = Array.from({ length: count }, () => new Uint8Array(pixels * channels));
    bits = Array.from({ length: count }, () => new Float32Array(pixels));
    counts = new Array(count).fill(0);
    macs = current = 0;
  }

  // What the network takes as given: the strokes, and perhaps all rows down to the lowest one.
  function given() {
    const image = new Uint8Array(pixels * channels), keep = new Uint8Array(pixels * channels);
    let lowest = -1;
    for (let k = 0; k < painted.length; k++) {
      if (painted[k] < 0) continue;
      image[k] = painted[k];
      keep[k] = 1;
      lowest = Math.floor(k / channels / width);
    }
    if (rows.input.checked) keep.fill(1, 0, (lowest + 1) * width * channels);
    return { image, keep, any: lowest >= 0 };
  }

  // ---------------------------------------------------------------- pictures

  const style = name => getComputedStyle(root).getPropertyValue(name).trim();
  let colours = {};
  const readColours = () => {
    for (const name of ["void", "accent", "given-0", "given-1", "cold", "hot", "ink"]) {
      colours[name] = style(`--live-${name}`);
    }
  };

  function colour(values, at, isGiven) {
    if (levels === 2 && channels === 1 && isGiven) return colours[`given-${values[at]}`];
    const grey = k => Math.round((values[at + (channels === 3 ? k : 0)] * 255) / top);
    return `rgb(${grey(0)} ${grey(1)} ${grey(2)})`;
  }

  function paint() {
    const pen = paper.getContext("2d"), side = Math.sqrt(images.length), size = scale / side;
    const { image, keep, any } = given();
    hint.hidden = any || drawing || counts.some(Boolean) || !shown.has("brush");
    pen.fillStyle = colours.void;
    pen.fillRect(0, 0, paper.width, paper.height);
    images.forEach((values, n) => {
      const x0 = (n % side) * width * size, y0 = Math.floor(n / side) * height * size;
      for (let k = 0; k < pixels; k++) {
        const isGiven = keep[k * channels], isDrawn = k < counts[n];
        if (!isGiven && !isDrawn) continue;
        const x = x0 + (k % width) * size, y = y0 + Math.floor(k / width) * size;
        pen.fillStyle = colour(isGiven ? image : values, k * channels, isGiven);
        pen.fillRect(x, y, size, size);
        if (isGiven && (levels > 2 || channels > 1)) {
          pen.fillStyle = colours.accent;
          pen.fillRect(x + size - 2, y + size - 2, 2, 2);
        }
      }
      if (side > 1) {
        pen.strokeStyle = colours.void;
        pen.lineWidth = 2;
        pen.strokeRect(x0, y0, width * size, height * size);
      } else if (drawing && counts[n] < pixels && speed.value !== "once") {
        frame(pen, counts[n], size, 2);
      }
    });
    if (cursor !== null && document.activeElement === paper && side === 1) frame(pen, cursor, size, 3);
  }

  function frame(pen, at, size, line) {
    pen.strokeStyle = colours.accent;
    pen.lineWidth = line;
    pen.strokeRect((at % width) * size + 1, Math.floor(at / width) * size + 1, size - 2, size - 2);
  }

  function paintHeat() {
    const pen = heat.getContext("2d"), most = Math.log2(levels) * channels;
    pen.fillStyle = colours.cold;
    pen.fillRect(0, 0, width, height);
    const n = current;
    for (let k = 0; k < counts[n]; k++) {
      // A square root, so that small doubts are seen beside great ones.
      pen.globalAlpha = Math.sqrt(Math.min(bits[n][k] / (2 * most), 1));
      pen.fillStyle = colours.hot;
      pen.fillRect(k % width, Math.floor(k / width), 1, 1);
    }
    pen.globalAlpha = 1;
  }

  function showNext(probabilities) {
    const pen = bars.getContext("2d"), n = probabilities ? probabilities.length : 0;
    pen.clearRect(0, 0, bars.width, bars.height);
    if (!n) {
      nextText.textContent = "–";
      return;
    }
    const most = n === 2 ? 1 : Math.max(...probabilities);
    const likeliest = probabilities.indexOf(Math.max(...probabilities));
    const percent = Math.round(100 * (n === 2 ? probabilities[1] : probabilities[likeliest]));
    nextText.textContent = n === 2 ? `ink ${percent}%` : `level ${likeliest}, ${percent}%`;
    bars.setAttribute("aria-label", `Probabilities of the next pixel: ${nextText.textContent}`);
    pen.fillStyle = colours.accent;
    if (n === 2) { // one bar, full at certain ink
      pen.globalAlpha = 0.25;
      pen.fillRect(0, 0, bars.width, bars.height);
      pen.globalAlpha = 1;
      pen.fillRect(0, 0, bars.width * probabilities[1], bars.height);
      return;
    }
    const wide = bars.width / n;
    probabilities.forEach((p, k) =>
      pen.fillRect(k * wide, bars.height * (1 - p / most), Math.max(wide - (n < 64 ? 1 : 0), 1), bars.height));
  }

  function showReadings() {
    const n = current;
    const total = counts.some(Boolean) ? bits.reduce((a, b) => a + b.reduce((x, y) => x + y, 0), 0) : 0;
    const mean = total / Math.max(1, counts.filter(Boolean).length);
    spent.textContent = bitsText(mean);
    meterFill.style.width = `${Math.min(100, (100 * mean) / fileBits)}%`;
    meter.setAttribute("aria-valuenow", Math.round(mean));
    work.textContent = compact.format(macs);
    const drawn = counts.reduce((a, b) => a + b, 0);
    each.textContent = drawn ? `${compact.format(macs / drawn)} a pixel` : "\u00a0";
    heat.setAttribute("aria-label", counts[n]
      ? `Surprise of each pixel: ${bitsText(bits[n].reduce((a, b) => a + b, 0))} bits in all`
      : "Surprise of each pixel: nothing drawn yet");
  }

  let waiting = false;
  function refresh() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paint();
      paintHeat();
      showReadings();
    });
  }

  // ---------------------------------------------------------------- the worker

  function say(text) {
    status.textContent = text;
  }

  function fail(text) {
    failed = true;
    setDrawing(false);
    queued = null;
    status.classList.add("failed");
    status.setAttribute("role", "alert");
    say(text);
    for (const button of [drawButton, againButton]) button.disabled = true;
  }

  function weights() {
    const { id, src, name } = JSON.parse(root.dataset.weights);
    if (id) {
      const holder = document.getElementById(id);
      return holder ? Promise.resolve(holder.textContent.trim()) : Promise.reject(new Error());
    }
    const store = (window.pcnnWeights = window.pcnnWeights || {});
    if (store[name]) return Promise.resolve(store[name]);
    // A script, since pages from a disk may load nothing else.
    return new Promise((resolve, reject) => {
      const script = make("script", { src });
      script.onload = () => (store[name] ? resolve(store[name]) : reject(new Error()));
      script.onerror = reject;
      document.head.append(script);
    });
  }

  function wake() {
    if (worker || failed) return;
    try {
      const address = URL.createObjectURL(new Blob([engine], { type: "text/javascript" }));
      worker = new Worker(address);
    } catch (error) {
      fail("This browser lets no page run a program in the background, so the model cannot draw here.");
      return;
    }
    worker.onerror = event => {
      event.preventDefault();
      fail("The model's program could not be started in this browser.");
    };
    worker.onmessage = ({ data }) => receive(data);
    weights().then(
      text => worker.postMessage({ kind: "load", model: { ...model, weights: text } }),
      () => fail("The model's weights could not be loaded."));
  }

  function receive(data) {
    if (data.kind === "failed") return fail(`${data.message} Nothing can be drawn from them.`);
    if (data.kind === "ready") {
      ready = true;
      root.dataset.ready = "true";
      if (queued) send();
      return;
    }
    if (data.run !== run || !drawing) return;
    const { image, first } = data;
    images[image].set(data.values, first * channels);
    bits[image].set(data.bits, first);
    counts[image] = first + data.bits.length;
    current = image;
    macs = data.macs;
    if (data.next) showNext(data.next);
    if (data.done) {
      setDrawing(false);
      showNext(null);
      const seconds = (performance.now() - begun) / 1000;
      root.dataset.seconds = seconds.toFixed(3);
      const cost = bits.reduce((a, b) => a + b.reduce((x, y) => x + y, 0), 0) / images.length;
      say(`${images.length > 1 ? `${images.length} images, on average` : "Done:"} ` +
        `${bitsText(cost)} bits, in ${seconds.toFixed(1)} seconds.`);
    }
    if (!still || data.done || speed.value !== "once") refresh();
  }

  function send() {
    const order = queued;
    queued = null;
    begun = performance.now();
    worker.postMessage(order);
  }

  function setDrawing(on) {
    drawing = on;
    drawButton.textContent = on ? "Stop" : "Draw";
    root.dataset.drawing = on;
  }

  function conditionsOf(count) {
    if (!condition) return null;
    if (condition.kind === "vector") {
      return new Array(count).fill(Float32Array.from(codes, ({ input }) => Number(input.value)));
    }
    const label = Number(classes.value);
    return Array.from({ length: count }, (_, k) => (label < 0 ? k % condition.depth : label));
  }

  function draw() {
    wake();
    if (failed) return;
    const count = Number(many.value), { image, keep, any } = given();
    const number = Math.min(Math.max(0, Math.floor(Number(seed.value)) || 0), 999999999);
    seed.value = number;
    empty(count);
    queued = {
      kind: "draw", run: ++run, count, seed: number, conditions: conditionsOf(count),
      temperature: Number(temperature.input.value), given: image, keep: any ? keep : null,
      cache: cache.input.checked, hidden: hidden.value, pace: speed.value, peek: shown.has("probability"),
    };
    setDrawing(true);
    say(ready ? "Drawing." : "Loading the model, then drawing.");
    refresh();
    if (ready) send();
  }

  function stop(text) {
    if (!drawing) return;
    run++;
    queued = null;
    if (worker && ready) worker.postMessage({ kind: "stop" });
    setDrawing(false);
    if (text) say(text);
    refresh();
  }

  // ---------------------------------------------------------------- painting

  function brushValues() {
    if (brush.value === "erase") return new Array(channels).fill(-1);
    if (brush.value === "blank") return new Array(channels).fill(0);
    if (!ink) return new Array(channels).fill(top);
    const input = ink.querySelector("input");
    if (channels === 1) return [Number(input.value)];
    return [1, 3, 5].map(at => Math.round((parseInt(input.value.slice(at, at + 2), 16) * top) / 255));
  }

  function dab(i, j, values) {
    const size = Math.max(height, width) >= 20 ? 2 : 1; // strokes as thick as a digit's
    for (let y = i; y < i + size; y++) {
      for (let x = j; x < j + size; x++) {
        if (y >= 0 && y < height && x >= 0 && x < width) painted.set(values, (y * width + x) * channels);
      }
    }
  }

  function begin() {
    stop();
    if (images.length > 1) many.value = "1";
    if (images.length > 1 || counts[0]) empty(1);
    showNext(null);
  }

  const spot = event => {
    const box = paper.getBoundingClientRect();
    return [
      Math.floor(((event.clientY - box.top) / box.height) * height),
      Math.floor(((event.clientX - box.left) / box.width) * width),
    ];
  };

  let last = null;
  function stroke([i, j], values) {
    const [y, x] = last || [i, j], steps = Math.max(Math.abs(i - y), Math.abs(j - x), 1);
    for (let k = 1; k <= steps; k++) {
      dab(Math.round(y + ((i - y) * k) / steps), Math.round(x + ((j - x) * k) / steps), values);
    }
    last = [i, j];
    refresh();
  }

  function listen() {
    for (const kind of ["pointerdown", "keydown", "focusin"]) root.addEventListener(kind, wake);
    if (shown.has("brush")) {
      paper.addEventListener("pointerdown", event => {
        if (event.button) return;
        event.preventDefault();
        paper.setPointerCapture(event.pointerId);
        begin();
        last = null;
        cursor = null;
        stroke(spot(event), brushValues());
      });
      paper.addEventListener("pointermove", event => {
        if (!last) return;
        const path = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
        for (const part of path.length ? path : [event]) stroke(spot(part), brushValues());
      });
      for (const kind of ["pointerup", "pointercancel"]) {
        paper.addEventListener(kind, () => (last = null));
      }
      paper.addEventListener("keydown", keyed);
      paper.addEventListener("blur", refresh);
      paper.addEventListener("focus", refresh);
    }
    drawButton.addEventListener("click", () => (drawing ? stop("Stopped.") : draw()));
    againButton.addEventListener("click", () => {
      seed.value = Number(seed.value) + 1;
      draw();
    });
    clearButton.addEventListener("click", () => {
      begin();
      painted.fill(-1);
      empty(1);
      say("Cleared.");
      refresh();
    });
    startButton.addEventListener("click", useExample);
    root.addEventListener("change", event => {
      const name = controlOf(event.target);
      if (name === "speed" && worker) worker.postMessage({ kind: "pace", pace: speed.value });
      if (name === "rows") begin();
      if (name === "many") stop();
      refresh();
    });
    for (const kind of ["focusin", "change"]) {
      root.addEventListener(kind, event => {
        const control = controlOf(event.target);
        const name = control === "hidden" ? hidden.value || control : control;
        if (NOTES[name]) note.textContent = NOTES[name];
      });
    }
    const themed = () => {
      readColours();
      refresh();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themed);
    new MutationObserver(themed).observe(document.documentElement, {
      attributes: true, attributeFilter: ["data-theme", "class"],
    });
  }

  const controlOf = node => {
    const owner = node.closest("[data-control]");
    return owner ? owner.dataset.control : node === paper ? "brush" : "";
  };

  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  function keyed(event) {
    let [i, j] = cursor === null ? [0, 0] : [Math.floor(cursor / width), cursor % width];
    if (MOVES[event.key]) {
      const [y, x] = cursor === null ? [0, 0] : MOVES[event.key];
      i = Math.min(Math.max(i + y, 0), height - 1);
      j = Math.min(Math.max(j + x, 0), width - 1);
    } else if (event.key === " " || event.key === "Enter") {
      begin();
      dab(i, j, brushValues());
    } else if (event.key === "Delete" || event.key === "Backspace") {
      begin();
      dab(i, j, new Array(channels).fill(-1));
    } else return;
    event.preventDefault();
    event.stopPropagation(); // notebooks have uses of their own for these keys
    cursor = i * width + j;
    const value = painted[cursor * channels];
    say(`Row ${i + 1}, column ${j + 1}: ${value < 0 ? "not given" : value ? "ink" : "blank"}`);
    refresh();
  }

  function useExample() {
    const bytes = atob(model.examples), size = pixels * channels;
    example = (example + 1) % (bytes.length / size);
    begin();
    painted.fill(-1);
    empty(1);
    if (condition && condition.codes) {
      condition.codes[example].forEach((value, k) => codes[k].set(value));
      say(`The code of example ${example + 1}.`);
    } else {
      const half = Math.floor(height / 2) * width * channels;
      for (let k = 0; k < half; k++) painted[k] = bytes.charCodeAt(example * size + k);
      say(`The upper half of example ${example + 1}.`);
    }
    refresh();
  }

  if (condition && condition.codes) startButton.textContent = "Code of an example";
  build();
  empty(1);
  readColours();
  listen();
  refresh();
  say("Paint, or press Draw.");
}
