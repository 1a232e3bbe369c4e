// What became of each result since the baseline.

/** Groups of results that are lines; the others are a click away. */
const GROUPS = 200;

async function comparePage() {
  const found = head.comparison;
  if (!found) {
    return [h("h1", { tabindex: "-1" }, "Compare"), h("p", {}, "This page holds one run. Make it with a baseline to compare: ",
      h("code", {}, "trysquare report NEW.jsonl --baseline OLD.jsonl")), ...besideSection()];
  }
  const gone = await inflateJson("gone");
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/" }, "Overview")),
    h("h1", { tabindex: "-1" }, "Compare"),
    h("p", {}, `baseline: ${found.before} → this run: ${found.after}`),
    found.remarks.length ? h("div", { class: "remarks" }, h("h2", {}, "The runs differ"), h("ul", {}, found.remarks.map((remark) => h("li", {}, remark)))) : null,
    h("h2", {}, "By result"),
    listing(["Change", "Results", "Meaning"], [
      ...found.counts.map(([change, sign, count, meaning]) => [[h("span", { "aria-hidden": "true" }, `${sign} `), count ? h("a", { href: changed(change) }, change) : change], whole(count), meaning]),
      ["= same", whole(found.same), "no change"]], { "aria-label": "Changes" }),
    ...groupsOfChanges(),
    ...goneTable(gone),
    ...besideSection(),
  ];
}

const changed = (change) => (change === "removed" ? "#/compare" : query(`change:${quoted(change)}`));

/** What is to be looked at, by function, backend and cause. */
function groupsOfChanges() {
  const shown = new Set(["regressed", "new", "stale", "worse and known", "fixed", "not comparable"].map((name) => CHANGE[name]));
  const groups = new Map();
  for (let row = 0; row < head.count; row += 1) {
    if (!shown.has(columns.change[row])) continue;
    const key = `${columns.change[row]} ${columns.function[row]} ${word("target", row).split(":")[0]} ${columns.cause[row]} ${columns.why[row]}`;
    if (groups.has(key)) groups.get(key).push(row);
    else groups.set(key, [row]);
  }
  const all = [...groups.values()].sort((a, b) => columns.change[a[0]] - columns.change[b[0]] || columns.slack[b[0]] - columns.slack[a[0]]);
  if (all.length === 0) return [h("p", { class: "calm" }, "✓ Nothing that would be looked at")];
  const several = (them, column) => [...new Set(them.map((row) => word(column, row)))].join(" ");
  return [h("h2", {}, "By cause"), listing(["Change", "Function", "Targets", "Dtypes", "Results", "Before → now", "Why"], all.slice(0, GROUPS).map((them) => {
    const [row] = them;
    return [`${SIGNS[word("change", row)]} ${word("change", row)}`, linked(row, word("function", row)), several(them, "target"), several(them, "dtype"), String(them.length),
      movement(row), h("span", { class: "why" }, links(word("why", row) || word("cause", row)))];
  }), { class: "changes", "aria-label": "Changes by cause" }),
  all.length > GROUPS ? h("p", { class: "quiet" }, `and ${all.length - GROUPS} more; the lines of the table above open all of them`) : null];
}

function movement(row) {
  const before = columns.state_before[row] === STATE["not run"] ? "not there" : `${word("state_before", row)} ${figure(columns.ulp_before[row])}`;
  return `${before} → ${word("state", row)} ${figure(columns.ulp[row])} ULP`;
}

function goneTable(gone) {
  if (gone.length === 0) return [];
  const lines = gone.slice(0, GROUPS).map(([id, name, target, dtype, check, what, state, error, change, why]) =>
    [id, `${name} · ${check} · ${what}`, target, dtype, [mark(state), ` ${error}`], words.change[change], why]);
  return [h("h2", {}, `Only in the baseline `, h("span", { class: "count" }, plural(gone.length, "result"))),
    listing(["Id", "What", "Target", "Dtype", "It was", "Now", "Why"], lines, { "aria-label": "Results that are gone" }),
    gone.length > GROUPS ? h("p", { class: "quiet" }, `and ${gone.length - GROUPS} more: trysquare diff lists them`) : null];
}
