// The language of the filter: words that are all to hold.

const DTYPES = { f64: "float64", f32: "float32", f16: "float16", bf16: "bfloat16" };
const STATES = { fail: ["unexpected", "error"], ok: ["pass"], unsup: ["unsupported"] };
const KEYS = {
  state: "state", status: "state", s: "state", function: "function", fn: "function", f: "function",
  target: "target", t: "target", backend: "backend", b: "backend", dtype: "dtype", d: "dtype",
  check: "check", c: "check", case: "case", cause: "cause", change: "change", ulp: "ulp", slack: "slack",
};
const EVERYWHERE = ["function", "target", "dtype", "check", "case", "cause"];
const COMPARISON = /^(>=|<=|>|<|=)?(-?[0-9.]+(?:e[-+]?[0-9]+)?|inf)$/i;

class FilterError extends Error {}

/** Return a pattern as a test of words. @param {string} text @param {boolean} whole */
function pattern(text, whole) {
  const lower = text.toLowerCase();
  if (!lower.includes("*")) {
    return whole ? (it) => it.toLowerCase() === lower : (it) => it.toLowerCase().includes(lower);
  }
  const parts = lower.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const glob = new RegExp(`^${parts.join(".*")}$`, "s");
  return (it) => glob.test(it.toLowerCase());
}

/** Return which words of a column pass. @param {string} column @param {(it: string) => boolean} test */
const passing = (column, test) => Uint8Array.from(words[column], (it) => (test(it) ? 1 : 0));

/** Return the test of one value of a key. @param {string} key @param {string} value */
function valueTest(key, value) {
  if (key === "state") {
    const meant = STATES[value.toLowerCase()];
    if (meant) return (it) => meant.includes(it);
  }
  if (key === "dtype") return pattern(DTYPES[value.toLowerCase()] ?? value, true);
  if (key === "target") {
    const exact = pattern(value, true);
    const lower = value.toLowerCase().replace(/:$/, "");
    return (it) => exact(it) || it.toLowerCase().startsWith(`${lower}:`);
  }
  if (key === "backend") {
    const exact = pattern(value, true);
    return (it) => exact(it.split(":")[0]);
  }
  return pattern(value, key !== "case" && key !== "cause");
}

/** Mark the rows whose word passes. @param {Uint8Array} marks @param {Uint8Array} mask */
function markWords(marks, column, mask) {
  const numbers = columns[column];
  for (let row = 0; row < marks.length; row += 1) marks[row] |= mask[numbers[row]];
}

/** Mark the rows whose figure compares as it says. @param {Uint8Array} marks */
function markFigures(marks, column, value) {
  const found = COMPARISON.exec(value);
  if (!found) throw new FilterError(`'${value}' is not a comparison, such as >4`);
  const numbers = columns[column];
  const bound = found[2].toLowerCase() === "inf" ? Infinity : Number(found[2]);
  const exact = Math.fround(bound);
  const tests = { ">": (it) => it > bound, ">=": (it) => it >= bound, "<": (it) => it < bound, "<=": (it) => it <= bound };
  const test = tests[found[1]] ?? ((it) => it === exact);
  for (let row = 0; row < marks.length; row += 1) marks[row] = test(numbers[row]) ? 1 : 0;
}

/** Mark the rows for a key and its value. @param {Uint8Array} marks @param {string} key @param {string} value */
function markKey(marks, key, value) {
  if (key === "ulp" || key === "slack") {
    markFigures(marks, key, value);
    return;
  }
  const column = key === "backend" ? "target" : key;
  if (!columns[column]) throw new FilterError("there is no baseline to compare with");
  const tests = value.split(/[,|]/).filter(Boolean).map((one) => valueTest(key, one));
  markWords(marks, column, passing(column, (it) => tests.some((test) => test(it))));
}

/** Mark the rows that have a word anywhere. @param {Uint8Array} marks @param {string} text */
function markAnywhere(marks, text) {
  const test = pattern(text, false);
  for (const column of EVERYWHERE) {
    const mask = passing(column, test);
    if (mask.includes(1)) markWords(marks, column, mask);
  }
}

/**
 * Return the rows that pass, in their order. Throws FilterError for what it does not understand.
 * @param {string} text
 * @returns {Uint32Array}
 */
function filtered(text) {
  const kept = new Uint8Array(head.count).fill(1);
  for (const found of text.matchAll(/([-!]?)(?:([a-z]+):)?("[^"]*"?|[^\s"]+(?:"[^"]*"?)?)/gi)) {
    const [, sign, name, quoted] = found;
    const key = name === undefined ? "" : KEYS[name.toLowerCase()];
    if (key === undefined) {
      const keys = [...new Set(Object.values(KEYS))].join(", ");
      throw new FilterError(`'${name}' is none of ${keys}`);
    }
    const value = quoted.replaceAll('"', "");
    if (value === "") continue;
    const marks = new Uint8Array(head.count);
    if (key === "") markAnywhere(marks, value);
    else markKey(marks, key, value);
    const without = sign === "" ? 0 : 1;
    for (let row = 0; row < kept.length; row += 1) kept[row] &= marks[row] ^ without;
  }
  let count = 0;
  for (const one of kept) count += one;
  const rows = new Uint32Array(count);
  for (let row = 0, at = 0; row < kept.length; row += 1) if (kept[row]) rows[at++] = row;
  return rows;
}
