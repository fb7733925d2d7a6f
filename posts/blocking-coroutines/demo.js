// The interactive timeline: controls over the frame that demo.py drew. All computing is in timeline.js.

import { CONNECTION, LOOP, PROCESS, STRATEGIES, THREAD, WAITS, lag, simulate } from "./timeline.js";

const [LEFT, WIDTH] = [860, 3500];  // as in demo.py; whole tenths of a unit
const BLOCK = [600, 2200];
const KINDS = ["queues", "waits", "computes", "blocks"];  // from back to front

// Lanes besides the loop's: label, kind, the first, how many.
function groups(strategy, slots) {
  const half = Math.max(1, Math.floor(slots / 2));
  return {
    sequential: [["thread", THREAD, 0, 1]],
    blocking: [],
    "one at a time": [],
    "default pool": [["threads", THREAD, 0, 6]],
    "sized pool": [["threads", THREAD, 0, slots]],
    "async, render in loop": [["connections", CONNECTION, 0, slots]],
    "async, render in threads": [["threads", THREAD, 0, 4], ["connections", CONNECTION, 0, slots]],
    "async, render in processes": [["processes", PROCESS, 0, 2], ["connections", CONNECTION, 0, slots]],
    "processes of threads": [["process 1", THREAD, 0, half], ["process 2", THREAD, half, half]],
  }[strategy];
}

const nearest = (part, whole) => Math.floor((2 * part + whole) / (2 * whole));
const milliseconds = (time) => `${nearest(time, 1000).toLocaleString("en-US")} ms`;

// What to draw: labels, ticks, paths by name, and what to say.
export function picture(strategy, mails, latency, render, slots) {
  const line = simulate(strategy, mails, 1000 * latency, 1000 * render, 500, slots);
  const span = line.beats.reduce((most, [, ran]) => Math.max(most, ran), line.end);
  const x = (time) => LEFT + Math.floor(time * WIDTH / span);

  const rows = new Map([[`${LOOP} 0`, [320, 180]]]);
  const labels = [[190, "heartbeat"], [455, "loop"]];
  const shown = groups(strategy, slots);
  const count = shown.reduce((sum, [, , , size]) => sum + size, 0);
  const height = Math.min(140, Math.floor((BLOCK[1] - BLOCK[0] - 100 * Math.max(0, shown.length - 1)) / Math.max(1, count)));
  let top = BLOCK[0];
  for (const [label, kind, first, size] of shown) {
    labels.push([top + 120, label]);
    for (let lane = first; lane < first + size; lane += 1) {
      rows.set(`${kind} ${lane}`, [top, Math.max(Math.floor(height * 4 / 5), 10)]);
      top += height;
    }
    top += 100;
  }
  if (shown.length === 0) labels.push([top + 120, "(nothing else)"]);

  const bars = new Map();
  for (const [kind, lane, what, start, end] of line.segments) {
    const [y, tall] = rows.get(`${kind} ${lane}`);
    const name = kind === LOOP && what === WAITS ? "blocks" : ["computes", "waits", "queues"][what];
    const key = `${name} ${y}`;
    if (!bars.has(key)) bars.set(key, { name, y, tall, row: [] });
    const { row } = bars.get(key);
    const [begin, over] = [x(start), Math.max(x(end), x(start) + 6)];
    const last = row.at(-1);
    if (last && begin <= last[1]) last[1] = Math.max(last[1], over);
    else row.push([begin, over]);
  }
  const paths = {};
  for (const wanted of KINDS) {
    paths[wanted] = [...bars.values()].filter(({ name }) => name === wanted).map(({ y, tall, row }) =>
      row.map(([begin, over]) => `M${begin} ${y}h${over - begin}v${tall}h${begin - over}z`).join("")).join("");
  }

  let [late, beats, last, freeze] = ["", "", -1, -1];
  for (const [due, ran] of line.beats) {
    if (ran !== freeze && ran - due >= 1000) {
      const wide = Math.max(6, x(ran) - x(due));
      late += `M${x(due)} 120h${wide}v60h${-wide}z`;
    }
    freeze = ran;
    if (x(ran) !== last) {
      beats += `M${x(ran)} 60v180`;
      last = x(ran);
    }
  }
  Object.assign(paths, { late, beats });

  let [step, factor] = [1000, 0];  // 1, 2, 5, 10 … ms
  while (span > 5 * step) {
    step = [2, 2.5, 2][factor] * step;
    factor = (factor + 1) % 3;
  }
  const ticks = [];
  for (let time = 0; time <= span; time += step) {
    ticks.push([x(time), span >= 2_000_000 ? `${Math.floor(time / 100_000) / 10} s` : `${Math.floor(time / 1000)} ms`]);
  }

  const say = `${mails} ${mails === 1 ? "mail" : "mails"} in ${milliseconds(line.end)}, `
    + `${nearest(1_000_000 * mails, line.end)} a second; at most ${line.most} waited for the server at once. `
    + `Heartbeat late by ${milliseconds(lag(line.beats, 50))} in the median, ${milliseconds(lag(line.beats, 99))} at p99, `
    + `${milliseconds(lag(line.beats, 100))} at most.`;
  return { labels, ticks, paths, say };
}

