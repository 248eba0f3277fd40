// An explorer: controls to choose with, and a picture that follows them. In a live kernel anywidget
// calls `render`; a page without one holds this same module, and calls `renderAlone`.
// The model has `data` (the controls, and all that can be shown) and `choice` (name -> value).

const SLIDER = '<input type="range" min="0"><output></output>';

function render({ model, el }) {
  const data = model.get("data");
  el.classList.add("pcnn-explorer");
  el.dataset.lmSuppressShortcuts = "true"; // else JupyterLab takes the arrow keys for its own use
  const box = add(el, '<div class="controls"></div>');
  const inputs = data.controls.map(({ name, label, options, menu }) => {
    const row = add(box, `<label><span></span>${menu ? "<select></select>" : SLIDER}</label>`);
    const [caption, input] = row.children;
    caption.textContent = label;
    input.dataset.control = name;
    if (menu) input.append(...options.map((option, k) => new Option(option, k)));
    else input.max = options.length - 1;
    return input;
  });

  function choose(positions) {
    const pairs = data.controls.map(({ name, values }, c) => [name, values[positions[c]]]);
    model.set("choice", Object.fromEntries(pairs));
    model.save_changes();
  }
  const positions = () => data.controls.map(({ name, values }) => values.indexOf(model.get("choice")[name]));
  const draw = { field: drawField, images: drawImages }[data.kind](el, data, positions, choose);

  function update() {
    positions().forEach((position, c) => {
      const { options, menu, only } = data.controls[c];
      inputs[c].value = position;
      inputs[c].disabled = Object.entries(only).some(([name, value]) => model.get("choice")[name] !== value);
      if (menu) return;
      inputs[c].setAttribute("aria-valuetext", options[position]);
      inputs[c].nextElementSibling.value = options[position];
    });
    draw(positions());
  }
  box.addEventListener("input", () => choose(inputs.map(input => Number(input.value))));
  model.on("change:choice", update);
  update();
  return () => model.off("change:choice", update);
}

// The same without a kernel: the page itself keeps the data, as an attribute, and the choice.
function renderAlone(el) {
  const state = JSON.parse(el.dataset.state);
  el.replaceChildren(); // what stands there for browsers without JavaScript
  let update;
  const set = (name, value) => { state[name] = value; update(); };
  render({ el, model: { get: name => state[name], set, save_changes() {}, on(_, f) { update = f; } } });
}

// What a pixel sees: of the earlier pixels that it does not see, those that the kernels reach are blind.
// A frame holds one bit per offset from the predicted pixel: the rows above it and
// its own, `size` of them, by `2 * size - 1` columns.
function drawField(el, { size, roles, frames, reach, controls }, positions, choose) {
  const columns = 2 * size - 1, packed = bytes(frames), frameBytes = Math.ceil(size * columns / 8);
  const field = add(el, `<svg class="field" viewBox="0 0 ${size} ${size}" role="img"></svg>`);
  for (let at = 0; at < size * size; at++)
    add(field, `<rect x="${at % size}.05" y="${Math.floor(at / size)}.05" width=".9" height=".9"/>`);
  const cells = [...field.children];
  const summary = add(el, '<p class="summary" role="status"></p>'), key = add(el, '<p class="key"></p>');
  for (const [colour, meaning] of Object.values(roles)) {
    const item = add(key, '<span><svg viewBox="0 0 1 1" aria-hidden="true"><rect width="1" height="1"/></svg></span>');
    item.querySelector("rect").setAttribute("fill", colour);
    item.append(meaning);
  }
  field.addEventListener("click", event => {
    const at = cells.indexOf(event.target);
    if (at >= 0) choose([...positions().slice(0, 4), Math.floor(at / size), at % size]);
  });

  return ([model, kernel, layers, dilation, row, column]) => {
    const [, kernels, depths, dilations] = controls.map(({ values }) => values.length);
    const network = ((model * kernels + kernel) * depths + layers) * dilations + dilation;
    const frame = network * frameBytes;
    const counts = Object.fromEntries(Object.keys(roles).map(role => [role, 0]));
    cells.forEach((cell, at) => {
      const i = Math.floor(at / size), j = at % size;
      const bit = (size - 1 + i - row) * columns + (size - 1 + j - column);
      const seen = i <= row && packed[frame + (bit >> 3)] >> (7 - (bit & 7)) & 1;
      let role = seen ? "leak" : i === row && j === column ? "here" : "later";
      if (i < row || (i === row && j < column)) {
        const away = Math.max(row - i, Math.abs(column - j));
        role = seen ? "seen" : away <= reach[network] ? "blind" : "unreached";
      }
      counts[role] += 1;
      cell.setAttribute("class", role);
      cell.setAttribute("fill", roles[role][0]);
    });
    const earlier = counts.seen + counts.blind + counts.unreached;
    const sentence = `Row ${row}, column ${column}: ${counts.seen} of ${earlier} earlier pixels seen, ` +
      `${counts.blind} blind, ${counts.unreached} out of reach.`;
    summary.textContent = sentence;
    field.setAttribute("aria-label", sentence);
    Object.keys(roles).forEach((role, k) => key.children[k].hidden = role === "leak" && !counts.leak);
  };
}

