// Another results file beside this run. It is read here and goes nowhere; what it says is text.

/** Bytes of a file that is read. */
const LARGEST = 2 ** 30;
/** What a page shows of a figure: see `_KEPT` in columns.py. */
const KEPT = 0xfffff000;

/** The run that somebody opened: its name, and what it says of each id. @type {{name: string, started: string, by: Map<string, {state: number, ulp: number}>} | null} */
let beside = null;

/** Yield the lines of a file. @param {File} file */
async function* linesOf(file) {
  const reader = file.stream().pipeThrough(new TextDecoderStream("utf-8", { fatal: true })).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  yield rest;
}

/** Read a results file; a line that is broken off at its end counts as never written. @param {File} file */
async function readResults(file) {
  if (file.size > LARGEST) throw new Error(`it is larger than ${LARGEST} bytes`);
  const found = { name: file.name, started: "", by: new Map() };
  let [number, broken] = [0, 0];
  for await (const line of linesOf(file)) {
    number += 1;
    if (!line.trim()) continue;
    if (broken) throw new Error(`line ${broken} is not JSON`);
    let record = null;
    try {
      record = JSON.parse(line);
    } catch {
      broken = number;
      continue;
    }
    if (number === 1 && record?.type !== "header") throw new Error("it has no header");
    if (record?.type === "header") found.started = String(record.started);
    if (record?.type === "result") note(found.by, record, number);
  }
  if (!found.by.size) throw new Error(broken ? `line ${broken} is not JSON` : "it has no results");
  return found;
}

/** Note what a line says of an id. */
function note(by, record, number) {
  const state = Object.hasOwn(head.states, `${record.outcome} ${record.expectation}`) ? head.states[`${record.outcome} ${record.expectation}`] : -1;
  const largest = Number(record.max_ulp === "inf" ? Infinity : record.max_ulp);
  if (typeof record.id !== "string" || state < 0 || Number.isNaN(largest)) throw new Error(`line ${number} is no result`);
  const wrong = state <= STATE.known && record.outcome !== "conforms";
  const vague = !record.worst || record.worst.ulp === "nan";
  by.set(record.id, { state, ulp: kept(wrong && vague ? Infinity : largest) });
}

function kept(figure) {
  const bits = new Uint32Array(Float32Array.of(figure).buffer);
  bits[0] &= KEPT;
  return new Float32Array(bits.buffer)[0];
}

/** Choose a file, and what it says beside this run. */
function besideSection() {
  const said = h("p", { class: "quiet", role: "status" });
  const place = h("div", {}, beside ? besideOf(beside) : "");
  const field = h("input", { type: "file", id: "other", accept: ".jsonl", onchange: async () => {
    const [file] = field.files;
    if (!file) return;
    said.textContent = `Reading ${file.name} …`;
    try {
      beside = await readResults(file);
      said.textContent = "";
      place.replaceChildren(...besideOf(beside));
    } catch (error) {
      said.textContent = `${file.name} is no results file that can be read: ${error.message}`;
    }
  } });
  return [h("h2", {}, "Beside another results file"),
    h("p", {}, h("label", {}, "Open ", field), " ", h("span", { class: "quiet" }, "It is read by this page and sent nowhere.")), said, place];
}

/** What is different, by what became of the state, function, backend and cause. */
function besideOf(other) {
  const groups = new Map();
  let [same, only] = [0, 0];
  for (let row = 0; row < head.count; row += 1) {
    const before = other.by.get(idOf(row));
    if (!before) {
      only += 1;
      continue;
    }
    if (before.state === columns.state[row] && before.ulp === columns.ulp[row]) {
      same += 1;
      continue;
    }
    const moved = before.state === columns.state[row] ? (before.ulp < columns.ulp[row] ? "larger error" : "smaller error") : "other state";
    const key = `${before.state} ${columns.state[row]} ${moved} ${columns.function[row]} ${word("target", row).split(":")[0]} ${columns.cause[row]}`;
    if (!groups.has(key)) groups.set(key, { before, moved, rows: [] });
    groups.get(key).rows.push(row);
  }
  const first = ({ rows: [row] }) => row;
  const kinds = ["other state", "larger error", "smaller error"];
  const all = [...groups.values()].sort((a, b) => kinds.indexOf(a.moved) - kinds.indexOf(b.moved)
    || columns.state[first(a)] - columns.state[first(b)] || columns.slack[first(b)] - columns.slack[first(a)]);
  const shared = head.count - only;
  const several = (them, column) => [...new Set(them.map((row) => word(column, row)))].join(" ");
  return [
    h("p", { id: "beside" }, `${other.name}, ${dated(other.started)}: ${plural(shared, "result")} in both, ${whole(same)} the same; ${whole(only)} only here, ${whole(other.by.size - shared)} only there. `,
      h("span", { class: "quiet" }, "What got worse, and why something cannot be compared, says ", h("code", {}, "trysquare diff"), ".")),
    all.length === 0 ? "" : listing(["What", "Function", "Targets", "Dtypes", "Results", "There → here", "Why"], all.slice(0, GROUPS).map(({ before, moved, rows }) => {
      const [row] = rows;
      return [moved, linked(row, word("function", row)), several(rows, "target"), several(rows, "dtype"), String(rows.length),
        [mark(before.state), ` ${figure(before.ulp)} → `, mark(columns.state[row]), ` ${figure(columns.ulp[row])} ULP`],
        h("span", { class: "why" }, links(word("cause", row)))];
    }), { class: "changes", "aria-label": "What is different" }),
    all.length > GROUPS ? h("p", { class: "quiet" }, `and ${all.length - GROUPS} more groups`) : "",
  ];
}
