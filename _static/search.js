// Search in parts (_ext/search.py): the titles, and for each word asked for the file of words that begin like it.
// Files come as scripts, not by fetch, so that a copy opened from a folder finds words too.
const search = (() => {
  const SHOWN = 10; // results at a time: each shows an excerpt, for which its page is fetched
  const root = document.documentElement.dataset.content_root;
  const box = document.getElementById("search-results");
  const loaded = new Map();
  const parts = new Map();
  let titles = [];

  const load = (name) => {
    if (!loaded.has(name)) {
      loaded.set(name, new Promise((resolve) => {
        const script = document.createElement("script");
        script.src = `${root}_static/words/${name}.js`;
        script.onload = script.onerror = () => resolve(); // no such file: no such word
        document.head.append(script);
      }));
    }
    return loaded.get(name);
  };

  const wordsOf = (text) => (text.normalize("NFC").toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []).map((word) => word.slice(0, 40));

  const partOf = (word) => {
    const start = [...word].slice(0, 2);
    return /^[a-z0-9]+$/.test(start.join("")) ? start.join("")
      : start.map((letter) => letter.codePointAt(0).toString(16).padStart(4, "0")).join("-");
  };

  // What a word and its other forms begin with: "tokens", "tokenized" and "token" are one question.
  const beginning = (word) => {
    const ending = word.match(/^(.{3,}?)(?:ies|ing|ed|es|s|ly|y|e)$/);
    return ending && /^[a-z]+$/.test(word) ? ending[1] : word;
  };

  // A page's worth for one word: in the title above in a heading above often above once; the word itself above its forms.
  const worthOf = (word) => {
    const start = beginning(word);
    const found = new Map();
    const note = (page, worth) => found.set(page, Math.max(found.get(page) ?? 0, worth));
    for (const [other, places] of Object.entries(parts.get(partOf(word)) ?? {})) {
      if (!other.startsWith(start)) continue;
      let place = 0;
      for (const step of places) {
        place += step;
        note(place >> 2, (other === word ? 2 : 1) * [0, 1, 2, 4][place & 3]);
      }
    }
    titles.forEach(([, , own], page) => {
      for (const other of own) {
        if (other === word) note(page, 1000);
        else if (other.startsWith(start)) note(page, 500);
      }
    });
    return found;
  };

  const find = (asked) => {
    const found = asked.map(worthOf);
    const [first, ...others] = found;
    const results = [];
    for (const [page, worth] of first) {
      if (others.every((other) => other.has(page))) {
        results.push([page, others.reduce((sum, other) => sum + other.get(page), worth)]);
      }
    }
    return results.sort((a, b) => b[1] - a[1] || b[0] - a[0]); // of equals, the newest article first
  };

  // An excerpt is of the text alone. A formula's letters would run together into a word.
  const textOf = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const formula of page.querySelectorAll("math")) formula.replaceWith("…");
    for (const part of page.querySelectorAll("h1, .trail, .byline, .headerlink, .figure-svg, .cite")) part.remove();
    return (page.querySelector("[role=main]")?.textContent ?? "").replace(/\s+/g, " ").trim();
  };

  const marked = (text, starts) => {
    const element = document.createElement("p");
    element.className = "context";
    const pattern = starts.map((start) => start.replace(/[^\p{L}\p{N}_]/gu, "\\$&")).join("|");
    for (const [index, piece] of text.split(new RegExp(`(?<![\\p{L}\\p{N}_])((?:${pattern})[\\p{L}\\p{N}_]*)`, "giu")).entries()) {
      if (index % 2) {
        const mark = document.createElement("mark");
        mark.className = "highlighted";
        mark.textContent = piece;
        element.append(mark);
      } else element.append(piece);
    }
    return element;
  };

  const excerpt = async (item, address, starts) => {
    if (location.protocol === "file:") return; // opened from a folder, a page cannot read another
    const text = textOf(await (await fetch(root + address)).text());
    const at = text.search(new RegExp(`(?<![\\p{L}\\p{N}_])(?:${starts.join("|")})`, "iu"));
    const from = Math.max(at - 60, 0);
    item.append(marked(`${from ? "…" : ""}${text.slice(from, from + 150).trim()}…`, starts));
  };

  const show = (results, starts) => {
    const list = document.createElement("ul");
    list.className = "search";
    const more = document.createElement("button");
    more.type = "button";
    more.textContent = "More results";
    const next = () => {
      for (const [page] of results.splice(0, SHOWN)) {
        const [address, title] = titles[page];
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = (root + address) || "./";
        link.textContent = title;
        item.append(link);
        list.append(item);
        excerpt(item, address, starts).catch(() => {}); // a result without its excerpt is still one
      }
      more.hidden = !results.length;
    };
    next();
    more.addEventListener("click", next);
    box.append(list, more);
  };

  const run = async (query) => {
    const asked = [...new Set(wordsOf(query))];
    if (!asked.length) return;
    await Promise.all(["pages", ...asked.map(partOf)].map(load));
    const results = find(asked);
    const summary = document.createElement("p");
    summary.className = "search-summary";
    summary.textContent = results.length
      ? `Found ${results.length} ${results.length === 1 ? "page" : "pages"}.`
      : "Your search did not match any documents. Check the spelling, or try fewer words.";
    box.replaceChildren(summary);
    if (results.length) show(results, asked.map(beginning));
  };

  addEventListener("DOMContentLoaded", () => {
    const query = new URLSearchParams(location.search).get("q") ?? "";
    document.getElementById("search-words").value = query;
    run(query);
  });

  return {
    pages: (list) => { titles = list.map(([address, title]) => [address, title, wordsOf(title)]); },
    words: (name, content) => { parts.set(name, content); },
  };
})();
