// The Gated PixelCNN: two stacks of blocks, as in pcnnlib/nn/blocks.py and sampling/cached.py.
function pcnnGated(pcnn) {
  "use strict";

  const { KINDS, State, sigmoid, tapsOf } = pcnn;

  function build(network, model, dense) {
    const F = model.filters, depth = model.condition ? model.condition.depth : 0;
    network.gated = model.gated;
    let inputs = network.channels;
    network.blocks = model.blocks.map(({ dilation, residual, vertical, horizontal, conditions }) => {
      const above = tapsOf(vertical, inputs, dilation), left = tapsOf(horizontal, inputs, dilation);
      inputs = F;
      return {
        residual, above, left,
        vertical: dense(above.size, 2 * F, true),
        horizontal: dense(left.size, 2 * F, true),
        link: dense(2 * F, 2 * F, false),
        project: dense(F, F, true),
        verticalCondition: conditions.includes("vertical") ? dense(depth, 2 * F, false) : null,
        horizontalCondition: conditions.includes("horizontal") ? dense(depth, 2 * F, false) : null,
      };
    });
  }

  // What is kept of one image while it is drawn: of every block its inputs and its link features.
  // `vertical[b]`, `horizontal[b]` are the inputs of block b, `(H, W, I)`; block 0 reads the image.
  class GatedState extends State {
    constructor(network, condition) {
      super(network, Math.max(...network.blocks.map(b => Math.max(b.above.size, b.left.size))));
      const pixels = network.height * network.width, F = network.filters;
      const features = n => Array.from({ length: n }, () => new Float32Array(pixels * F));
      const blocks = network.blocks.length;
      this.vertical = [this.scaled, ...features(blocks - 1)];
      this.horizontal = [this.scaled, ...features(blocks)];
      this.links = Array.from({ length: blocks }, () => new Float32Array(pixels * 2 * F));
      this.wide = new Float32Array(Math.ceil(F / 2) * 4); // 2F, rounded up as `Dense` wants
      this.linked = new Float32Array(this.wide.length);
      this.narrow = new Float32Array(network.blocks[0].project.room);
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

    _gate(sums, target, at) {
      const F = this.network.filters;
      if (this.network.gated) {
        for (let f = 0; f < F; f++) target[at + f] = Math.tanh(sums[f]) * sigmoid(sums[F + f]);
      } else {
        for (let f = 0; f < F; f++) target[at + f] = Math.max(sums[f] + sums[F + f], 0);
      }
    }

    // The vertical stack of row i, for all columns: from the rows above, once per row.
    runRow(i) {
      const { blocks, width, filters: F } = this.network;
      blocks.forEach((block, b) => {
        const hidden = b === 0 ? this.hidden : null;
        const { vertical: h, horizontal: g } = this.conditions[b], last = b === blocks.length - 1;
        for (let j = 0; j < width; j++) {
          const window = this._look(block.above, this.vertical[b], i, j, hidden);
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
      const { blocks, width, filters: F } = this.network;
      const pixel = i * width + j, at = pixel * F;
      blocks.forEach((block, b) => {
        const hidden = b === 0 ? this.hidden : null, source = this.horizontal[b];
        const window = this._look(block.left, source, i, j, hidden);
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
      return this._head(this.horizontal[blocks.length], pixel);
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

  KINDS.gated = { build, State: GatedState };
}
