import { after } from "./counting.js";

// Called with the element around the first frame, once it comes near the window.
export default function start(figure) {
  const count = figure.querySelector(".number");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Count on";
  button.addEventListener("click", () => { count.textContent = after(Number(count.textContent)); });
  figure.querySelector(".controls").append(button);
}
