// The page of one result.

/** @param {number} row */
async function resultPage(row) {
  const id = idOf(row);
  const page = await chunk(columns.function[row]);
  const { details } = page;
  const found = details[row] ?? {};
  return [
    crumbs(row),
    h("h1", { tabindex: "-1" }, mark(columns.state[row]), ` ${word("function", row)} `, h("span", { class: "sub" },
      [word("check", row), word("case", row), word("target", row), word("dtype", row)].filter(Boolean).join(" · "))),
    h("p", { class: "quiet" }, found.place ? [h("code", {}, found.place), " · "] : "", "id ", h("code", {}, id), found.parameters ? ` · ${found.parameters}` : ""),
    h("p", { class: "claim" }, found.claim ?? passedClaim(row), found.over ? [" ", h("b", {}, found.over)] : ""),
    found.reason ? h("p", { class: "reason" }, links(found.reason)) : null,
    h("div", { class: "facts" }, h("div", {}, numbersTable(found), pairs([...(found.facts ?? []), ...earlier(row)])),
      h("div", {}, ...told(found), ...peersOf(row, found))),
    ...(found.sweep ? sweepTable(found) : []),
    ...reproduction(row, found, id, page),
    decisionForm(row, id, details),
  ];
}

function passedClaim(row) {
  if (columns.state[row] === STATE.unsupported) return word("cause", row) || "Unsupported.";
  return `Within its limit: ${percent(columns.slack[row])} of it at the element that is nearest, ${figure(columns.ulp[row])} ULP at most.`;
}

function crumbs(row) {
  const at = row + 1;
  const total = alarmCount();
  const steps = alarms(row) ? h("span", { class: "steps" },
    row > 0 ? h("a", { href: address("r", idOf(row - 1)) }, "‹ previous") : null, ` ${at} of ${total} `,
    at < total ? h("a", { href: address("r", idOf(row + 1)) }, "next ›") : null) : null;
  return h("p", { class: "crumb" }, h("a", { href: "#/" }, "Overview"), " › ",
    h("a", { href: address("fn", word("function", row)) }, word("function", row)), steps);
}

/** How many results nobody expected. */
function alarmCount() {
  let count = 0;
  while (alarms(count)) count += 1;
  return count;
}

