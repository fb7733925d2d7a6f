// Interactive figures (_ext/demos.py) start when they come near the window. From a folder on the reader's own
// disk browsers load no modules; there, and wherever loading fails, the first frames stay.
if (location.protocol !== "file:") {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      const { home, module, start, data } = target.dataset;
      const folder = new URL(home, document.baseURI);
      import(new URL(module, folder)).then((demo) => demo[start](target, data && new URL(data, folder)));
    }
  }, { rootMargin: "600px" });
  for (const demo of document.querySelectorAll(".demo")) near.observe(demo);
}
