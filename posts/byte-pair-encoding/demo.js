// The article's two interactive figures. Each starts from the first frame that stands in the page
// (drawn by demo.py) and shows the same once it runs; all computing is in bpe.js.

import { BYTE_ORDER, Encoder, apply, countPairs, pairOf, preTokenize, show, toBytes, train, unmerged } from "./bpe.js";

// ---------------------------------------------------------------- parts

// An element: h("b", {className: "x"}, "text", child, …).
function h(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const number = (value) => value.toLocaleString("en-US");
const times = (count) => ["", "once", "twice"][count] ?? `${number(count)} times`;
const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

function chip(bytes, classes) {
  const { text, whole } = show(bytes);
  return h("code", { className: whole ? classes : `${classes} part` }, text);
}

// Spaces between inline boxes, where lines may break.
const spaced = (elements) => elements.flatMap((element) => [element, " "]).slice(0, -1);

// Where the frame shows its text, a box to type in.
function textBox(figure, label, limit) {
  const shown = figure.querySelector(".demo-text");
  const box = h("textarea", { className: shown.className, value: shown.textContent, maxLength: limit, spellcheck: false });
  box.setAttribute("aria-label", label);
  box.setAttribute("autocapitalize", "off");
  shown.replaceWith(box);
  return box;
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

// Back, a slider and Next. `change(step)` follows the reader; `set(step, last)` leads.
function stepper(place, label, change) {
  let step = 0;
  let last = 0;
  const slider = h("input", { type: "range", min: 0 });
  slider.setAttribute("aria-label", label);
  const button = (text, by) => {
    const element = h("button", { type: "button" }, text);
    element.addEventListener("click", () => {
      const wanted = step + by;
      if (wanted >= 0 && wanted <= last) change(wanted);
    });
    return element;
  };
  const back = button("Back", -1);
  const next = button("Next", 1);
  slider.addEventListener("input", () => change(Number(slider.value)));
  place.append(back, slider, next);
  return (newStep, newLast) => {
    step = newStep;
    last = newLast;
    slider.max = last;
    slider.value = step;
    slider.setAttribute("aria-valuetext", `merge ${step} of ${last}`);
    // Not `disabled`: that would drop the keyboard's focus at either end.
    back.setAttribute("aria-disabled", step === 0);
    next.setAttribute("aria-disabled", step === last);
  };
}

// ---------------------------------------------------------------- trainer

const TRAINED_CHARACTERS = 500;
const TRAINED_MERGES = 60;
const PAIRS_SHOWN = 8;
const WORDS_SHOWN = 24;

export function trainer(figure) {
  const [say, title, list, rows, learned] = [".demo-say", ".demo-title", ".demo-words", ".demo-pairs tbody", ".demo-learned"]
    .map((name) => figure.querySelector(name));
  const box = textBox(figure, "Text to learn merges from", TRAINED_CHARACTERS);
  const announce = announcer(figure);
  let step = 1;
  let last = 0;

  const set = stepper(figure.querySelector(".demo-controls"), "Merges done", (wanted) => {
    step = wanted;
    draw(true);
  });

  function draw(tell) {
    const { merges, words } = train(box.value, step);
    const bytes = (id) => (id < 256 ? [BYTE_ORDER[id]] : merges[id - 256].flatMap(bytes));
    const spelled = (id) => show(bytes(id)).text;
    const symbol = (id) => chip(bytes(id), id === 255 + step ? "new" : id >= 256 ? "merged" : "byte");
    const pairs = countPairs(words);
    const [best] = pairs;
    set(step, last);

    const done = h("b", {}, step === 0 ? "Before the first merge." : `After ${plural(step, "merge")}.`);
    let then = " No pair is left: each piece is one symbol.";
    if (best !== undefined) {
      const [left, right] = pairOf(best.key);
      const ties = pairs.filter(({ count }) => count === best.count).length;
      const pair = `${spelled(left)} + ${spelled(right)}`;
      const will = `comes next and will be ${spelled(left)}${spelled(right)}, ${256 + step}.`;
      then = ties > 1
        ? ` ${ties} pairs occur ${times(best.count)} each. The smallest ids win: ${pair} ${will}`
        : ` The most frequent pair, ${pair}, occurs ${times(best.count)}. It ${will}`;
      if (step === TRAINED_MERGES) then += ` The figure stops at ${TRAINED_MERGES} merges.`;
    }
    say.replaceChildren(done, then);
    if (tell) announce(say.textContent);

    title.textContent = plural(words.reduce((sum, { ids, count }) => sum + ids.length * count, 0), "symbol");
    list.replaceChildren(...words.slice(0, WORDS_SHOWN).map(({ ids, count }) =>
      h("li", {}, ...(count > 1 ? [`${count} × `] : []), ...spaced(ids.map(symbol)))));
    if (words.length > WORDS_SHOWN) list.append(h("li", {}, `and ${plural(words.length - WORDS_SHOWN, "piece")} more`));
    learned.replaceChildren(...(step === 0 ? ["Learned: nothing yet"] : ["Learned: ", ...spaced(merges.map((_, rank) =>
      h("span", {}, symbol(256 + rank), ` ${256 + rank}`)))]));
    rows.replaceChildren(...pairs.slice(0, PAIRS_SHOWN).map(({ key, count }) => {
      const [left, right] = pairOf(key);
      const role = key === best.key ? ["chosen", "next"] : count === best.count ? ["tied", "tie"] : ["other", ""];
      return h("tr", { className: role[0] }, h("td", {}, `${spelled(left)} + ${spelled(right)}`),
        h("td", {}, `${left}, ${right}`), h("td", {}, String(count)), h("td", {}, role[1]));
    }));
  }

  function read(tell) {
    last = train(box.value, TRAINED_MERGES).merges.length;
    step = Math.min(step, last);
    draw(tell);
  }
  box.addEventListener("input", () => read(true));
  read(false);
}

// ---------------------------------------------------------------- encoder

const ENCODED_CHARACTERS = 10000;
const TOKENS_SHOWN = 300;
const STEPS_SHOWN = 16;
const SYMBOLS_SHOWN = 30;
const SAMPLES = [
  ["Numbers", "7600 7601 7602, 1999 and 2023, 3.14159, 1,234,567 or 1234567"],
  ["Code", "def double(x):\n        return x * 2  # eight spaces, then two\n"],
  ["Hindi", "सभी मनुष्य जन्म से स्वतंत्र हैं।"],
  ["Emoji", "👩‍👩‍👧 👍🏽 café cafe\u0301"],
];

export function encoder(figure, address) {
  const [tokens, count, chosen, ladder] = [".demo-tokens", ".demo-count", ".demo-chosen", ".demo-ladder"]
    .map((name) => figure.querySelector(name));
  const [choices, controls] = figure.querySelectorAll(".demo-controls");
  const example = figure.querySelector(".demo-text").textContent;
  const box = textBox(figure, "Text to cut into tokens", ENCODED_CHARACTERS);
  const announce = announcer(figure);

  let model; // an Encoder, once the reader has done something
  let loading;
  let pieces = []; // [{piece, ids, steps, start}]: `start` counts the tokens before it
  let total = 0; // tokens
  let from = 0; // the first token drawn,
  let drawn = []; // and those drawn: [{key, nodes}]
  let at = Array.from(tokens.children).findIndex((token) => token.matches(".on")); // the token chosen
  let marked = tokens.children[at]; // and its element, if it is drawn
  let step = 0; // merges of its piece that are shown

  // The merges are loaded when the reader begins, not before. What was done meanwhile is done after.
  async function load() {
    const response = await fetch(address);
    if (!response.ok) throw new Error(response.statusText);
    model = new Encoder(await response.arrayBuffer());
    tokens.replaceChildren();
    update();
  }
  async function begin(action = () => {}) {
    if (model === undefined) {
      if (loading === undefined) count.textContent = "Loading GPT-2's merges, 200 kB …";
      try {
        await (loading ??= load());
      } catch {
        loading = undefined;
        count.textContent = "GPT-2's merges could not be loaded. Try again.";
        announce(count.textContent);
        return;
      }
    }
    action();
  }

  // ------------------------------------------------------------ tokens

  // Reads the box. With a caret given, the piece there is chosen.
  function update(caret) {
    const text = box.value;
    total = 0;
    pieces = preTokenize(text).map((piece) => {
      const start = total;
      const { ids, steps } = model.piece(piece);
      total += ids.length;
      return { piece, ids, steps, start };
    });
    const size = toBytes(text).length;
    count.replaceChildren(h("b", {}, plural(total, "token")),
      ` for ${plural(Array.from(text).length, "character")} in ${plural(size, "byte")}`
      + (total > 0 ? `: ${(size / total).toFixed(1)} bytes a token` : "")
      + (text.length >= ENCODED_CHARACTERS ? ". The box is full." : ""));
    if (caret !== undefined) {
      announce(count.textContent);
      let end = 0;
      at = pieces.find(({ piece }) => (end += piece.length) >= caret)?.start ?? 0;
    }
    choose(at);
  }

  function drawToken(id, first) {
    const bytes = model.bytes(id);
    const token = chip(bytes, `token ${first ? "first" : "later"}`);
    token.dataset.id = id;
    token.setAttribute("role", "option");
    return [token, bytes.at(-1) === 10 ? h("br", {}) : document.createTextNode(" ")];
  }

  // Draws the tokens from `from` on, touching only those that differ.
  function draw() {
    const wanted = [];
    for (const { ids, start } of pieces) {
      if (start >= from + TOKENS_SHOWN) break;
      for (let place = Math.max(0, from - start); place < Math.min(ids.length, from + TOKENS_SHOWN - start); place += 1) {
        wanted.push({ id: ids[place], first: place === 0, key: 2 * ids[place] + (place === 0 ? 1 : 0) });
      }
    }
    const least = Math.min(wanted.length, drawn.length);
    let head = 0;
    while (head < least && wanted[head].key === drawn[head].key) head += 1;
    let tail = 0;
    while (tail < least - head && wanted.at(-1 - tail).key === drawn.at(-1 - tail).key) tail += 1;
    for (const { nodes } of drawn.slice(head, drawn.length - tail)) nodes.forEach((node) => node.remove());
    const fresh = wanted.slice(head, wanted.length - tail)
      .map(({ id, first, key }) => ({ key, nodes: drawToken(id, first) }));
    const after = drawn[drawn.length - tail]?.nodes[0] ?? null;
    const fragment = document.createDocumentFragment();
    fragment.append(...fresh.flatMap(({ nodes }) => nodes));
    tokens.insertBefore(fragment, after);
    drawn = [...drawn.slice(0, head), ...fresh, ...drawn.slice(drawn.length - tail)];
    more.hidden = total <= TOKENS_SHOWN;
    range.textContent = `Tokens ${number(from + 1)} to ${number(Math.min(from + TOKENS_SHOWN, total))} of ${number(total)}`;
  }

  // ------------------------------------------------------------ one token and the merges of its piece

  const chosenPiece = () => pieces.findLast(({ start }) => start <= at);

  function choose(token) {
    at = Math.max(0, Math.min(token, total - 1));
    if (at < from || at >= from + TOKENS_SHOWN || from >= total) {
      const latest = Math.ceil((total - TOKENS_SHOWN) / 100) * 100;
      from = Math.max(0, Math.min(Math.round((at - TOKENS_SHOWN / 2) / 100) * 100, latest));
    }
    draw();
    marked?.classList.remove("on");
    marked?.removeAttribute("id");
    marked?.removeAttribute("aria-selected");
    marked = drawn[at - from]?.nodes[0];
    const entry = chosenPiece();
    if (entry === undefined) {
      tokens.removeAttribute("aria-activedescendant");
      chosen.replaceChildren("Type something, and choose one of its tokens.");
      step = 0;
      climb();
      return;
    }
    marked.classList.add("on");
    marked.id = "demo-token";
    marked.setAttribute("aria-selected", "true");
    tokens.setAttribute("aria-activedescendant", marked.id);
    if (marked.offsetTop < tokens.scrollTop) tokens.scrollTop = marked.offsetTop - 6;
    const below = marked.offsetTop + marked.offsetHeight - tokens.clientHeight;
    if (below > tokens.scrollTop) tokens.scrollTop = below + 6;

    const { piece, ids, steps, start } = entry;
    const id = ids[at - start];
    const bytes = model.bytes(id);
    const facts = id < 256 ? `${id} and is a single byte`
      : `${id}, ${plural(bytes.length, "byte")} and the rank ${number(id - 256)}`;
    const within = show(bytes).whole ? "" : ` It is part of ${charactersAt(piece, ids, at - start)}.`;
    const ends = steps.length === 0 ? "needs no merge:"
      : `takes ${plural(steps.length, "merge")} and ends as ${plural(ids.length, "token")}:`;
    chosen.replaceChildren(chip(bytes, id < 256 ? "byte" : "merged"), ` has the id ${facts}.${within} Its piece ${ends}`);
    step = steps.length;
    climb();
  }

  // The characters that some byte of a token belongs to.
  function charactersAt(piece, ids, token) {
    const sizes = ids.slice(0, token + 1).map((id) => model.bytes(id).length);
    const ends = sizes.reduce((sum, size) => sum + size, 0);
    const begins = ends - sizes[token];
    let place = 0;
    return Array.from(piece).filter((character) => {
      const start = place;
      place += toBytes(character).length;
      return start < ends && place > begins && character !== " ";
    }).map((character) => show(toBytes(character)).text).join("");
  }

  // The piece before its first merge and after each; those after `step` keep their room.
  function climb() {
    const { piece = "", steps = [] } = chosenPiece() ?? {};
    const first = Math.max(0, Math.min(step - STEPS_SHOWN + 4, steps.length + 1 - STEPS_SHOWN));
    const state = unmerged(piece);
    const rows = [];
    for (let row = 0; piece !== "" && row <= Math.min(steps.length, first + STEPS_SHOWN - 1); row += 1) {
      if (row > 0) apply(state, steps[row - 1]);
      if (row >= first) rows.push(rung(state, steps[row - 1], row > step));
    }
    ladder.replaceChildren(...rows);
    set(step, steps.length);
  }

  function rung({ ids, sizes }, [made, place] = [], ahead) {
    const rule = h("span", { className: "rule" });
    if (made === undefined) {
      rule.append(plural(ids.length, "byte"));
    } else {
      const [left, right] = model.pairs[made - 256].map((id) => show(model.bytes(id)).text);
      rule.append(h("b", {}, `${left} + ${right}`), ` rank ${number(made - 256)}`);
    }
    const all = Array.from(ids.keys()).filter((start) => sizes[start] > 0);
    const begin = Math.max(0, Math.min(all.indexOf(place) - SYMBOLS_SHOWN / 2, all.length - SYMBOLS_SHOWN));
    const symbols = all.slice(begin, begin + SYMBOLS_SHOWN).map((start) =>
      chip(model.bytes(ids[start]), start === place ? "new" : ids[start] < 256 ? "byte" : "merged"));
    if (begin > 0) symbols.unshift(`${number(begin)} …`);
    if (begin + SYMBOLS_SHOWN < all.length) symbols.push(`… ${number(all.length - begin - SYMBOLS_SHOWN)}`);
    return h("li", { className: ahead ? "ahead" : "" }, rule, " ",
      h("span", { className: "symbols" }, ...spaced(symbols)));
  }

  // ------------------------------------------------------------ the reader

  const range = h("span", {});
  const more = h("p", { className: "demo-controls", hidden: true }, range);
  for (const [name, place] of [["Earlier", () => from - 1], ["Later", () => from + TOKENS_SHOWN]]) {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => choose(place()));
    more.append(button);
  }
  tokens.after(more);

  for (const [name, text] of [["Example", example], ...SAMPLES]) {
    const button = h("button", { type: "button" }, name);
    button.addEventListener("click", () => {
      box.value = text;
      begin(() => update(0));
    });
    choices.append(button);
  }
  const set = stepper(controls, "Merges of this piece", (wanted) => begin(() => {
    step = wanted;
    climb();
    const rule = Array.from(ladder.querySelectorAll("li:not(.ahead) .rule")).at(-1).textContent;
    announce(`${step} of ${plural(chosenPiece().steps.length, "merge")}: ${rule}`);
  }));
  set(ladder.children.length - 1, ladder.children.length - 1);

  box.addEventListener("focus", () => begin());
  box.addEventListener("input", () => begin(() => update(box.selectionEnd)));

  tokens.tabIndex = 0;
  tokens.setAttribute("role", "listbox");
  tokens.setAttribute("aria-label", "Tokens; arrow keys choose one");
  for (const token of tokens.children) token.setAttribute("role", "option");
  tokens.addEventListener("click", (event) => {
    const token = event.target.closest(".token");
    const place = Array.from(tokens.querySelectorAll(".token")).indexOf(token);
    if (token !== null) begin(() => choose(from + place));
  });
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  tokens.addEventListener("keydown", (event) => {
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    begin(() => choose(at + moves[event.key]));
  });
}
