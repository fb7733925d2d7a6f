// The interactive row: sliders for lambda and noise over the frame that demo.py drew. All computing is in row.js.

import { ratio, row, short } from "./row.js";

const BASE = 124;  // as in demo.py
const UNIT = 92;

function slider(place, label, value, max, step, change) {
  const box = document.createElement("label");
  const name = document.createElement("span");
  const input = Object.assign(document.createElement("input"), { type: "range", min: 0, max, step });
  input.value = value;
  const tell = () => {
    name.textContent = `${label} ${Number(input.value).toFixed(2)}`;
    input.setAttribute("aria-valuetext", `${label} ${Number(input.value).toFixed(2)}`);
  };
  input.addEventListener("input", () => { tell(); change(); });
  tell();
  box.append(name, input);
  place.append(box);
  return () => Number(input.value);
}

export default function start(figure) {
  const controls = figure.querySelector(".demo-controls");
  const said = figure.querySelector(".demo-say");
  said.setAttribute("aria-live", "polite");
  const draw = () => {
    const found = row(noise(), lambda());
    for (const name of ["first", "second", "difference"]) {
      const group = figure.querySelector(`g[data-map=${name}]`);
      found[name].forEach((weight, i) => {
        const bar = group.querySelectorAll("rect")[i];
        const number = group.querySelectorAll("text.value")[i];
        const height = Math.abs(weight) * UNIT;
        bar.setAttribute("y", (weight < 0 ? BASE : BASE - height).toFixed(2));
        bar.setAttribute("height", height.toFixed(2));
        bar.setAttribute("class", weight < 0 ? "negative" : "positive");
        number.setAttribute("y", (weight < 0 ? BASE + height + 15 : BASE - height - 5).toFixed(2));
        number.textContent = short(weight);
      });
    }
    figure.querySelector(".demo-sum").textContent = `sum ${short(1 - lambda())}`;
    figure.querySelectorAll("td").forEach((cell, i) => { cell.textContent = ratio(found.answers[i], found.rests[i]); });
    said.textContent = lambda() > 0 && found.difference.some((weight) => weight < -0.005)
      ? "A weight is negative." : "No weight is negative.";
  };
  const lambda = slider(controls, "λ", 0.5, 1, 0.01, draw);
  const noise = slider(controls, "Noise", 1, 4, 0.05, draw);
  draw();
}
