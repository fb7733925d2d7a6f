// Small helps on every page. Each page is readable and each link works without this file.

// Copy buttons. The prompts and output of an interactive session stay behind.
for (const block of document.querySelectorAll("div.highlight")) {
  const pre = block.querySelector("pre");
  if (!pre || !navigator.clipboard) continue;
  const button = document.createElement("button");
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    const lines = pre.textContent.split("\n");
    const session = lines.some((line) => line.startsWith(">>> "));
    const code = session
      ? lines.filter((line) => /^(>>>|\.\.\.)( |$)/.test(line)).map((line) => line.slice(4)).join("\n")
      : pre.textContent;
    await navigator.clipboard.writeText(code.trimEnd() + "\n");
    button.textContent = "Copied";
    button.classList.add("done");
    setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 1500);
  });
  block.append(button);
}

// What scrolls can be reached and scrolled by keyboard.
const reachable = () => {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .math-wrapper, .math-long, p.demo-text")) {
    if (box.scrollWidth > box.clientWidth + 1 || (box.matches("p") && box.scrollHeight > box.clientHeight + 1)) box.tabIndex = 0;
    else if (!box.closest(".cite")) box.removeAttribute("tabindex");
  }
};
reachable();
addEventListener("resize", reachable);
document.fonts?.ready.then(reachable);

// Drawers: Enter opens like Space, the focus moves in, Escape closes and moves it back.
for (const [id, drawer] of [["__navigation", ".sidebar-drawer"], ["__toc", ".toc-drawer"]]) {
  const toggle = document.getElementById(id);
  const panel = document.querySelector(drawer);
  if (!toggle || !panel) continue;
  toggle.addEventListener("keydown", (event) => { if (event.key === "Enter") toggle.click(); });
  toggle.addEventListener("change", () => {
    if (toggle.checked && document.activeElement === toggle) {
      const links = [...panel.querySelectorAll("a, input")];
      requestAnimationFrame(() => links.find((link) => link.getClientRects().length)?.focus());
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && toggle.checked) { toggle.checked = false; toggle.focus(); }
  });
  // Who tabs on past its end is back on the page, not behind the shade.
  panel.addEventListener("focusout", (event) => {
    if (event.relatedTarget && event.relatedTarget !== toggle && !panel.contains(event.relatedTarget)) toggle.checked = false;
  });
  panel.addEventListener("click", (event) => { if (event.target.closest("a")) toggle.checked = false; });
}
