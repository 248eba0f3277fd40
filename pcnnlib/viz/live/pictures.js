// The pictures and numbers of a component: the image, the heat map, the bars, the meter.
function pcnnPictures(root, model, parts, state) {
  "use strict";

  const [height, width, channels] = model.image_shape, { levels } = model;
  const pixels = height * width, top = levels - 1;
  const { paper, heat, bars, scale } = parts;
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const bitsText = bits => bits.toFixed(bits < 99.5 ? 1 : 0);
  const sum = numbers => numbers.reduce((a, b) => a + b, 0);

  const colours = {};
  function readColours() {
    const style = getComputedStyle(root);
    for (const name of ["void", "accent", "given-0", "given-1", "cold", "hot"]) {
      colours[name] = style.getPropertyValue(`--live-${name}`).trim();
    }
  }

  function colour(values, at, isGiven) {
    if (levels === 2 && channels === 1 && isGiven) return colours[`given-${values[at]}`];
    const grey = k => Math.round((values[at + (channels === 3 ? k : 0)] * 255) / top);
    return `rgb(${grey(0)} ${grey(1)} ${grey(2)})`;
  }

  function paint() {
    const pen = paper.getContext("2d"), { images, counts, drawing } = state;
    const side = Math.sqrt(images.length), size = scale / side, { image, keep, any } = state.given();
    parts.hint.hidden = any || drawing || counts.some(Boolean) || !parts.shown.has("brush");
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
      } else if (drawing && counts[n] < pixels && parts.speed.value !== "once") {
        frame(pen, counts[n], size, 2);
      }
    });
    const { cursor } = state;
    if (cursor !== null && document.activeElement === paper && side === 1) frame(pen, cursor, size, 3);
  }

  function frame(pen, at, size, line) {
    pen.strokeStyle = colours.accent;
    pen.lineWidth = line;
    pen.strokeRect((at % width) * size + 1, Math.floor(at / width) * size + 1, size - 2, size - 2);
  }

  function paintHeat() {
    const pen = heat.getContext("2d"), most = Math.log2(levels) * channels, n = state.current;
    pen.fillStyle = colours.cold;
    pen.fillRect(0, 0, width, height);
    for (let k = 0; k < state.counts[n]; k++) {
      // A square root, so that small doubts are seen beside great ones.
      pen.globalAlpha = Math.sqrt(Math.min(state.bits[n][k] / (2 * most), 1));
      pen.fillStyle = colours.hot;
      pen.fillRect(k % width, Math.floor(k / width), 1, 1);
    }
    pen.globalAlpha = 1;
  }

  // The probabilities of the next pixel's levels, or null where they are not known.
  function showNext(probabilities) {
    const pen = bars.getContext("2d"), n = probabilities ? probabilities.length : 0;
    pen.clearRect(0, 0, bars.width, bars.height);
    if (!n) {
      parts.nextText.textContent = "–";
      bars.setAttribute("aria-label", "Probabilities of the next pixel: not known");
      return;
    }
    const most = n === 2 ? 1 : Math.max(...probabilities);
    const likeliest = probabilities.indexOf(Math.max(...probabilities));
    const percent = Math.round(100 * (n === 2 ? probabilities[1] : probabilities[likeliest]));
    parts.nextText.textContent = n === 2 ? `ink ${percent}%` : `level ${likeliest}, ${percent}%`;
    bars.setAttribute("aria-label", `Probabilities of the next pixel: ${parts.nextText.textContent}`);
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
    const { bits, counts, macs, current: n } = state, begun = counts.filter(Boolean).length;
    const mean = begun ? sum(bits.map(sum)) / begun : 0, drawn = sum(counts);
    parts.spent.textContent = bitsText(mean);
    parts.meterFill.style.width = `${Math.min(100, (100 * mean) / parts.fileBits)}%`;
    parts.meter.setAttribute("aria-valuenow", Math.round(mean));
    parts.work.textContent = compact.format(macs);
    parts.each.textContent = drawn ? `${compact.format(macs / drawn)} a pixel` : "\u00a0";
    heat.setAttribute("aria-label", counts[n]
      ? `Surprise of each pixel: ${bitsText(sum(bits[n]))} bits in all`
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

  function themed() {
    readColours();
    refresh();
  }

  return { refresh, showNext, themed, bitsText };
}
