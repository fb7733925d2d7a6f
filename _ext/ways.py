"""Ways in and on: what to read before an article, what after it, what is close to it; and the map of all.

`needs` and `teaches` in the front matter give the order; how close two articles
are is counted from their own words (TF-IDF). Both are decided once a build,
before pages are written, so that an article whose lists changed is written
again, and no other.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from ablog_mends import cut_at_word
from front_matter import Article

KEPT = 100  # words of an article that are kept, the most frequent
RELATED = 3  # articles shown as close
CLOSE = 0.08  # less in common than this is chance
COMMON = 50  # a word that so many articles use tells two of them apart from no other
DRAWN = 60  # articles in the drawing of the map; the lists below it have all

# Not the article's own words: code, formulas, sources, and what only the page's making needs.
NOT_TEXT = (nodes.literal_block, nodes.math, nodes.math_block, nodes.footnote, nodes.citation, nodes.raw, nodes.comment,
            nodes.system_message, nodes.Invisible, nodes.doctest_block)


@dataclass(frozen=True)
class Ways:
    """Names of articles: to read first, to read next because they need this one, and close in content."""

    first: tuple[str, ...]
    next: tuple[str, ...]
    related: tuple[str, ...]


# -- Words -------------------------------------------------------------------


def texts(node: nodes.Node) -> Iterator[str]:
    """The text below a node, without what is no text."""
    if isinstance(node, nodes.Text):
        yield node.astext()
    elif not isinstance(node, NOT_TEXT):
        for child in node.children:
            yield from texts(child)


def count_words(text: str) -> dict[str, int]:
    """The most frequent words with their counts, in a fixed order. A plural counts as its word.

    >>> count_words("Tokens pass; a token passes 2 gates.")
    {'gate': 1, 'pass': 1, 'passe': 1, 'token': 2}
    """
    words: Counter[str] = Counter()
    for word, count in Counter(re.findall(r"[^\W\d_]{3,}", text.lower())).items():
        words[word[:-1] if word.endswith("s") and not word.endswith("ss") else word] += count
    return dict(sorted(sorted(words.items(), key=lambda item: (-item[1], item[0]))[:KEPT]))


def counted(words: str) -> dict[str, int]:
    """What `read_words` kept.

    >>> counted("gate 1 token 2")
    {'gate': 1, 'token': 2}
    """
    pieces = words.split()
    return dict(zip(pieces[::2], map(int, pieces[1::2]), strict=True))


def closest(counts: Mapping[str, Mapping[str, int]], least: float = CLOSE) -> dict[str, list[tuple[str, float]]]:
    """For each article the others that are close, the closest first: cosine of their TF-IDF weights.

    >>> closest({"a": {"loop": 2, "the": 9}, "b": {"loop": 1, "the": 9}, "c": {"pixel": 1, "the": 9}})["a"]
    [('b', 1.0)]
    """
    seen = Counter(word for words in counts.values() for word in words)
    shared = {word for word, number in seen.items() if 1 < number <= COMMON}
    weights: dict[str, dict[str, float]] = {}
    for name, words in counts.items():
        own = {word: (1 + math.log(count)) * math.log(len(counts) / seen[word]) for word, count in words.items()}
        length = math.sqrt(math.fsum(weight * weight for weight in own.values())) or 1.0
        weights[name] = {word: weight / length for word, weight in own.items() if word in shared and weight}
    holders: dict[str, list[tuple[str, float]]] = {}
    for name in sorted(weights):
        for word, weight in weights[name].items():
            holders.setdefault(word, []).append((name, weight))
    found = {}
    for name, own in weights.items():
        # Words come in a fixed order, so sums are the same in every build.
        scores: dict[str, float] = {}
        for word in sorted(own):
            for other, weight in holders[word]:
                scores[other] = scores.get(other, 0.0) + own[word] * weight
        scores.pop(name, None)
        near = [(other, round(score, 9)) for other, score in scores.items() if score >= least]
        found[name] = sorted(near, key=lambda item: (-item[1], item[0]))
    return found


def read_words(app: Sphinx, doctree: nodes.document) -> None:
    """Keep an article's words, and the minutes that each section takes. Sphinx merges and drops them with the page's metadata."""
    if app.env.docname not in app.articles:
        return
    metadata = app.env.metadata[app.env.docname]
    # As one text: a hundred numbers an article would be a third of what each build loads.
    metadata["words"] = " ".join(f"{word} {count}" for word, count in count_words(" ".join(texts(doctree))).items())
    title = next(iter(doctree.findall(nodes.section)), doctree)
    metadata["minutes"] = {
        section["ids"][0]: minutes for section in title.children if isinstance(section, nodes.section)
        if (minutes := round(len(" ".join(texts(section)).split()) / app.config.myst_words_per_minute))}


# -- Order -------------------------------------------------------------------


def reading_order(articles: Mapping[str, Article]) -> list[str]:
    """Oldest first, but each article after those that it needs.

    >>> from datetime import date
    >>> def made(slug, day, *needs): return Article(f"posts/{slug}/index", date(2024, 1, day), None, (), "", needs)
    >>> reading_order({a.docname: a for a in [made("a", 1, "c"), made("b", 2), made("c", 3)]})
    ['posts/c/index', 'posts/a/index', 'posts/b/index']
    """
    names = {article.slug: name for name, article in articles.items()}
    order: dict[str, None] = {}

    def add(name: str) -> None:
        for slug in articles[name].needs:
            if slug in names:
                add(names[slug])
        order[name] = None

    for name in sorted(articles, key=lambda name: (str(articles[name].date), name)):
        add(name)
    return list(order)


def find_ways(articles: Mapping[str, Article], counts: Mapping[str, Mapping[str, int]]) -> dict[str, Ways]:
    """Every article's ways. One that is not published yet leads nowhere and is led to from nowhere."""
    names = {article.slug: name for name, article in articles.items()}
    order = {name: number for number, name in enumerate(reading_order(articles))}
    first = {name: tuple(names[slug] for slug in article.needs if slug in names) for name, article in articles.items()}
    onward: dict[str, list[str]] = {name: [] for name in articles}
    for name in order:
        for needed in first[name]:
            onward[needed].append(name)
    close = closest({name: counts[name] for name in articles if name in counts})
    found = {}
    for name in articles:
        taken = {*first[name], *onward[name]}
        related = [other for other, _ in close.get(name, []) if other not in taken][:RELATED]
        found[name] = Ways(first[name], tuple(onward[name]), tuple(related))
    return found