function numbersTable(found) {
  if (!found.numbers) return null;
  return h("table", { class: "numbers" },
    h("thead", { class: "words" }, h("tr", {}, ["what", "decimal", "bits"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, found.numbers.map(([name, decimal, bits]) => h("tr", { class: name === "got" ? "got" : null },
      h("th", { scope: "row" }, name), h("td", {}, decimal), h("td", { class: "bits" }, bits)))));
}

/** What the baseline says of it. */
function earlier(row) {
  if (!columns.change) return [];
  const change = word("change", row);
  if (columns.state_before[row] === STATE["not run"]) return [["Baseline", `${change}${word("why", row) ? `: ${word("why", row)}` : ""}`]];
  const before = `${word("state_before", row)}, max ${figure(columns.ulp_before[row])} ULP, ${percent(columns.slack_before[row])} of its limit`;
  return [["Baseline", `${before} → ${change}${word("why", row) ? `: ${word("why", row)}` : ""}`]];
}

function told(found) {
  const parts = [];
  if (found.diagnosis) parts.push(h("h2", {}, "Diagnosis"), h("p", {}, links(found.diagnosis)));
  if (found.known) parts.push(h("h2", {}, "Known"), h("p", {}, links(found.known)));
  if (found.seen) {
    parts.push(h("h2", {}, "Would others see it?"), h("p", {}, `${found.seen} `,
      h("span", { class: "aside" }, "(by the tolerances that their tests publish, for the elements outside the limit)")));
  }
  return parts;
}

function peersOf(row, found) {
  const others = asked(row).filter((other) => other !== row);
  return [
    h("h2", {}, "Who else was asked"),
    found.blame ? h("p", {}, found.blame) : null,
    others.length === 0 ? h("p", { class: "quiet" }, "No other target.")
      : h("ul", { class: "peers" }, others.map((other) => h("li", {}, mark(columns.state[other]), " ", linked(other, word("target", other)), " ",
        h("span", { class: "aside" }, columns.state[other] === STATE.pass ? `${percent(columns.slack[other])} of its limit` : word("cause", other).slice(0, 90))))),
  ];
}

function sweepTable(found) {
  return [h("h2", {}, "The worst of every number"), listing(["x", "got in a vector of 65,536", "got alone", "want", "error"], found.sweep),
    found.unshown ? h("p", { class: "quiet" }, `${found.unshown} more in the results file.`) : null];
}

function reproduction(row, found, id, page) {
  if (!found.script && !found.long) return [];
  const command = `trysquare repro results.jsonl ${shell(id)}`;
  return [
    h("h2", {}, "Reproduce"),
    found.script ? code(found.script, "the reproduction")
      : [h("p", {}, `The script has ${whole(found.long)} characters and is not on this page. It is in the results file:`), code(command, "the command")],
    h("p", {}, button("Copy as an issue", () => copy(asIssue(row, page), "the text of an issue"))),
  ].flat();
}

/** What `r` copies. @param {number} row */
async function copyReproduction(row) {
  const found = (await chunk(columns.function[row])).details[row] ?? {};
  if (found.script) await copy(found.script, "the reproduction");
  else await copy(`trysquare repro results.jsonl ${shell(idOf(row))}`, "the command that prints it");
}

/** What `i` copies. @param {number} row */
async function copyIssue(row) {
  await copy(asIssue(row, await chunk(columns.function[row])), "the text of an issue");
}

/** Return the text of an issue. @param {number} row */
function asIssue(row, { details, record }) {
  const target = word("target", row);
  const measured = head.targets.find((one) => one.target === target);
  const about = { [target]: measured?.version ?? "", ...head.environment, ...Object.fromEntries(measured?.environment ?? []), Trysquare: head.trysquare };
  return issueText(`${word("function", row)} (${word("dtype", row)}, ${target})`, details[row] ?? {}, Object.entries(about),
    record.source ?? [], idOf(row), `trysquare repro results.jsonl ${shell(idOf(row))} --format issue`);
}

/** Return the rows with the same cause, function and backend, this one first. @param {number} row */
function group(row) {
  const backend = (one) => word("target", one).split(":")[0];
  const same = ["function", "cause", "state"].map((name) => [name, columns[name][row]]);
  return [row, ...rowWith(same).filter((one) => one !== row && backend(one) === backend(row))];
}

function decisionForm(row, id, details) {
  if (!details[row]?.open) {
    return h("p", { class: "quiet" }, columns.state[row] === STATE.known
      ? "There is nothing to decide: it is known beside the backend." : "There is nothing to decide.");
  }
  const before = decided(id);
  const members = group(row).filter((one) => details[one]?.open);
  const field = (label, input) => h("label", {}, h("span", {}, label), input);
  const reason = h("input", { name: "reason", required: true, value: before?.reason ?? "", autocomplete: "off" });
  const issue = h("input", { name: "issue", type: "url", pattern: "https://.*", placeholder: "https://…", value: before?.issue ?? "" });
  const until = h("input", { name: "until", type: "date", value: before?.until ?? "" });
  const choice = (value, label) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "decision", value, required: true, checked: before?.decision === value }), label);
  const all = h("input", { type: "checkbox", name: "all" });
  const form = h("form", { id: "decide", onsubmit: (event) => {
    event.preventDefault();
    const values = new FormData(form);
    const ids = values.has("all") ? members.map(idOf) : [id];
    const decision = { ids, decision: values.get("decision"), reason: values.get("reason").trim() };
    if (!decision.reason) {
      say("A decision needs a reason");
      reason.focus();
      return;
    }
    for (const name of ["issue", "until"]) if (values.get(name)) decision[name] = values.get(name);
    decide(decision);
    say(`${decision.decision === "accept" ? "Accepted" : "Rejected"} ${plural(ids.length, "result")}`);
    document.activeElement.blur();
  } },
  h("div", {}, choice("accept", "accept as known"), choice("reject", "reject: it stays unexpected")),
  field("Reason", reason), field("Issue", issue), field("Until", until),
  members.length > 1 ? h("label", { class: "choice" }, all, `all ${members.length} of this function and backend with this cause`) : null,
  h("button", { type: "submit" }, "Keep the decision"));
  return h("section", { class: "deciding", "aria-labelledby": "deciding" }, h("h2", { id: "deciding" }, "Decide"), form);
}
