"use strict";
// Shows one section at a time. Without this script the page shows all of them.
document.documentElement.classList.add("routed");

document.addEventListener("DOMContentLoaded", () => {
  const order = JSON.parse(document.getElementById("order").textContent);
  const sections = new Map();
  for (const section of document.querySelectorAll("[data-route]")) {
    sections.set(section.dataset.route, section);
    // or the browser scrolls past the verdict to the section that the address names
    section.removeAttribute("id");
  }
  const verdict = document.title;
  const scrolled = new Map();
  let current = "/";

  function route() {
    const hash = location.hash.slice(1);
    if (hash === "") return "/";
    try {
      return decodeURIComponent(hash);
    } catch {
      return "/missing";
    }
  }

  function show(moved) {
    const wanted = route();
    if (!wanted.startsWith("/")) return;
    scrolled.set(current, window.scrollY);
    const section = sections.get(wanted) || sections.get("/missing");
    for (const other of document.querySelectorAll("[data-route].here")) {
      other.classList.remove("here");
    }
    section.classList.add("here");
    current = wanted;
    const heading = section.querySelector("h1");
    const name = heading.textContent.replace(/\s+/g, " ").trim();
    document.title = wanted === "/" ? verdict : `${name} · Trysquare`;
    if (moved) heading.focus({ preventScroll: true });
    window.scrollTo(0, wanted === "/" ? scrolled.get(wanted) || 0 : 0);
  }

  function step(by) {
    const at = order.indexOf(current.replace(/^\/r\//, ""));
    const next = at < 0 && by < 0 ? order.length - 1 : at + by;
    if (next >= 0 && next < order.length) {
      location.hash = `#/r/${encodeURIComponent(order[next])}`;
    }
  }

  function addCopyButton(block) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const text = block.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
    });
    block.append(button);
  }

  document.querySelectorAll(".reproduce").forEach(addCopyButton);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n") step(1);
    if (event.key === "p") step(-1);
  });
  history.scrollRestoration = "manual";
  window.addEventListener("hashchange", () => show(true));
  show(false);
});
