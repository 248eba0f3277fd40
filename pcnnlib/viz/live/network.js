// A network's layers, and what every kind of network keeps of an image while it is drawn.
// `gated.js` and `raster.js` add the kinds. Images are arrays of H * W * C levels, row by row.
function pcnnNetwork(pcnn) {
  "use strict";

  const { Weights, DISTRIBUTIONS } = pcnn;
  const KINDS = {}; // kind -> { build(network, model, dense), State }

  // The taps of a kernel, `extent` as in pcnnlib: first and last row, first and last column.
  function tapsOf([top, bottom, left, right], features, dilation = 1) {
    const rows = [], columns = [];
    for (let y = top; y <= bottom; y += dilation) rows.push(y);
    for (let x = left; x <= right; x += dilation) columns.push(x);
    return { rows, columns, features, size: rows.length * columns.length * features };
  }

  class Network {
    constructor(model) {
      const weights = new Weights(model);
      [this.height, this.width, this.channels] = model.image_shape;
      const { kind, levels, filters, condition, leaks } = model;
      Object.assign(this, { kind, levels, filters, condition, leaks });
      this.distribution = DISTRIBUTIONS[model.distribution.kind]({
        levels, channels: this.channels, components: model.distribution.components,
      });
      const dense = (...sizes) => weights.dense(...sizes);
      KINDS[kind].build(this, model, dense);
      this.mix = dense(filters, model.head_filters, true);
      this.predict = dense(model.head_filters, this.distribution.size, true);
      weights.end();
    }

    // An empty image, ready to be drawn.
    start(condition) {
      return new KINDS[this.kind].State(this, condition);
    }
  }

  class State {
    // `window`: room for the inputs of one output pixel, of any kernel.
    constructor(network, window) {
      this.network = network;
      this.macs = 0;
      this.hidden = null; // "above" or "left": what the first layer is not shown
      this.scaled = new Float32Array(network.height * network.width * network.channels);
      this.window = new Float32Array(Math.max(window, network.filters, network.mix.room));
      this.hiddenLayer = new Float32Array(network.mix.room);
      this.outputs = new Float32Array(network.predict.room);
    }

    setPixel(i, j, pixel) {
      const { width, channels, levels } = this.network;
      for (let c = 0; c < channels; c++) {
        this.scaled[(i * width + j) * channels + c] = pixel[c] * (2 / (levels - 1)) - 1;
      }
    }

    // The inputs that the taps of a kernel see at pixel (i, j), zeros outside the image.
    _look(taps, source, i, j, hidden) {
      const { height, width } = this.network, { features, columns } = taps, window = this.window;
      let at = 0;
      for (const y of taps.rows) {
        const row = i + y, blind = row < 0 || row >= height || hidden === (y < 0 ? "above" : "left");
        for (const x of columns) {
          const column = j + x;
          if (blind || column < 0 || column >= width) {
            for (let k = 0; k < features; k++) window[at++] = 0;
          } else {
            let from = (row * width + column) * features;
            for (let k = 0; k < features; k++) window[at++] = source[from++];
          }
        }
      }
      return window;
    }

    // From the last features of pixel number `pixel` to the parameters of its distribution.
    _head(features, pixel) {
      const { filters, mix, predict, distribution } = this.network, hidden = this.hiddenLayer;
      for (let f = 0; f < filters; f++) this.window[f] = Math.max(features[pixel * filters + f], 0);
      mix.apply(this.window, hidden);
      for (let f = 0; f < mix.outputs; f++) hidden[f] = Math.max(hidden[f], 0);
      predict.apply(hidden, this.outputs);
      this.macs += mix.macs + predict.macs;
      return distribution.parameters(this.outputs.slice(0, distribution.size));
    }
  }

  Object.assign(pcnn, { Network, State, KINDS, tapsOf });
}
