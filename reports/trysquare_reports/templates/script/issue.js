// One divergence as the text of an issue; trysquare_reports/issue.py writes the same.

/**
 * Return Markdown for an issue tracker; no text of a run ends a block of it.
 * @param {string} heading
 * @param {any} found what the page of a result shows
 * @param {[string, string][]} about what was measured, and where
 * @param {string[]} sources @param {string} id
 * @param {string} command what prints a script that is not on the page
 */
function issueText(heading, found, about, sources, id, command) {
  const words = [found.over, found.reason, found.diagnosis].filter(Boolean).join(" ");
  const script = found.script ? fenced(found.script, "python") : found.long ? fenced(command, "sh") : "";
  const text = [
    `# ${plainText(`${heading}: ${found.claim ?? ""}`)}`,
    plainText(words),
    found.numbers?.length ? markdownTable(["what", "decimal", "bits"], found.numbers) : "",
    script ? `## Reproduce\n\n${script}` : "",
    `## Versions\n\n${markdownTable(["what", "version"], about)}`,
    ["## What is right", "", ...[`spec: ${found.place ?? ""}`, ...sources].map((line) => `* ${plainText(line)}`), "",
      `Found by Trysquare, result ${plainText(id)}.`].join("\n"),
  ].filter(Boolean).join("\n\n");
  return `${text}\n`.replace(/[\p{C}\p{Z}]/gu, (one) => (one === "\n" ? one : " "));
}

function markdownTable(names, rows) {
  const lines = [names, names.map(() => "---"), ...rows.map((row) => row.map(plainText))];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function fenced(text, language) {
  const ticks = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${ticks}${language}\n${text.trimEnd()}\n${ticks}`;
}

/** Return a text on one line, in which nothing is markup but https addresses. @param {string} text */
function plainText(text) {
  return text.trim().split(/\s+/).join(" ").split(/(https:\/\/[^\s<>"'()[\]{}]+[^\s<>"'()[\]{}.,;:!?])/)
    .map((part, place) => (place % 2 ? `<${part}>` : part.replace(/[\\`*_<>[\]|#~$&@]/g, "\\$&"))).join("");
}
