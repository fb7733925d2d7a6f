// Order the words of a sentence, by dragging, by tapping or by keyboard, against a trigram's beam, which can be
// followed step by step. Starts from the frame that demo.py draws; all computing is in order.js.

import { found, score, steps } from "./order.js";

const WIDTHS = [1, 2, 4, 6];
const SHOWN = 8;

// An element: h("b", {className: "x"}, "text", child, …).
function h(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const nats = (hundredths) => `${hundredths < 0 ? "−" : ""}${(Math.abs(hundredths) / 100).toFixed(2)}`;
const same = (one, other) => one.length === other.length && one.every((word, place) => word === other[place]);

export default function start(figure, data) {
  const [title, list, say, answers, stepLine, beamList] = [".demo-title", ".demo-words", ".demo-say", ".demo-answers",
    ".demo-step", ".demo-beam"].map((name) => figure.querySelector(name));
  const places = figure.querySelectorAll(".demo-controls");

  let puzzles;          // once the reader does something
  let number = 0;       // of the puzzle
  let order;            // the reader's, as places in puzzle.words
  let width = 4;
  let step = 3;
  let picked = null;    // the button that the arrow keys move

  // ------------------------------------------------------------- telling

  const region = h("p", { className: "demo-hidden" });
  region.setAttribute("aria-live", "polite");
  figure.append(region);
  let timer;
  function announce(text) {
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = text; }, 700);
  }

  let loading;
  function ready(then) {
    if (puzzles) return then();
    loading ??= fetch(data).then((answer) => {
      if (!answer.ok) throw new Error(`${data}: ${answer.status}`);
      return answer.json();
    });
    return loading.then((loaded) => {
      if (!puzzles) {
        puzzles = loaded;
        order ??= [...puzzles[0].bag];
      }
      then();
    }).catch(() => {
      loading = undefined;  // another try may do
      say.textContent = "The scores could not be loaded. Try again when you are connected.";
      announce(say.textContent);
    });
  }

  // --------------------------------------------------------------- words

  const chips = () => [...list.querySelectorAll("button")];
  const place = (chip) => chips().indexOf(chip);

  function makeChips(words) {
    list.replaceChildren(...words.map((word) => h("li", {}, h("button", { type: "button", className: "word" }, word))));
    for (const chip of chips()) {
      chip.setAttribute("aria-pressed", "false");
      chip.setAttribute("aria-describedby", help.id);
    }
    picked = null;
  }

  // Its neighbours are moved around the word, so that it keeps the focus and the finger.
  function move(from, to) {
    const [smallest, largest] = [0, list.children.length - 1];
    const goal = Math.min(Math.max(to, smallest), largest);
    for (let at = from; at < goal; at += 1) list.insertBefore(list.children[at + 1], list.children[at]);
    for (let at = from; at > goal; at -= 1) list.insertBefore(list.children[at - 1], list.children[at].nextSibling);
    if (goal === from) return;
    ready(() => {
      const [word] = order.splice(from, 1);
      order.splice(goal, 0, word);
      drawScore();
      announce(`${puzzles[number].words[word]}: place ${goal + 1} of ${order.length}. ${say.textContent}`);
    });
  }

  function pick(chip) {
    picked?.setAttribute("aria-pressed", "false");
    picked = chip === picked ? null : chip;
    picked?.setAttribute("aria-pressed", "true");
  }

  list.addEventListener("click", (event) => {
    const chip = event.target.closest("button");
    if (!chip || dragged) return;
    if (picked && chip !== picked) {
      const mover = picked;
      move(place(mover), place(chip));
      pick(mover);
      mover.focus();
    } else {
      pick(chip);
    }
  });

  list.addEventListener("keydown", (event) => {
    const chip = event.target.closest("button");
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -99, End: 99 }[event.key];
    if (event.key === "Escape" && picked) {
      pick(picked);
    } else if (by !== undefined) {
      const at = place(chip);
      if (chip === picked) move(at, at + by);
      else chips()[Math.min(Math.max(at + by, 0), chips().length - 1)].focus();
      event.preventDefault();
    }
  });

  // Dragging: over another word, the dragged one takes its place. A drag ends in a click, which does nothing then.
  let pressed = null;
  let dragged = null;
  list.addEventListener("pointerdown", (event) => {
    const chip = event.target.closest("button");
    dragged = null;
    if (!chip || event.button !== 0) return;
    pressed = { chip, x: event.clientX, y: event.clientY };
    if (chip.hasPointerCapture(event.pointerId)) chip.releasePointerCapture(event.pointerId);
  });
  const follow = (event) => {
    if (!pressed) return;
    const { chip, x, y } = pressed;
    if (!dragged && Math.hypot(event.clientX - x, event.clientY - y) < 6) return;
    if (!dragged) {
      dragged = chip;
      chip.classList.add("dragged");
      if (picked) pick(picked);
    }
    const under = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".demo-words button");
    if (!under || under === chip || !list.contains(under)) return;
    // Words are of different widths: only past the middle, or it would jump back and forth.
    const box = under.getBoundingClientRect();
    const [from, to] = [place(chip), place(under)];
    const past = event.clientX > box.left + box.width / 2;
    const apart = Math.abs(box.top - chip.getBoundingClientRect().top) > 4;
    if (apart || past === to > from) move(from, to);
  };
  const drop = () => {
    pressed?.chip.classList.remove("dragged");
    pressed = null;
  };
  window.addEventListener("pointermove", follow);
  window.addEventListener("pointerup", drop);
  window.addEventListener("pointercancel", drop);

  // ------------------------------------------------------------- drawing

  function drawScore() {
    const puzzle = puzzles[number];
    const done = same(order, puzzle.sentence) ? " You have the recorded sentence." : "";
    say.replaceChildren("This order: ", h("b", {}, nats(score(puzzle, order))),
      `. Found by the beam: ${nats(found(puzzle, width).logp)}. Recorded: ${nats(score(puzzle, puzzle.sentence))}.${done}`);
  }

  function drawBeam() {
    const puzzle = puzzles[number];
    const grown = steps(puzzle, width)[step];
    const kept = Math.min(width, grown.length);
    stepLine.replaceChildren(h("b", {}, `The beam of ${width} at word ${step} of ${puzzle.bag.length}`),
      `: ${grown.length} grown, ${kept} kept`);
    const rows = grown.slice(0, SHOWN).map(({ words, rank }, at) => h("li", { className: at < width ? "kept" : "dropped" },
      h("span", {}, words.map((word) => puzzle.words[word]).join(" ")), " ",
      h("span", { className: "figure" }, nats(rank))));
    while (rows.length < SHOWN) rows.push(h("li", { className: "empty" }, h("span", {}, "·")));
    beamList.replaceChildren(...rows);
    slider.max = puzzle.bag.length;
    slider.value = step;
    slider.setAttribute("aria-valuetext", `word ${step} of ${puzzle.bag.length}`);
    // Not `disabled`: that would drop the keyboard's focus at either end.
    back.setAttribute("aria-disabled", step === 1);
    next.setAttribute("aria-disabled", step === puzzle.bag.length);
  }

  function drawAnswers() {
    const puzzle = puzzles[number];
    const spelled = (words) => words.map((word) => puzzle.words[word]).join(" ");
    const rows = [["Recorded", puzzle.sentence], [`Trigram, beam ${width}`, found(puzzle, width).words],
      ["SmolLM2, untuned", puzzle.untuned], ["SmolLM2, tuned", puzzle.tuned]];
    answers.replaceChildren(...rows.map(([name, words]) => h("div", {}, h("dt", {}, name), h("dd", {}, spelled(words)))));
  }

  function show(shown) {
    answers.classList.toggle("covered", !shown);
    reveal.setAttribute("aria-expanded", String(shown));
    reveal.textContent = shown ? "Hide the answers" : "Show the answers";
  }

  function open(wanted) {
    ready(() => {
      number = (wanted + puzzles.length) % puzzles.length;
      const puzzle = puzzles[number];
      order = [...puzzle.bag];
      step = Math.min(3, puzzle.bag.length);
      title.replaceChildren(h("b", {}, `Sentence ${number + 1} of ${puzzles.length}`), `, ${order.length} words`);
      makeChips(order.map((word) => puzzle.words[word]));
      show(false);
      drawScore();
      drawAnswers();
      drawBeam();
      announce(title.textContent);
    });
  }

  function go(wanted) {
    ready(() => {
      if (wanted < 1 || wanted > puzzles[number].bag.length) return;
      step = wanted;
      drawBeam();
      announce(stepLine.textContent);
    });
  }

  // ------------------------------------------------------------ controls

  const button = (text, action) => {
    const element = h("button", { type: "button" }, text);
    element.addEventListener("click", action);
    return element;
  };

  const help = h("p", { className: "demo-hidden", id: "order-help" },
    "Enter picks the word up or puts it down; arrow keys move it while it is picked up.");
  figure.append(help);

  places[0].append(button("Previous sentence", () => open(number - 1)), button("Next sentence", () => open(number + 1)));

  const reveal = button("Show the answers", () => {
    const shown = answers.classList.contains("covered");
    ready(() => {
      show(shown);
      if (shown) announce([...answers.children].map((row) => row.textContent).join(". "));
    });
  });
  places[1].append(reveal);

  const choose = h("select", {}, ...WIDTHS.map((each) => h("option", { value: each, selected: each === width }, String(each))));
  choose.addEventListener("change", () => ready(() => {
    width = Number(choose.value);
    drawScore();
    drawAnswers();
    drawBeam();
    announce(stepLine.textContent);
  }));
  const back = button("Back", () => go(step - 1));
  const next = button("Next", () => go(step + 1));
  const slider = h("input", { type: "range", min: 1, max: list.children.length, value: step });
  slider.setAttribute("aria-label", "Words placed by the beam");
  slider.setAttribute("aria-valuetext", `word ${step} of ${list.children.length}`);
  slider.addEventListener("input", () => go(Number(slider.value)));
  places[2].append(h("label", {}, "Width ", choose), back, slider, next);

  makeChips([...list.children].map((item) => item.textContent));
  show(false);
}
