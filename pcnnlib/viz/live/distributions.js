// The distributions of a pixel, as in pcnnlib/nn/distributions.
function pcnnDistributions(pcnn) {
  "use strict";

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

  Object.assign(pcnn, { DISTRIBUTIONS, sigmoid });
}
