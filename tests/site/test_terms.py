"""Terms, symbols and self-checks: what explains itself where it is used, and what an author learns who forgot to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lxml.html
import pytest
from conftest import article_head
from playwright.sync_api import Browser, expect

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

GLOSSARY = """# Glossary

Words.

```{glossary}
logit
  A score before softmax.

softmax
  What makes probabilities of scores.
```
"""
ARTICLE = article_head() + """Each {term}`logit` is a score; {term}`logits <logit>` are many.

```{math}
p_i = \\frac{e^{z_i}}{\\sum_{j=1}^{V} e^{z_j}}
```

```{symbols}
p_i : probability of token $i$
z_j : the logit of token $j$
z_i : the logit of token $i$
i, j : not read as two
e : Euler's number
j : a token
V : size of the vocabulary
```

:::{self-check} What do the $p_i$ add up to?
To one.

```pycon
>>> 1
1
```
:::
"""
ROOT_PAGE = "# The blog\n\nWhat it is about.\n\n```{toctree}\n:hidden:\n\ndocs/about\ndocs/glossary\n```\n"


@pytest.fixture
def blog(tiny: Tiny) -> Path:
    return tiny({"docs/glossary.md": GLOSSARY, "index.md": ROOT_PAGE,
                 "posts/scores/index.md": ARTICLE.replace("i, j : not read as two\n", "")})


def page(out: Path, address: str = "posts/scores") -> lxml.html.HtmlElement:
    return lxml.html.parse(out / address / "index.html", lxml.html.HTMLParser(encoding="utf-8")).getroot()


def test_a_term_brings_its_definition_and_the_glossary_leads_back(blog: Path, build: Build, tmp_path: Path) -> None:
    result = build(blog, tmp_path / "out", "-W", "-n")
    assert result.code == 0, result.messages
    links = page(result.out).xpath("//a[@class='term']")
    assert [link.text for link in links] == ["logit", "logits"]
    assert {link.get("aria-description") for link in links} == {"A score before softmax."}
    assert {link.get("href") for link in links} == {"../../docs/glossary/#term-logit"}
    uses = page(result.out, "docs/glossary").xpath("//p[@class='term-uses']")
    assert [use.text_content() for use in uses] == ["Used in Scores"], "softmax is used nowhere"
    assert uses[0].xpath("a/@href") == ["../../posts/scores/"]


def test_an_edit_of_either_side_reaches_the_other(blog: Path, build: Build, tmp_path: Path) -> None:
    """The definition in the article, the article's title and the new use in the glossary: all in builds that go on."""
    article, glossary = blog / "posts/scores/index.md", blog / "docs/glossary.md"
    build(blog, tmp_path / "out")
    glossary.write_text(GLOSSARY.replace("A score before", "A number before"))
    article.write_text(article.read_text().replace("# Scores", "# Numbers").replace("in the end", "by the {term}`softmax`"))
    result = build(blog, tmp_path / "out", "-n")
    assert page(result.out).xpath("//a[@class='term'][text()='logit']/@aria-description") == ["A number before softmax."]
    uses = [use.text_content() for use in page(result.out, "docs/glossary").xpath("//p[@class='term-uses']")]
    assert uses == ["Used in Numbers", "Used in Numbers"]
    article.unlink()
    result = build(blog, tmp_path / "out", "-n")
    assert not page(result.out, "docs/glossary").xpath("//p[@class='term-uses']")


def test_parallel_reading_gives_the_same_pages(blog: Path, build: Build, tmp_path: Path) -> None:
    for number in range(6):  # fewer pages Sphinx reads in one process
        folder = blog / f"posts/more-{number}"
        folder.mkdir()
        (folder / "index.md").write_text(article_head(f"More {number}") + "Only {term}`softmax` here.\n")
    outs = [build(blog, tmp_path / jobs, "-n", "-j", jobs).out for jobs in ("1", "2")]
    for name in ("docs/glossary", "posts/scores", "posts/more-3"):
        assert len({(out / name / "index.html").read_bytes() for out in map(Path, outs)}) == 1, name


