// Images made beforehand, one strip of them for every choice of the controls, drawn without a kernel.
// A place is an index into every control's options; where there is a map of the first two controls,
// a click on it chooses the nearest place. Called once per explorer with its element and its data.
function exploreImages(root, data) {
  const { options, count, height, width, channels, highest, says } = data;
  const controls = [...root.querySelectorAll("[data-control]")];
  const levels = Uint8Array.from(atob(data.images), c => c.charCodeAt(0));
  const canvas = root.querySelector("canvas"), context = canvas.getContext("2d");
  const map = root.querySelector(".map"), marker = root.querySelector(".marker");
  const value = control => control.tagName === "SELECT" ? control.selectedIndex : Number(control.value);

  function draw() {
    const place = controls.map(value);
    const strip = place.reduce((index, k, axis) => index * options[axis].length + k, 0);
    const picture = context.createImageData(canvas.width, canvas.height);
    let from = strip * count * height * width * channels;
    for (let n = 0; n < count; n++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++, from += channels) {
          const to = 4 * (i * canvas.width + n * (width + 1) + j);
          for (let c = 0; c < 3; c++)
            picture.data[to + c] = Math.round(levels[from + (channels === 3 ? c : 0)] * 255 / highest);
          picture.data[to + 3] = 255;
        }
    context.putImageData(picture, 0, 0);
    controls.forEach((control, axis) => {
      if (control.tagName !== "SELECT") control.nextElementSibling.value = options[axis][place[axis]];
    });
    if (marker) {
      marker.setAttribute("cx", place[0]);
      marker.setAttribute("cy", options[1].length - 1 - place[1]);
    }
    const words = controls.map((control, axis) => `${control.dataset.control} ${options[axis][place[axis]]}`);
    canvas.setAttribute("aria-label", `${says}: ${words.join(", ")}`);
  }

  root.addEventListener("input", draw);
  if (map) map.addEventListener("click", event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
    const nearest = (x, axis) => Math.max(0, Math.min(options[axis].length - 1, Math.round(x)));
    controls[0].value = nearest(at.x, 0);
    controls[1].value = nearest(options[1].length - 1 - at.y, 1);
    draw();
  });
  draw();
}
