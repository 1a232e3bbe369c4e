// What is shown follows from the address, and from nothing else.

document.documentElement.classList.add("routed");
const filterField = document.getElementById("filter");
const made = document.getElementById("made");
const verdictTitle = document.title;
const sections = new Map([...document.querySelectorAll("[data-route]")].map((it) => [it.dataset.route, it]));
// or the browser scrolls past the verdict to the section that the address names
for (const section of sections.values()) section.removeAttribute("id");
const scrolled = new Map();
const STANDING = { "": "/", defaults: "/defaults", env: "/env", help: "/help" };

let current = { kind: "overview", row: -1, number: -1 };
let table = null;
let turn = 0;

/** Read the address. */
function route() {
  const [path, options = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [, kind = "", rest = ""] = /^\/([a-z]*)(?:\/(.*))?$/s.exec(path) ?? (path === "" ? [] : [null, "missing"]);
  let name = "";
  try {
    name = decodeURIComponent(rest);
  } catch {
    return { kind: "missing", name, options: new URLSearchParams() };
  }
  return { kind, name, options: new URLSearchParams(options) };
}

/** Go to an address of this page. @param {string} hash */
function go(hash) {
  if (location.hash === hash) return;
  history.pushState(null, "", hash);
  show(true);
}

/** Change one part of the address; it is no new step of the history. */
function setOption(name, value) {
  const [path] = (location.hash || "#/").split("?");
  const { options } = route();
  if (value) options.set(name, value);
  else options.delete(name);
  const rest = options.toString();
  history.replaceState(null, "", rest ? `${path}?${rest}` : path);
  show(false);
}

/** Show a section, and no other. */
function reveal(section, moved) {
  for (const other of document.querySelectorAll("section.here")) other.classList.remove("here");
  section.classList.add("here");
  const heading = section.querySelector("h1");
  const name = heading.textContent.replace(/\s+/g, " ").trim();
  document.title = current.kind === "overview" ? verdictTitle : `${name} · Trysquare`;
  if (moved) heading.focus({ preventScroll: true });
  if (moved) window.scrollTo(0, current.kind === "overview" ? scrolled.get("overview") ?? 0 : 0);
}

/** Show what the address names. @param {boolean} moved whether the reader goes somewhere else */
async function show(moved) {
  turn += 1;
  const mine = turn;
  if (current.kind === "overview") scrolled.set("overview", window.scrollY);
  const { kind, name, options } = route();
  const page = await pageOf(kind, name, options);
  // somebody went on while this page was being made
  if (mine !== turn) return;
  current = { kind: STANDING[kind] === "/" ? "overview" : kind, row: -1, number: -1, ...page };
  if (kind !== "results" && document.activeElement !== filterField) {
    filterField.value = "";
    document.getElementById("found").textContent = "";
  }
  if (current.kind === "overview") {
    matrixMode(options.get("mode") ?? "status");
    hideTargets(hiddenTargets(options));
  }
  if (page.section) reveal(page.section, moved);
  else {
    made.className = `made ${kind}`;
    if (page.nodes) made.replaceChildren(...page.nodes.flat(Infinity).filter(Boolean));
    reveal(made, moved);
    if (kind === "results") fillTable(options, moved);
  }
  document.documentElement.dataset.shown = location.hash;
}

/** Return what an address stands for: a section that is there, or nodes that are made for it. */
async function pageOf(kind, name, options) {
  const missing = { section: sections.get("/missing") };
  if (kind in STANDING && name === "") return { section: sections.get(STANDING[kind]) };
  switch (kind) {
    case "fn": {
      const number = words.function.indexOf(name);
      return number < 0 ? missing : { number, nodes: await functionPage(number, options) };
    }
    case "target": {
      const number = words.target.indexOf(name);
      return number < 0 ? missing : { number, nodes: targetPage(number) };
    }
    case "r": {
      const row = rowOf(name);
      return row < 0 ? missing : { row, nodes: await resultPage(row) };
    }
    case "results":
      return { nodes: current.kind === "results" && made.contains(table.element) ? null
        : [h("h1", { tabindex: "-1" }, "Results"), h("p", { id: "mistake", role: "alert" }), table.element] };
    case "compare":
      return { nodes: await comparePage() };
    case "decisions":
      return { nodes: decisionsPage() };
    default:
      return missing;
  }
}

/** Fill the table with what the filter of the address lets through. */
function fillTable(options, moved) {
  const text = options.get("q") ?? "";
  const mistake = document.getElementById("mistake");
  if (document.activeElement !== filterField) filterField.value = text;
  try {
    const rows = filtered(text);
    const sort = options.get("sort") ?? "";
    if (moved) table.at = 0;
    table.show(sort ? sorted(rows, sort) : rows, sort);
    mistake.textContent = "";
    document.getElementById("found").textContent = `${whole(rows.length)} of ${whole(head.count)} results`;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    mistake.textContent = error.message;
  }
}

/** The filter changed: the address follows it, as one step of the history. */
function filterTyped() {
  const text = filterField.value;
  if (current.kind === "results") {
    setOption("q", text);
    return;
  }
  history.pushState(null, "", query(text));
  show(false);
}

/** What the signs of the coverage mean, in the words of the legend. */
const waysOf = Object.fromEntries([...document.querySelectorAll(".legend .way")].map((it) =>
  [it.previousSibling.textContent.trim(), it.textContent]));

/** Show another number in the cells of the matrix. @param {string} mode */
function matrixMode(mode) {
  const matrix = document.getElementById("matrix");
  const wanted = MODES.includes(mode) && (mode !== "change" || columns.change) ? mode : "status";
  document.getElementById("mode").value = wanted;
  if ((matrix.dataset.mode ?? "status") === wanted) return;
  matrix.dataset.mode = wanted;
  for (const cell of matrix.querySelectorAll("a.cell")) {
    const symbol = cell.querySelector("[aria-hidden]");
    cell.dataset.status ??= cell.textContent === "" ? "" : `${symbol.textContent} ${cell.querySelector(".number")?.textContent ?? ""}`;
    const [level, ...text] = (cell.dataset[wanted] ?? "").split(" ");
    cell.dataset.label ??= cell.getAttribute("aria-label");
    const said = text.map((it) => waysOf[it] ?? it).join(" ");
    const told = wanted === "status" || text.length === 0 ? "" : `; ${wanted} ${said}`;
    cell.setAttribute("aria-label", cell.dataset.label + told);
    const number = cell.querySelector(".number");
    if (wanted === "status") {
      const [sign, ...rest] = cell.dataset.status.split(" ");
      symbol.textContent = sign;
      if (number) number.textContent = rest.join(" ");
      delete cell.dataset.level;
    } else {
      symbol.textContent = text.join(" ") || "·";
      if (number) number.textContent = "";
      cell.dataset.level = level;
    }
  }
}

/** Hide the columns of some targets. @param {string[]} hidden */
function hideTargets(hidden) {
  const matrix = document.getElementById("matrix");
  let start = 1;
  [...matrix.tHead.rows[0].cells].slice(1).forEach((cell, at) => {
    const box = document.querySelectorAll("#columns input")[at];
    const off = hidden.includes(box.value);
    box.checked = !off;
    cell.classList.toggle("off", off);
    for (let column = start; column < start + cell.colSpan; column += 1) {
      matrix.tHead.rows[1]?.cells[column - 1].classList.toggle("off", off);
      for (const row of matrix.querySelectorAll("tbody tr:not(.category)")) row.cells[column].classList.toggle("off", off);
    }
    start += cell.colSpan;
  });
}

/** The targets whose columns are hidden, as the address says it. */
const hiddenTargets = (options) => (options.get("hide") ?? "").split(" ").filter(Boolean);

/** Make what the server wrote work by mouse and by key. */
function enliven() {
  for (const hidden of document.querySelectorAll(".tools, .modes")) hidden.hidden = false;
  const matrix = document.getElementById("matrix");
  matrix.setAttribute("role", "grid");
  matrix.querySelectorAll("tbody a").forEach((cell, at) => { cell.tabIndex = at === 0 ? 0 : -1; });
  document.getElementById("mode").addEventListener("change", (event) => setOption("mode", event.target.value));
  for (const box of document.querySelectorAll("#columns input")) {
    box.addEventListener("change", () => setOption("hide",
      [...document.querySelectorAll("#columns input:not(:checked)")].map((it) => it.value).join(" ")));
  }
  filterField.addEventListener("input", filterTyped);
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", () => {
    if (document.documentElement.dataset.shown !== location.hash) show(true);
  });
  history.scrollRestoration = "manual";
}

async function main() {
  try {
    theme(localStorage.getItem("trysquare theme") ?? "");
  } catch {
    // as the system says
  }
  await loadColumns();
  table = new ResultTable((name) => {
    const now = route().options.get("sort") ?? "";
    setOption("sort", now === name ? `-${name}` : name);
  });
  enliven();
  showUndecided();
  await show(location.hash.length > 2);
  document.documentElement.dataset.ready = "";
}

main();
