// Where the reader was in an article stays on this device; on return a link offers to go on there.
const place = document.querySelector(".continue");
if (place) {
  const name = `at:${location.pathname}`;
  // A browser that keeps nothing throws: there is nothing to offer then.
  const kept = (act) => { try { return act(localStorage); } catch {} };
  const was = kept((store) => store.getItem(name));
  if (was && !location.hash && document.getElementById(was)) {
    place.href = `#${was}`;
    place.textContent = "Continue where you were";
  }
  document.addEventListener("visibilitychange", () => {
    const above = (part, edge) => part.getBoundingClientRect().top < edge;
    const passed = [...document.querySelectorAll("[role=main] section section")].filter((part) => above(part, innerHeight / 2)).pop();
    // Who has reached the end wants to be led back to no section.
    if (above(document.querySelector(".cite"), innerHeight)) kept((store) => store.removeItem(name));
    else if (passed) kept((store) => store.setItem(name, passed.id));
  });
}
