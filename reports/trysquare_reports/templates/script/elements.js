// Elements are made here, and only here; texts become text, never markup.

const MATHML = "http://www.w3.org/1998/Math/MathML";
const SVG = "http://www.w3.org/2000/svg";
const LINK = /https:\/\/[^\s<>"'()[\]{}]+[^\s<>"'()[\]{}.,;:!?]/g;

/**
 * Return an element. Children that are null or false are left out, all others are text or nodes.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes] handlers begin with `on`
 * @param {...unknown} children
 */
function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Return an element of SVG. @param {string} name @param {Record<string, unknown>} attributes */
function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((it) => it !== null && it !== undefined && it !== false));
  return element;
}

/** Return MathML of a tree that was made of known elements. @param {any[] | null} tree */
function math(tree, otherwise) {
  if (!tree) return h("code", {}, otherwise);
  const [name, attributes, ...children] = tree;
  const element = document.createElementNS(MATHML, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.map((child) => (typeof child === "string" ? child : math(child))));
  return element;
}

/** Return a text with its https addresses as links. @param {string} text */
function links(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(end, found.index), h("a", { href: found[0], rel: "noopener noreferrer" }, found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)];
}

/** Return the mark of a state. @param {number} number */
function mark(number) {
  const state = words.state[number];
  return h("span", { class: `mark ${state.replace(" ", "-")}`, title: state },
    h("span", { "aria-hidden": "true" }, head.symbols[number]), h("span", { class: "words" }, state));
}

const encoded = (text) => encodeURIComponent(String(text).toWellFormed?.() ?? text);
const address = (kind, name) => `#/${kind}/${encoded(name)}`;
const query = (text) => `#/results?q=${encoded(text)}`;
const linked = (row, ...children) => h("a", { href: address("r", idOf(row)) }, ...children);
const button = (label, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, label);
const quoted = (text) => (/[\s",|]/.test(text) ? `"${text.replaceAll('"', "")}"` : text);

/** Return an error in ULP with as many digits as anybody compares. @param {number} value */
function figure(value) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return "∞";
  if (value < 10) return String(Number(value.toPrecision(2)));
  return value < 10_000 ? value.toFixed(0) : value.toExponential(1).replace("e+", "e");
}

/** Return how far a result is off; some faults have no distance. @param {number} row */
const distance = (row) => (columns.ulp[row] === Infinity ? "no distance" : `${figure(columns.ulp[row])} ULP`);

const percent = (share) => {
  if (!Number.isFinite(share)) return "∞\u202f%";
  return share > 0 && share < 0.01 ? "<1\u202f%" : `${figure(Math.round(share * 100))}\u202f%`;
};
const whole = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const plural = (count, noun) => `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
const dated = (text) => text.replace("T", " ").replace("Z", " UTC");

/** Return a table with column headers; cells may be texts, nodes or lists of both. */
function listing(heads, rows, attributes = {}) {
  const { class: extra = "", ...others } = attributes;
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": others["aria-label"] ?? heads.join(", ") },
    h("table", { class: `list ${extra}`.trim() },
      h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map(([first, ...cells]) =>
        h("tr", {}, h("th", { scope: "row" }, first), cells.map((cell) => h("td", {}, cell)))))));
}

/** Return labels with their texts. @param {[unknown, unknown][]} pairs */
const pairs = (pairs) => h("dl", { class: "pairs" },
  pairs.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, text)]));

/** Say something to whoever listens, and to whoever looks. @param {string} text */
function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.className = "said";
  clearTimeout(say.timer);
  // the words stay for a screen reader, the box goes
  say.timer = setTimeout(() => { said.className = "words"; }, 2500);
}

/** Copy a text, or select the element that holds it. @param {string} text @param {string} what */
async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${what}`);
  } catch {
    say(`This browser does not let a page copy; select ${what} and copy it`);
  }
}

/** Return a block of code that can be copied. @param {string} text @param {string} what */
const code = (text, what) => h("div", { class: "reproduce" },
  h("pre", { tabindex: "0" }, h("code", {}, text)), button("Copy", () => copy(text, what), { class: "copy", "aria-label": `Copy ${what}` }));
