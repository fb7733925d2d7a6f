"""Interactive figures: what the directive puts into a page and beside it, and how it names an author's mistake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

import lxml.html
import pytest
from playwright.sync_api import Browser, Route, expect

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "tests/roots/test-demo/posts/counting"
ADDRESS = "https://blog.example/"

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]


@pytest.fixture
def blog(tiny: Tiny) -> Path:
    """A tiny blog with the worked example of the documentation."""
    source = tiny()
    shutil.copytree(EXAMPLE, source / "posts/counting")
    return source


def built(build: Build, source: Path, out: Path, *options: str) -> Path:
    result = build(source, out, "-W", "-n", *options, SITE_URL=ADDRESS)
    assert result.code == 0, result.messages
    return Path(result.out)


def homes(out: Path) -> list[Path]:
    return sorted((out / "_static/demos").glob("*/*"))


def test_the_page_has_the_first_frame_the_style_and_the_way_to_the_module(blog: Path, build: Build, tmp_path: Path) -> None:
    out = built(build, blog, tmp_path / "out")
    page = lxml.html.parse(out / "posts/counting/index.html").getroot()
    (figure,) = page.xpath("//figure[@id='fig-counting']")
    (demo,) = figure.xpath("div[@class='demo']")
    assert demo.get("role") == "group" and demo.get("aria-label") == "The count, which begins at 0."
    assert demo.xpath("string(p)") == "From 0 by threes: 0"
    assert figure.xpath("string(figcaption)").strip().startswith("Count as far as you like: four does not come.")
    (home,) = homes(out)
    assert (out / "posts/counting" / demo.get("data-home")).resolve() == home
    assert sorted(path.name for path in home.iterdir()) == ["counting.js", "demo.css", "demo.js"]
    assert (demo.get("data-module"), demo.get("data-start")) == ("demo.js", "default")
    (style,) = figure.xpath("link[@rel='stylesheet']/@href")
    assert (out / "posts/counting" / style).resolve() == home / "demo.css"
    assert page.xpath("//script[contains(@src, 'demos/')]") == []


def test_it_starts_in_a_browser_and_only_where_it_is(blog: Path, build: Build, tmp_path: Path, browser: Browser) -> None:
    out = built(build, blog, tmp_path / "out")
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        path = out / route.request.url.removeprefix(ADDRESS)
        route.fulfill(path=path / "index.html" if path.is_dir() else path)

    page.route(f"{ADDRESS}**", answer)
    page.goto(f"{ADDRESS}posts/first/")
    page.goto(f"{ADDRESS}posts/counting/")
    page.get_by_role("button", name="Count on").click()
    expect(page.locator(".number")).to_have_text("3")
    first_page = asked[:asked.index(f"{ADDRESS}posts/counting/")]
    assert [url for url in first_page if "/demos/" in url] == []
    assert [url.rsplit("/", 1)[1] for url in asked if "/demos/" in url] == ["demo.css", "demo.js", "counting.js"]
    context.close()


def test_from_a_local_folder_the_first_frame_stays_without_an_error(blog: Path, build: Build, tmp_path: Path, browser: Browser) -> None:
    out = built(build, blog, tmp_path / "out")
    context = browser.new_context()
    page = context.new_page()
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.goto((out / "posts/counting/index.html").as_uri())
    page.evaluate("() => new Promise((resolve) => requestIdleCallback(resolve))")
    assert page.locator(".number").inner_text() == "0" and page.get_by_role("button", name="Count on").count() == 0
    assert [text for text in console if "/demos/" in text or "script" in text] == []
    context.close()


def test_the_feed_has_the_first_frame_and_the_caption(blog: Path, build: Build, tmp_path: Path) -> None:
    out = built(build, blog, tmp_path / "out")
    feed = ElementTree.parse(out / "articles/atom.xml").getroot()
    atom = "{http://www.w3.org/2005/Atom}"
    (content,) = [entry.findtext(f"{atom}content") or "" for entry in feed.iter(f"{atom}entry")
                  if entry.findtext(f"{atom}title") == "Counting by threes"]
    assert "From 0 by threes: <code>0</code>" in content and "does not come" in content
    assert "<link" not in content and "<script" not in content


OTHERS = {
    "the module": ("demo.js", "// another\nexport default () => {};\n"),
    "a module that it imports": ("counting.js", "export const after = (number) => number + 4;\n"),
    "the style": ("demo.css", ".number { color: inherit; }\n"),
    "the first frame": ("demo.html", "<p>Another frame</p>\n"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_change_builds_the_page_again_and_leaves_nothing_old(blog: Path, build: Build, tmp_path: Path, what: str) -> None:
    out = built(build, blog, tmp_path / "out")
    name, content = OTHERS[what]
    (blog / "posts/counting" / name).write_text(content, encoding="utf-8")
    built(build, blog, tmp_path / "out")
    afresh = built(build, blog, tmp_path / "afresh", "-j", "2")
    page = Path("posts/counting/index.html")
    assert (out / page).read_bytes() == (afresh / page).read_bytes()
    assert len(homes(out)) == 1
    assert [path.relative_to(out) for path in homes(out)] == [path.relative_to(afresh) for path in homes(afresh)]


def test_a_figure_taken_out_takes_its_files_along(blog: Path, build: Build, tmp_path: Path) -> None:
    out = built(build, blog, tmp_path / "out")
    assert homes(out)
    index = blog / "posts/counting/index.md"
    index.write_text(index.read_text(encoding="utf-8").split("```{demo}")[0], encoding="utf-8")
    built(build, blog, tmp_path / "out")
    assert list((out / "_static").glob("demos/*")) == []


MISTAKES = {
    "no-frame": ("index.md", ":frame: demo.html\n", "", "give it `:frame:`, the HTML that readers without JavaScript see"),
    "no-alt": ("index.md", ":alt: The count, which begins at 0.\n", "", "give it `:alt:`, what that frame shows, in words"),
    "no-caption": ("index.md", "\nCount as far as you like: *four* does not come.\n", "", "give it a caption that says what to see"),
    "missing-file": ("index.md", "demo.css", "demo.scss", "demo.scss is not beside the article"),
    "missing-module": ("index.md", "{demo} demo.js", "{demo} other.js", "other.js is not beside the article"),
    "missing-import": ("demo.js", "./counting.js", "./numbers.js", "it imports numbers.js, which is not beside the article"),
    "dead-control": ("demo.html", "<div", "<button>Go</button><div",
                     "demo.html: <button> does nothing without JavaScript; let the module add it"),
    "script": ("demo.html", "<div", "<script>1</script><div", "demo.html: <script> may not stand in a first frame"),
    "style-attribute": ("demo.html", "<div", '<div style="color:red"', 'demo.html: style="…" is forbidden by the security policy'),
    "handler": ("demo.html", "<div", '<div onclick="go()"', 'demo.html: onclick="…" is forbidden by the security policy'),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_remedy(blog: Path, build: Build, tmp_path: Path, mistake: str) -> None:
    name, old, new, message = MISTAKES[mistake]
    path = blog / "posts/counting" / name
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    result = build(blog, tmp_path / "out", "-n", SITE_URL=ADDRESS)
    (line,) = [line for line in result.messages.splitlines() if message in line]
    assert "posts/counting/index.md:12: WARNING: demo " in line, line
