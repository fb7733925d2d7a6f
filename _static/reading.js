// Where the reader was in an article stays on this device; on return a link offers to go on there.
const place = document.querySelector(".continue");
if (place) {
  const name = `at:${location.pathname}`;
  try {
    const was = localStorage.getItem(name);
    if (was && !location.hash && document.getElementById(was)) {
      place.href = `#${was}`;
      place.textContent = "Continue where you were";
    }
  } catch { /* the reader keeps nothing: there is nothing to offer */ }
  document.addEventListener("visibilitychange", () => {
    const passed = [...document.querySelectorAll("[role=main] section section")]
      .filter((part) => part.getBoundingClientRect().top < innerHeight / 2).pop();
    const end = document.querySelector(".cite").getBoundingClientRect().top < innerHeight;
    try {
      if (end) localStorage.removeItem(name);
      else if (passed) localStorage.setItem(name, passed.id);
    } catch { /* as above */ }
  });
}
