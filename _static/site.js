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

// Where a number comes from, what a term means: shown while a link has the focus (results.css). A finger's first tap
// gives it the focus, the second follows it.
let tapped = null;
addEventListener("pointerdown", (event) => {
  const link = event.target.closest?.("a.result, a.term, a.footnote-reference");
  tapped = link && event.pointerType === "touch" && document.activeElement !== link ? link : null;
});
addEventListener("click", (event) => {
  if (!tapped || event.target.closest("a") !== tapped) return;
  event.preventDefault();
  tapped.focus();
});

// At a symbol of a formula, its line in the article's table (_ext/symbols.py); at a citation or a footnote's mark, the
// reference or note: shown where a reader points or taps, and a mark's while it has the focus.
const symbolKey = (element) => {
  const parts = [...element.children].map(symbolKey);
  if (parts.length === 1 && /^(mrow|math|mstyle)$/.test(element.localName)) return parts[0];
  return parts.length ? `${element.localName}(${parts})` : element.textContent.replace("\ufe00", "").trim();
};
const meanings = new Map([...document.querySelectorAll("details.symbols dt")].map(
  (name) => [symbolKey(name.querySelector("math")), name.nextElementSibling]));
const meaning = (symbol) => {
  let found = null;
  for (let part = symbol; part && part.localName !== "math"; part = part.parentElement) {
    const [base, low] = part.localName === "msubsup" ? part.children : [];
    const known = [symbolKey(part), base && low.contains(symbol) | base.contains(symbol) ? `msub(${symbolKey(base)},${symbolKey(low)})` : ""];
    for (const name of known) if (meanings.has(name)) found = [part, meanings.get(name).childNodes];
  }
  return found;
};
const mark = "a.footnote-reference";
for (const link of document.querySelectorAll(mark)) link.setAttribute("aria-describedby", link.hash.slice(1));
const hint = document.createElement("div");
hint.className = "hint";
hint.hidden = true;
document.body.append(hint);
// What there is to show at an element, and where.
const words = (at) => {
  const link = at.closest?.(mark);
  if (link) return [link, document.getElementById(link.hash.slice(1)).querySelectorAll("p")];
  return at.closest?.("math") && !at.closest("details.symbols") && meaning(at);
};
const show = ({ target }) => {
  // The reader may go to what is shown, and to the links in it.
  if (hint.contains(target)) return;
  const found = words(target) || words(document.activeElement);
  hint.hidden = !found;
  if (!found) return;
  hint.replaceChildren(...[...found[1]].map((node) => node.cloneNode(true)));
  const box = found[0].getBoundingClientRect();
  const left = Math.min(box.left, document.documentElement.clientWidth - hint.offsetWidth - 8);
  hint.style.left = `${Math.max(8, left) + scrollX}px`;
  hint.style.top = `${box.bottom + scrollY - 1}px`;
};
addEventListener("pointerover", show);
addEventListener("focusin", show);
addEventListener("focusout", (event) => { if (!hint.contains(event.relatedTarget)) hint.hidden = true; });
addEventListener("keydown", (event) => { if (event.key === "Escape") hint.hidden = true; });