// ---------------------------------------------------------------- showing

function svg(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function drawing({ labels, ticks, paths }) {
  return [
    ...labels.map(([y, text]) => svg("text", { x: 0, y }, text)),
    ...Object.entries(paths).map(([name, d]) => svg("path", { class: name, d })),
    svg("path", { class: "tick", d: `M${LEFT} 2260h${WIDTH}` }),
    ...ticks.flatMap(([x, text]) => [svg("path", { class: "tick", d: `M${x} 2260v50` }), svg("text", { class: "number", x, y: 2440 }, text)]),
  ];
}

function labelled(place, label, control) {
  const box = document.createElement("label");
  const name = document.createElement("span");
  name.textContent = label;
  box.append(name, control);
  place.append(box);
  return name;
}

function slider(place, label, unit, value, min, max, step, change) {
  const input = Object.assign(document.createElement("input"), { type: "range", min, max, step });
  input.value = value;
  const name = labelled(place, "", input);
  const tell = () => {
    name.textContent = `${label}: ${input.value}${unit}`;
    input.setAttribute("aria-valuetext", `${input.value}${unit}`);
  };
  input.addEventListener("input", () => { tell(); change(); });
  input.setAttribute("aria-label", label);
  tell();
  return () => Number(input.value);
}

export default function start(figure) {
  const controls = figure.querySelector(".demo-controls");
  const canvas = figure.querySelector("svg");
  const [title, said] = figure.querySelectorAll(".demo-say b, .demo-say span");
  const heard = Object.assign(document.createElement("p"), { className: "demo-hidden" });
  heard.setAttribute("aria-live", "polite");
  figure.append(heard);
  let timer;

  const choice = document.createElement("select");
  for (const name of STRATEGIES) choice.append(new Option(name[0].toUpperCase() + name.slice(1), name));
  choice.value = "async, render in loop";
  labelled(controls, "Strategy", choice);

  const draw = () => {
    const shown = picture(choice.value, mails(), latency(), render(), slots());
    canvas.replaceChildren(...drawing(shown));
    title.textContent = `${choice.selectedOptions[0].textContent}.`;
    said.textContent = shown.say;
    clearTimeout(timer);  // a screen reader hears it once the reader pauses
    timer = setTimeout(() => { heard.textContent = `${title.textContent} ${shown.say}`; }, 700);
  };
  choice.addEventListener("change", draw);
  const mails = slider(controls, "Mails", "", 60, 1, 200, 1, draw);
  const latency = slider(controls, "Reply after", " ms", 100, 0, 200, 5, draw);
  const render = slider(controls, "Rendering", " ms", 5, 0, 30, 1, draw);
  const slots = slider(controls, "At once", "", 32, 1, 32, 1, draw);
  canvas.replaceChildren(...drawing(picture(choice.value, mails(), latency(), render(), slots())));
}
