// What a pixel sees, for every choice of model, kernel and depth: the measured frames drawn without
// a kernel. A frame holds one bit per offset from the predicted pixel: the rows above it and its own,
// `size` of them, by `2 * size - 1` columns. Called once per explorer with its element and its data.
function exploreReceptiveField(root, data) {
  const size = data.size, columns = 2 * size - 1;
  const control = name => root.querySelector(`[data-control=${name}]`);
  const cells = [...root.querySelectorAll(".field rect")];
  const packed = Uint8Array.from(atob(data.frames), c => c.charCodeAt(0));
  const bytes = packed.length / (data.models.length * data.kernels.length * data.layers.length);

  function draw() {
    const [model, kernel] = ["model", "kernel"].map(name => control(name).selectedIndex);
    const [layers, row, column] = ["layers", "row", "column"].map(name => Number(control(name).value));
    const depth = data.layers.indexOf(layers);
    const frame = ((model * data.kernels.length + kernel) * data.layers.length + depth) * bytes;
    const counts = { seen: 0, blind: 0 };
    cells.forEach((cell, at) => {
      const i = Math.floor(at / size), j = at % size;
      let state = "later";
      if (i === row && j === column) state = "here";
      else if (i < row || (i === row && j < column)) {
        const bit = (size - 1 + i - row) * columns + (size - 1 + j - column);
        state = packed[frame + (bit >> 3)] >> (7 - (bit & 7)) & 1 ? "seen" : "blind";
        counts[state] += 1;
      }
      cell.setAttribute("class", state);
    });
    for (const name of ["layers", "row", "column"])
      control(name).nextElementSibling.value = control(name).value;
    const said = `Row ${row}, column ${column}: ${counts.seen} of ${counts.seen + counts.blind} ` +
      `earlier pixels seen, ${counts.blind} not.`;
    root.querySelector(".said").textContent = said;
    root.querySelector(".field").setAttribute("aria-label", said);
  }

  root.addEventListener("input", draw);
  root.querySelector(".field").addEventListener("click", event => {
    const at = cells.indexOf(event.target);
    if (at < 0) return;
    control("row").value = Math.floor(at / size);
    control("column").value = at % size;
    draw();
  });
  draw();
}