def test_every_symbol_of_a_formula_is_explained_at_the_symbol(blog: Path, build: Build, tmp_path: Path, browser: Browser) -> None:
    out = build(blog, tmp_path / "out", "-W", "-n").out
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.goto((Path(out) / "posts/scores/index.html").as_uri())
    hint = tab.locator(".hint")
    expect(hint).to_be_hidden()
    for symbol, meaning in (("p", "probability of token i"), ("V", "size of the vocabulary"), ("e", "Euler’s number")):
        tab.locator(f"div.math mi:text-is('{symbol}')").first.hover()
        expect(hint).to_be_visible()
        assert (hint.text_content() or "").strip() == meaning
        box = hint.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    tab.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    tab.locator("div.math mi:text-is('p')").first.hover()
    tab.locator("h1").hover()
    expect(hint).to_be_hidden()
    context.close()


def test_a_finger_sees_a_definition_before_it_follows_the_link(blog: Path, build: Build, tmp_path: Path, browser: Browser) -> None:
    out = Path(build(blog, tmp_path / "out", "-W", "-n").out)
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tab = context.new_page()
    tab.goto((out / "posts/scores/index.html").as_uri())
    term = tab.locator("a.term").first
    term.tap()
    assert tab.url.endswith("posts/scores/index.html")
    assert tab.evaluate("getComputedStyle(document.querySelector('a.term'), '::after').content").startswith('"A score before')
    term.tap()
    tab.wait_for_url("**/docs/glossary/**")
    context.close()


def test_a_question_hides_its_answer_until_asked(blog: Path, build: Build, tmp_path: Path, browser: Browser) -> None:
    out = Path(build(blog, tmp_path / "out", "-W", "-n").out)
    context = browser.new_context()
    tab = context.new_page()
    tab.goto((out / "posts/scores/index.html").as_uri())
    answer = tab.get_by_text("To one.")
    expect(answer).to_be_hidden()
    tab.locator(".self-check summary").focus()
    tab.keyboard.press("Enter")
    expect(answer).to_be_visible()
    context.close()


@pytest.mark.parametrize(("old", "new", "line", "message"), [
    ("V : size of the vocabulary\n", "", 14, "nothing says what V stands for in this formula; add a line such as `V : its meaning`"),
    (ARTICLE[ARTICLE.index("```{symbols}"):ARTICLE.index(":::{self-check}")], "", 14,
     "p, i, e, z, j, V stand for in this formula; add a line such as `p : its meaning` to a {symbols} table anywhere"),
    ("V : size", "V: size", 24, "a line of {symbols} is a symbol, a colon between spaces, and its meaning"),
    ("e : Euler", "V : again\ne : Euler", None, "the symbol 'V' is explained twice; keep one line"),
    ("To one.\n\n```pycon\n>>> 1\n1\n```\n", "", 27, "a question without its answer"),
    ("{term}`logit` is", "{term}`lojit` is", 12, "term not in glossary: 'lojit'"),
])
def test_what_is_not_explained_fails_the_build_by_file_and_line(
        blog: Path, build: Build, tmp_path: Path, old: str, new: str, line: int | None, message: str) -> None:
    path = blog / "posts/scores/index.md"
    old = old.replace("i, j : not read as two\n", "")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    result = build(blog, tmp_path / "out", "-W", "-n", "--keep-going")
    found = [text for text in result.messages.splitlines() if message in text]
    assert result.code != 0 and found, result.messages
    assert f"posts/scores/index.md:{line or ''}" in found[0], found[0]


def test_a_formula_in_a_definition_is_refused(blog: Path, build: Build, tmp_path: Path) -> None:
    (blog / "docs/glossary.md").write_text(GLOSSARY.replace("A score", "A score $z$"))
    result = build(blog, tmp_path / "out", "-W", "-n")
    assert result.code != 0 and "the definition of 'logit' has a formula" in result.messages
