// Two pictures of one scene in one place, with a cut between them that the reader moves: by the slider below, hence
// by keyboard, or by dragging in the picture. The stylesheet lays the second picture over the first from the start.

export function compare(figure) {
  const [left, right] = [...figure.querySelectorAll(".picture-label")].map((label) => label.textContent);
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", `Where “${left}” ends and “${right}” begins`);

  function show() {
    figure.style.setProperty("--cut", `${slider.value}%`);
    slider.setAttribute("aria-valuetext", `${slider.value}% ${left}, ${100 - slider.value}% ${right}`);
  }
  slider.addEventListener("input", show);

  const top = figure.querySelector(".picture:last-of-type");
  const follow = (event) => {
    if (event.buttons === 0 && event.type === "pointermove") return;
    const { left: begin, width } = figure.querySelector(".picture").getBoundingClientRect();
    slider.value = Math.round((100 * (event.clientX - begin)) / width);
    show();
  };
  for (const part of figure.querySelectorAll(".picture")) {
    part.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // do not begin to drag the picture away
      part.setPointerCapture(event.pointerId);
      follow(event);
    });
    part.addEventListener("pointermove", follow);
  }
  top.after(slider);
  figure.classList.add("running");
  show();
}
