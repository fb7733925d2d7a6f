"""Search in parts: a reader fetches the titles and the words that begin like those asked for, not the whole index.

Sphinx writes one index of every word of every page, which each search loads
whole and each build writes anew, and it stems every word in Python. Here a
word's first two letters name the file that lists where it stands;
`_static/search.js` finds words by their beginning, so none needs stemming. A
build changes only the files of words that came or went.

    _static/words/pages.js   search.pages([[address, title], …])
    _static/words/to.js      search.words("to", {"token": [8, 5], …})

A word's numbers are, added up one after the other, four times a page's place
in the list plus a weight: 1 and 2 for once and more often in the text, 3 for a
heading. Articles follow the other pages by date, so that a new one, added at
the end, moves none.
"""

from __future__ import annotations

import json
import re
import unicodedata
from array import array
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from shown import frame

WORD = re.compile(r"\w+")
LONGEST = 40  # characters of a word that count: a digest or an address is not searched for whole
UNSEARCHED = {"404"}

Words = dict[str, int]


def words(text: str) -> list[str]:
    """Words as `_static/search.js` sees them too.

    >>> words("Byte-Pair Encoding, naïve")
    ['byte', 'pair', 'encoding', 'naïve']
    """
    return [word[:LONGEST] for word in WORD.findall(unicodedata.normalize("NFC", text).lower())]


def part(word: str) -> str:
    """The file in which a word stands, by its first two letters; other than a to z and 0 to 9 as their numbers.

    >>> part("token"), part("a"), part("日本語")
    ('to', 'a', '65e5-672c')
    """
    start = word[:2]
    return start if start.isascii() and start.isalnum() else "-".join(f"{ord(letter):04x}" for letter in start)


def weigh(doctree: nodes.document) -> Words:
    """The words of a page with their weights. Formulas are no words."""
    texts: dict[bool, list[str]] = {False: [], True: []}
    for node in doctree.findall(nodes.Text):
        parent = node.parent
        if not isinstance(parent, (nodes.math, nodes.math_block, nodes.raw, nodes.comment)):
            texts[isinstance(parent, nodes.title) or isinstance(parent.parent, nodes.title)].append(node)
    found = {word: min(count, 2) for word, count in Counter(words("\n".join(texts[False]))).items()}
    return found | dict.fromkeys(words("\n".join(texts[True])), 3)


def stored(app: Sphinx, docname: str, new: str = "") -> Path:
    return Path(app.doctreedir) / "words" / f"{docname.replace('/', '.')}{new}.json"


def read(app: Sphinx, doctree: nodes.document) -> None:
    """Keep a page's words beside the last build's, so that the difference can be told."""
    path = stored(app, app.env.docname, ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(weigh(doctree), ensure_ascii=False), encoding="utf-8")


def in_order(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages in the order of the list: the blog's own, then articles by day."""
    def place(name: str) -> tuple[bool, str, str]:
        article = app.articles.get(name)
        return article is not None, str(article.date) if article else "", name

    return sorted((name for name in env.found_docs
                   if name not in UNSEARCHED and not {"nosearch", "no-search"} & env.metadata[name].keys()), key=place)


def wrap(name: str, content: dict[str, list[int]]) -> str:
    return f'search.words("{name}",{json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))})\n'


def unwrap(text: str) -> dict[str, list[int]]:
    return json.loads(text[text.index("{") : -2])


def differences(places: list[int]) -> list[int]:
    return [places[0], *(after - before for before, after in pairwise(places))]


def added_up(places: list[int]) -> list[int]:
    total, found = 0, []
    for step in places:
        total += step
        found.append(total)
    return found


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static/words"
    folder.mkdir(parents=True, exist_ok=True)
    state = Path(app.doctreedir) / "words.json"
    order = in_order(app, app.env)
    title = app.env.titles
    pages = [[app.builder.get_target_uri(name), app.env.metadata[name].get("title") or title[name].astext()] for name in order]
    file = folder / "pages.js"
    if app.shown.changed("words", pages, file):
        file.write_text("search.pages([\n" + ",\n".join(json.dumps(page, ensure_ascii=False) for page in pages) + "\n])\n",
                        encoding="utf-8", newline="\n")
    before: dict[str, Any] = {"order": [], "parts": [], "folder": ""}
    if app.shown.before and state.is_file():
        before = json.loads(state.read_text(encoding="utf-8"))
    state.unlink(missing_ok=True)  # until all parts are written
    count = len(before["order"])
    whole = (before["order"] != order[:count] or not count or before["folder"] != str(folder)
             or not all((folder / f"{name}.js").is_file() for name in before["parts"]))
    fresh = {name for name in order if stored(app, name, ".new").is_file()}
    changes: defaultdict[str, array[int]] = defaultdict(lambda: array("L"))  # places by word; weight 0 where it is gone
    for number, name in enumerate(order):
        if not whole and number < count and name not in fresh:
            continue
        new = json.loads(stored(app, name, ".new" if name in fresh else "").read_text(encoding="utf-8"))
        old: Words = {}
        if not whole and number < count:
            old = json.loads(stored(app, name).read_text(encoding="utf-8"))
        for word, weight in new.items():
            if weight != old.get(word):
                changes[word].append(number * 4 + weight)
        for word in old.keys() - new.keys():
            changes[word].append(number * 4)
    by_part: dict[str, list[str]] = {}
    for word in changes:
        by_part.setdefault(part(word), []).append(word)
    kept = set() if whole else set(before["parts"])
    if whole:
        for path in folder.glob("*.js"):
            if path.name != "pages.js" and path.stem not in by_part:
                path.unlink()
    for name, changed in by_part.items():
        path = folder / f"{name}.js"
        content = unwrap(path.read_text(encoding="utf-8")) if name in kept else {}
        for word in changed:
            weights = {place // 4: place % 4 for place in (*added_up(content.get(word, [])), *changes[word])}
            places = [number * 4 + weight for number, weight in sorted(weights.items()) if weight]
            if places:
                content[word] = differences(places)
            else:
                content.pop(word, None)
        if content:
            path.write_text(wrap(name, content), encoding="utf-8", newline="\n")
            kept.add(name)
        else:
            path.unlink(missing_ok=True)
            kept.discard(name)
    for name in fresh:
        stored(app, name, ".new").replace(stored(app, name))
    state.write_text(json.dumps({"folder": str(folder), "order": order, "parts": sorted(kept)}), encoding="utf-8")


def page(app: Sphinx) -> list[tuple[str, dict[str, Any], str]]:
    if app.shown.changed("list search", frame(app), app.builder.get_output_path("search")):
        return [("search", {}, "search.html")]
    return []


def no_index(app: Sphinx) -> None:
    app.builder.search = False


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", no_index)
    app.connect("doctree-read", read, priority=950)
    app.connect("html-collect-pages", page)
    app.connect("build-finished", write, priority=650)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
