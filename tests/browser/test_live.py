"""`make live` as an author uses it: the real sphinx-autobuild, watched in a real browser.

Nothing here waits for a time. Each step waits for what the page or the terminal shows next.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
WAIT = 120  # seconds after which something never comes

LONG = "\n\n".join(f"Paragraph {number} of the long article, so that it needs scrolling." for number in range(80))
ARTICLE = """---
blogpost: true
date: 2023-04-01
tags: [Transformers]
description: "What happens while it is written."
draft: true
---

# The article being written

An opening.

{{result}}`answer` is the answer. MARK

![A square.](square.svg)

{long}

## The end
{end}
```{{results-table}}
```

:::{{wrong-if}}
- It is made up.
:::
"""
SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h{}v9z"/></svg>'
RESULTS = """{{"format_version": 1, "results": {{"answer": {{"kind": "quoted", "about": "The answer", "value": {}, "unit": "",
 "source": "adams1979guide", "locator": "chapter 27", "url": "https://books.example/"}}}}}}"""


class Live:
    """The running server: its terminal, and the blog's files."""

    def __init__(self, source: Path, opened: Path) -> None:
        self.source, self.opened = source, opened
        self.text, self.said = "", threading.Condition()
        environment = os.environ | {"BROWSER": f"{sys.executable} {opened.with_suffix('.py')} %s", "PYTHONUNBUFFERED": "1"}
        environment.pop("BLOG_PREVIEW", None)
        opened.with_suffix(".py").write_text(f"import sys; open({str(opened)!r}, 'w').write(sys.argv[1])", "utf-8")
        self.process = subprocess.Popen(
            ["make", "--silent", "--old-file=.venv/site", f"BIN={Path(sys.executable).parent}", "PORT=0", "live"],
            cwd=source, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", start_new_session=True)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self.said:
                self.text += re.sub(r"\x1b\[[0-9;]*m", "", line)
                self.said.notify_all()

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.listener.join()
        self.process.stdout.close()

    def terminal(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The next thing in the terminal that matches."""
        with self.said:
            found = self.said.wait_for(lambda: re.search(pattern, self.text[since:]), timeout=WAIT)
        assert found, f"the terminal never says {pattern}:\n{self.text[since:]}"
        return found

    def edit(self, path: str, change: Callable[[str], str]) -> int:
        """Save a file; returns how much the terminal had said before."""
        file, before = self.source / path, len(self.text)
        file.write_text(change(file.read_text("utf-8")), "utf-8")
        return before


@pytest.fixture(scope="module")
def live(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    source = tiny({"posts/wip/index.md": ARTICLE.format(long=LONG, end=""), "posts/wip/square.svg": SQUARE.format(9),
                   "posts/wip/results.json": RESULTS.format(41), "Makefile": (ROOT / "Makefile").read_text("utf-8")})
    running = Live(source, tmp_path_factory.mktemp("opened") / "address")
    yield running
    alive = running.process.poll() is None
    running.stop()
    assert alive, f"the server died:\n{running.text}"


@pytest.fixture(scope="module")
def page(live: Live, browser: Browser) -> Iterator[Page]:
    """The article being written, on a laptop's screen, scrolled half way."""
    address = live.terminal(r"Serving on (http://\S+)")[1]
    live.terminal("Waiting to detect changes")
    context = browser.new_context(viewport={"width": 1200, "height": 700})
    context.set_default_timeout(1000 * WAIT)
    page = context.new_page()
    for _ in range(600):  # the server's port opens a moment after it says so
        try:
            page.goto(address + "/posts/wip/")
            break
        except Exception as error:
            if not any(text in str(error) for text in ("ERR_CONNECTION_REFUSED", "interrupted by another navigation")):
                raise
            page.wait_for_timeout(100)
    page.evaluate("scrollTo({top: 1500, behavior: 'instant'})")
    yield page
    page.goto("about:blank")  # a page that may be told to reload while it is closed never closes
    context.close()


def shows(page: Page, selector: str, **options: Any) -> None:
    page.wait_for_selector(selector, state="attached", **options)


def test_the_browser_opens_at_the_preview(live: Live, page: Page) -> None:
    """By the time the page above is loaded, the server answers, which is when the browser is opened."""
    page.wait_for_function("true")
    for _ in range(600):
        if live.opened.is_file() and live.opened.read_text("utf-8"):
            break
        page.wait_for_timeout(100)
    assert page.url.startswith(live.opened.read_text("utf-8"))


def test_a_draft_is_shown_and_marked(page: Page) -> None:
    assert page.locator(".byline .draft").text_content() == "Draft"


@pytest.mark.parametrize(("path", "old", "new", "then"), [
    ("posts/wip/index.md", "MARK", "CHANGED", "p:has-text('is the answer. CHANGED')"),
    ("posts/wip/results.json", "41", "42", "a.result:has-text('42')"),
    ("posts/wip/square.svg", "h9", "h5", "svg path[d='M0 0h5v9z']"),
    ("_templates/macros.html", "Cite this", "Cite me", "#cite-this:has-text('Cite me')"),
    ("_static/site.css", "#f6f4ee", "#f6f4e0", "link[rel=stylesheet]:not([href='{stylesheet}'])"),
], ids=["text", "results", "figure", "template", "style"])
def test_an_edit_shows_in_the_open_page_which_stays_where_it_was(
        live: Live, page: Page, path: str, old: str, new: str, then: str) -> None:
    sheet = page.locator("link[rel=stylesheet]").get_attribute("href")
    before = page.evaluate("scrollY")
    assert before == 1500
    live.edit(path, lambda text: text.replace(old, new))
    shows(page, then.format(stylesheet=sheet))
    page.wait_for_function("scrollY == 1500")


def test_mistakes_stand_in_the_terminal_and_on_their_page_with_their_lines_until_mended(live: Live, page: Page) -> None:
    wrong = "{result}`answwer` [](../nowhere/index.md)"  # found in reading the page, and in writing it
    since = live.edit("posts/wip/index.md", lambda text: text.replace("## The end\n", f"## The end\n{wrong}\n"))
    shows(page, "#mistakes")
    line = (live.source / "posts/wip/index.md").read_text("utf-8").split("\n").index(wrong) + 1
    said = ["unknown result 'answwer': did you mean 'answer'?", "'myst' cross-reference target not found: '../nowhere/index.md'"]
    for message in said:
        live.terminal(rf"posts/wip/index\.md:{line}: WARNING: {re.escape(message)}", since)
    expected = [f"posts/wip/index.md:{line} {message}" for message in sorted(said)]
    assert page.locator("#mistakes li").all_inner_texts() == expected
    # They lie over the page, in view, and move nothing.
    page.wait_for_function("scrollY == 1500")
    assert page.locator("#mistakes").bounding_box()["y"] == 0
    # Sphinx says such a thing once; an edit of another page does not make it right.
    since = live.edit("posts/first/index.md", lambda text: text.replace("A number", "Still a number"))
    live.terminal(rf"still to mend[\s\S]*posts/wip/index\.md:{line}: {re.escape(said[0])}[\s\S]*Serving on", since)
    written = (live.source / "_build/live/posts/wip/index.html").read_text("utf-8")
    assert all(escape(message) in written for message in said)
    assert "mistakes" not in (live.source / "_build/live/posts/first/index.html").read_text("utf-8")
    live.edit("posts/wip/index.md", lambda text: text.replace(wrong, ""))
    page.wait_for_selector("#mistakes", state="detached")


def test_a_slip_in_the_front_matter_leaves_the_page_and_its_place_in_the_lists(live: Live, page: Page) -> None:
    since = live.edit("posts/wip/index.md", lambda text: text.replace("tags: [Transformers]", "tags: [Transformer]"))
    shows(page, "#mistakes li:has-text('unknown tag')")
    live.terminal(r"posts/wip/index\.md:4: ERROR: unknown tag 'Transformer': did you mean 'Transformers'\?", since)
    assert page.locator(".byline .draft").text_content() == "Mistakes"
    assert page.locator("h1").text_content().startswith("The article being written")
    page.wait_for_function("scrollY == 1500")
    assert "The article being written" in (live.source / "_build/live/index.html").read_text("utf-8")
    live.edit("posts/wip/index.md", lambda text: text.replace("tags: [Transformer]", "tags: [Transformers]"))
    page.wait_for_selector("#mistakes", state="detached")
    page.wait_for_function("scrollY == 1500")


def test_front_matter_cut_in_half_leaves_the_last_good_page_with_the_mistake_on_it(live: Live, page: Page) -> None:
    live.edit("posts/wip/index.md", lambda text: text.removeprefix("---\n"))
    shows(page, "#mistakes li:has-text('begins with front matter')")
    assert page.locator("h1").text_content().startswith("The article being written")
    live.edit("posts/wip/index.md", lambda text: "---\n" + text)
    page.wait_for_selector("#mistakes", state="detached")


def test_a_broken_template_stops_no_server_and_is_named_on_the_page(live: Live, page: Page) -> None:
    since = live.edit("_templates/macros.html", lambda text: text.replace("{%- endmacro -%}", "{%- endmacr -%}", 1))
    shows(page, "#mistakes li:has-text('the build stopped')")
    live.terminal("endmacr", since)
    live.edit("_templates/macros.html", lambda text: text.replace("{%- endmacr -%}", "{%- endmacro -%}"))
    page.wait_for_selector("#mistakes", state="detached")


def test_a_syntax_error_in_conf_py_stops_no_server(live: Live, page: Page) -> None:
    since = live.edit("conf.py", lambda text: text + "\ndef (\n")
    live.terminal(r"Sphinx exited with exit code", since)
    live.edit("conf.py", lambda text: text.removesuffix("\ndef (\n"))
    live.edit("posts/wip/index.md", lambda text: text.replace("CHANGED", "AGAIN"))
    shows(page, "p:has-text('is the answer. AGAIN')")


def test_an_article_that_was_never_right_has_a_page_that_says_why_and_comes_when_mended(
        live: Live, page: Page, browser: Browser) -> None:
    new = live.source / "posts/brand-new/index.md"
    new.parent.mkdir()
    since = len(live.text)
    new.write_text("# Forgot the front matter\n", "utf-8")
    live.terminal(r"posts/brand-new/index\.md:1: ERROR: an article begins with front matter", since)
    live.terminal("Serving on", since)
    tab = page.context.new_page()
    tab.goto(page.url.replace("/wip/", "/brand-new/"))
    assert "begins with front matter" in tab.locator("#mistakes").inner_text()
    new.write_text(ARTICLE.format(long="", end="").split("{result}")[0], "utf-8")
    shows(tab, "h1:has-text('The article being written')")
    tab.close()


def test_what_tools_and_editors_write_starts_no_build(live: Live, page: Page) -> None:
    """Then a real edit: the next thing that the terminal names is that edit, and no file of a tool."""
    since = len(live.text)
    for name in (".git/index", "_ext/__pycache__/x.pyc", "_build/dirhtml/x.html", "posts/wip/.index.md.swp",
                 "posts/wip/index.md~", "posts/wip/index.md.tmp", "posts/wip/4913", "posts/wip/results.partial.json", ".mypy_cache/x.json"):
        (live.source / name).parent.mkdir(parents=True, exist_ok=True)
        (live.source / name).write_text("x", "utf-8")
    live.edit("posts/wip/index.md", lambda text: text.replace("AGAIN", "LAST"))
    assert live.terminal(r"Detected changes \((.*)\)", since)[1] == "posts/wip/index.md"
    shows(page, "p:has-text('is the answer. LAST')")
