// Fields, choices and sliders of a component. Texts are inserted as text, never as HTML.
function pcnnWidgets(root) {
  "use strict";

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") node.textContent = value;
      else if (name in node && name !== "list") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  let names = 0;
  const unique = () => `${root.id}-${++names}`;

  function field(name, label, input) {
    input.id = unique();
    input.dataset.control = name;
    return make("div", { className: "field" }, make("label", { htmlFor: input.id, text: label }), input);
  }

  // Radio buttons side by side.
  function choice(name, label, options, value) {
    const group = unique(), inputs = options.map(([key]) =>
      make("input", { type: "radio", name: group, value: key, checked: key === value, id: unique() }));
    const box = make("fieldset", { className: "choice" }, make("legend", { text: label }));
    const row = make("div", { className: "options" });
    options.forEach(([, text], k) =>
      row.append(inputs[k], make("label", { htmlFor: inputs[k].id, text })));
    box.append(row);
    box.dataset.control = name;
    return {
      box,
      get value() { return inputs.find(input => input.checked).value; },
      set value(key) { inputs.find(input => input.value === key).checked = true; },
    };
  }

  // A list of texts, of which one is chosen; `value` is its number.
  function list(name, label, texts) {
    const select = make("select");
    texts.forEach((text, k) => select.append(new Option(text, k)));
    const box = field(name, label, select);
    return { box, select, get value() { return Number(select.value); } };
  }

  function check(name, label, checked) {
    const input = make("input", { type: "checkbox", checked, id: unique() });
    input.dataset.control = name;
    const box = make("div", { className: "check" }, input, make("label", { htmlFor: input.id, text: label }));
    return { box, input };
  }

  // With the step "any" the slider keeps a number as it is, and shows its first decimal.
  function slider(name, label, min, max, step, value) {
    const input = make("input", { type: "range", min, max, step, value });
    const output = make("output", { "aria-hidden": "true" });
    const show = () => (output.textContent = step === "any" ? Number(input.value).toFixed(1) : input.value);
    input.addEventListener("input", show);
    show();
    const box = field(name, label, input);
    box.append(output);
    return { box, input, set(v) { input.value = v; show(); } };
  }

  return { make, field, choice, list, check, slider };
}
