"""Whatever an author does, and in whatever order: what was built step by step equals what is built afresh.

Hypothesis invents sequences of edits and compares every byte after each build.
`make test` runs a few; `make test-sequences` runs SEQUENCES of them, 200 unless told.
Builds run in forked processes, so that Sphinx is imported once.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

ROOT = Path(__file__).resolve().parents[2]
SEQUENCES = int(os.environ.get("SEQUENCES", "5"))
TAGS = ["Transformers", "LLMs", "Coroutines", "Computer Vision"]
SLUGS = ["alpha", "beta", "gamma", "delta", "epsilon"]
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v{}z"/></svg>'

# Two articles to a list and to a feed, so that a few make each of them long.
FEW = "\nblog_shown = 2\nimport feeds\nfeeds.FULL_TEXT = 2\n"

CORRECTED = ["updated: 2025-02-02", "changes:", '  - {date: 2025-02-02, kind: correction, what: "A sign was wrong."}']

slugs = st.sampled_from(SLUGS)
GLOSSARY = "---\norphan: true\n---\n\n# Glossary\n\n```{{glossary}}\nlogit\n  {}\n```\n"

days = st.sampled_from(["2023-03-01", "2023-06-15", "2024-02-29", "2024-05-05", "2025-01-01"])
tags = st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True)
texts = st.sampled_from(["One is a number.", "Two follows one.", "Three, with $x^2$ in `code`.", "Übung macht den Meister."])
titles = st.sampled_from(["First", "Second <b> & more", "Dritte Übung", "The \"fourth\"", "C++ & C"])


def _build(source: str, out: str, jobs: str) -> None:
    os.chdir(source)
    for name in ("READTHEDOCS_CANONICAL_URL", "REPOSITORY_URL", "BLOG_PREVIEW"):
        os.environ.pop(name, None)
    os.environ["SITE_URL"] = "https://blog.example/"
    log = open(f"{out}.log", "w", encoding="utf-8")  # noqa: SIM115  (the process ends with it)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    from sphinx.cmd.build import main

    sys.argv[1:] = []
    os._exit(main(["-q", "--no-color", "-n", "-j", jobs, "-b", "dirhtml", "-d", f"{out}.doctrees", source, out]))


def build(source: Path, out: Path, jobs: int = 1) -> None:
    process = multiprocessing.get_context("fork").Process(target=_build, args=(str(source), str(out), str(jobs)))
    process.start()
    process.join()
    assert process.exitcode == 0, Path(f"{out}.log").read_text("utf-8")


def digests(out: Path) -> dict[str, str]:
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*")) if path.is_file() and not path.name.startswith(".buildinfo")}


def differences(one: Path, other: Path) -> list[str]:
    a, b = digests(one), digests(other)
    assert len(a) > 30
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def small_blog(folder: Path) -> Path:
    source = folder / "blog"
    shutil.copytree(ROOT / "tests/roots/test-blog", source)
    for part in ("_ext", "_templates", "_static"):
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "conf.py").write_text((ROOT / "conf.py").read_text("utf-8") + FEW, "utf-8")
    shutil.copy(ROOT / "posts/evidence.py", source / "posts")
    (source / "docs/glossary.md").write_text(GLOSSARY.format("A number before the softmax."), "utf-8")
    (source / "docs/list.md").write_text(
        "---\norphan: true\n---\n\n# List\n\n```{postlist} 3\n```\n\nSee {ref}`blog-posts` and [](about.md).\n", "utf-8")
    return source


def item_needs(author: Author, slug: str) -> list[str]:
    """The field `needs`, where it names an article that comes earlier in the alphabet: so there is no circle."""
    other = author.articles[slug]["needs"]
    return [f"needs: [{other}]"] if other in author.articles and other < slug else []


class Author(RuleBasedStateMachine):
    """What an author does. Articles link to each other by title, need each other, draw pictures, use terms, are corrected."""

    jobs = 1

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sequences-"))
        self.source = small_blog(self.folder)
        self.articles: dict[str, dict] = {}
        self.index = ""
        build(self.source, self.folder / "out", self.jobs)
        self.built = True

    def write(self, slug: str) -> None:
        item = self.articles[slug]
        folder = self.source / "posts" / slug
        folder.mkdir(exist_ok=True)
        lines = ["---", "blogpost: true", f"date: {item['date']}", f"tags: [{', '.join(item['tags'])}]",
                 f'description: "A finding of {slug}."', *(["draft: true"] if item["draft"] else []),
                 *item_needs(self, slug), *item["changes"], "---", "",
                 f"# {item['title']}", "", item["text"] + " A {term}`logit`." * item["term"], "",
                 f"## About {item['heading']}", "", "More.", ""]
        # A link to a page that is gone or held back is an author's mistake: it is not made here.
        other = item["link"]
        if other in self.articles and not self.articles[other]["draft"] and other != slug:
            lines += [f"See [](../{other}/index.md).", ""]
        if item["picture"]:
            (folder / "shape.svg").write_text(PICTURE.format(item["picture"]), "utf-8")
            lines += ["![A shape](shape.svg)", ""]
        content = "\n".join(lines)
        path = folder / "index.md"
        if not path.is_file() or path.read_text("utf-8") != content:
            path.write_text(content, "utf-8")
        self.built = False

    def write_all(self) -> None:
        for slug in self.articles:
            self.write(slug)

    @rule(slug=slugs, date=days, tags=tags, title=titles, text=texts, link=slugs, picture=st.integers(0, 2))
    def add_or_rewrite(self, slug: str, date: str, tags: list[str], title: str, text: str, link: str, picture: int) -> None:
        self.articles[slug] = {"date": date, "tags": tags, "title": title, "text": text, "link": link, "picture": picture,
                               "draft": False, "heading": "it", "term": 0, "needs": None, "changes": []}
        self.write_all()

    @precondition(lambda self: self.articles)
    @rule(data=st.data(), field=st.sampled_from([
        "date", "tags", "title", "text", "heading", "picture", "draft", "link", "term", "needs", "changes"]))
    def change(self, data: st.DataObject, field: str) -> None:
        slug = data.draw(st.sampled_from(sorted(self.articles)))
        values = {"date": days, "tags": tags, "title": titles, "text": texts, "heading": texts.map(lambda text: text[:3]),
                  "picture": st.integers(1, 3), "draft": st.booleans(), "link": slugs,
                  "term": st.integers(0, 1), "needs": st.none() | slugs, "changes": st.sampled_from([[], CORRECTED])}
        self.articles[slug][field] = data.draw(values[field])
        self.write_all()

    def drop(self, slug: str) -> None:
        shutil.rmtree(self.source / "posts" / slug)
        del self.articles[slug]

    @precondition(lambda self: self.articles)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.drop(data.draw(st.sampled_from(sorted(self.articles))))
        self.write_all()
        self.built = False

    @precondition(lambda self: self.articles)
    @rule(data=st.data(), new=slugs)
    def rename(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(sorted(self.articles)))
        if new not in self.articles:
            item = dict(self.articles[old])
            self.drop(old)
            self.articles[new] = item
            self.write_all()

    @rule(word=st.sampled_from(["Topics", "Subjects"]))
    def rename_a_tag_of_the_vocabulary(self, word: str) -> None:
        conf = (ROOT / "conf.py").read_text("utf-8").replace("Large language models: memory", f"{word}: memory")
        (self.source / "conf.py").write_text(conf + FEW, "utf-8")
        self.built = False

    @rule(name=st.sampled_from(["map", "corrections"]))
    def take_out_a_page_that_others_link_to_or_put_it_back(self, name: str) -> None:
        page = self.source / f"docs/{name}.md"
        if page.is_file():
            page.unlink()
        else:
            shutil.copy(ROOT / f"tests/roots/test-blog/docs/{name}.md", page)
        self.built = False

    @rule(meaning=st.sampled_from(["A number before the softmax.", "What goes into a softmax."]))
    def change_a_term(self, meaning: str) -> None:
        (self.source / "docs/glossary.md").write_text(GLOSSARY.format(meaning), "utf-8")
        self.built = False

    @rule(title=st.sampled_from(["About", "Who writes"]), size=st.integers(8, 9))
    def change_a_page_that_another_names_and_the_style(self, title: str, size: int) -> None:
        (self.source / "docs/about.md").write_text(f"# {title}\n\nA tiny blog for the tests.\n", "utf-8")
        (self.source / "_static/reading.css").write_text(f"p.small {{ font-size: {size}px; }}\n", "utf-8")
        self.built = False

    @rule(name=st.sampled_from(["macros.html", "home.html"]), mark=st.integers(0, 1))
    def change_a_template(self, name: str, mark: int) -> None:
        (self.source / "_templates" / name).write_text(
            (ROOT / "_templates" / name).read_text("utf-8").replace("All Articles", f"All Articles {mark}").replace(
                "Atom</a> ·", f"Atom {mark}</a> ·"), "utf-8")
        self.built = False

    @precondition(lambda self: not self.built)
    @rule()
    def build_in_steps(self) -> None:
        build(self.source, self.folder / "out", self.jobs)
        self.built = True

    @rule()
    def build_though_nothing_changed(self) -> None:
        build(self.source, self.folder / "out", self.jobs)
        self.built = True

    @precondition(lambda self: getattr(self, "built", False))
    @invariant()
    def what_was_built_in_steps_equals_what_is_built_afresh(self) -> None:
        state = digests(self.source)
        if getattr(self, "compared", None) == (state, digests(self.folder / "out")):
            return
        build(self.source, self.folder / "afresh")
        assert differences(self.folder / "out", self.folder / "afresh") == []
        for path in self.folder.glob("afresh*"):
            if path.is_dir():
                shutil.rmtree(path)
        self.compared = (state, digests(self.folder / "out"))

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)


class AuthorOnTwoCores(Author):
    jobs = 2


MANY = SEQUENCES >= 20
PARTS = 4 if MANY else 1  # of many sequences four tests, which workers share
SETTINGS = settings(max_examples=SEQUENCES // PARTS, stateful_step_count=12, deadline=None, derandomize=not MANY, database=None,
                    phases=(Phase.explicit, Phase.generate, Phase.shrink) if MANY else (Phase.explicit, Phase.generate),
                    suppress_health_check=list(HealthCheck))

for number in range(PARTS):
    globals()[f"TestSequences{number}"] = type(f"TestSequences{number}", (Author.TestCase,), {"settings": SETTINGS})


class TestSequencesOnTwoCores(AuthorOnTwoCores.TestCase):
    settings = settings(SETTINGS, max_examples=max(SEQUENCES // 4, 2))


@pytest.mark.parametrize("count", [25])
def test_two_processes_write_the_same_bytes_as_one(count: int, tmp_path: Path) -> None:
    """Enough articles for Sphinx to read in parallel (it takes more than five), cold and after a new article."""
    sys.path.insert(0, str(Path(__file__).parent))
    from corpus import article, this_blog, write_posts

    items = [article(number, count) for number in range(count)]
    this_blog(tmp_path / "blog", items[:-1])
    for items_now in ([], items[-1:]):
        write_posts(tmp_path / "blog", items_now)
        for jobs in (1, 2):
            build(tmp_path / "blog", tmp_path / f"out{jobs}", jobs)
        assert differences(tmp_path / "out1", tmp_path / "out2") == []
