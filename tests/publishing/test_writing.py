"""An author's way: `make new`, the front matter check, and the messages that docs/write.md shows."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from addresses import published
from front_matter import FIELDS
from mathml import convert

ROOT = Path(__file__).resolve().parents[2]
WRITE = (ROOT / "docs/write.md").read_text("utf-8") + (ROOT / "docs/mistakes.md").read_text("utf-8")

# Title, and how the page shows it: with typographic quotes, otherwise to the letter.
HARD_TITLES = {
    "quotes": ("""It's "hard": a title's quotes""", "It’s “hard”: a title’s quotes"),
    "markup": ("Vec<T> & *c*, _x_ `y` [a](b) {c}`d` $5, $6 \\ #", "Vec<T> & *c*, _x_ `y` [a](b) {c}`d` $5, $6 \\ #"),
    "entities": ("AT&amp;T: key: value # no comment", "AT&amp;T: key: value # no comment"),
    "emoji": ("🎉 Attention 🎉 is not all", "🎉 Attention 🎉 is not all"),
    "accents": ("Übung macht größer: naïveté", "Übung macht größer: naïveté"),
    "other-scripts": ("日本語のトークン化", "日本語のトークン化"),
    "right-to-left": ("שלום GPT", "שלום GPT"),
    "option": ("-h", "-h"),
    "lines": ("One\n  title\tonly ", "One title only"),
}


@pytest.fixture
def blog(tiny: Callable[..., Path]) -> Path:
    source = tiny()
    shutil.copy(ROOT / "posts/drawing.py", source / "posts")
    return source


def new(blog: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-B", blog / "_ext/new_article.py", *arguments],
                          capture_output=True, text=True, encoding="utf-8", check=False)


def test_new_articles_build_without_a_warning_and_show_their_hard_titles_to_the_letter(blog: Path, build):
    for slug, (title, _) in HARD_TITLES.items():
        started = new(blog, "--slug", slug, "--", title)
        assert (started.returncode, started.stderr) == (0, "")
    result = build(blog, blog / "out", "-W", "-n", "--keep-going", BLOG_PREVIEW="1")
    assert (result.code, result.messages) == (0, "")
    for slug, (_, shown) in HARD_TITLES.items():
        page = (blog / f"out/posts/{slug}/index.html").read_text("utf-8")
        heading = re.search(r"<h1>(.*?)<a class=\"headerlink\"", page)[1]
        assert html.unescape(heading) == shown
        assert 'role="img"' in page and "<math" in page and "19" in page


def test_a_new_article_is_a_draft_so_a_published_build_has_none_of_it(blog: Path, build):
    assert new(blog, "Zebras").returncode == 0
    result = build(blog, blog / "out", "-W", "-n")
    assert (result.code, result.messages) == (0, "")
    assert not [path for path in (blog / "out").rglob("*") if path.is_file() and b"ebras" in path.read_bytes()]


def test_a_new_article_passes_the_tests_of_articles_once_published_too(blog: Path, build):
    """Those of the repository, run on a blog whose one article it is; and `make check`, which hints at what is not the author's."""
    for name in ("first", "second", "third"):
        shutil.rmtree(blog / "posts" / name)
    assert new(blog, "Zebras").returncode == 0
    article = blog / "posts/zebras/index.md"
    article.write_text(article.read_text("utf-8").replace("draft: true\n", ""), "utf-8")
    for path in ("pyproject.toml", "tests/conftest.py", "tests/posts/test_articles_evidence.py", "tests/roots/test-results"):
        (blog / path).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copy)(ROOT / path, blog / path)
    run = subprocess.run([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "tests/posts", "-k",
                          "test_results or test_figures or test_every_block or test_examples_print"],
                         cwd=blog, capture_output=True, text=True, check=False)
    passed = re.search(r" (\d+) passed", run.stdout)
    assert passed and int(passed[1]) >= 5 and run.returncode == 0, run.stdout
    result = build(blog, blog / "out", "-W", "-n")
    assert (result.code, result.messages) == (0, "")
    checked = command(blog, "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert {line.split(": ")[0] for line in checked.stdout.split("\n\n")[0].splitlines()} == {
        f"posts/zebras/index.md:{number}" for number, line in enumerate(article.read_text("utf-8").splitlines(), start=1)
        if re.search("Say here|first concept|Begin in plain|Say when|Each tenfold", line)}


