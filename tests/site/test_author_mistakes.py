"""Every mistake that an author can make is named with its file, its line and its remedy, and fails the build."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from front_matter import FIELDS, check_vocabulary, parse, slugify

ROOT = Path(__file__).resolve().parents[2]
Tiny: TypeAlias = Callable[..., Path]
Build: TypeAlias = Callable[..., Any]

FRONT = {
    "blogpost": "blogpost: true", "date": "date: 2024-05-01", "tags": "tags: [Transformers, LLMs]",
    "description": 'description: "The finding."',
}
BODY = "\n# A title\n\nAn opening in words.\n"


def article(body: str = BODY, **fields: str | None) -> str:
    """A right article but for these lines; None leaves a field out."""
    lines = [line for line in {**FRONT, **fields}.values() if line is not None]
    return "\n".join(["---", *lines, "---", ""]) + body


LINE = {"blogpost": 2, "date": 3, "tags": 4, "description": 5}
NEW = 6  # the line of a field that is added


def wrong(line: int, remedy: str, body: str = BODY, **fields: str | None) -> tuple[str, int, str]:
    return article(body, **fields), line, remedy


# name: (article, line, what the message says)
MISTAKES: dict[str, tuple[str | bytes, int, str]] = {
    # Dates
    "no-date": wrong(1, "`date` is missing; add a line such as date: 2026-01-18", date=None),
    "date-year": wrong(3, "`date` '2023' is not a day; write year-month-day", date="date: 2023"),
    "date-month": wrong(3, "`date` '2023-05' is not a day; write year-month-day", date="date: 2023-05"),
    "date-ambiguous": wrong(3, "`date` '03/04/2023' is not a day", date="date: 03/04/2023"),
    "date-zoned": wrong(3, "is not a day; write year-month-day, such as date: 2026-01-18", date="date: 2023-05-01T10:00:00+02:00"),
    "date-time": wrong(3, "is not a day", date="date: 2023-05-01 10:00"),
    "date-impossible": wrong(3, "`date` '2023-02-29' is not a day", date="date: 2023-02-29"),
    "date-month-13": wrong(3, "`date` '2023-13-01' is not a day", date="date: 2023-13-01"),
    "date-words": wrong(3, "`date` 'yesterday' is not a day", date="date: yesterday"),
    "date-empty": wrong(3, "`date` is empty", date="date:"),
    "date-list": wrong(3, "is not a day", date="date: [2023-05-01]"),
    "date-compact": wrong(3, "`date` '20240501' is not a day", date="date: 20240501"),
    "date-week": wrong(3, "`date` '2024-W18-3' is not a day", date="date: 2024-W18-3"),
    "date-octal": wrong(3, "is not a day", date="date: 0o777"),
    "updated-partial": wrong(NEW, "`updated` '2024' is not a day", updated="updated: 2024"),
    "updated-before": wrong(NEW, "`updated: 2024-04-30` is before `date: 2024-05-01`", updated="updated: 2024-04-30"),
    # Tags
    "tag-unknown": wrong(4, "unknown tag 'Transfomers': did you mean 'Transformers'?", tags="tags: [Transfomers]"),
    "tag-case": wrong(4, "unknown tag 'transformers': did you mean 'Transformers'?", tags="tags: [transformers]"),
    "tag-hyphen": wrong(4, "unknown tag 'deep-learning': did you mean 'Deep Learning'?", tags="tags: [deep-learning]"),
    "tag-far": wrong(4, "unknown tag 'Cooking': allowed are: Artificial Intelligence,", tags="tags: [Cooking]"),
    "tag-two": wrong(4, "unknown tag 'LLMs, Transformers'", tags='tags: ["LLMs, Transformers"]'),
    "tags-none": wrong(1, "`tags` is missing; add a line such as tags: [Transformers, LLMs]", tags=None),
    "tags-empty": wrong(4, "`tags` is empty; allowed are:", tags="tags: []"),
    "tags-null": wrong(4, "`tags` must be a list of words", tags="tags:"),
    "tags-text": wrong(4, "`tags` must be a list of words, such as tags: [Transformers, LLMs]", tags="tags: Transformers, LLMs"),
    "tags-number": wrong(4, "`tags` must be a list of words", tags="tags: [3.5]"),
    "tags-blank": wrong(4, "`tags` must be a list of words", tags='tags: [""]'),
    "tags-nested": wrong(4, "`tags` must be a list of words", tags="tags: [[LLMs]]"),
    "tags-twice": wrong(4, "tag 'LLMs' is given twice", tags="tags: [LLMs, LLMs]"),
    # What ABlog has crashed on or misread
    "exclude": wrong(NEW, "unknown field `exclude`: use `draft: true`", exclude="exclude: false"),
    "nocomments": wrong(NEW, "unknown field `nocomments`: there are no comments", nocomments="nocomments: true"),
    "image-number": wrong(NEW, "`image` must be text", image="image: 1"),
    "image-missing": wrong(NEW, "`image: pic.png`: there is no such file beside the article", image="image: pic.png"),
    "excerpt-number": wrong(NEW, "unknown field `excerpt`: the cards show the article's opening", excerpt="excerpt: 2"),
    "excerpt-text": wrong(NEW, "use `description`", excerpt="excerpt: some text"),
    "blogpost-false": wrong(2, "`blogpost: false`: everything under posts/ is an article; write `draft: true`", blogpost="blogpost: false"),
    "blogpost-none": wrong(1, "`blogpost` is missing; add a line such as blogpost: true", blogpost=None),
    "blogpost-text": wrong(2, "`blogpost` must be true or false", blogpost="blogpost: indeed"),
    "category": wrong(NEW, "unknown field `category`: use `tags`", category="category: [A, B]"),
    "language": wrong(NEW, "unknown field `language`: the language is set in conf.py", language="language: [en]"),
    "location": wrong(NEW, "unknown field `location`", location="location: Berlin"),
    "author": wrong(NEW, "unknown field `author`: the blog is the author", author="author: [A, B]"),
    "redirect": wrong(NEW, "unknown field `redirect`: old addresses go into posts/redirects.txt", redirect="redirect: [a, b]"),
    "external-link": wrong(NEW, "unknown field `external_link`", external="external_link: https://a.example/"),
    "canonical-link": wrong(NEW, "unknown field `canonical_link`: the canonical address is made from the slug", c="canonical_link: x"),
    "title-field": wrong(NEW, "unknown field `title`: the title is the `# heading` below the front matter", title="title: A"),
    # Other fields
    "unknown-field": wrong(NEW, "unknown field `descripton`: did you mean 'description'?", x="descripton: x"),
    "unknown-far": wrong(NEW, "unknown field `zzz`: allowed are: blogpost, date,", x="zzz: 1"),
    "number-field": wrong(NEW, "unknown field `1`", x="1: 2"),
    "list-field": wrong(NEW, "the front matter is not YAML: found unhashable key", x="? [a, b]\n: c"),
    "twice": wrong(NEW, "`date` is given twice; keep one", x="date: 2024-05-02"),
    "description-none": wrong(1, "`description` is missing", description=None),
    "description-empty": wrong(5, "`description` must be a sentence", description="description:"),
    "description-number": wrong(5, "`description` must be a sentence", description="description: 7"),
    "description-long": wrong(5, "`description` has 161 characters; search engines cut it at 160: shorten it",
                              description="description: " + "x" * 161),
    "description-colon": wrong(5, "text with a colon or a quote needs quotes around it", description="description: one: two"),
    "needs-unknown": wrong(NEW, "`needs` names no article: 'frist'; did you mean 'first'?", needs="needs: [frist]"),
    "needs-itself": wrong(NEW, "an article cannot need itself", needs="needs: [needs-itself]"),
    "needs-text": wrong(NEW, "`needs` must be a list of words, such as needs: [byte-pair-encoding]", needs="needs: first"),
    "needs-a": wrong(NEW, "`needs` goes in a circle: needs-a, needs-b, needs-a", needs="needs: [needs-b]"),
    "needs-b": wrong(NEW, "`needs` goes in a circle: needs-b, needs-a, needs-b", needs="needs: [needs-a]"),
    "teaches-text": wrong(NEW, "`teaches` must be a list of words", teaches="teaches: loops"),
    "changes-text": wrong(NEW, "`changes` must be a list, each change with date, kind and what", changes="changes: mended"),
    "draft-text": wrong(NEW, "`draft` must be true or false; it is \"maybe\"", draft="draft: maybe"),
    "card-title-number": wrong(NEW, "`card_title` must be text", card="card_title: 1984"),
    # The file itself
    "no-title": wrong(8, "an article begins with its title, a line `# Title`", body="\nOnly text.\n"),
    "no-text": wrong(7, "the article has no title; add a line `# Title` below the front matter", body=""),
    "text-before-title": wrong(8, "this line comes before any", body="\nWords first.\n\n# A title\n\nText.\n"),
    "second-rank-title": wrong(8, "an article begins with its title", body="\n## A title\n\nText.\n"),
    "no-front-matter": ("# A title\n\nText.\n", 1, "an article begins with front matter between two lines `---`"),
    "unclosed": ("---\ndate: 2024-05-01\n\n# A title\n\nText.\n", 1, "an article begins with front matter between two lines"),
    "empty-file": ("", 1, "an article begins with front matter"),
    "not-a-mapping": ("---\n- a\n- b\n---\n\n# A title\n\nText.\n", 2, "the front matter must be lines of `field: value`"),
    "not-yaml": ("---\ntags: [a\n---\n\n# A title\n\nText.\n", 3, "the front matter is not YAML"),
    "yaml-tab": ("---\n\tdate: 2024-05-01\n---\n\n# A title\n\nText.\n", 2, "the front matter is not YAML"),
    "yaml-tag": wrong(NEW, "the front matter is not YAML", x="teaches: !!python/object:os.system [x]"),
    "yaml-alias": wrong(NEW, "the front matter is not YAML", x="teaches: *gone"),
    "latin-1": (article().replace("opening", "öffnung").encode("latin-1"), 10,
                "this file is not UTF-8 (byte 110 is 0xf6); save it as UTF-8"),
    "utf-16": (article().encode("utf-16"), 1, "this file is not UTF-8"),
    "null-byte": wrong(NEW, "the front matter is not YAML", x="teaches: [a\0b]"),
    # The folder
    "Upper-Case": wrong(1, "the folder 'Upper-Case' becomes an address; name it in lower case with hyphens: 'upper-case'"),
    "with space": wrong(1, "name it in lower case with hyphens: 'with-space'"),
}


@pytest.fixture(scope="module")
def report(tiny: Tiny, build: Build, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """All of them in one blog: an author sees every mistake at once."""
    source = tiny({f"posts/{name}/index.md": text for name, (text, _, _) in MISTAKES.items()}
                  | {"posts/stray.md": "# Stray\n\nText.\n", "posts/first/notes.md": "# Notes\n\nText.\n",
                     "posts/SECOND/index.md": article()})
    return source, build(source, tmp_path_factory.mktemp("mistakes") / "out", "-n")


def messages(report: tuple[Path, Any], path: str) -> list[tuple[int, str]]:
    """(line, message) of each error in a file of the blog."""
    found = re.findall(rf"^{re.escape(str(report[0] / path))}:(\d+): ERROR: (.*)$", report[1].messages, re.MULTILINE)
    return [(int(line), message) for line, message in found]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line_and_remedy(name: str, report: tuple[Path, Any]) -> None:
    _, line, remedy = MISTAKES[name]
    [(found, message)] = messages(report, f"posts/{name}/index.md")
    assert remedy in message
    assert found == line


def test_mistakes_fail_the_build_without_a_traceback_and_leave_the_good_articles(report: tuple[Path, Any]) -> None:
    _, result = report
    assert result.code == 1
    assert "Traceback" not in result.messages + result.output
    assert "xception" not in result.messages + result.output
    built = sorted(path.parent.name for path in (result.out / "posts").glob("*/index.html"))
    assert built == ["first", "third"]  # second shares its address with SECOND


@pytest.mark.parametrize("name", sorted(set(MISTAKES) - {"needs-a", "needs-b", "Upper-Case", "with space"}))
def test_one_mistake_alone_is_enough_to_refuse_the_article(name: str, tmp_path: Path) -> None:
    text = MISTAKES[name][0]
    path = tmp_path / name / "index.md"
    path.parent.mkdir()
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    vocabulary = {"Transformers": "transformers", "LLMs": "llms"}
    found, problems = parse(path, f"posts/{name}/index", vocabulary, {name, "first"})
    assert found is None
    assert problems.found


def test_a_page_outside_an_articles_folder_is_named(report: tuple[Path, Any]) -> None:
    for path in ("posts/stray.md", "posts/first/notes.md"):
        [(line, message)] = messages(report, path)
        assert line == 1
        assert "an article is posts/<slug>/index.md" in message


def test_two_articles_with_one_address_are_both_named(report: tuple[Path, Any]) -> None:
    found = [message for _, message in messages(report, "posts/second/index.md")]
    found += [message for _, message in messages(report, "posts/SECOND/index.md")]
    assert any("get one address; rename one folder" in message and "posts/SECOND/index.md" in message for message in found)


def test_every_field_is_tried_with_a_wrong_value() -> None:
    """A field added to FIELDS without a mistake here would be unchecked."""
    tried = {line.split(":")[0] for text, _, _ in MISTAKES.values() if isinstance(text, str)
             for line in text.split("\n") if ":" in line and line not in FRONT.values()}
    assert set(FIELDS) <= tried


# -- The vocabulary ----------------------------------------------------------


def test_a_vocabulary_in_which_tags_would_share_a_page_is_refused(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    source = tiny(conf='\nblog_tags |= {"C": "One.", "C++": "Two.", "C#": "Three.", "llms": "Four.", ".": "Five.", "Empty": " "}\n')
    result = build(source, tmp_path / "out")
    assert result.code == 1
    assert "Traceback" not in result.messages
    last = (source / "conf.py").read_text(encoding="utf-8").count("\n")
    for text in ("tags 'C' and 'C++' get the same address 'c', so one would hide the other's articles; give each its own: "
                 "'C++': (\"description\", \"slug\")",
                 "tags 'C' and 'C#' get the same address 'c'",
                 "tags 'LLMs' and 'llms' are two spellings of one tag; keep one",
                 "tag '.' gets the address '', which is no address",
                 "tag 'Empty' has no description; write the line that its page shows"):
        assert re.search(rf"^{source}/conf.py:{last}: ERROR: {re.escape(text)}", result.messages, re.MULTILINE)


@pytest.mark.parametrize(("value", "remedy"), [
    (3, "has no description"), (None, "has no description"), (("Only one",), "has no description"),
    (("Line.", "Upper Case"), "which is no address"), (("Line.", "a/b"), "which is no address"), (("Line.", 3), "which is no address"),
    (("Line.", "archive/../x"), "which is no address"),
])
def test_a_tag_with_a_value_of_the_wrong_kind_is_named(value: Any, remedy: str) -> None:
    _, problems = check_vocabulary({"Tag": value})
    assert problems[0][0] == "Tag"
    assert remedy in problems[0][1] and "'Tag'" in problems[0][1]


@pytest.mark.parametrize("name", ["Natural Language Processing", "Übung", "日本語", "3.5", "x/y", "Ж", "a_b", "  spaced  "])
def test_a_tags_address_is_stable_and_one_path_segment(name: str) -> None:
    slug = slugify(name)
    assert slug and slugify(slug) == slug
    assert "/" not in slug and " " not in slug


# -- What only reading the page shows: warnings, which fail the build as `make html` runs it ------------


WARNINGS = {
    "picture-without-alt": (12, "image p.png has no alternative text: say what it shows", "# T\n\nOpening.\n\n![](p.png)\n"),
    "figure-without-alt": (12, "has no alternative text: say what it shows, as `:alt: the finding` below {figure}",
                           "# T\n\nOpening.\n\n```{figure} p.png\nA caption.\n```\n"),
    "broken-reference": (12, "cross-reference target not found: 'gone'", "# T\n\nOpening.\n\nSee [](#gone).\n"),
    "broken-link": (12, "cross-reference target not found: '../gone/index.md'", "# T\n\nOpening.\n\nSee [it](../gone/index.md).\n"),
    "broken-role": (12, "undefined label: 'gone'", "# T\n\nOpening.\n\nSee {ref}`gone`.\n"),
    "missing-picture": (12, "image file not readable: posts/x/gone.png", "# T\n\nOpening.\n\n![A](gone.png)\n"),
    "inline-formula": (12, "this formula cannot be converted to MathML: ", "# T\n\nOpening.\n\nAs in $\\nosuchcommand{x}$ here.\n"),
    "display-formula": (12, "this formula cannot be converted to MathML: ", "# T\n\nOpening.\n\n$$\n\\frac{1}{\n$$\n"),
    "labelled-formula": (12, "\\nosuch", "# T\n\nOpening.\n\n```{math}\n:label: e\n\\nosuch\n```\n"),
    "formula-in-opening": (10, "the article's first paragraph has a formula; cards show that paragraph as plain text",
                           "# T\n\nOpening $x$ here.\n"),
    "no-paragraph": (8, "the article has no paragraph below its title", "# T\n\n## Section\n\nText.\n"),
    "unknown-tag-in-post-list": (12, "post list names an unknown tag 'LLM': did you mean 'LLMs'?",
                                 "# T\n\nOpening.\n\n```{postlist}\n:tags: LLM\n```\n"),
    "card-font": (8, "the card's fonts have no 日 (U+65E5); give the article a `card_title` without it, or an `image`",
                  "# T 日\n\nOpening.\n"),
    "card-size": (9, "`image: p.png` is 180 by 180; a card is a PNG or JPEG of 1200 by 630", "# T\n\nOpening.\n"),
    "card-kind": (9, "`image: index.md` is no picture that Pillow can read", "# T\n\nOpening.\n"),
    "unknown-citation": (12, 'could not find bibtex key "nobody2020"', "# T\n\nOpening.\n\nSee {cite}`nobody2020`.\n"),
    "unknown-directive": (12, "Unknown directive", "# T\n\nOpening.\n\n```{figre} p.png\n```\n"),
    "second-title": (12, "a page has one title, and this is a second; begin the headings below it with ##",
                     "# T\n\nOpening.\n\n# Another title\n\nText.\n"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_a_mistake_in_the_text_fails_the_build_with_its_line_and_remedy(
        name: str, tiny: Tiny, build: Build, tmp_path: Path) -> None:
    line, remedy, body = WARNINGS[name]
    image = {"card-size": "image: p.png", "card-kind": "image: index.md"}.get(name)
    source = tiny({"posts/x/index.md": article("\n" + body, image=image)})
    (source / "posts/x/p.png").write_bytes((ROOT / "_static/icons/touch-icon.png").read_bytes())
    result = build(source, tmp_path / "out", "-W", "-n", "--keep-going")
    assert result.code == 1
    assert "Traceback" not in result.messages
    where = f"{source}/posts/x/index.md:{line}: "
    found = [text for text in result.messages.splitlines() if re.search(r": (WARNING|ERROR): ", text)]
    assert len([text for text in found if text.startswith(where) and remedy in text]) == 1, found


def test_an_editors_byte_order_mark_and_line_ends_are_no_mistake(tiny: Tiny, build: Build, tmp_path: Path) -> None:
    text = article("\n# Windows\n\nOpening.\n\nSee {ref}`gone`.\n")
    source = tiny({"posts/x/index.md": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()})
    result = build(source, tmp_path / "out", "-n")
    assert result.messages.splitlines() == [f"{source}/posts/x/index.md:12: WARNING: undefined label: 'gone' [ref.ref]"]
    assert "<h1>Windows" in (result.out / "posts/x/index.html").read_text(encoding="utf-8")
