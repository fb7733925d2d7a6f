// The article's interactive figure. It starts from the first frame that stands in the page (drawn by demo.py);
// the model comes with the reader's first action, and all computing is in classify.js.

import { Model } from "./classify.js";

const BARS = 5;
const REASONS = 6;
const LONGEST = 4000;
const EXAMPLES = {
  "with = only": "data, err = load(path)\nif err == nil {\n    return data\n}",
  Rust: "fn main() {\n    let total = 0;\n}",
  Swift: "func main() {\n    let total = 0\n}",
  "C or C++": "#include <stdio.h>\nint total = 0;",
  "no telling": "x = 1",
  English: "The model never saw a poem,\nand has an answer all the same.",
};

function h(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function bar(p) {
  const make = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", { "aria-hidden": "true" });
  svg.append(make("rect", { width: "100%", height: "100%" }), make("rect", { width: `${(100 * p).toFixed(1)}%`, height: "100%" }));
  return svg;
}

const LAYOUT = { "\n": "↵", "\n ": "↵␣", "\n\t": "↵⇥" };
export const shown = (feature) => feature.split("\0").map((part) => LAYOUT[part] ?? part).join(" ");
export const percent = (p) => (p > 0.995 ? "> 99 %" : p < 0.005 ? "< 1 %" : `${Math.floor(100 * p + 0.5)} %`);

export function factor(log) {
  const size = Math.exp(Math.abs(log));
  const text = size < 10 ? (Math.floor(10 * size + 0.5) / 10).toFixed(1) : String(Math.floor(size + 0.5));
  return log >= 0 ? `× ${text}` : `÷ ${text}`;
}

export default function start(figure, data) {
  const pre = figure.querySelector(".demo-text");
  const [say, bars, odds, rows] = [".demo-say", ".demo-bars", ".demo-odds", ".demo-why tbody"]
    .map((name) => figure.querySelector(name));
  const box = h("textarea", { className: pre.className, value: pre.textContent, maxLength: LONGEST, spellcheck: false });
  box.setAttribute("aria-label", "Code to classify");
  box.setAttribute("autocapitalize", "off");
  pre.replaceWith(box);

  const region = h("p", { className: "demo-hidden" });
  region.setAttribute("aria-live", "polite");
  figure.append(region);
  let timer;

  let loading;
  const model = () => (loading ??= fetch(data).then((answer) => {
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.arrayBuffer();
  }).then((bytes) => Model.read(bytes)));

  function draw(found, text) {
    const { languages, threshold } = found;
    const { probabilities: p, terms, order, known } = found.classify(text);
    const [first, second] = order;
    const temperature = found.temperature(text);
    say.replaceChildren(...(known
      ? [h("b", {}, `${languages[first]}.`), ` It claims ${percent(p[first])}.`]
      : [h("b", {}, "Don't know."), /[^ \t\r\n]/.test(text)
          ? ` ${languages[first]} comes first with ${percent(p[first])}, and it answers from ${percent(threshold)} on.`
          : " There is nothing to read."]));
    bars.replaceChildren(...order.slice(0, BARS).map((at) => {
      return h("li", {}, h("span", {}, languages[at]), bar(p[at]), h("b", {}, percent(p[at])));
    }));
    odds.textContent = `${languages[first]} : ${languages[second]}`;
    const reasons = terms.map(([name, adds]) => [name, (adds[first] - adds[second]) / temperature])
      .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, REASONS);
    rows.replaceChildren(...reasons.map(([name, lead]) => h("tr", { className: lead >= 0 ? "for" : "against" },
      h("td", {}, h("code", {}, shown(name))), h("td", {}, factor(lead)))));
    if (!reasons.length) rows.append(h("tr", {}, h("td", { colSpan: 2 }, "Nothing here that it knows.")));
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = say.textContent; }, 700);
  }

  let asked = 0;
  async function update() {
    const mine = ++asked;
    try {
      const found = await model();
      if (mine === asked) draw(found, box.value);
    } catch (error) {
      loading = undefined;
      if (mine === asked) say.textContent = `The model could not be loaded (${error.message}). Change the text to try again.`;
    }
  }

  box.addEventListener("focus", () => model().catch(() => { loading = undefined; }), { once: true });
  box.addEventListener("input", update);
  figure.querySelector(".demo-controls").append(...Object.entries(EXAMPLES).map(([label, text]) => {
    const button = h("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      box.value = text;
      update();
    });
    return button;
  }));
}
