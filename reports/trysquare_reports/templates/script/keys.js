// Every key of the page; none counts while somebody types.

const TYPED = new Set(["text", "search", "url", "date"]);
const PLACES = { o: "#/", r: "#/results", c: "#/compare", d: "#/decisions", e: "#/env", h: "#/help" };
const MODES = ["status", "slack", "change", "coverage"];
const THEMES = ["", "light", "dark"];

let waiting = 0;

/** Whether a key is a letter of a text. @param {EventTarget | null} target */
const typing = (target) => target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement
  || (target instanceof HTMLInputElement && TYPED.has(target.type));

/** The result that a key is about, or -1. */
function currentRow() {
  if (current.kind === "r") return current.row;
  if (current.kind === "results") return table.current;
  const href = document.activeElement?.getAttribute?.("href") ?? "";
  return href.startsWith("#/r/") ? rowOf(decodeURIComponent(href.slice(4))) : -1;
}

/** Go to the next or the previous of what nobody expected. @param {number} by */
function step(by) {
  const at = current.kind === "r" ? current.row + by : by > 0 ? 0 : alarmCount() - 1;
  if (alarms(at)) go(address("r", idOf(at)));
  else say(alarmCount() ? "There is no other" : "Nothing is unexpected");
}

/** Go to the same question on another target, or to another target. @param {number} by */
function aside(by) {
  if (current.kind === "target") {
    const name = words.target[current.number + by];
    if (name !== undefined) go(address("target", name));
  } else if (current.kind === "r") {
    const others = asked(current.row).sort((a, b) => columns.target[a] - columns.target[b]);
    const other = others[others.indexOf(current.row) + by];
    if (other !== undefined) go(address("r", idOf(other)));
  }
}

/** Move to the next line, or the previous one. @param {number} by */
function line(by) {
  if (current.kind === "results") {
    table.move(by);
    return;
  }
  const inside = current.kind === "overview" ? ".found .finding, .found li > a" : ".made.here tbody a";
  const lines = [...document.querySelectorAll(inside)].filter((it) => it.checkVisibility());
  const at = lines.indexOf(document.activeElement);
  const next = lines[at < 0 ? (by > 0 ? 0 : lines.length - 1) : at + by];
  next?.focus();
}

/** Begin a decision. @param {"accept" | "reject"} decision @param {boolean} all */
function begin(decision, all) {
  const form = document.getElementById("decide");
  if (!form) {
    say("There is nothing to decide here");
    return;
  }
  form.elements.decision.value = decision;
  if (form.elements.all) form.elements.all.checked = all;
  form.elements.reason.focus();
}

function nextDtype() {
  const tabs = [...document.querySelectorAll(".made.here .tabs button")];
  const at = tabs.findIndex((tab) => tab.getAttribute("aria-pressed") === "true");
  tabs[(at + 1) % tabs.length]?.click();
}

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
}

function nextTheme() {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme ?? "") + 1) % THEMES.length];
  theme(next);
  say(next || "as the system says");
  try {
    localStorage.setItem("trysquare theme", next);
  } catch {
    // it holds until the page is closed
  }
}

function toPlace(key) {
  const row = currentRow();
  if (PLACES[key]) go(PLACES[key]);
  else if (key === "f" && row >= 0) go(address("fn", word("function", row)));
  else if ((key === "b" || key === "t") && row >= 0) go(address("target", word("target", row)));
}

const KEYED = {
  "/": () => filterField.focus(),
  "?": () => go("#/help"),
  "[": () => aside(-1), "]": () => aside(1),
  j: () => line(1), k: () => line(-1), n: () => step(1), p: () => step(-1), s: () => step(1),
  a: () => begin("accept", false), A: () => begin("accept", true),
  x: () => begin("reject", false), X: () => begin("reject", true),
  d: nextDtype, e: exportDecisions, t: nextTheme, 0: () => document.getElementById("unzoom")?.click(),
  y: () => copy(location.href, "the address"),
  r: () => (currentRow() < 0 ? say("Open a result first") : copyReproduction(currentRow())),
  i: () => (currentRow() < 0 ? say("Open a result first") : copyIssue(currentRow())),
  Escape: () => go("#/"),
};

/** In the matrix, go from cell to cell. @param {KeyboardEvent} event */
function inMatrix(event) {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const cell = event.target.closest?.("#matrix td, #matrix th");
  if (!move || !cell) return false;
  const rows = [...document.querySelectorAll("#matrix tbody tr:not(.category)")];
  const at = rows.indexOf(cell.parentElement);
  const across = [...rows[Math.max(0, at)].cells].filter((it) => !it.classList.contains("off")).map((it) => it.cellIndex);
  const column = across[across.indexOf(cell.cellIndex) + move[1]];
  const next = rows[at + move[0]]?.cells[column]?.querySelector("a");
  if (at >= 0 && next) rove(next);
  event.preventDefault();
  return true;
}

/** Make one cell of the matrix the one that the tabulator reaches. @param {HTMLElement} cell */
function rove(cell) {
  for (const other of document.querySelectorAll('#matrix a[tabindex="0"]')) other.tabIndex = -1;
  cell.tabIndex = 0;
  cell.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target)) {
    if (event.target === filterField) inFilter(event);
    else if (event.key === "Escape") event.target.blur();
    return;
  }
  if (inMatrix(event)) return;
  if (waiting && performance.now() - waiting < 1500) {
    waiting = 0;
    toPlace(event.key);
    event.preventDefault();
    return;
  }
  if (event.key === "g") {
    waiting = performance.now();
    return;
  }
  if (current.kind === "overview" && MODES[event.key - 1]) setOption("mode", MODES[event.key - 1]);
  else if (current.kind === "results" && inTable(event)) event.preventDefault();
  else if (KEYED[event.key]) {
    event.preventDefault();
    KEYED[event.key]();
  }
}

function inFilter(event) {
  if (event.key === "Enter" && current.kind === "results") table.element.focus();
  if (event.key !== "Escape") return;
  event.preventDefault();
  if (filterField.value) {
    filterField.value = "";
    filterTyped();
  } else {
    filterField.blur();
    go("#/");
  }
}

function inTable(event) {
  const page = Math.max(1, table.view().count - 2);
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
  const link = event.target.closest?.("a, button");
  if (by) table.move(by);
  else if (event.key === "Enter" && !link && table.current >= 0) go(address("r", idOf(table.current)));
  else return false;
  return true;
}
