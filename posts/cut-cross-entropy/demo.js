// The article's two interactive figures. Each starts from the frame that stands in the page (drawn by demo.py);
// all computing is in cce.js.

import { bytes, shown, shownBytes, shownRatio, walk, whole } from "./cce.js";

const ROWS = {
  "Everyday logits": [1, 0, 3, 2, -1, 4, 2.5, 0.5, 4.5, 1.5, -2, 3.5],
  "Logits near 1,000": [998, 1001, 997.5, 1000, 1003, 996, 999, 1002.5, 995, 1004, 1001.5, 998.5],
};
const [LEFT, BAR, BASE, UNIT] = [4, 36, 118, 84];  // as in demo.py

function h(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Tells a screen reader what changed, once the reader pauses.
function announcer(figure) {
  const region = h("p", { className: "demo-hidden" });
  region.setAttribute("aria-live", "polite");
  figure.append(region);
  let timer;
  return (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = words; }, 700);
  };
}

export function tiles(figure) {
  const controls = figure.querySelector(".demo-controls");
  const picture = figure.querySelector("svg");
  const frame = picture.querySelector(".tile");
  const bars = [...picture.querySelectorAll("rect:not(.tile)")];
  const labels = [...picture.querySelectorAll("text")];
  const cells = [...figure.querySelectorAll(".demo-state td")];
  const words = figure.querySelector(".demo-say");
  const announce = announcer(figure);
  let name = "Everyday logits";
  let before = 3;

  const slider = (label, min, max, value, change) => {
    const text = h("span");
    const input = h("input", { type: "range", min, max, step: 1 });
    input.value = value;
    input.addEventListener("input", change);
    controls.append(h("label", {}, text, input));
    return { input, tell: (said) => { text.textContent = `${label} ${said}`; input.setAttribute("aria-valuetext", said); } };
  };
  const step = slider("Tiles read:", 0, 4, 2, () => draw(true));
  const width = slider("Entries in a tile:", 1, 6, 3, () => {
    const read = Math.min(12, Number(step.input.value) * before);
    before = Number(width.input.value);
    step.input.max = Math.ceil(12 / before);
    step.input.value = Math.ceil(read / before);
    draw(true);
  });
  const other = h("button", { type: "button" });
  other.addEventListener("click", () => {
    name = Object.keys(ROWS).find((row) => row !== name);
    draw(true);
  });
  controls.append(other);

  // Press or drag on the bars to put the tile there.
  const point = (event) => {
    if (event.type === "pointermove" && event.buttons !== 1) return;
    const at = picture.getBoundingClientRect();
    const entry = Math.floor(((event.clientX - at.left) / at.width * 440 - LEFT) / BAR);
    step.input.value = Math.floor(Math.min(11, Math.max(0, entry)) / before) + 1;
    draw(true);
  };
  picture.addEventListener("pointerdown", point);
  picture.addEventListener("pointermove", point);

  function sentence(logits, size, now, steps) {
    if (now === 0) return "No tile has been read. The sum is empty.";
    const [old, current] = [steps[now - 1], steps[now]];
    const begin = `Tile ${now} of ${steps.length - 1}: ${logits.slice((now - 1) * size, now * size).map(shown).join(", ")}. `;
    if (now === 1) return `${begin}Relative to its maximum, ${shown(current.top)}, it adds ${shown(current.added)}.`;
    if (current.top > old.top) {
      return `${begin}The maximum rises from ${shown(old.top)} to ${shown(current.top)}: the old sum shrinks from `
        + `${shown(old.sum)} to ${shown(current.carried)}, and the tile adds ${shown(current.added)}.`;
    }
    return `${begin}The maximum stays: ${shown(old.sum)} is carried over, and the tile adds ${shown(current.added)}.`;
  }

  function draw(tell) {
    const logits = ROWS[name];
    const [size, now] = [before, Number(step.input.value)];
    const steps = walk(logits, size);
    const [low, high] = [Math.min(...logits), Math.max(...logits)];
    logits.forEach((logit, i) => {
      const height = 6 + UNIT * (logit - low) / (high - low);
      bars[i].setAttribute("y", (BASE - height).toFixed(2));
      bars[i].setAttribute("height", height.toFixed(2));
      bars[i].setAttribute("class", i < (now - 1) * size ? "read" : i < now * size ? "now" : "ahead");
      labels[i].setAttribute("y", (BASE - height - 6).toFixed(2));
      labels[i].textContent = shown(logit);
    });
    const start = now === 0 ? -size : (now - 1) * size;
    frame.setAttribute("x", LEFT + BAR * start);
    frame.setAttribute("width", BAR * Math.min(size, logits.length - Math.max(start, 0)));
    const { top, sum } = steps[now];
    const running = sum === 0 ? -Infinity : top + Math.log(sum);
    [top, sum, running, whole(logits)].forEach((value, i) => { cells[i].textContent = shown(value); });
    words.textContent = sentence(logits, size, now, steps);
    step.tell(`${now} of ${steps.length - 1}`);
    width.tell(String(size));
    other.textContent = Object.keys(ROWS).find((row) => row !== name);
    if (tell) announce(`${words.textContent} m + log s is ${shown(running)}, all at once ${shown(whole(logits))}.`);
  }
  draw(false);
}

export function calculator(figure) {
  const cells = [...figure.querySelectorAll("td")];
  const words = figure.querySelector(".demo-say");
  const announce = announcer(figure);
  const inputs = {};
  for (const field of figure.querySelectorAll(".demo-field")) {
    const value = field.querySelector("b");
    const { name } = value.dataset;
    const input = name === "dtype"
      ? h("select", {}, ...["bfloat16", "float32"].map((type) => h("option", {}, type)))
      : h("input", { type: "number", min: 1, max: 100_000_000, step: 1, inputMode: "numeric" });
    input.value = value.textContent;
    input.addEventListener("input", draw);
    inputs[name] = input;
    field.replaceWith(h("label", { className: "demo-field" }, field.firstElementChild, input));
  }
  function draw() {
    const asked = Object.fromEntries(Object.entries(inputs).map(([name, input]) => (
      [name, name === "dtype" ? input.value : Number(input.value)])));
    const wrong = Object.entries(asked).some(([name, value]) => name !== "dtype" && !(Number.isInteger(value) && value >= 1 && value <= 1e8));
    words.textContent = wrong ? "Whole numbers from 1 to 100,000,000, please." : "";
    if (wrong) {
      cells.forEach((cell) => { cell.textContent = "–"; });
      announce(words.textContent);
      return;
    }
    const found = bytes(asked);
    const said = [shownBytes(found.logits), shownBytes(found.gradients), shownBytes(found.naive), shownBytes(found.cut),
      shownRatio(found.ratio), shownRatio(found.alone)];
    cells.forEach((cell, i) => { cell.textContent = said[i]; });
    announce(`Logits ${said[0]}, usual code ${said[2]}, cut cross-entropy ${said[3]}, ratio ${said[4]}, ${said[5]} without the gradients.`);
  }
}
