// NumPy's uniform numbers in JavaScript: `np.random.default_rng(seed).random(n, "float32")`.
//
// A seed then draws the same images as `model.sample(n, seed=seed)`. SeedSequence and PCG64
// (XSL-RR, 128 bits) follow NumPy's sources.
function pcnnNoise(pcnn) {
  "use strict";

  const MASK = (1n << 128n) - 1n, MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

  // Eight words of 32 bits, from a seed below 2 ** 53.
  function seedWords(seed) {
    const entropy = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)], pool = [];
    let constant = 0x43b0d7e5;
    const hash = value => {
      value = (value ^ constant) >>> 0;
      constant = Math.imul(constant, 0x931e8875) >>> 0;
      value = Math.imul(value, constant) >>> 0;
      return (value ^ (value >>> 16)) >>> 0;
    };
    const mix = (x, y) => {
      const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
      return (value ^ (value >>> 16)) >>> 0;
    };
    for (let k = 0; k < 4; k++) pool.push(hash(entropy[k] || 0));
    for (let from = 0; from < 4; from++) {
      for (let to = 0; to < 4; to++) {
        if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
      }
    }
    constant = 0x8b51f9dd;
    return Array.from({ length: 8 }, (_, k) => {
      let value = (pool[k % 4] ^ constant) >>> 0;
      constant = Math.imul(constant, 0x58f38ded) >>> 0;
      value = Math.imul(value, constant) >>> 0;
      return (value ^ (value >>> 16)) >>> 0;
    });
  }

  // A function that returns the next n numbers.
  function uniform(seed) {
    const words = seedWords(seed).map(BigInt);
    const wide = k => (words[k + 1] << 32n) | words[k]; // 64 bits
    const start = (wide(0) << 64n) | wide(2);
    const increment = ((((wide(4) << 64n) | wide(6)) << 1n) | 1n) & MASK;
    const step = state => (state * MULTIPLIER + increment) & MASK;
    let state = step((increment + start) & MASK), kept = null;
    function word() {
      if (kept !== null) {
        const high = kept;
        kept = null;
        return high;
      }
      state = step(state);
      const value = (state >> 64n) ^ (state & 0xffffffffffffffffn), turn = state >> 122n;
      const turned = ((value >> turn) | (value << (64n - turn))) & 0xffffffffffffffffn;
      kept = Number(turned >> 32n);
      return Number(turned & 0xffffffffn);
    }
    return n => Float32Array.from({ length: n }, () => (word() >>> 8) / 2 ** 24);
  }

  pcnn.uniform = uniform;
}
