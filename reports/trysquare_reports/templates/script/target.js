// The page of one target.

/** @param {number} number of the target */
function targetPage(number) {
  const name = words.target[number];
  const about = head.targets.find((one) => one.target === name) ?? { version: "", flushes: [], environment: [] };
  const counts = words.function.map(() => new Uint32Array(words.state.length));
  const nearest = new Float32Array(words.function.length);
  const farthest = words.function.map(() => -1);
  for (let row = 0; row < head.count; row += 1) {
    if (columns.target[row] !== number) continue;
    const its = columns.function[row];
    counts[its][columns.state[row]] += 1;
    if (columns.state[row] === STATE.pass) nearest[its] = Math.max(nearest[its], columns.slack[row]);
    const worst = farthest[its];
    if (columns.state[row] <= STATE.known && (worst < 0 || columns.slack[row] > columns.slack[worst])) farthest[its] = row;
  }
  const shown = ["unexpected", "error", "stale", "known", "pass", "unsupported"];
  const asked = counts.map((of) => of.reduce((sum, count) => sum + count, 0));
  const filter = (its, state) => query(`target:${quoted(name)} function:${quoted(words.function[its])} state:${state}`);
  const lines = words.function.map((label, its) => [
    h("a", { href: `${address("fn", label)}?target=${encoded(name)}` }, label),
    ...shown.map((state) => (counts[its][STATE[state]] ? h("a", { href: filter(its, state) }, whole(counts[its][STATE[state]])) : h("span", { class: "quiet" }, "0"))),
    counts[its][STATE.pass] ? percent(nearest[its]) : "",
    farthest[its] < 0 ? "" : linked(farthest[its], distance(farthest[its])),
  ]).filter((_, its) => asked[its] > 0);
  const total = asked.reduce((sum, count) => sum + count, 0);
  const silent = counts.reduce((sum, of) => sum + of[STATE.unsupported], 0);
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/" }, "Overview")),
    h("h1", { tabindex: "-1" }, name, h("span", { class: "sub" }, about.version ? ` ${about.version}` : "")),
    h("p", { class: "quiet" }, about.flushes.length ? `flushes subnormals to zero in ${about.flushes.join(" ")} · ` : "",
      about.environment.map(([label, value]) => `${label}: ${value}`).join(" · ")),
    h("p", {}, h("a", { href: query(`target:${quoted(name)}`) }, plural(total, "result")),
      `; ${total ? percent((total - silent) / total) : "none"} of the questions have an answer.`),
    listing(["Function", ...shown, "Nearest to its limit", "Farthest beyond"], lines, { class: "counts", "aria-label": `Functions on ${name}` }),
  ];
}
