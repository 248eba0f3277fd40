// The sampler: pixel by pixel, from what is kept of the network or with all of it again.
function pcnnSampler(pcnn) {
  "use strict";

  const { DAMAGED } = pcnn;

  // Parameters of every pixel's distribution, and what the image costs, in nats.
  function forward(network, image, condition) {
    const { height, width, channels, distribution } = network;
    const state = network.start(condition), parameters = [];
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

  // Draws one image. `next()` draws a pixel and returns it with the bits that its value costs, or
  // null at the end; `peek()` gives the probability of each level of the pixel that comes next.
  // Options: noise `(H, W, C, N)`, condition, temperature, image and keep `(H, W, C)`, cache,
  // hidden.
  class Sampler {
    constructor(network, options) {
      this.network = network;
      this.options = { temperature: 1, cache: true, ...options };
      // Where a mask is wrong, what is kept of a pixel may change with later ones.
      if (network.leaks) this.options.cache = false;
      this.state = network.start(options.condition);
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
      this.state.setPixel(i, j, values);
      // A wrong mask shows the network the answer, and then it calls the value cheap.
      if (this.network.leaks) this.parameters = this._run(i, j);
      const bits = distribution.nats(this.parameters, values).map(x => x / Math.LN2);
      this.image.set(values, first);
      this.pixel = this.parameters = null;
      this.at++;
      return { i, j, values, bits: bits.reduce((a, b) => a + b) };
    }

    get macs() {
      return this.state.macs;
    }
  }

  Object.assign(pcnn, { Sampler, forward });
}
