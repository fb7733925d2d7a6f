"""An article's four faces say the same: its page, its Markdown, its entry in the feed, and the page on paper."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from html import escape
from pathlib import Path

import lxml.html
import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "_ext"))
import mathml  # noqa: E402

SLUGS = sorted(path.parent.name for path in ROOT.glob("posts/*/index.md"))
# Of the page alone: where the reader is, date and tags, what to operate, marks of links and code's colours.
ONLY_ON_THE_PAGE = (".//a[@class='headerlink'] | .//nav | .//button | .//script | .//*[@data-feed='omit'] | .//*[@class='backrefs']"
                    "| .//*[local-name()='svg'] | .//*[@class='byline']"
                    "| .//aside[@class='cite'] | .//h1 | .//img")


def parts(root: lxml.html.HtmlElement) -> tuple[list[str], list[str], list[str]]:
    """(words and numbers in order, formulas in order as MathML, alternative texts in order)."""
    alts = [element.get("aria-label") or element.get("alt") or "" for element in
            root.xpath(".//*[local-name()='svg' and @data-source] | .//img | .//*[@class='demo']")]
    formulas = []
    for formula in root.xpath(".//math"):
        markup = lxml.html.tostring(formula, encoding="unicode", with_tail=False)
        formulas.append(re.sub(r'\s(class|xmlns|display|id)="[^"]*"', "", markup))
        formula.text = " ¤ "
        for child in list(formula):
            formula.remove(child)
    for element in root.xpath(ONLY_ON_THE_PAGE):
        element.drop_tree()
    for block in root.iter("p", "li", "div", "td", "th", "dt", "dd", "figcaption", "summary", "span", "label", "output"):
        if block.tag not in ("span", "label", "output") or block.getparent().tag == "div":
            block.text, block.tail = f" {block.text or ''}", f" {block.tail or ''}"
    return re.findall(r"¤|[^\W_]+", root.text_content()), formulas, alts


def of_page(site: Path, slug: str, *, frames: bool) -> tuple[list[str], list[str], list[str]]:
    """With the first frames of its interactive figures, drawings in words, as a feed has them; or with their names alone."""
    tree = lxml.html.parse(site / "posts" / slug / "index.html", lxml.html.HTMLParser(encoding="utf-8")).getroot()
    (article,) = tree.xpath("//article[@role='main' or @id='furo-main-content']")
    for number in article.xpath(".//span[@class='eqno']") if not frames else []:
        number.drop_tree()  # in Markdown it is a tag of the formula
    for demo in article.xpath(".//*[@class='demo']"):
        if frames:
            for drawing in demo.xpath(".//*[local-name()='svg']"):
                label = next(element.get("aria-label") for element in drawing.iterancestors() if element.get("aria-label"))
                drawing.getparent().replace(drawing, lxml.html.fromstring(f"<p>{escape(label)}</p>"))
            demo.set("class", "frame")
        else:
            for child in list(demo):
                demo.remove(child)
            demo.text = None
    return parts(article)


def of_markdown(site: Path, slug: str) -> tuple[list[str], list[str], list[str]]:
    text = (site / "posts" / slug / "index.markdown").read_text(encoding="utf-8")
    title, days, rest = text.split("\n\n", 2)
    assert title.startswith("# ") and days.startswith("Published 20") and days.endswith(f"/posts/{slug}/>")
    rest = re.sub(r"^\[\^([^\]]+)\]: ", r"\\[\1\\] ", re.sub(r"\[\^(\w+)\](?!:)", r"\\[\1\\]", rest), flags=re.MULTILINE)
    rest = re.sub(r"^\(An interactive figure, on the \[page\]\(<\S+>\): (.*)\)$", lambda match: f"![{match[1]}](demo)", rest,
                  flags=re.MULTILINE)
    markdown = MarkdownIt("commonmark").enable("table").use(deflist_plugin).use(
        dollarmath_plugin, double_inline=False, allow_labels=False,
        renderer=lambda latex, options: mathml.convert(re.sub(r"\\tag\{.*?\}$", "", latex.strip()), display=options["display_mode"]))
    return parts(lxml.html.fragment_fromstring(markdown.render(rest), create_parent="div"))


def of_feed(site: Path, slug: str) -> tuple[list[str], list[str], list[str]]:
    atom = "{http://www.w3.org/2005/Atom}"
    for entry in ElementTree.parse(site / "articles/atom.xml").getroot().iter(f"{atom}entry"):
        if entry.findtext(f"{atom}id", "").endswith(f"/posts/{slug}/"):
            return parts(lxml.html.fragment_fromstring(entry.findtext(f"{atom}content", ""), create_parent="div"))
    raise AssertionError(f"{slug} is not in the feed")


def first_difference(ours: list[str], theirs: list[str]) -> str:
    for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            return f"page: … {' '.join(ours[max(0, index - 8):index + 6])}\nface: … {' '.join(theirs[max(0, index - 8):index + 6])}"
    return "" if len(ours) == len(theirs) else f"page: {ours[len(theirs):][:9]}\nface: {theirs[len(ours):][:9]}"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_markdown_has_the_pages_words_numbers_formulas_and_figures(site: Path, slug: str) -> None:
    (words, formulas, alts), (written, converted, described) = of_page(site, slug, frames=False), of_markdown(site, slug)
    assert len(words) > 900 and formulas
    assert first_difference(words, written) == ""
    assert first_difference(formulas, converted) == ""
    assert first_difference(alts, described) == ""


@pytest.mark.parametrize("slug", SLUGS)
def test_the_feed_has_the_pages_words_numbers_formulas_and_figures(site: Path, slug: str) -> None:
    (words, formulas, alts), (written, converted, described) = of_page(site, slug, frames=True), of_feed(site, slug)
    assert first_difference(words, written) == ""
    assert first_difference(formulas, converted) == ""
    assert first_difference(alts, described) == ""


@pytest.mark.parametrize("slug", SLUGS)
def test_paper_shows_all_that_the_page_says(browser: Browser, server: str, slug: str) -> None:
    """Folded answers and symbols too."""
    context = browser.new_context(viewport={"width": 720, "height": 1000})
    page = context.new_page()
    page.goto(f"{server}posts/{slug}/")
    page.emulate_media(media="print")
    hidden = page.evaluate("""() => {
        const walker = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
        const hidden = [];
        while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement;
            const text = walker.currentNode.textContent.trim();
            if (!text || parent.closest("button, .headerlink, nav, script, .hint, .fn-bracket, svg, .demo")) continue;
            if (!parent.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})) hidden.push(text);
        }
        return hidden;
    }""")
    context.close()
    assert hidden == []


def test_every_article_is_listed_for_programs_that_read_text(site: Path) -> None:
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    addresses = re.findall(r"\]\(https://blog\.example/(\S+?)\): \S", listed)
    assert sorted(addresses) == sorted(f"posts/{slug}/index.markdown" for slug in SLUGS)
    assert all((site / address).is_file() for address in addresses)
    for slug in SLUGS:
        page = lxml.html.parse(site / "posts" / slug / "index.html").getroot()
        assert page.xpath("//link[@type='text/markdown']/@href") == ["index.markdown"]


def test_a_deleted_article_takes_its_markdown_along(tiny, build, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    source = tiny()
    build(source, tmp_path / "out")
    assert (tmp_path / "out/posts/first/index.markdown").is_file()
    (source / "posts/first/index.md").unlink()
    (source / "posts/second/index.md").write_text(
        (source / "posts/second/index.md").read_text().replace("needs: [first]\n", ""))
    build(source, tmp_path / "out")
    assert not (tmp_path / "out/posts/first").exists() and "first" not in (tmp_path / "out/llms.txt").read_text()
