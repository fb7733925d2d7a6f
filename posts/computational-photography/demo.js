// The burst that the reader merges, computed by burst.js, and the quiz on enlarged letters.

import { Burst, pixels, psnr } from "./burst.js";

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

// ---------------------------------------------------------------- burst

export function burst(figure, address) {
  const settings = { count: 8, shaking: true, moving: true, aligning: true, rejecting: true };
  const panel = h("div", { className: "demo-panel" });
  const say = h("p", { className: "demo-line" });
  const announce = announcer(figure);
  const labels = [...figure.querySelectorAll(".picture-label")];
  let canvases;
  let model;
  let wanted = 0;

  const slider = h("input", { type: "range", min: 1, max: 16, value: settings.count });
  slider.setAttribute("aria-label", "Frames merged");
  const number = h("output", { className: "demo-number" });
  slider.addEventListener("input", () => {
    settings.count = Number(slider.value);
    change();
  });
  const toggles = [["shaking", "The hand shakes"], ["moving", "A disc flies by"], ["aligning", "Align the frames"],
    ["rejecting", "Reject what differs"]].map(([name, text]) => {
    const box = h("input", { type: "checkbox", checked: settings[name] });
    box.addEventListener("change", () => {
      settings[name] = box.checked;
      change();
    });
    return h("label", {}, box, ` ${text}`);
  });
  panel.append(h("div", { className: "demo-row" }, number, slider), h("div", { className: "demo-toggles" }, ...toggles), say);
  figure.append(panel);
  figure.classList.add("running");
  const frames = (count) => `${count} ${count === 1 ? "frame" : "frames"}`;
  const state = () => {
    number.textContent = frames(settings.count);
    slider.setAttribute("aria-valuetext", frames(settings.count));
  };
  state();
  say.textContent = "Choose how many frames, and what happens meanwhile.";

  async function change() {
    state();
    wanted += 1;
    const mine = wanted;
    if (model === undefined) {
      say.textContent = "Loading the scene, 83 kB …";
      try {
        const answer = await fetch(address);
        if (!answer.ok) throw new Error(String(answer.status));
        model ??= new Burst(new Uint8Array(await answer.arrayBuffer()));
      } catch {
        say.textContent = "The scene could not be loaded. Change something to try again.";
        return;
      }
    }
    if (mine === wanted) draw();
  }

  function draw() {
    canvases ??= [...figure.querySelectorAll("picture")].map((picture, index) => {
      const { side } = pixels(model.truth(false));
      const canvas = h("canvas", { width: side, height: side });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", index === 0 ? "One frame" : "The frames merged");
      picture.replaceWith(canvas);
      return canvas;
    });
    const { shaking, moving, count } = settings;
    const truth = model.truth(moving);
    const images = [model.frame(0, shaking, moving), model.merged(settings)];
    images.forEach((image, index) => {
      const { side, bytes } = pixels(image);
      canvases[index].getContext("2d").putImageData(new ImageData(bytes, side, side), 0, 0);
    });
    const [single, merged] = images.map((image) => psnr(truth, image));
    const gain = merged - single;
    labels[1].textContent = `${frames(count)} merged`;
    const verdict = Math.abs(gain) < 0.05 ? "the same" : `${Math.abs(gain).toFixed(1)} dB ${gain > 0 ? "better" : "worse"}`;
    say.textContent = `One frame: ${single.toFixed(1)} dB. Merged: ${merged.toFixed(1)} dB, ${verdict}.`
      + (count === 16 && shaking && settings.aligning ? ` Found the last shift to be ${model.aligned(15, shaking, moving).found.map((x) => x.toFixed(2)).join(" down, ")} right.` : "");
    announce(say.textContent);
  }
}

// ---------------------------------------------------------------- quiz

export function quiz(figure, address) {
  const [asked, answer] = figure.querySelectorAll(".picture");
  const say = h("p", { className: "demo-line" }, "Tap each letter that you take for invented.");
  const button = h("button", { type: "button" }, "Show what was photographed");
  const announce = announcer(figure);
  const marks = Array.from({ length: 12 }, (_, index) => {
    const mark = h("button", { type: "button", className: "mark" });
    mark.setAttribute("aria-label", `Letter ${index + 1}: take it for invented`);
    mark.setAttribute("aria-pressed", "false");
    mark.addEventListener("click", () => {
      if (figure.classList.contains("shown")) return;
      mark.setAttribute("aria-pressed", String(mark.getAttribute("aria-pressed") !== "true"));
      const count = marks.filter((each) => each.getAttribute("aria-pressed") === "true").length;
      say.textContent = `You take ${count} of 12 for invented.`;
      announce(say.textContent);
    });
    return mark;
  });
  asked.append(h("div", { className: "marks" }, ...marks));
  figure.append(h("div", { className: "demo-panel" }, h("div", { className: "demo-row" }, button), say));
  figure.classList.add("running");
  answer.setAttribute("aria-hidden", "true");

  button.addEventListener("click", async () => {
    if (figure.classList.contains("shown")) {
      figure.classList.remove("shown");
      answer.setAttribute("aria-hidden", "true");
      for (const mark of marks) {
        mark.setAttribute("aria-pressed", "false");
        mark.classList.remove("wrong");
      }
      button.textContent = "Show what was photographed";
      say.textContent = "Tap each letter that you take for invented.";
      return;
    }
    let letters;
    try {
      const file = await fetch(address);
      if (!file.ok) throw new Error(String(file.status));
      letters = await file.json();
    } catch {
      say.textContent = "The answers could not be loaded. Try again.";
      return;
    }
    let found = 0;
    let blamed = 0;
    letters.forEach(({ letter, read }, index) => {
      const invented = letter !== read;
      const taken = marks[index].getAttribute("aria-pressed") === "true";
      if (invented && taken) found += 1;
      if (!invented && taken) blamed += 1;
      marks[index].classList.toggle("wrong", invented);
    });
    const all = letters.filter(({ letter, read }) => letter !== read);
    figure.classList.add("shown");
    answer.removeAttribute("aria-hidden");
    button.textContent = "Again";
    say.textContent = `${all.length} letters came out as others: ${all.map(({ letter, read }) => `${letter} as ${read}`).join(", ")}. `
      + `You found ${found} of them${blamed ? ` and blamed ${blamed} that ${blamed === 1 ? "is" : "are"} right` : ""}.`;
    announce(say.textContent);
  });
}
