// The program of the component's Web Worker: it loads a model, and draws at the pace asked for.
//
// In: { kind: "load", model }, { kind: "draw", run, ... }, { kind: "pace", pace }, { kind: "stop" }.
// Out: { kind: "ready" }, { kind: "failed", message }, and while it draws { kind: "pixels", run,
// image, first, values, bits, macs, next, done }: the pixels from number `first` on of one image.
function pcnnWorker(scope) {
  "use strict";

  const { pcnn, pcnnNoise } = scope;
  // Pixels at a time, and milliseconds between two times; null: what is done within SLICE.
  const PACES = { slow: [1, 90], fast: [10, 25], once: [null, 0] };
  const SLICE = 30;
  let network = null, job = null, timer = null;

  function start(order) {
    const { height, width, channels, distribution } = network;
    stop();
    job = {
      ...order,
      image: 0,
      sampler: null,
      noise: pcnnNoise.uniform(order.seed),
      numbers: height * width * channels * distribution.noises,
      macs: 0,
      done: false,
    };
    step();
  }

  function step() {
    const [pixels, wait] = PACES[job.pace], { channels } = network, begun = Date.now();
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
      values: sampler.image.slice(first * channels, sampler.at * channels),
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
      network = new pcnn.Network(data.model);
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
