"use strict";
// The results as columns, and the data of each function, inflated when it is asked for.

/** @typedef {Uint8Array | Uint16Array | Uint32Array | Float32Array} Column */

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };

/** What the page says of the run as a whole. */
const head = JSON.parse(document.getElementById("head").textContent);

/** The columns by name, each with one number for each result. @type {Record<string, Column>} */
const columns = {};

/** The words that the numbers of a column stand for. @type {Record<string, string[]>} */
const words = { ...head.words };
words.state_before = words.state;

const STATE = Object.fromEntries(words.state.map((word, number) => [word, number]));
const CHANGE = Object.fromEntries(words.change.map((word, number) => [word, number]));

/**
 * Inflate a pack.
 * @param {string} name
 * @returns {Promise<ArrayBuffer>}
 */
async function inflate(name) {
  const text = document.getElementById(`pack-${name}`).textContent;
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** @param {string} name @returns {Promise<any>} */
async function inflateJson(name) {
  return JSON.parse(new TextDecoder().decode(await inflate(name)));
}

/** Fill `columns` and `words`. */
async function loadColumns() {
  const [numbers, long] = await Promise.all([inflate("numbers"), inflateJson("words")]);
  for (const [name, kind, offset] of head.columns) {
    columns[name] = new ARRAYS[kind](numbers, offset, head.count);
  }
  Object.assign(words, long);
}

/** @type {Map<number, Promise<any>>} */
const chunks = new Map();

/** Return the data of a function. @param {number} number */
function chunk(number) {
  if (!chunks.has(number)) chunks.set(number, inflateJson(`function-${number}`));
  return chunks.get(number);
}

/** Return a word of a result. @param {string} column @param {number} row */
const word = (column, row) => words[column][columns[column][row]];

/** Return the id of a result; see `tail` in columns.py. @param {number} row */
function idOf(row) {
  const tail = word("tail", row);
  if (tail.startsWith("=")) return tail.slice(1);
  const parts = ["function", "check", "dtype", "target"].map((column) => word(column, row));
  return parts.join("/") + tail;
}

/** Return the row of an id, or -1. @param {string} id */
function rowOf(id) {
  const whole = words.tail.indexOf(`=${id}`);
  if (whole >= 0) return columns.tail.indexOf(whole);
  const [name, check, dtype, target, ...rest] = id.split("/");
  const wanted = [
    ["function", words.function.indexOf(name)],
    ["check", words.check.indexOf(check)],
    ["dtype", words.dtype.indexOf(dtype)],
    ["target", words.target.indexOf(target)],
    ["tail", words.tail.indexOf(`/${rest.join("/")}`)],
  ];
  return rowWith(wanted)[0] ?? -1;
}

/** Return the rows in which each column has its number. @param {[string, number][]} wanted */
function rowWith(wanted) {
  if (wanted.some(([, number]) => number < 0)) return [];
  const tests = wanted.map(([name, number]) => [columns[name], number]);
  const found = [];
  for (let row = 0; row < head.count; row += 1) {
    if (tests.every(([column, number]) => column[row] === number)) found.push(row);
  }
  return found;
}

/** Return the rows that answer the same question, this one too. @param {number} row */
function asked(row) {
  if (word("tail", row).startsWith("=")) return [row];
  return rowWith(["function", "check", "dtype", "tail"].map((name) => [name, columns[name][row]]));
}

/** Whether nobody expected it: these rows come first. @param {number} row */
const alarms = (row) => row >= 0 && row < head.count && columns.state[row] <= STATE.stale;

/** The sign of each change. */
const SIGNS = { same: "=", ...Object.fromEntries((head.comparison?.counts ?? []).map(([name, sign]) => [name, sign])) };
