// A Gated PixelCNN in plain JavaScript: the network, its distributions, and the cached sampler.
//
// It computes what pcnnlib computes (nn/blocks.py, sampling/cached.py, nn/distributions). The
// function is its own module: a page calls it, and its text is the program of a Web Worker.
// Images are arrays of H * W * C levels, row by row.
function pcnnEngine(scope) {
  "use strict";

  const DAMAGED = "The model's weights are damaged.";

  // ---------------------------------------------------------------- weights

  function bytesOf(base64) {
    let text;
    try {
      text = atob(base64);
    } catch (error) {
      throw new Error(DAMAGED);
    }
    const bytes = new Uint8Array(text.length);
    for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
    return bytes;
  }

  function crc32(bytes) {
    const table = new Uint32Array(256);
    for (let n = 0; n < 256; n++) {
      let c = n;
      for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
      table[n] = c;
    }
    let crc = 0xffffffff;
    for (let k = 0; k < bytes.length; k++) crc = table[(crc ^ bytes[k]) & 255] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  }

  // Little-endian float16.
  function halves(bytes) {
    const values = new Float32Array(bytes.length >> 1);
    const powers = Float64Array.from({ length: 32 }, (_, e) => 2 ** (e - 15));
    for (let k = 0; k < values.length; k++) {
      const half = bytes[2 * k] | (bytes[2 * k + 1] << 8);
      const exponent = (half >> 10) & 31, fraction = half & 1023;
      let value = exponent ? (1 + fraction / 1024) * powers[exponent] : fraction * 2 ** -24;
      if (exponent === 31) value = NaN;
      values[k] = half & 0x8000 ? -value : value;
    }
    return values;
  }

  // y = x W + b. Outputs are worked on four at a time: an input is then loaded once for four
  // products, and the weights lie in the order in which they are used.
  class Dense {
    constructor(kernel, inputs, outputs, bias) {
      const blocks = Math.ceil(outputs / 4);
      this.inputs = inputs;
      this.outputs = outputs;
      this.room = 4 * blocks; // of the array that takes the outputs
      this.packed = new Float32Array(blocks * inputs * 4);
      this.bias = new Float32Array(this.room);
      if (bias) this.bias.set(bias);
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          this.packed[((o >> 2) * inputs + i) * 4 + (o & 3)] = kernel[i * outputs + o];
        }
      }
      this.macs = inputs * outputs;
    }

    apply(x, y) {
      const n = this.inputs, packed = this.packed, bias = this.bias;
      for (let o = 0, k = 0; o < this.room; o += 4) {
        let a = bias[o], b = bias[o + 1], c = bias[o + 2], d = bias[o + 3];
        for (let i = 0; i < n; i++, k += 4) {
          const v = x[i];
          a += v * packed[k];
          b += v * packed[k + 1];
          c += v * packed[k + 2];
          d += v * packed[k + 3];
        }
        y[o] = a;
        y[o + 1] = b;
        y[o + 2] = c;
        y[o + 3] = d;
      }
      return y;
    }
  }

  // ---------------------------------------------------------------- distributions

  const sigmoid = x => 1 / (1 + Math.exp(-x));
  const softplus = x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

  function logSumExp(values, from = 0, to = values.length) {
    let largest = -Infinity, sum = 0;
    for (let k = from; k < to; k++) largest = Math.max(largest, values[k]);
    for (let k = from; k < to; k++) sum += Math.exp(values[k] - largest);
    return largest + Math.log(sum);
  }

  // How many of all but the last cumulated probabilities the noise has passed.
  function invert(probabilities, noise) {
    let sum = 0, level = 0;
    for (let k = 0; k < probabilities.length - 1; k++) {
      sum += probabilities[k];
      if (noise >= sum) level++;
    }
    return level;
  }

  // Each: `size` network outputs a pixel, `noises` uniform numbers a channel, `ordered`: whether the
  // network runs once per channel. `draw(p, c, pixel, noise, T)` draws channel c after the earlier
  // ones, `nats(p, pixel)` is what they cost, channel by channel, and `levels(p, c, pixel)` the
  // probability of each level.
  const DISTRIBUTIONS = {
    bernoulli: ({ channels }) => ({
      size: channels,
      noises: 1,
      ordered: true,
      parameters: outputs => outputs,
      draw: (p, c, pixel, noise, temperature) =>
        noise[0] >= sigmoid(-p[c] / temperature) ? 1 : 0,
      nats: (p, pixel) => Array.from(pixel, (v, c) => softplus(v ? -p[c] : p[c])),
      levels: (p, c) => [sigmoid(-p[c]), sigmoid(p[c])],
    }),

    categorical: ({ channels, levels }) => {
      const softmax = (p, c, temperature = 1) => {
        const logits = p.slice(c * levels, (c + 1) * levels).map(x => x / temperature);
        const total = logSumExp(logits);
        return Array.from(logits, x => Math.exp(x - total));
      };
      return {
        size: channels * levels,
        noises: 1,
        ordered: true,
        parameters: outputs => outputs,
        draw: (p, c, pixel, noise, temperature) => invert(softmax(p, c, temperature), noise[0]),
        nats: (p, pixel) =>
          Array.from(pixel, (v, c) =>
            logSumExp(p, c * levels, (c + 1) * levels) - p[c * levels + v]),
        levels: (p, c) => softmax(p, c),
      };
    },

    // Mixture of M discretised logistics; see nn/distributions/mixture.py.
    mixture: ({ channels, levels, components: M }) => {
      const bin = 2 / (levels - 1);
      const size = M * (1 + 2 * channels + (channels * (channels - 1)) / 2);
      const start = new Float32Array(size);
      for (let c = 0; c < channels; c++) {
        for (let m = 0; m < M; m++) {
          start[(1 + c) * M + m] = (2 * m + 1) / M - 1;
          start[(1 + channels + c) * M + m] = Math.log(0.25);
        }
      }
      const clip = (x, low, high) => Math.min(Math.max(x, low), high);
      const scale = level => level * bin - 1;
      const unscale = value => (value + 1) / bin;
      const logSigmoid = x => -softplus(-x);
      const spread = (p, c, m) => clip(p[(1 + channels + c) * M + m], -7, 7);
      function centre(p, c, m, pixel) {
        let mean = p[(1 + c) * M + m];
        for (let e = 0; e < c; e++) {
          const row = 1 + 2 * channels + (c * (c - 1)) / 2 + e;
          mean += Math.tanh(p[row * M + m]) * scale(pixel[e]);
        }
        return mean;
      }
      function logBin(level, mean, logScale) {
        const width = Math.exp(-logScale) * bin, middle = unscale(mean);
        const notFirst = level > 0, notLast = level < levels - 1;
        return (
          (notLast ? logSigmoid((level + 0.5 - middle) * width) : 0) +
          (notFirst ? logSigmoid(-(level - 0.5 - middle) * width) : 0) +
          (notFirst && notLast ? Math.log(-Math.expm1(-width)) : 0)
        );
      }
      // Logits of the components before channel c, given the channels before it.
      function logits(p, c, pixel, temperature = 1) {
        const shift = Math.log(temperature);
        return Array.from({ length: M }, (_, m) => {
          let sum = p[m] / temperature;
          for (let e = 0; e < c; e++) {
            sum += logBin(pixel[e], centre(p, e, m, pixel), spread(p, e, m) + shift);
          }
          return sum;
        });
      }
      return {
        size,
        noises: 2,
        ordered: false,
        parameters: outputs => outputs.map((x, k) => clip(x + start[k], -1e20, 1e20)),
        draw(p, c, pixel, noise, temperature) {
          temperature = clip(temperature, 1e-10, 1e10);
          const weights = logits(p, c, pixel, temperature), total = logSumExp(weights);
          const m = invert(weights.map(x => Math.exp(x - total)), noise[0]);
          const uniform = Math.max(noise[1], 2 ** -25);
          const logistic = Math.log(uniform) - Math.log1p(-uniform);
          const width = Math.exp(spread(p, c, m) + Math.log(temperature));
          const level = unscale(centre(p, c, m, pixel) + width * logistic);
          // Half-way cases go to the even level, as NumPy's do.
          const down = Math.floor(level), half = level - down === 0.5;
          return clip(half ? down + (down & 1) : Math.round(level), 0, levels - 1);
        },
        nats(p, pixel) {
          const prior = Array.from({ length: channels + 1 }, (_, c) => logSumExp(logits(p, c, pixel)));
          return Array.from({ length: channels }, (_, c) => prior[c] - prior[c + 1]);
        },
        levels(p, c, pixel) {
          const weights = logits(p, c, pixel), total = logSumExp(weights);
          return Array.from({ length: levels }, (_, k) => {
            let sum = 0;
            for (let m = 0; m < M; m++) {
              sum += Math.exp(
                weights[m] - total + logBin(k, centre(p, c, m, pixel), spread(p, c, m)));
            }
            return sum;
          });
        },
      };
    },
  };

  // ---------------------------------------------------------------- the network

  class Network {
    constructor(model) {
      const bytes = bytesOf(model.weights);
      if (bytes.length !== model.bytes || crc32(bytes) !== model.crc32) throw new Error(DAMAGED);
      const values = halves(bytes);
      let at = 0;
      const take = n => values.subarray(at, (at += n));
      const dense = (inputs, outputs, biased) =>
        new Dense(take(inputs * outputs), inputs, outputs, biased && take(outputs));
      [this.height, this.width, this.channels] = model.image_shape;
      Object.assign(this, { levels: model.levels, filters: model.filters, gated: model.gated });
      this.condition = model.condition;
      this.distribution = DISTRIBUTIONS[model.distribution.kind]({
        levels: this.levels, channels: this.channels, components: model.distribution.components,
      });
      const F = this.filters, depth = model.condition ? model.condition.depth : 0;
      let inputs = this.channels;
      this.blocks = model.blocks.map(({ dilation, residual, vertical, horizontal, conditions }) => {
        const taps = extent => {
          const [top, bottom, left, right] = extent, rows = [], columns = [];
          for (let y = top; y <= bottom; y += dilation) rows.push(y);
          for (let x = left; x <= right; x += dilation) columns.push(x);
          return { rows, columns, size: rows.length * columns.length * inputs };
        };
        const above = taps(vertical), left = taps(horizontal);
        const block = {
          inputs, residual, above, left,
          vertical: dense(above.size, 2 * F, true),
          horizontal: dense(left.size, 2 * F, true),
          link: dense(2 * F, 2 * F, false),
          project: dense(F, F, true),
          verticalCondition: conditions.includes("vertical") ? dense(depth, 2 * F, false) : null,
          horizontalCondition:
            conditions.includes("horizontal") ? dense(depth, 2 * F, false) : null,
        };
        inputs = F;
        return block;
      });
      this.mix = dense(F, model.head_filters, true);
      this.predict = dense(model.head_filters, this.distribution.size, true);
      if (at !== values.length || !values.every(Number.isFinite)) throw new Error(DAMAGED);
    }
  }

  // What is kept of one image while it is drawn: of every block its inputs and its link features.
  // `vertical[b]`, `horizontal[b]` are the inputs of block b, `(H, W, I)`; block 0 reads the image.
  class State {
    constructor(network, condition) {
      const pixels = network.height * network.width, F = network.filters;
      this.network = network;
      this.macs = 0;
      this.hidden = null; // "above" or "left": what the first block is not shown
      const features = n => Array.from({ length: n }, () => new Float32Array(pixels * F));
      const image = new Float32Array(pixels * network.channels);
      const blocks = network.blocks.length;
      this.vertical = [image, ...features(blocks - 1)];
      this.horizontal = [image, ...features(blocks)];
      this.links = Array.from({ length: blocks }, () => new Float32Array(pixels * 2 * F));
      const windows = network.blocks.map(b => Math.max(b.above.size, b.left.size));
      this.window = new Float32Array(Math.max(...windows, F, network.mix.room));
      this.wide = new Float32Array(Math.ceil(F / 2) * 4); // 2F, rounded up as `Dense` wants
      this.linked = new Float32Array(this.wide.length);
      this.narrow = new Float32Array(network.blocks[0].project.room);
      this.hiddenLayer = new Float32Array(network.mix.room);
      this.outputs = new Float32Array(network.predict.room);
      this.conditions = network.blocks.map(b => ({
        vertical: this._encode(b.verticalCondition, condition),
        horizontal: this._encode(b.horizontalCondition, condition),
      }));
    }

    _encode(layer, condition) {
      if (!layer) return null;
      let encoded = condition;
      if (this.network.condition.kind === "labels") {
        encoded = new Float32Array(layer.inputs);
        encoded[condition] = 1;
      }
      return layer.apply(encoded, new Float32Array(layer.room));
    }

    // The inputs that the taps of a kernel see at pixel (i, j), zeros outside the image.
    _look(taps, source, features, i, j, blind) {
      const { height, width } = this.network, window = this.window;
      let at = 0;
      for (const y of taps.rows) {
        for (const x of taps.columns) {
          const row = i + y, column = j + x;
          if (blind || row < 0 || row >= height || column < 0 || column >= width) {
            for (let k = 0; k < features; k++) window[at++] = 0;
          } else {
            let from = (row * width + column) * features;
            for (let k = 0; k < features; k++) window[at++] = source[from++];
          }
        }
      }
      return window;
    }

    _gate(sums, target, at) {
      const F = this.network.filters;
      if (this.network.gated) {
        for (let f = 0; f < F; f++) target[at + f] = Math.tanh(sums[f]) * sigmoid(sums[F + f]);
      } else {
        for (let f = 0; f < F; f++) target[at + f] = Math.max(sums[f] + sums[F + f], 0);
      }
    }

    setPixel(i, j, pixel) {
      const { width, channels, levels } = this.network;
      for (let c = 0; c < channels; c++) {
        this.horizontal[0][(i * width + j) * channels + c] = pixel[c] * (2 / (levels - 1)) - 1;
      }
    }

    // The vertical stack of row i, for all columns: from the rows above, once per row.
    runRow(i) {
      const { blocks, width, filters: F } = this.network;
      blocks.forEach((block, b) => {
        const blind = b === 0 && this.hidden === "above";
        const { vertical: h, horizontal: g } = this.conditions[b], last = b === blocks.length - 1;
        for (let j = 0; j < width; j++) {
          const window = this._look(block.above, this.vertical[b], block.inputs, i, j, blind);
          const sums = block.vertical.apply(window, this.wide), linked = this.linked;
          const at = (i * width + j) * F;
          block.link.apply(sums, linked);
          if (g) for (let k = 0; k < 2 * F; k++) linked[k] += g[k];
          this.links[b].set(2 * F === linked.length ? linked : linked.subarray(0, 2 * F), 2 * at);
          this.macs += block.vertical.macs + block.link.macs;
          if (last) continue; // nothing reads its vertical features
          if (h) for (let k = 0; k < 2 * F; k++) sums[k] += h[k];
          this._gate(sums, this.vertical[b + 1], at);
        }
      });
    }

    // The horizontal stack of pixel (i, j) and the head: from the row to the left, once per pixel.
    runPixel(i, j) {
      const { blocks, width, filters: F, mix, predict, distribution } = this.network;
      const pixel = i * width + j, at = pixel * F;
      blocks.forEach((block, b) => {
        const blind = b === 0 && this.hidden === "left", source = this.horizontal[b];
        const window = this._look(block.left, source, block.inputs, i, j, blind);
        const sums = block.horizontal.apply(window, this.wide), links = this.links[b];
        for (let k = 0; k < 2 * F; k++) sums[k] += links[2 * at + k];
        this._gate(sums, this.window, 0);
        const features = block.project.apply(this.window, this.narrow);
        const target = this.horizontal[b + 1];
        for (let f = 0; f < F; f++) {
          target[at + f] = features[f] + (block.residual ? source[at + f] : 0);
        }
        this.macs += block.horizontal.macs + block.project.macs;
      });
      const features = this.horizontal[blocks.length], hidden = this.hiddenLayer;
      for (let f = 0; f < F; f++) this.window[f] = Math.max(features[at + f], 0);
      mix.apply(this.window, hidden);
      for (let f = 0; f < mix.outputs; f++) hidden[f] = Math.max(hidden[f], 0);
      predict.apply(hidden, this.outputs);
      this.macs += mix.macs + predict.macs;
      return distribution.parameters(this.outputs.slice(0, distribution.size));
    }

    // The whole network on the image as it is: parameters of every pixel, for each `(i, j, p)`.
    runAll(each) {
      const { height, width } = this.network;
      for (let i = 0; i < height; i++) {
        this.runRow(i);
        for (let j = 0; j < width; j++) each(i, j, this.runPixel(i, j));
      }
    }
  }

  // Parameters of every pixel's distribution, and what the image costs, in nats.
  function forward(network, image, condition) {
    const { height, width, channels, distribution } = network;
    const state = new State(network, condition), parameters = [];
    const pixelOf = k => image.slice(k * channels, (k + 1) * channels);
    for (let k = 0; k < height * width; k++) {
      state.setPixel(Math.floor(k / width), k % width, pixelOf(k));
    }
    let nats = 0;
    state.runAll((i, j, p) => {
      parameters.push(...p);
      nats += distribution.nats(p, pixelOf(i * width + j)).reduce((a, b) => a + b);
    });
    return { parameters, nats, macs: state.macs };
  }

  // ---------------------------------------------------------------- the sampler

  // Draws one image. `next()` draws a pixel and returns it with the bits that its value costs, or
  // null at the end; `peek()` gives the probability of each level of the pixel that comes next.
  // Options: noise `(H, W, C, N)`, condition, temperature, image and keep `(H, W, C)`, cache,
  // hidden.
  class Sampler {
    constructor(network, options) {
      this.network = network;
      this.options = { temperature: 1, cache: true, ...options };
      this.state = new State(network, options.condition);
      this.state.hidden = options.hidden || null;
      this.at = 0;
      this.pixel = null; // of the next pixel, the channels drawn so far
      this.parameters = null;
      this.image = new Uint8Array(network.height * network.width * network.channels);
      const nothing = new Array(network.channels).fill(0);
      for (let k = 0; k < network.height * network.width; k++) {
        this.state.setPixel(Math.floor(k / network.width), k % network.width, nothing);
      }
    }

    _run(i, j) {
      let parameters = null;
      if (this.options.cache) {
        parameters = this.state.runPixel(i, j);
      } else {
        this.state.runAll((y, x, p) => {
          if (y === i && x === j) parameters = p;
        });
      }
      if (!parameters.every(Number.isFinite)) throw new Error(DAMAGED);
      return parameters;
    }

    _begin() {
      const { height, width, channels } = this.network, { image, keep } = this.options;
      if (this.pixel || this.at === height * width) return;
      const i = Math.floor(this.at / width), j = this.at % width, first = this.at * channels;
      if (j === 0 && this.options.cache) this.state.runRow(i);
      this.pixel = Array.from({ length: channels }, (_, c) =>
        keep && keep[first + c] ? image[first + c] : 0);
      this.state.setPixel(i, j, this.pixel);
      this.parameters = this._run(i, j);
    }

    peek() {
      this._begin();
      return this.pixel && this.network.distribution.levels(this.parameters, 0, this.pixel);
    }

    next() {
      const { height, width, channels, distribution } = this.network;
      const { noise, keep, temperature } = this.options;
      if (this.at === height * width) return null;
      this._begin();
      const i = Math.floor(this.at / width), j = this.at % width, first = this.at * channels;
      for (let c = 0; c < channels; c++) {
        if (c && distribution.ordered) {
          this.state.setPixel(i, j, this.pixel);
          this.parameters = this._run(i, j);
        }
        if (keep && keep[first + c]) continue;
        const from = (first + c) * distribution.noises;
        const numbers = noise.slice(from, from + distribution.noises);
        this.pixel[c] = distribution.draw(
          this.parameters, c, this.pixel, numbers, Math.max(temperature, 1e-30));
      }
      const values = this.pixel;
      const bits = distribution.nats(this.parameters, values).map(x => x / Math.LN2);
      this.state.setPixel(i, j, values);
      this.image.set(values, first);
      this.pixel = this.parameters = null;
      this.at++;
      return { i, j, values, bits: bits.reduce((a, b) => a + b) };
    }

    get macs() {
      return this.state.macs;
    }
  }

  scope.pcnn = { Network, Sampler, forward };
  return scope.pcnn;
}