// Images drawn beforehand: one strip of them for every choice. Where there is a map of the first two
// controls, a click on it chooses the nearest position.
function drawImages(el, data, positions, choose) {
  const { count, height, width, channels, greys, points, controls } = data;
  const levels = bytes(data.images), sizes = controls.map(({ values }) => values.length);
  const canvas = add(el, `<canvas width="${count * (width + 1) - 1}" height="${height}" role="img"></canvas>`);
  const context = canvas.getContext("2d");
  const map = points && add(el, `<svg class="map" viewBox="-0.5 -0.5 ${sizes[0]} ${sizes[1]}" role="img" ` +
    'aria-label="map of codes, each shown as its class"></svg>');
  for (const [x, y, label, colour] of points ?? []) {
    const mark = add(map, "<text></text>");
    mark.textContent = label;
    for (const [name, value] of [["x", x], ["y", sizes[1] - 1 - y], ["fill", colour]]) mark.setAttribute(name, value);
  }
  const marker = map && add(map, '<circle class="marker" r=".3"/>');
  map?.addEventListener("click", event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    const nearest = (x, axis) => Math.max(0, Math.min(sizes[axis] - 1, Math.round(x)));
    choose([nearest(at.x, 0), nearest(sizes[1] - 1 - at.y, 1), ...positions().slice(2)]);
  });

  return chosen => {
    const strip = chosen.reduce((index, k, axis) => index * sizes[axis] + k, 0);
    const picture = context.createImageData(canvas.width, canvas.height);
    let from = strip * count * height * width * channels;
    for (let n = 0; n < count; n++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++, from += channels) {
          const to = 4 * (i * canvas.width + n * (width + 1) + j);
          for (let c = 0; c < 3; c++)
            picture.data[to + c] = greys[levels[from + (channels === 3 ? c : 0)]];
          picture.data[to + 3] = 255;
        }
    context.putImageData(picture, 0, 0);
    marker?.setAttribute("cx", chosen[0]);
    marker?.setAttribute("cy", sizes[1] - 1 - chosen[1]);
    const texts = controls.map(({ label, options }, axis) => `${label} ${options[chosen[axis]]}`);
    canvas.setAttribute("aria-label", `${count} drawn images: ${texts.join(", ")}`);
  };
}

// Appends HTML or SVG, and returns its last element. The markup is written in this file, but for
// integers: whatever else the data hold is set as text, or as an attribute's value.
function add(parent, markup) {
  parent.insertAdjacentHTML("beforeend", markup);
  return parent.lastElementChild;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), c => c.charCodeAt(0));
}

export default { render };
