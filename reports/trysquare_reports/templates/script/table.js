// A table of any number of results, of which only the rows that are seen exist as elements.

const ROW = 30;
/** More pixels than this no browser scrolls over. */
const TALLEST = 10_000_000;
const SPARE = 6;

const FIELDS = [
  { name: "state", label: "State", show: (row) => mark(columns.state[row]) },
  { name: "function", label: "Function", show: (row) => word("function", row) },
  { name: "check", label: "Check", show: (row) => word("check", row) },
  { name: "case", label: "Case", show: (row) => linked(row, word("case", row) || "·") },
  { name: "target", label: "Target", show: (row) => word("target", row) },
  { name: "dtype", label: "Dtype", show: (row) => word("dtype", row) },
  { name: "ulp", label: "Max ULP", show: (row) => figure(columns.ulp[row]), number: true },
  { name: "slack", label: "Of limit", show: (row) => percent(columns.slack[row]), number: true },
  { name: "change", label: "Change", show: (row) => (columns.change ? `${SIGNS[word("change", row)]} ${word("change", row)}` : "") },
  { name: "cause", label: "Why", show: (row) => word("cause", row) },
];

/** Return rows sorted by a field, the largest or the worst first; `-` before it turns that. */
function sorted(rows, sort) {
  const field = FIELDS.find((one) => one.name === sort.replace("-", ""));
  if (!field || !columns[field.name]) return rows;
  const key = columns[field.name];
  const turn = sort.startsWith("-") ? -1 : 1;
  let rank = key;
  if (!field.number && words[field.name] && field.name !== "state" && field.name !== "change") {
    const order = words[field.name].map((_, number) => number);
    order.sort((a, b) => (words[field.name][a] < words[field.name][b] ? -1 : 1));
    const places = new Uint32Array(order.length);
    order.forEach((number, place) => { places[number] = place; });
    rank = { at: (row) => places[key[row]] };
    return rows.slice().sort((a, b) => turn * (rank.at(a) - rank.at(b)) || a - b);
  }
  const way = field.number ? -turn : turn;
  return rows.slice().sort((a, b) => (rank[a] === rank[b] ? a - b : way * (rank[a] < rank[b] ? -1 : 1)));
}

class ResultTable {
  /** @param {(sort: string) => void} onsort */
  constructor(onsort) {
    this.rows = new Uint32Array();
    this.at = 0;
    // what the browser says of the window, kept: to ask it again would lay the page out anew
    [this.top, this.height] = [0, 600];
    this.fields = FIELDS.filter((field) => field.name !== "change" || columns.change);
    this.above = h("tr", { "aria-hidden": "true", class: "space" }, h("td", { colspan: this.fields.length }));
    this.below = h("tr", { "aria-hidden": "true", class: "space" }, h("td", { colspan: this.fields.length }));
    this.body = h("tbody");
    this.heads = this.fields.map((field) => h("th", { scope: "col" }, button(field.label, () => onsort(field.name))));
    this.table = h("table", { class: "rows-table", "aria-label": "Results" },
      h("thead", {}, h("tr", { "aria-rowindex": 1 }, this.heads)), this.body);
    this.element = h("div", { class: "window", tabindex: "0", role: "region", "aria-label": "Results, one line each",
      onscroll: () => {
        this.top = this.element.scrollTop;
        this.draw();
      } }, this.table);
    new ResizeObserver(([entry]) => {
      this.height = entry.contentRect.height || this.height;
      this.draw();
    }).observe(this.element);
  }

  /** Show these rows. @param {Uint32Array} rows @param {string} sort */
  show(rows, sort) {
    this.rows = rows;
    this.at = Math.min(this.at, Math.max(0, rows.length - 1));
    this.table.setAttribute("aria-rowcount", rows.length + 1);
    this.fields.forEach((field, number) => {
      const up = sort === `-${field.name}`;
      if (sort === field.name || up) this.heads[number].setAttribute("aria-sort", up ? "ascending" : "descending");
      else this.heads[number].removeAttribute("aria-sort");
    });
    this.drawn = "";
    if (this.top > 0) this.scroll(0);
    this.draw();
  }

  /** @param {number} top */
  scroll(top) {
    this.top = Math.max(0, top);
    this.element.scrollTop = this.top;
  }

  /** The first line that is seen, and how many there are. */
  view() {
    const count = Math.ceil(this.height / ROW);
    const full = this.rows.length * ROW;
    const tall = Math.min(full, TALLEST);
    const end = Math.max(1, tall - count * ROW);
    const share = Math.min(1, this.top / end);
    const first = full === tall ? Math.floor(this.top / ROW)
      : Math.round(share * Math.max(0, this.rows.length - count));
    return { first: Math.max(0, first), count, tall };
  }

  draw() {
    const { first, count, tall } = this.view();
    const from = Math.max(0, first - SPARE);
    const to = Math.min(this.rows.length, first + count + SPARE);
    const key = `${from} ${to} ${this.at}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const lines = [];
    for (let place = from; place < to; place += 1) lines.push(this.line(place));
    const top = Math.min(Math.max(0, tall - (to - from) * ROW),
      this.rows.length * ROW === tall ? from * ROW : Math.max(0, this.top - (first - from) * ROW));
    this.above.firstChild.style.height = `${top}px`;
    this.below.firstChild.style.height = `${Math.max(0, tall - top - (to - from) * ROW)}px`;
    this.body.replaceChildren(this.above, ...lines, this.below);
  }

  line(place) {
    const row = this.rows[place];
    const cells = this.fields.map((field) => h("td", { class: field.number ? "right" : field.name }, field.show(row)));
    return h("tr", { "aria-rowindex": place + 2, class: place === this.at ? "current" : null,
      onclick: () => { this.at = place; this.draw(); } }, cells);
  }

  /** Move the current line. @param {number} by */
  move(by) {
    this.at = Math.max(0, Math.min(this.rows.length - 1, this.at + by));
    const { first, count, tall } = this.view();
    const seen = first <= this.at && this.at < first + count - 2;
    if (this.rows.length * ROW !== tall) {
      const share = this.at / Math.max(1, this.rows.length - 1);
      if (!seen) this.scroll(share * (tall - this.height));
    } else if (this.at < first) this.scroll(this.at * ROW);
    else if (!seen) this.scroll((this.at - count + 3) * ROW);
    this.draw();
  }

  /** The result of the current line, or -1. */
  get current() {
    return this.rows[this.at] ?? -1;
  }
}