def decide(app: Sphinx, env: BuildEnvironment) -> None:
    """Find all ways, unless nothing that they are found from has changed."""
    counts = {name: env.metadata[name].get("words", "") for name in app.articles}
    source = ([(name, str(article.date), article.needs) for name, article in sorted(app.articles.items())], counts)
    if getattr(env, "ways", (None,))[0] != source:
        env.ways = (source, find_ways(app.articles, {name: counted(words) for name, words in counts.items()}))
    app.ways = env.ways[1]


# -- The map -----------------------------------------------------------------


class part_of_map(nodes.General, nodes.Element):
    """Where a page asked for a part of the map; filled when the page is written, since any article may change it."""


class Map(SphinxDirective):
    """``{map} drawing``, ``{map} articles`` or ``{map} concepts``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.metadata[self.env.docname]["map"] = True
        return [part_of_map(part=directives.choice(self.arguments[0], tuple(PARTS)))]


def draw(order: list[str], ways: Mapping[str, Ways], titles: Mapping[str, str], label: str) -> str:
    """The articles one below the other, with arcs at their left: an arrow leads to what needs an article, a dashed line joins close ones.

    Colours and lines are the figures' variables, so that the drawing follows the theme.
    """
    row, left = 34, 84
    place = {name: 20 + row * number for number, name in enumerate(order)}
    parts = []
    for name in order:
        for kind, others in (("need", ways[name].next), ("close", ways[name].related)):
            for other in others:
                if other not in place or (kind == "close" and name in ways[other].related and place[other] < place[name]):
                    continue  # one line for two
                top, bottom = sorted((place[name], place[other]))
                bend = min(1.28 * left, 20 + (bottom - top) * 0.4)  # a curve goes three quarters of the way
                curve = f"M{left} {place[name]}C{left - bend:.0f} {place[name]} {left - bend:.0f} {place[other]} {left} {place[other]}"
                if kind == "need":
                    end = place[other]
                    arrow = f"M{left - 9} {end - 5}L{left - 1} {end}L{left - 9} {end + 5}"
                    parts.append(f'<path d="{curve}{arrow}" stroke="var(--fig-1)" stroke-width="1.8"/>')
                else:
                    parts.append(f'<path d="{curve}" stroke="var(--fig-muted)" stroke-dasharray="2 4"/>')
    words = [f'<text x="{left + 12}" y="{y + 4.5}" font-size="13.5" fill="var(--fig-ink)">'
             f"{escape(cut_at_word(titles[name], 36), quote=False)}</text>"
             f'<circle cx="{left + 3}" cy="{y}" r="3.5" fill="var(--fig-ink)"/>' for name, y in place.items()]
    height = 20 + row * len(order)
    return (f'<svg class="figure-svg" role="img" aria-label="{escape(label)}" viewBox="0 0 400 {height}" '
            f'font-family="system-ui, sans-serif"><g fill="none" stroke-linecap="round">{"".join(parts)}</g>{"".join(words)}</svg>')


def drawing(app: Sphinx, docname: str, order: list[str]) -> nodes.Node:
    drawn = order[-DRAWN:]
    steps = sum(other in drawn for name in drawn for other in app.ways[name].next)
    label = (f"{len(drawn)} articles in an order to read them, {steps} arrow{'s' if steps != 1 else ''} from an article to one "
             "that needs it, and dashed lines between those close in content. The lists below say the same.")
    caption = ("An arrow leads from an article to one that needs it; a dashed line joins two that are close in content."
               + (f" The last {DRAWN} articles are drawn." if len(drawn) < len(order) else ""))
    picture = draw(drawn, app.ways, {name: app.env.metadata[name]["title"] for name in drawn}, label)
    return nodes.figure("", nodes.raw("", picture, format="html"), nodes.caption("", caption), ids=["drawing"])


def links(app: Sphinx, docname: str, words: str, others: Sequence[str]) -> nodes.paragraph:
    paragraph = nodes.paragraph("", words)
    for number, other in enumerate(others):
        paragraph += nodes.Text(" · " if number else " " if words else "")
        paragraph += nodes.reference("", app.env.metadata[other]["title"], internal=True,
                                     refuri=app.builder.get_relative_uri(docname, other))
    return paragraph


def article_list(app: Sphinx, docname: str, order: list[str]) -> nodes.Node:
    entries = nodes.definition_list()
    for name in order:
        ways, teaches, body = app.ways[name], app.articles[name].teaches, nodes.definition()
        if teaches:
            body += nodes.paragraph("", f"Teaches {', '.join(teaches)}.")
        for words, others in (("Read first:", ways.first), ("Leads to:", ways.next), ("Close to it:", ways.related)):
            body += [links(app, docname, words, others)] if others else []
        entries += nodes.definition_list_item("", nodes.term("", "", *links(app, docname, "", [name]).children), body)
    return entries


def concept_list(app: Sphinx, docname: str, order: list[str]) -> nodes.Node:
    explained: dict[str, list[str]] = {}
    for name in order:
        for concept in app.articles[name].teaches:
            explained.setdefault(concept, []).append(name)
    entries = nodes.bullet_list()
    for concept in sorted(explained, key=lambda concept: (concept.casefold(), concept)):
        entries += nodes.list_item("", links(app, docname, f"{concept}:", explained[concept]))
    return entries


PARTS = {"drawing": drawing, "articles": article_list, "concepts": concept_list}


def show_map(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(part_of_map)):
        place.replace_self(PARTS[place["part"]](app, docname, reading_order(app.articles)))


# -- On an article's page ----------------------------------------------------


def time_contents(contents: str, minutes: Mapping[str, int]) -> str:
    """The list *On this page* with the minutes that each section takes.

    >>> time_contents('<a class="reference internal" href="#a">A</a>', {"a": 2})
    '<a class="reference internal" href="#a">A <span class="minutes">2 min</span></a>'
    """
    return re.sub(r'(href="#([^"]+)">(?:(?!</a>).)*)(?=</a>)',
                  lambda match: match[1] + (f' <span class="minutes">{minutes[match[2]]} min</span>' if match[2] in minutes else ""),
                  contents)


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if pagename in app.articles:
        context["ways"] = app.ways[pagename]
        context["titles"] = {name: app.env.metadata[name]["title"] for name in {*app.ways[pagename].first, *app.ways[pagename].next,
                                                                                *app.ways[pagename].related}}
        context["toc"] = time_contents(context["toc"], app.env.metadata[pagename].get("minutes", {}))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(part_of_map)
    app.add_directive("map", Map)
    app.connect("doctree-read", read_words)
    app.connect("env-updated", decide, priority=300)
    app.connect("doctree-resolved", show_map)
    app.connect("html-page-context", page_context, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
