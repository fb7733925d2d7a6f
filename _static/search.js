// On the search page, after Sphinx's searchtools.js and before the index: what its results show.

// Opened from a folder, the site cannot read its own pages: results come without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// An excerpt is of the text alone. A formula's letters would run together into a word.
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const formula of page.querySelectorAll("math")) formula.replaceWith("…");
  for (const part of page.querySelectorAll("h1, .trail, .byline, .headerlink, .figure-svg")) part.remove();
  const main = page.querySelector("[role=main]");
  return ((anchor && main?.querySelector(anchor)) || main)?.textContent ?? "";
};
