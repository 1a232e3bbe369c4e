// What the reader decided: kept in this browser, exported as a file or as commands, never written.

const KEEP = `trysquare ${head.started} ${head.specs}`;

/** @typedef {{ids: string[], decision: "accept" | "reject", reason: string, issue?: string, until?: string}} Decision */

/** @type {Decision[]} */
let decisions = [];
try {
  const kept = JSON.parse(localStorage.getItem(KEEP) ?? "[]");
  if (Array.isArray(kept)) decisions = kept;
} catch {
  // a browser that keeps nothing, or something that we did not write: nothing is decided
}

/** Return what is decided of a result. @param {string} id @returns {Decision | undefined} */
const decided = (id) => decisions.find((one) => one.ids.includes(id));

/** Remember a decision; what was decided of its results before is replaced. @param {Decision} decision */
function decide(decision) {
  forget(decision.ids);
  decisions.push(decision);
  keep();
}

/** @param {string[]} ids */
function forget(ids) {
  const gone = new Set(ids);
  decisions = decisions
    .map((one) => ({ ...one, ids: one.ids.filter((id) => !gone.has(id)) }))
    .filter((one) => one.ids.length > 0);
  keep();
}

function keep() {
  try {
    localStorage.setItem(KEEP, JSON.stringify(decisions));
  } catch {
    say("This browser keeps nothing: export before you close the page");
  }
  showUndecided();
}

function showUndecided() {
  const count = decisions.reduce((sum, one) => sum + one.ids.length, 0);
  const place = document.getElementById("undecided");
  place.hidden = count === 0;
  place.firstElementChild.textContent = `${plural(count, "decision")}, not applied`;
}

/** The file that `trysquare baseline apply` reads. */
function exported() {
  const run = { started: head.started, specs: head.specs };
  return `${JSON.stringify({ format: "trysquare-decisions", version: 1, run, decisions }, null, 2)}\n`;
}

/** Return a text as one word of a shell. @param {string} text */
const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

/** The same as commands. */
function commands() {
  return decisions.map((one) => {
    const rest = one.decision === "accept" ? [one.issue && ["--issue", one.issue], one.until && ["--until", one.until]] : [];
    const parts = ["trysquare", "baseline", one.decision, ...one.ids, "--reason", one.reason, ...rest.filter(Boolean).flat()];
    return parts.map(shell).join(" ");
  }).join("\n");
}

function exportDecisions() {
  if (decisions.length === 0) {
    say("Nothing is decided");
    return;
  }
  const file = URL.createObjectURL(new Blob([exported()], { type: "application/json" }));
  h("a", { href: file, download: "decisions.json" }).click();
  URL.revokeObjectURL(file);
  say("Exported decisions.json");
}

/** The page of all decisions. */
function decisionsPage() {
  const rows = decisions.map((one) => [
    one.decision,
    h("span", {}, one.ids.slice(0, 5).map((id) => h("div", {}, h("a", { href: address("r", id) }, id))),
      one.ids.length > 5 ? h("div", {}, `and ${one.ids.length - 5} more`) : null),
    one.reason, one.issue ?? "", one.until ?? "",
    button("Forget", () => { forget(one.ids); show(false); }, { "aria-label": `Forget the decision on ${one.ids[0]}` }),
  ]);
  if (rows.length === 0) return [h("h1", { tabindex: "-1" }, "Decisions"), h("p", {}, "Nothing is decided. Open a result, accept or reject it.")];
  return [
    h("h1", { tabindex: "-1" }, "Decisions"),
    h("p", {}, "They are kept in this browser only. Apply them with ", h("code", {}, "trysquare baseline apply decisions.json"), ", and commit what that writes."),
    h("p", {}, button("Export decisions.json", exportDecisions, { id: "export" })),
    listing(["Decision", "Results", "Reason", "Issue", "Until", ""], rows, { "aria-label": "Decisions" }),
    h("h2", {}, "As commands"), code(commands(), "the commands"),
    h("h2", {}, "As a file"), code(exported(), "the file"),
  ];
}