def test_without_a_slug_the_title_makes_the_address(blog: Path):
    started = new(blog, "Why halving beats searching")
    assert sorted(path.name for path in (blog / "posts/why-halving-beats-searching").iterdir()) == [
        "doublings.svg", "experiment.py", "figures.py", "index.md", "results.json"]
    assert "posts/why-halving-beats-searching/index.md" in started.stdout and "make live" in started.stdout


@pytest.mark.parametrize(("arguments", "says"), [
    (["First", "--slug", "first"], "posts/first exists already"),
    (["!!!"], "no address can be made from the title '!!!'"),
    (["  "], "give the article a title"),
    (["Title", "--slug", "Not An Address"], "'Not An Address' is no address: lower case, words joined by hyphens, "
                                            "such as 'not-an-address'"),
    (["Title", "--slug", "../escape"], "'../escape' is no address"),
])
def test_what_cannot_be_started_is_refused_in_one_plain_line(blog: Path, arguments: list[str], says: str):
    before = sorted((blog / "posts").rglob("*"))
    started = new(blog, *arguments)
    assert started.returncode == 1 and started.stderr.startswith(says) and started.stderr.count("\n") == 1
    assert sorted((blog / "posts").rglob("*")) == before


def test_make_new_takes_a_title_with_quotes_and_dollar_signs_as_it_is(blog: Path):
    shutil.copy(ROOT / "Makefile", blog)
    command = ["make", "--silent", "--old-file=.venv/site", f"BIN={Path(sys.executable).parent}", "new", "SLUG=costs"]
    subprocess.run([*command, """TITLE="It's" $5 $(HOME) `id`"""], cwd=blog, capture_output=True, check=True)
    assert """\n# "It's" \\$5 \\$(HOME) \\`id\\`\n""" in (blog / "posts/costs/index.md").read_text("utf-8")


