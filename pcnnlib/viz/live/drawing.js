// How a component draws: by a Web Worker, so that the page never waits. The worker is made, and the
// weights are loaded, when the reader first touches the component.
function pcnnDrawing(root, model, parts, state, pictures, program) {
  "use strict";

  const channels = model.image_shape[2], { condition } = model, { status } = parts;
  const networks = [model, ...model.others];
  let run = 0, failed = false, begun = 0, worker = null, queued = null, ready = false;

  function say(text) {
    status.textContent = text;
  }

  function fail(text) {
    failed = true;
    setDrawing(false);
    queued = null;
    status.classList.add("failed");
    status.setAttribute("role", "alert");
    say(text);
    for (const button of [parts.drawButton, parts.againButton]) button.disabled = true;
  }

  function weights() {
    const { id, src, name } = JSON.parse(root.dataset.weights);
    if (id) {
      const holder = document.getElementById(id);
      return holder ? Promise.resolve(holder.textContent.trim()) : Promise.reject(new Error());
    }
    const store = (window.pcnnWeights = window.pcnnWeights || {});
    if (store[name]) return Promise.resolve(store[name]);
    // A script, since pages from a disk may load nothing else.
    return new Promise((resolve, reject) => {
      const script = parts.make("script", { src });
      script.onload = () => (store[name] ? resolve(store[name]) : reject(new Error()));
      script.onerror = reject;
      document.head.append(script);
    });
  }

  function load(text) {
    const weightsOf = text.split(" ");
    worker.postMessage({
      kind: "load", models: networks.map((network, k) => ({ ...network, weights: weightsOf[k] || "" })),
    });
  }

  function wake() {
    if (worker || failed) return;
    try {
      const address = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
      worker = new Worker(address);
    } catch (error) {
      fail("This browser lets no page run a program in the background, so the model cannot draw here.");
      return;
    }
    worker.onerror = event => {
      event.preventDefault();
      fail("The model's program could not be started in this browser.");
    };
    worker.onmessage = ({ data }) => receive(data);
    weights().then(load, () => fail("The model's weights could not be loaded."));
  }

  function receive(data) {
    if (data.kind === "failed") return fail(`${data.message} Nothing can be drawn from them.`);
    if (data.kind === "ready") {
      ready = true;
      root.dataset.ready = "true";
      if (queued) send();
      return;
    }
    if (data.run !== run || !state.drawing) return;
    const { image, first } = data, { images, bits } = state;
    images[image].set(data.values, first * channels);
    bits[image].set(data.bits, first);
    state.counts[image] = first + data.bits.length;
    state.current = image;
    state.macs = data.macs;
    if (data.next) pictures.showNext(data.next);
    if (data.done) {
      setDrawing(false);
      pictures.showNext(null);
      const seconds = (performance.now() - begun) / 1000;
      root.dataset.seconds = seconds.toFixed(3);
      const cost = bits.reduce((a, b) => a + b.reduce((x, y) => x + y, 0), 0) / images.length;
      say(`${images.length > 1 ? `${images.length} images, on average` : "Done:"} ` +
        `${pictures.bitsText(cost)} bits, in ${seconds.toFixed(1)} seconds.`);
    }
    if (!parts.still || data.done || parts.speed.value !== "once") pictures.refresh();
  }

  function send() {
    const order = queued;
    queued = null;
    begun = performance.now();
    worker.postMessage(order);
  }

  function setDrawing(on) {
    state.drawing = on;
    parts.drawButton.textContent = on ? "Stop" : "Draw";
    root.dataset.drawing = on;
  }

  function conditionsOf(count) {
    if (!condition) return null;
    if (condition.kind === "vector") {
      return new Array(count).fill(Float32Array.from(parts.codes, ({ input }) => Number(input.value)));
    }
    const label = parts.classes.value; // after the last class: each in turn
    return Array.from({ length: count }, (_, k) => (label < condition.depth ? label : k % condition.depth));
  }

  function draw() {
    wake();
    if (failed) return;
    const { seed, temperature, cache, hidden, speed, shown } = parts;
    const count = Number(parts.many.value), { image, keep, any } = state.given();
    seed.value = Math.min(Math.max(0, Math.floor(Number(seed.value)) || 0), 999999999);
    state.empty(count);
    queued = {
      kind: "draw", run: ++run, model: parts.network.value, count, seed: Number(seed.value),
      conditions: conditionsOf(count), temperature: Number(temperature.input.value), given: image,
      keep: any ? keep : null, cache: cache.input.checked, hidden: hidden.value, pace: speed.value,
      peek: shown.has("probability"),
    };
    setDrawing(true);
    say(ready ? "Drawing." : "Loading the model, then drawing.");
    pictures.refresh();
    if (ready) send();
  }

  function stop(text) {
    if (!state.drawing) return;
    run++;
    queued = null;
    if (worker && ready) worker.postMessage({ kind: "stop" });
    setDrawing(false);
    if (text) say(text);
    pictures.refresh();
  }

  function setPace(pace) {
    if (worker) worker.postMessage({ kind: "pace", pace });
  }

  return { wake, draw, stop, say, setPace };
}
