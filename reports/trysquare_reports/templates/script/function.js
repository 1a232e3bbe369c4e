// The pages of one function.

/** Cells of special values that are there at once; the others are made when they are asked for. */
const CELLS = 360;
/** Causes that are lines; the others are a click away. */
const CAUSES = 60;

/**
 * @param {number} number of the function
 * @param {URLSearchParams} options `dtype` of the drawings, `target` that is looked at
 */
async function functionPage(number, options) {
  const found = await chunk(number);
  const { record } = found;
  const name = words.function[number];
  const only = words.target.indexOf(options.get("target") ?? "");
  const rows = rowWith([["function", number], ...(only < 0 ? [] : [["target", only]])]);
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/" }, "Overview"), record.category ? h("span", {}, `› ${record.category}`) : ""),
    h("div", { class: "lead" }, h("div", {}, h("h1", { tabindex: "-1" }, name), ...described(record)), portrait(name, record)),
    only < 0 ? null : h("p", {}, `Only ${words.target[only]}. `, h("a", { href: address("fn", name) }, "All targets")),
    h("p", {}, h("a", { href: query(`function:${quoted(name)}`) }, plural(rows.length, "result"))),
    ...divergences(rows, name),
    ...swept(found, only),
    ...specialTable(found, only),
    ...drawings(found, options, only),
    ...gradients(number, found, only),
    ...worstInputs(found, only),
    ...defaultsOf(record),
  ];
}

function described(record) {
  return [
    h("p", { class: "summary" }, record.summary ?? ""),
    (record.formulas ?? []).map(([label, text, tree]) => h("div", { class: "formula", tabindex: "0", role: "group", "aria-label": label },
      h("span", { class: "label" }, label), " ", math(tree, text), h("code", {}, text))),
    record.place ? h("p", { class: "quiet" }, h("code", {}, record.place), ` · tolerance: ${record.tolerance}`,
      record.source.map((source) => [" · ", links(source)])) : null,
  ];
}

function portrait(name, record) {
  const figure = curveFigure(name, record.drawn ?? []);
  return figure && h("figure", { class: "portrait" }, figure, h("figcaption", {},
    record.drawn.map(([label], at) => h("span", { class: "key" }, h("span", { class: `line c${at % 4}` }), ` ${label}`))));
}