def test_front_matter_can_be_checked_without_building(blog: Path):
    command = [sys.executable, "-B", blog / "_ext/front_matter.py"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
    article = blog / "posts/first/index.md"
    article.write_text(article.read_text("utf-8").replace("tags: [Transformers", "tags: [Transformer"), "utf-8")
    for arguments in ([], [article]):
        run = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert run.stderr.startswith("posts/first/index.md:4: unknown tag 'Transformer': did you mean 'Transformers'?")


# -- docs/write.md -----------------------------------------------------------


def test_the_handbook_lists_the_fields_that_the_site_checks(pages):
    section = pages["docs/write/"].xpath("//section[@id='front-matter']/dl")[0]
    shown = [(term.text_content(), *(text.strip() for text in term.getnext().text_content().split("Example:")))
             for term in section.xpath("dt")]
    assert [(term, meaning.replace("’", "'"), example) for term, meaning, example in shown] == [
        (name + (", required" if required else ""), meaning.replace("`", ""), f"{name}: {example}")
        for name, (meaning, required, example) in FIELDS.items()]


def test_the_messages_in_the_handbook_are_what_the_site_says(blog: Path, build):
    shown = [line.removeprefix("WARNING: ") for block in re.findall(r"```text\n(.*?)```", WRITE, re.DOTALL)
             for line in block.splitlines()]
    assert new(blog, "日", "--slug", "wrong").returncode == 0
    article = blog / "posts/wrong/index.md"
    text = re.sub(r"card_title.*\n|:::\{wrong-if\}\n.*\n:::\n", "", article.read_text("utf-8"))
    (blog / "posts/references.bib").write_text("@misc{vaswani2017attention, author = {V}, title = {A}, eprint = {1706.03762}}\n")
    article.write_text(text + "\n$\\argmaxx x$ [](../nowhere/index.md) {footcite:p}`vaswani` {eq}`nope`\n"
                       "\n{result}`doublingz` ![](x.png)\n", "utf-8")
    (blog / "posts/halving").mkdir()
    (blog / "posts/halving/index.md").write_text(
        '---\nblogpost: true\ndate: 2026-1-5\ntags: [Transformer]\ndescription: "x"\ncategory: ML\n---\n\n# T\n\nT.\n')
    result = build(blog, blog / "out", "-n", BLOG_PREVIEW="1")
    assert result.code == 1
    assert len(shown) > 8
    missing = [line for line in shown if line.split("…")[0].strip() not in result.messages]
    assert missing == [], result.messages


@pytest.mark.parametrize("formula", re.findall(r"`(\\[a-zA-Z]+)`", re.search(r"It knows the.*?It does not", WRITE)[0]))
def test_commands_that_the_handbook_calls_known_are(formula: str):
    assert convert({"\\underbrace": r"\underbrace{a}_b", "\\overset": r"\overset{a}{=}"}.get(formula, formula + "{a}"),
                   display=True).startswith("<math")


@pytest.mark.parametrize("name", re.findall(r"`(\w+)`", re.search(r"the environments (.*?)\.", WRITE)[1]))
def test_environments_that_the_handbook_calls_known_are(name: str):
    columns = "{cc}" if name == "array" else ""
    assert "<mtr>" in convert(rf"\begin{{{name}}}{columns} a & b \\ c & d \end{{{name}}}", display=True)


@pytest.mark.parametrize("formula", [r"\substack{a\\b}", r"\href{a}{b}", r"\begin{split}a\end{split}", r"\SI{3}{m}",
                                     r"\begin{smallmatrix}a\end{smallmatrix}", r"a \label{b}", r"a \tag{1}",
                                     r"\color{red}{a}"])
def test_what_the_handbook_calls_unknown_is(formula: str):
    with pytest.raises(ValueError):
        convert(formula, display=True)


# -- Renaming and removing ---------------------------------------------------


def command(blog: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-B", blog / f"_ext/{name}.py", *arguments],
                          capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture
def linked(tiny: Callable[..., Path]) -> Path:
    """An article that another needs and links to, from its text and from a page."""
    return tiny({"posts/zebra/index.md": "---\nblogpost: true\ndate: 2024-01-01\ntags: [LLMs]\ndescription: \"Z.\"\n---\n\n"
                                         "# Zebra\n\nOpening.\n\n## Stripes\n\n[Itself](#stripes).\n",
                 "posts/horse/index.md": "---\nblogpost: true\ndate: 2024-01-02\ntags: [LLMs]\ndescription: \"H.\"\n"
                                         "needs:\n- zebra\n---\n\n# Horse\n\nSee [stripes](../zebra/index.md#stripes). A zebra-free "
                                         "line, a zebra.\n",
                 "docs/about.md": "# About\n\n[It](../posts/zebra/index.md)\n",
                 "posts/redirects.txt": "# moved\nposts/quagga/ posts/zebra/#stripes  # long ago\n"})


def test_a_renamed_article_loses_no_address_and_no_link(linked: Path, build):
    before = build(linked, linked / "before", "-W", "-n")
    assert before.code == 0, before.messages
    moved = command(linked, "move_article", "zebra", "grevys-zebra")
    assert (moved.returncode, moved.stderr) == (0, "")
    assert "posts/horse/index.md:12" in moved.stdout, "prose that names it is the author's to judge"
    after = build(linked, linked / "after", "-W", "-n")
    assert (after.code, after.messages) == (0, "")
    assert {path for path in published(before.out) if "#" not in path} < set(published(after.out))
    for old, new in {"zebra": "../grevys-zebra/", "quagga": "../grevys-zebra/#stripes"}.items():
        assert f'content="0; url={new}"' in (after.out / f"posts/{old}/index.html").read_text("utf-8")
    horse = (linked / "posts/horse/index.md").read_text("utf-8")
    assert "needs:\n- grevys-zebra\n" in horse and "](../grevys-zebra/index.md#stripes)" in horse
    assert "A zebra-free line, a zebra." in horse
    # And back again: the old address is a page, and the one in between leads there.
    assert command(linked, "move_article", "grevys-zebra", "zebra").returncode == 0
    again = build(linked, linked / "again", "-W", "-n")
    assert (again.code, again.messages) == (0, "")
    assert 'url=../zebra/"' in (again.out / "posts/grevys-zebra/index.html").read_text("utf-8")
    assert 'url=../zebra/#stripes"' in (again.out / "posts/quagga/index.html").read_text("utf-8")


def test_a_removed_article_leads_its_readers_elsewhere_and_what_named_it_is_listed(linked: Path, build):
    removed = command(linked, "move_article", "--remove", "zebra", "articles/tag/llms/")
    assert removed.returncode == 0 and not (linked / "posts/zebra").exists()
    assert set(re.findall(r"^  (\S+:\d+)$", removed.stdout, re.MULTILINE)) == {
        "docs/about.md:3", "posts/horse/index.md:7", "posts/horse/index.md:12"}
    for path, old, new in [("docs/about.md", "[It](../posts/zebra/index.md)", "It."), ("posts/horse/index.md", "needs:\n- zebra\n", ""),
                           ("posts/horse/index.md", "[stripes](../zebra/index.md#stripes)", "stripes")]:
        (linked / path).write_text((linked / path).read_text("utf-8").replace(old, new), "utf-8")
    result = build(linked, linked / "out", "-W", "-n")
    assert (result.code, result.messages) == (0, "")
    for old, new in {"zebra": "../../articles/tag/llms/", "quagga": "../../articles/tag/llms/"}.items():
        assert f'url={new}"' in (result.out / f"posts/{old}/index.html").read_text("utf-8")


@pytest.mark.parametrize(("arguments", "says"), [
    (["zebr", "horse-2"], "there is no article posts/zebr: did you mean 'zebra'?"),
    (["zebra", "horse"], "posts/horse exists already"),
    (["zebra", "A Horse"], "'A Horse' is no address: lower case, words joined by hyphens, such as 'a-horse'"),
    (["zebra", "../escape"], "'../escape' is no address"),
    (["--remove", "zebra", "articles"], "say where its readers shall be led"),
    (["--remove", "zebra", "posts/zebra/"], "say where its readers shall be led"),
    (["--remove", "zebr", "articles/"], "there is no article posts/zebr"),
])
def test_a_move_that_cannot_be_is_refused_in_one_line_and_changes_nothing(linked: Path, arguments: list[str], says: str):
    before = {path: path.read_bytes() for path in sorted(linked.rglob("*")) if path.is_file()}
    refused = command(linked, "move_article", *arguments)
    assert refused.returncode == 1 and refused.stderr.startswith(says) and refused.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in sorted(linked.rglob("*")) if path.is_file()} == before


def test_make_move_and_make_remove_are_these_commands(linked: Path):
    shutil.copy(ROOT / "Makefile", linked)
    make = ["make", "--silent", "--old-file=.venv/site", f"BIN={Path(sys.executable).parent}"]
    subprocess.run([*make, "move", "ARTICLE=zebra", "TO=okapi"], cwd=linked, capture_output=True, check=True)
    subprocess.run([*make, "remove", "ARTICLE=okapi", "TO=articles/"], cwd=linked, capture_output=True, check=True)
    assert (linked / "posts/redirects.txt").read_text("utf-8").splitlines()[1:] == [
        "posts/quagga/ articles/  # long ago", "posts/zebra/ articles/", "posts/okapi/ articles/"]
