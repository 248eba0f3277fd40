// What book/pdf.py asks of a page: its article in a form to print, and all articles in one document.
window.printed = (() => {
  const MOVING = "img[src^='data:image/gif']";
  const NOTES = {
    ".pcnn-explorer": "This figure is interactive on the book's pages: there it has controls. "
      + "Here it shows what it begins with.",
    ".pcnn-live": "This model is interactive on the book's pages: there you paint what it is given, "
      + "and watch it draw. Here it was given the upper half of a real example, and drew the rest.",
    [MOVING]: "This picture moves on the book's pages. Here is its middle.",
  };
  // Controls, and code that a page folds because it teaches nothing.
  const LEFT_OUT = [
    "script", "button", ".headerlink", "details.above-input", ".pcnn-explorer .controls",
    ".pcnn-live :is(.buttons, .controls, .checks, .hint, .note, .status, .readings)",
  ];
  const words = element => (element?.textContent ?? "").trim().replace(/\s+/g, " ");

  // The title, and the parts with the address and the text of each page: what the sidebar lists.
  function contents() {
    const parts = [{ caption: "", pages: [] }];
    for (const e of document.querySelectorAll(".bd-links .caption-text, .bd-links a.internal")) {
      if (e.localName === "span") parts.push({ caption: words(e), pages: [] });
      else parts.at(-1).pages.push([e.href.split("#")[0], words(e)]);
    }
    return {
      title: words(document.querySelector(".logo__title")),
      author: words(document.querySelector(".component-author")),
      rights: words(document.querySelector(".copyright")),
      parts,
    };
  }

  // The middle of an animation, where there is something to see of its beginning and of its end.
  async function freeze(image) {
    const data = await (await fetch(image.src)).arrayBuffer();
    const decoder = new ImageDecoder({ data, type: "image/gif" });
    await Promise.all([decoder.tracks.ready, decoder.completed]);
    const frameIndex = Math.floor(decoder.tracks[0].frameCount / 2);
    const { image: frame } = await decoder.decode({ frameIndex });
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [frame.displayWidth, frame.displayHeight];
    canvas.getContext("2d").drawImage(frame, 0, 0);
    image.src = canvas.toDataURL();
  }

  function rename(article, prefix) {
    const elements = [article, ...article.querySelectorAll("*")];
    const own = new Set(elements.map(e => e.id).filter(Boolean));
    const inText = text => text.replace(/url\((["']?)#([^"')]+)\1\)/g,
      (whole, _, id) => (own.has(id) ? `url(#${prefix}${id})` : whole));
    for (const element of elements) {
      for (const { name, value } of [...element.attributes]) {
        if (name === "id" || (/^(for|aria-.*)$/.test(name) && own.has(value))) {
          element.setAttribute(name, prefix + value);
        } else if (/href$/.test(name) && element.localName !== "a" && value.startsWith("#")) {
          element.setAttribute(name, `#${prefix}${value.slice(1)}`);
        } else if (value.includes("url(")) {
          element.setAttribute(name, inText(value));
        }
      }
      if (element.localName === "style") element.textContent = inText(element.textContent);
    }
    article.id = prefix;
  }

  // The article, with `prefix` before all its names; `prefixes`: address of a page -> its prefix.
  async function article(address, prefixes) {
    const root = document.querySelector("article.bd-article"), prefix = prefixes[address];
    const all = selector => [...root.querySelectorAll(selector)];
    for (const canvas of all("canvas")) {
      const picture = new Image();
      picture.src = canvas.toDataURL();
      picture.className = canvas.className;
      picture.alt = canvas.getAttribute("aria-label") ?? "";
      canvas.replaceWith(picture);
    }
    for (const [kind, text] of Object.entries(NOTES)) {
      for (const figure of all(kind)) {
        const note = document.createElement("p");
        note.className = "printed-note";
        note.textContent = text;
        (figure.closest("figure") ?? figure).append(note);
      }
    }
    for (const image of all(MOVING)) await freeze(image);
    for (const part of all(LEFT_OUT.join())) part.remove();
    for (const folded of all("details")) folded.open = true;
    const links = all("a[href]").map(link => [link, link.href]);
    rename(root, prefix);
    for (const [link, whole] of links) {
      const [page, place] = whole.split("#");
      if (page in prefixes) {
        link.setAttribute("href", `#${prefixes[page]}${decodeURIComponent(place ?? "")}`);
      } else if (!/^(https?|mailto):/.test(page)) {
        link.replaceWith(...link.childNodes); // a file beside the pages, or the index
      }
    }
    const seen = all("h1, h2, h3").filter(heading => heading.checkVisibility());
    const headings = seen.map((heading, k) => {
      heading.id ||= `${prefix}heading-${k}`;
      return { id: heading.id, level: Number(heading.localName[1]), text: words(heading) };
    });
    return { address, html: root.outerHTML, headings };
  }

  // One document of all articles, in the place of the page that is open.
  function join(title, front, articles) {
    Object.assign(document.documentElement.dataset, { theme: "light", mode: "light" });
    document.title = title;
    document.body.className = "printed";
    document.body.innerHTML = front + articles;
    const picture = document.querySelector("article.bd-article figure :is(svg, img)");
    if (picture) document.querySelector(".printed-picture").append(picture.cloneNode(true));
  }

  async function settled() {
    await window.MathJax?.typesetPromise();
    await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
    await document.fonts.ready;
  }

  // Puts page numbers into the contents.
  function number(numbers) {
    for (const link of document.querySelectorAll(".printed-contents a")) {
      link.querySelector(".number").textContent = numbers[link.hash.slice(1)] ?? "";
    }
  }

  return { contents, article, join, settled, number };
})();
