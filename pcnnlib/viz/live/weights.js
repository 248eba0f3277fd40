// Weights as they travel with a page, float16 in base64, and the layer that is made of them.
// Every file here is one function: a page calls it, and its text is part of a Web Worker's program.
function pcnnWeights(pcnn) {
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

  // A model's layers, taken in the order of `export.py`.
  class Weights {
    constructor(model) {
      const bytes = bytesOf(model.weights);
      if (bytes.length !== model.bytes || crc32(bytes) !== model.crc32) throw new Error(DAMAGED);
      this.values = halves(bytes);
      this.at = 0;
    }

    _take(n) {
      return this.values.subarray(this.at, (this.at += n));
    }

    dense(inputs, outputs, biased) {
      return new Dense(this._take(inputs * outputs), inputs, outputs, biased && this._take(outputs));
    }

    // All must have been taken, and be numbers.
    end() {
      if (this.at !== this.values.length || !this.values.every(Number.isFinite)) {
        throw new Error(DAMAGED);
      }
    }
  }

  Object.assign(pcnn, { Weights, DAMAGED });
}
