// The program of the component's Web Worker: it loads models, and draws at the pace asked for.
//
// In: { kind: "load", models }, { kind: "draw", run, model, ... }, { kind: "pace", pace },
// { kind: "stop" }; `model` is a number.
// Out: { kind: "ready" }, { kind: "failed", message }, and while it draws { kind: "pixels", run,
// image, first, values, bits, macs, next, done }: the pixels from number `first` on of one image.
function pcnnWorker(scope, pcnn) {
  "use strict";

  // Pixels at a time, and milliseconds between two times; null: what is done within SLICE.
  const PACES = { slow: [1, 90], fast: [10, 25], once: [null, 0] };
  const SLICE = 30;
  let networks = [], job = null, timer = null;

  function start(order) {
    const network = networks[order.model], { height, width, channels, distribution } = network;
    stop();
    job = {
      ...order,
      network,
      image: 0,
      sampler: null,
      noise: pcnn.uniform(order.seed),
      numbers: height * width * channels * distribution.noises,
      macs: 0,
      done: false,
    };
    step();
  }

  function step() {
    const [pixels, wait] = PACES[job.pace], { network } = job, begun = Date.now();
    if (!job.sampler) {
      const condition = job.conditions && job.conditions[job.image];
      job.sampler = new pcnn.Sampler(network, {
        ...job, condition, noise: job.noise(job.numbers), image: job.given,
      });
    }
    const sampler = job.sampler, first = sampler.at, bits = [];
    // Several images are drawn at the pace of one.
    const most = pixels === null ? Infinity : pixels * job.count;
    for (let pixel; bits.length < most && (pixel = sampler.next()); ) {
      bits.push(pixel.bits);
      if (Date.now() - begun >= SLICE) break;
    }
    const next = job.peek && job.pace !== "once" ? sampler.peek() : null;
    const finished = sampler.at === network.height * network.width;
    scope.postMessage({
      kind: "pixels",
      run: job.run,
      image: job.image,
      first,
      values: sampler.image.slice(first * network.channels, sampler.at * network.channels),
      bits: Float32Array.from(bits),
      macs: job.macs + sampler.macs,
      next: next && Float32Array.from(next),
      done: finished && job.image === job.count - 1,
    });
    if (finished) {
      job.macs += sampler.macs;
      job.sampler = null;
      job.image++;
    }
    if (job.image < job.count) timer = scope.setTimeout(guarded(step), wait);
    else job = null;
  }

  function stop() {
    scope.clearTimeout(timer);
    job = null;
  }

  const guarded = action => (...given) => {
    try {
      action(...given);
    } catch (error) {
      stop();
      scope.postMessage({ kind: "failed", message: error.message });
    }
  };

  scope.onmessage = guarded(({ data }) => {
    if (data.kind === "load") {
      networks = data.models.map(model => new pcnn.Network(model));
      scope.postMessage({ kind: "ready" });
    } else if (data.kind === "draw") {
      start(data);
    } else if (data.kind === "pace" && job) {
      job.pace = data.pace;
    } else if (data.kind === "stop") {
      stop();
    }
  });
}
