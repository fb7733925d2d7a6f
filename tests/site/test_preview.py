"""A preview says on each page what is wrong with it; a published build says it to nobody but the author."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import lxml.html
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_author_mistakes import MISTAKES, WARNINGS, article

Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]


def shown(out: Path, page: str) -> list[str]:
    """The mistakes in the box of a page, each as `file:line message`."""
    root = lxml.html.parse(out / page / "index.html", lxml.html.HTMLParser(encoding="utf-8")).getroot()
    boxes = root.xpath("//body/*[@id='mistakes']")
    assert len(boxes) <= 1
    return [item.text_content() for box in boxes for item in box.xpath(".//li")]


def test_every_mistake_in_the_front_matter_stands_on_the_page_of_its_article(tiny: Tiny, build: Build) -> None:
    """Each alone in its folder, and none ends the preview."""
    source = tiny({f"posts/{name}/index.md": text for name, (text, _, _) in MISTAKES.items()})
    result = build(source, source / "_build/live", "-n")
    assert "Traceback" not in result.messages + result.output
    for name, (_, line, remedy) in MISTAKES.items():
        assert [text for text in shown(result.out, f"posts/{name}")
                if text.startswith(f"posts/{name}/index.md:{line} ") and remedy in text], name
    assert shown(result.out, "posts/first") == []


def test_a_mistake_stays_on_its_page_through_builds_that_do_not_read_it_and_goes_when_mended(tiny: Tiny, build: Build) -> None:
    bodies = {name: "\n" + body for name, (_, _, body) in WARNINGS.items() if "image" not in body and not name.startswith("card-")}
    source = tiny({f"posts/{name}/index.md": article(body) for name, body in bodies.items()})
    before: dict[str, list[str]] = {}
    for turn in range(3):
        result = build(source, source / "_build/live", "-n")
        assert result.code == 0
        for name in bodies:
            remedy = WARNINGS[name][1].replace("posts/x/", f"posts/{name}/")
            found = shown(result.out, f"posts/{name}")
            assert any(remedy in text for text in found), (name, turn)
            assert before.setdefault(name, found) == found
        if turn == 0:  # a page that others do not show, so that none of them is written again
            (source / "docs/about.md").write_text("# About\n\nChanged.\n", encoding="utf-8")
    for name in bodies:
        (source / f"posts/{name}/index.md").write_text(article("\n# T\n\nOpening.\n"), encoding="utf-8")
    result = build(source, source / "_build/live", "-n")
    assert result.messages == ""
    assert [name for name in bodies if shown(result.out, f"posts/{name}")] == []
    assert [path for path in result.out.rglob("*.html") if "mistakes" in path.read_text(encoding="utf-8")] == []


def test_a_deleted_page_takes_its_mistakes_along(tiny: Tiny, build: Build) -> None:
    source = tiny({"docs/wrong.md": "---\norphan: true\n---\n\n# Wrong\n\n{nope}`x`\n"})
    assert "docs/wrong.md:7: WARNING" in build(source, source / "_build/live").messages
    (source / "docs/wrong.md").unlink()
    assert "still to mend" not in build(source, source / "_build/live").messages


@pytest.mark.parametrize("builder", ["dirhtml", "html"])
def test_a_published_build_shows_no_reader_a_mistake(builder: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny({"posts/x/index.md": article("\n# T\n\nOpening.\n\n[](../gone/index.md) $\\nosuch$\n"),
                   "posts/y/index.md": "# No front matter\n"})
    result = build(source, tmp_path / "out", "-n", builder=builder)
    assert result.messages.count("WARNING") == 2 and result.messages.count("ERROR") == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file() and (
        b"mistakes" in path.read_bytes() or path.name == "problems.json")] == []


def test_what_is_installed_is_looked_up_once_and_not_at_each_citation(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    """And the references are those that pybtex would set without that."""
    cited = " ".join(["{footcite:p}`one2020`"] * 9)
    bib = "@article{one2020, author={One, A.}, title={On one}, year={2020}, journal={J}, doi={10.1/one}}\n"
    count = ("\nimport pybtex.plugin\ncalls = []\nreal = pybtex.plugin.entry_points\n"
             "def counted(**wanted):\n    calls.append(tuple(wanted.items()))\n    return real(**wanted)\n"
             "pybtex.plugin.entry_points = counted\n"
             "def setup(app):\n    app.connect('build-finished', lambda *_: print('looked up', len(calls), len(set(calls))))\n")
    body = f"\n# T\n\nOpening.\n\n{cited}\n\n```{{footbibliography}}\n```\n"
    pages = {}
    for name, conf in {"cached": count, "plain": count + "extensions.remove('citations')\n"}.items():
        source = tiny({"posts/x/index.md": article(body), "posts/references.bib": bib}, conf=conf)
        result = build(source, tmp_path / name, "-W", "-n")
        assert result.code == 0, result.messages
        calls, different = map(int, re.search(r"looked up (\d+) (\d+)", result.output).groups())  # type: ignore[union-attr]
        # One more than different ones: sphinxcontrib-bibtex asks while it is loaded, before this.
        assert calls <= different + 1 if name == "cached" else calls > 18, (name, calls, different)
        pages[name] = (result.out / "posts/x/index.html").read_bytes()
    assert b"On one" in pages["plain"] and pages["cached"] == pages["plain"]


def test_a_template_saved_while_a_box_is_put_on_a_page_is_not_taken_for_an_older_one(tiny: Tiny, build: Build) -> None:
    """Sphinx writes a page again when a template is newer than it, so a box must not make the page look newer."""
    save = ("\ndef save(app, exception):\n    path = app.srcdir / '_templates/macros.html'\n"
            "    path.write_text(path.read_text(encoding='utf-8').replace('Cite this', 'Cite me'), encoding='utf-8')\n"
            "def setup(app):\n    app.connect('build-finished', save, priority=899)\n")
    source = tiny({"posts/x/index.md": article("\n# T\n\nOpening.\n\n[](../gone/index.md)\n")}, conf=save)
    page = source / "_build/live/posts/x/index.html"
    build(source, source / "_build/live")
    assert "mistakes" in page.read_text(encoding="utf-8") and "Cite this" in page.read_text(encoding="utf-8")
    build(source, source / "_build/live")
    assert "mistakes" in page.read_text(encoding="utf-8") and "Cite me" in page.read_text(encoding="utf-8")
