// The PixelCNN of one stack, as in pcnnlib/models/pixelcnn.py and nn/residual.py.
//
// Its masks let a pixel's features depend on earlier pixels only, so they too can be kept: each
// layer runs once per pixel. Where a mask is wrong that is not so, and the sampler runs all again.
function pcnnRaster(pcnn) {
  "use strict";

  const { KINDS, State, tapsOf } = pcnn;

  function build(network, model, dense) {
    const F = model.filters, half = F / 2, { first, later, layers } = model;
    const taps = tapsOf(first, network.channels);
    network.first = { taps, convolution: dense(taps.size, F, true) };
    network.blocks = Array.from({ length: layers }, () => {
      const near = tapsOf(later, half);
      return {
        taps: near,
        reduce: dense(F, half, true),
        convolution: dense(near.size, half, true),
        expand: dense(half, F, true),
      };
    });
  }

  // `features[b]` are the inputs of block b, `(H, W, F)`, and `halves[b]` those of its convolution.
  class RasterState extends State {
    constructor(network) {
      const { first, blocks, filters: F } = network, pixels = network.height * network.width;
      super(network, Math.max(first.taps.size, ...blocks.map(block => block.taps.size)));
      const room = n => Array.from({ length: blocks.length + 1 }, () => new Float32Array(pixels * n));
      this.features = room(F);
      this.halves = room(F / 2);
      this.sums = new Float32Array(first.convolution.room);
    }

    _first(i, j) {
      const { taps, convolution } = this.network.first, F = this.network.filters;
      convolution.apply(this._look(taps, this.scaled, i, j, this.hidden), this.sums);
      this.features[0].set(this.sums.subarray(0, F), (i * this.network.width + j) * F);
      this.macs += convolution.macs;
    }

    _reduce(b, i, j) {
      const { blocks, width, filters: F } = this.network, at = i * width + j;
      for (let f = 0; f < F; f++) this.window[f] = Math.max(this.features[b][at * F + f], 0);
      blocks[b].reduce.apply(this.window, this.sums);
      for (let f = 0; f < F / 2; f++) this.halves[b][(at * F) / 2 + f] = Math.max(this.sums[f], 0);
      this.macs += blocks[b].reduce.macs;
    }

    _expand(b, i, j) {
      const { blocks, width, filters: F } = this.network, at = (i * width + j) * F;
      const { taps, convolution, expand } = blocks[b];
      // Features of the rows above would tell of those rows, too.
      const hidden = this.hidden === "above" ? "above" : null;
      convolution.apply(this._look(taps, this.halves[b], i, j, hidden), this.sums);
      for (let f = 0; f < F / 2; f++) this.window[f] = Math.max(this.sums[f], 0);
      expand.apply(this.window, this.sums);
      for (let f = 0; f < F; f++) {
        this.features[b + 1][at + f] = this.features[b][at + f] + this.sums[f];
      }
      this.macs += convolution.macs + expand.macs;
    }

    runRow() {} // there is one stack, and it runs pixel by pixel

    runPixel(i, j) {
      const { blocks, width } = this.network;
      this._first(i, j);
      blocks.forEach((_, b) => {
        this._reduce(b, i, j);
        this._expand(b, i, j);
      });
      return this._head(this.features[blocks.length], i * width + j);
    }

    // Layer by layer, since a wrong mask may show what comes later.
    runAll(each) {
      const { blocks, height, width } = this.network;
      const everywhere = action => {
        for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) action(i, j);
      };
      everywhere((i, j) => this._first(i, j));
      blocks.forEach((_, b) => {
        everywhere((i, j) => this._reduce(b, i, j));
        everywhere((i, j) => this._expand(b, i, j));
      });
      everywhere((i, j) => each(i, j, this._head(this.features[blocks.length], i * width + j)));
    }
  }

  KINDS.raster = { build, State: RasterState };
}
