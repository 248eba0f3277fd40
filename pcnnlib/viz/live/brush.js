// How a reader gives pixels: by mouse, finger, keys, or from an example.
function pcnnBrush(model, parts, state, pictures, drawing) {
  "use strict";

  const [height, width, channels] = model.image_shape, top = model.levels - 1;
  const { paper, brush, ink } = parts, { painted } = state;
  let last = null, example = -1;

  function values() {
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

  // What was drawn goes as soon as something else is given.
  function begin() {
    drawing.stop();
    if (state.images.length > 1) parts.many.value = "1";
    if (state.images.length > 1 || state.counts[0]) state.empty(1);
    pictures.showNext(null);
  }

  function spot(event) {
    const box = paper.getBoundingClientRect();
    return [
      Math.floor(((event.clientY - box.top) / box.height) * height),
      Math.floor(((event.clientX - box.left) / box.width) * width),
    ];
  }

  function stroke([i, j]) {
    const [y, x] = last || [i, j], steps = Math.max(Math.abs(i - y), Math.abs(j - x), 1);
    for (let k = 1; k <= steps; k++) {
      dab(Math.round(y + ((i - y) * k) / steps), Math.round(x + ((j - x) * k) / steps), values());
    }
    last = [i, j];
    pictures.refresh();
  }

  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  function keyed(event) {
    const { cursor } = state;
    let [i, j] = cursor === null ? [0, 0] : [Math.floor(cursor / width), cursor % width];
    if (MOVES[event.key]) {
      const [y, x] = cursor === null ? [0, 0] : MOVES[event.key];
      i = Math.min(Math.max(i + y, 0), height - 1);
      j = Math.min(Math.max(j + x, 0), width - 1);
    } else if (event.key === " " || event.key === "Enter") {
      begin();
      dab(i, j, values());
    } else if (event.key === "Delete" || event.key === "Backspace") {
      begin();
      dab(i, j, new Array(channels).fill(-1));
    } else return;
    event.preventDefault();
    event.stopPropagation(); // notebooks have uses of their own for these keys
    state.cursor = i * width + j;
    const at = state.cursor * channels, colour = painted.slice(at, at + channels);
    const word = colour[0] < 0 ? "not given" : colour.some(Boolean) ? "ink" : "blank";
    drawing.say(`Row ${i + 1}, column ${j + 1}: ${word}`);
    pictures.refresh();
  }

  function useExample() {
    const bytes = atob(model.examples), size = height * width * channels, { condition } = model;
    example = (example + 1) % (bytes.length / size);
    begin();
    painted.fill(-1);
    state.empty(1);
    if (condition && condition.codes) {
      condition.codes[example].forEach((value, k) => parts.codes[k].set(value));
      drawing.say(`The code of example ${example + 1}.`);
    } else {
      const half = Math.floor(height / 2) * width * channels;
      for (let k = 0; k < half; k++) painted[k] = bytes.charCodeAt(example * size + k);
      drawing.say(`The upper half of example ${example + 1}.`);
    }
    pictures.refresh();
  }

  function clear() {
    begin();
    painted.fill(-1);
    state.empty(1);
    drawing.say("Cleared.");
    pictures.refresh();
  }

  function listen() {
    paper.addEventListener("pointerdown", event => {
      if (event.button) return;
      event.preventDefault();
      paper.setPointerCapture(event.pointerId);
      begin();
      last = state.cursor = null;
      stroke(spot(event));
    });
    paper.addEventListener("pointermove", event => {
      if (!last) return;
      const path = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const part of path.length ? path : [event]) stroke(spot(part));
    });
    for (const kind of ["pointerup", "pointercancel"]) paper.addEventListener(kind, () => (last = null));
    paper.addEventListener("keydown", keyed);
    paper.addEventListener("blur", pictures.refresh);
    paper.addEventListener("focus", pictures.refresh);
  }

  return { begin, clear, listen, useExample };
}