/** What diverges, by cause; each is a line that opens the worst of its results. */
function divergences(rows, name) {
  const groups = new Map();
  for (const row of rows) {
    if (columns.state[row] > STATE.known) continue;
    const key = `${columns.state[row]} ${columns.cause[row]} ${word("target", row).split(":")[0]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  if (groups.size === 0) return [h("p", { class: "calm" }, "✓ Nothing diverges")];
  const all = [...groups.values()];
  const several = (them, column) => [...new Set(them.map((row) => word(column, row)))].join(" ");
  return [
    h("h2", {}, "Divergences ", h("span", { class: "count" }, `${plural(all.reduce((sum, them) => sum + them.length, 0), "result")}, ${plural(all.length, "cause")}`)),
    listing(["State", "Targets", "Dtypes", "Checks", "Results", "Worst", "Why"], all.slice(0, CAUSES).map((them) => {
      const worst = them.reduce((a, b) => (columns.slack[b] > columns.slack[a] ? b : a));
      return [mark(columns.state[worst]), several(them, "target"), several(them, "dtype"), several(them, "check"), String(them.length),
        linked(worst, distance(worst)), h("span", { class: "why" }, links(word("cause", worst)))];
    }), { class: "divergences", "aria-label": "Divergences" }),
    all.length > CAUSES ? h("p", {}, h("a", { href: query(`function:${quoted(name)} state:fail,stale,known`) }, `and ${all.length - CAUSES} more causes`)) : null,
  ];
}

function swept(found, only) {
  const rows = found.sweeps.filter(([row]) => only < 0 || columns.target[row] === only);
  if (rows.length === 0) return [];
  return [
    h("h2", {}, "Every number"),
    h("p", { class: "quiet" }, "Sweeps: each number of the format was asked, and compared with a proven truth."),
    listing(["Target", "Dtype", "What", "Numbers", "Not correctly rounded", "Largest error", "Outside the limit"],
      rows.map(([row, what, ...cells]) => [[mark(columns.state[row]), " ", linked(row, word("target", row))], word("dtype", row), what, ...cells]), { "aria-label": "Sweeps" }),
  ];
}

function specialTable(found, only) {
  if (found.special.length === 0) return [];
  const shown = words.target.map((_, at) => at).filter((at) => only < 0 || at === only);
  const cell = ([state, text, want, dtypes, row]) => [mark(state), " ", row >= 0 ? linked(row, text || "open") : text,
    want || dtypes ? h("span", { class: "aside" }, [want && `want ${want}`, dtypes].filter(Boolean).join(" · ")) : null];
  const rows = found.special.map(([name, dtype, want, cells]) => [
    name, [want, dtype === "float32" ? null : h("span", { class: "aside" }, ` ${dtype}`)], ...shown.map((at) => () => cell(cells[at]))]);
  const heads = ["Case", "Want", ...shown.map((at) => words.target[at])];
  const most = Math.max(10, Math.floor(CELLS / shown.length));
  return [
    h("h2", {}, "Special values"),
    h("p", { class: "quiet" }, "Numbers are float32 where no dtype is named. A cell that is not as it should be names the dtypes for which that holds; its number is in the first of them. Of several numbers, a cell shows the one farthest beyond its limit."),
    listing(heads, rows.slice(0, most).map(withCells), { class: "special", "aria-label": "Special values" }),
    rows.length > most ? later(`${rows.length - most} more cases`, () => listing(heads, rows.slice(most).map(withCells), { class: "special", "aria-label": "More special values" })) : null,
  ];
}

/** Make the cells of a row. */
const withCells = (row) => row.map((cell) => (typeof cell === "function" ? cell() : cell));

/** Return what is made when it is opened. @param {string} label @param {() => Element} make */
function later(label, make) {
  const details = h("details", { ontoggle: () => {
    if (details.open && details.children.length === 1) details.append(make());
  } }, h("summary", {}, label));
  return details;
}

/** Errors against x: one dtype at a time, all targets in one drawing. */
function drawings(found, options, only) {
  const kinds = [...new Set(found.curves.map(([, dtype]) => dtype))];
  if (kinds.length === 0) return [];
  const dtype = kinds.includes(options.get("dtype")) ? options.get("dtype") : kinds.includes("float32") ? "float32" : kinds[0];
  const titles = [...new Set(found.curves.map(([title]) => title))];
  const choose = h("div", { class: "tabs", role: "group", "aria-label": "Dtype of the drawings" }, kinds.map((kind) =>
    button(kind, () => setOption("dtype", kind), { "aria-pressed": String(kind === dtype) })));
  const span = spanOf(options.get("x") ?? "");
  return [
    h("h2", { id: "errors" }, "Error against x"),
    h("p", { class: "quiet" }, "Largest error in ULP in each bin of x; both axes are compressed."), choose, zooming(span),
    h("div", { class: "panels" }, titles.map((title) => panel(found, title, dtype, only, span))),
  ];
}

/** Read which x are shown: `-2..3.5`; null if it is no such text. @param {string} text */
function spanOf(text) {
  const [from, to] = text.split("..").map(Number);
  return text.includes("..") && from < to && Number.isFinite(from) && Number.isFinite(to) ? [from, to] : null;
}

const zoomed = ([from, to]) => setOption("x", `${Number(from.toPrecision(4))}..${Number(to.toPrecision(4))}`);

/** Which x are shown, as numbers that can be typed; who has a mouse drags over a drawing. */
function zooming(span) {
  const field = (name, at) => h("label", {}, `${name} `, h("input", { type: "text", inputmode: "decimal", size: 9, value: span ? span[at] : "" }));
  const form = h("form", { class: "zoom", onsubmit: (event) => {
    event.preventDefault();
    const typed = [...form.querySelectorAll("input")].map((it) => (it.value.trim() === "" ? NaN : Number(it.value)));
    const wanted = spanOf(typed.join(".."));
    if (wanted) zoomed(wanted);
    else say("Two numbers, the smaller one first");
  } }, field("x from", 0), field("to", 1), h("button", { type: "submit" }, "Zoom"),
  button("All of x", () => setOption("x", ""), { disabled: span === null, id: "unzoom" }),
  h("span", { class: "quiet" }, "or drag over a drawing; 0 shows all of x"));
  return form;
}

function panel(found, title, dtype, only, span) {
  const curves = found.curves.filter((one) => one[0] === title && one[1] === dtype && (only < 0 || one[2] === only));
  if (curves.length === 0) return null;
  const hidden = new Set();
  const series = curves.map(([, , target, grid, digits]) => ({ style: target, x: found.grids[grid], errors: errors(digits) }));
  const limits = curves.map((one) => one[5]).filter((limit) => limit !== null);
  const limit = limits.length ? Math.min(...limits) : null;
  const drawn = () => errorFigure(`${title}: error in ULP against x, ${dtype}`, series.filter((_, at) => !hidden.has(at)), limit, span, zoomed);
  const place = h("div", {}, drawn());
  const keys = curves.map(([, , target, , , , largest, nearest, row], at) => h("li", {},
    button([lineOf(target), ` ${words.target[target]}`], (event) => {
      if (!hidden.delete(at)) hidden.add(at);
      event.currentTarget.setAttribute("aria-pressed", String(!hidden.has(at)));
      place.replaceChildren(drawn());
    }, { "aria-pressed": "true", class: "toggle" }),
    " max ", linked(row, `${largest} ULP`), h("span", { class: "aside" }, nearest ? `; nearest to its limit, or farthest beyond: ${nearest}` : "")));
  return h("figure", { class: "panel" }, h("figcaption", {}, h("b", {}, title), h("ul", {}, keys)), place, numbersOf(curves, series, title));
}

/** The same as numbers. */
const numbersOf = (curves, series, title) => later("the same as numbers (CSV)", () => {
  const lines = series.flatMap((one, at) => one.x.map((x, n) => `${words.target[curves[at][2]]},${x},${figure(one.errors[n])}`));
  return code(`target,x,ulp\n${lines.join("\n")}`, `the numbers of ${title}`);
});

/** Gradients by target; what is a convention stands apart from what is calculus. */
function gradients(number, { kinks }, only) {
  const checks = ["gradients", "second"].filter((check) => words.check.includes(check));
  const rows = checks.flatMap((check) => rowWith([["function", number], ["check", words.check.indexOf(check)]]))
    .filter((row) => only < 0 || columns.target[row] === only);
  if (rows.length === 0 && kinks.length === 0) return [];
  const by = Map.groupBy(rows, (row) => `${word("target", row)} ${word("check", row)}`);
  const lines = [...by.values()].map((them) => {
    const worst = them.reduce((a, b) => (columns.state[b] < columns.state[a] || (columns.state[b] === columns.state[a] && columns.slack[b] > columns.slack[a]) ? b : a));
    const bad = them.filter((row) => columns.state[row] <= STATE.known).length;
    return [word("target", worst), word("check", worst), [mark(columns.state[worst]), " ", bad ? `${bad} of ${them.length} diverge` : `${them.length}`],
      linked(worst, `${distance(worst)}, ${percent(columns.slack[worst])} of its limit, ${word("dtype", worst)}`)];
  });
  return [
    h("h2", {}, "Gradients"),
    lines.length ? listing(["Target", "Check", "Results", "Worst"], lines, { "aria-label": "Gradients" }) : null,
    ...atKinks(kinks, only),
  ];
}

/** Conventions: which of those that are accepted each target follows. */
function atKinks(kinks, only) {
  if (kinks.length === 0) return [];
  const shown = words.target.map((_, at) => at).filter((at) => (only < 0 || at === only) && kinks.some(([, , , answers]) => answers[at]));
  return [
    h("h3", {}, "At kinks"),
    h("p", { class: "quiet" }, "There the derivative is a convention. Any of these is accepted, and none counts as an error; a target is said to follow what it answers where 1 comes from above."),
    listing(["Where", "Derivative in", "May be", ...shown.map((at) => words.target[at])], kinks.map(([where, input, allowed, answers]) =>
      [h("code", {}, where), input, allowed.join(" or "), ...shown.map((at) => answers[at] || "·")]), { "aria-label": "Kinks" }),
  ];
}

function worstInputs(found, only) {
  const rows = found.hunted.filter(([row]) => only < 0 || columns.target[row] === only);
  if (rows.length === 0) return [];
  return [
    h("h2", {}, "Worst inputs found"),
    h("p", { class: "quiet" }, "The worst input of each hunt, in hexadecimal; the results file holds the others."),
    listing(["Target", "Dtype", "Case", "Error", "Input", "Alone it gives"], rows.map(([row, error, input, alone]) =>
      [[mark(columns.state[row]), " ", word("target", row)], word("dtype", row), linked(row, word("case", row)), error, h("code", {}, input), alone]), { "aria-label": "Worst inputs" }),
  ];
}

function defaultsOf(record) {
  const parts = [];
  if (record.defaults?.length || record.calls?.length) {
    parts.push(h("h2", {}, "Defaults"));
    if (record.defaults.length) {
      parts.push(listing(["Parameter", "Spec", ...record.frameworks], record.defaults.map(([name, spec, cells]) =>
        [h("code", {}, name), spec, ...cells.map(([text, differs]) => h("span", { class: differs ? "differs" : null }, text || "·", differs ? [" ≠", h("span", { class: "words" }, " differs from the spec")] : ""))]), { "aria-label": "Defaults of parameters" }));
    }
    parts.push(pairs(record.calls.map(([backend, call]) => [backend, h("code", {}, call)])));
  }
  if (record.usage?.length) {
    parts.push(h("h2", {}, "What a call means that leaves arguments out"),
      listing(["Parameter", "Spec", "Default", "Targets", "It changes", "Call as the spec"], record.usage.map((cells) => cells.map((cell, at) => (at === 5 ? h("code", {}, cell) : cell))), { "aria-label": "Usage" }));
  }
  if (record.dialects?.length) {
    parts.push(h("h2", {}, "Dialects seen in the wild"),
      listing(["Dialect", "Why", "Farthest from the formula"], record.dialects.map(([name, why, farthest]) => [name, links(why), farthest]), { "aria-label": "Dialects" }));
  }
  return parts;
}
