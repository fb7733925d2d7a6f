"""What an author declares at the top of an article: read, checked, and given to ABlog.

Checked before Sphinx reads a page, in one pass, so that an author sees every
mistake at once, each with file, line, what is wrong and how to mend it. Drafts
and scheduled articles are left out of a published build here, so that no later
step can leak them.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import os
import pickle
import re
import runpy
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import ablog.blog
import yaml
from ablog.post import PostNode
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

ARTICLES = "posts/*/index.md"
MAX_DESCRIPTION = 160

# name: (what it holds, required, example). The reference in docs/ is made from this.
FIELDS: dict[str, tuple[str, bool, str]] = {
    "blogpost": ("Always `true`: this page is an article.", True, "true"),
    "date": ("Day of publication. A later day than today, in the site's time zone, keeps the article out until then.", True, "2026-01-18"),
    "updated": ("Day of the last change of meaning; with `changes`, the day of the newest one.", False, "2026-11-24"),
    "changes": ("What changed after publication: each change's day, kind and one plain sentence.", False,
                '[{date: 2026-11-24, kind: correction, what: "The table gave bits as bytes."}]'),
    "tags": ("One or more tags of the vocabulary in `conf.py`.", True, "[Transformers, LLMs]"),
    "description": (
        f"The finding in one sentence of at most {MAX_DESCRIPTION} characters, for feeds, cards and search engines.",
        True, '"The loss can be computed without ever storing the logits."'),
    "needs": ("Slugs of articles to read first.", False, "[byte-pair-encoding]"),
    "teaches": ("Two to five concepts that the article explains.", False, "[log-sum-exp, gradient filtering]"),
    "image": ("A picture beside the article for its card, 1200 by 630, instead of the one drawn from its title.",
              False, "card.png"),
    "card_title": ("The title as the card shows it, where the card's fonts lack a character of the real one.",
                   False, '"Vectors in C++"'),
    "draft": ("`true` keeps the article out of every published build.", False, "true"),
}

# What people bring from elsewhere, and what it is called here.
ELSEWHERE = {
    "title": "the title is the `# heading` below the front matter",
    "author": "the blog is the author; it is set in conf.py",
    "category": "use `tags`",
    "categories": "use `tags`",
    "language": "the language is set in conf.py",
    "location": "articles have no location",
    "excerpt": "the cards show the article's opening; for search engines and feeds use `description`",
    "summary": "use `description`",
    "redirect": "old addresses go into posts/redirects.txt, see docs/publish.md",
    "exclude": "use `draft: true`",
    "published": "use `draft: true` to hold an article back",
    "nocomments": "there are no comments",
    "external_link": "an article lives here; link to the other page from its text",
    "canonical_link": "the canonical address is made from the slug",
    "tag": "use `tags`",
    "updates": "use `updated` and `changes`",
    "changelog": "use `changes`",
    "history": "use `changes`",
    "myst": "MyST is configured in conf.py",
}


# What a change was, and the word that readers see before it.
KINDS = {"correction": "Correction", "addition": "Addition", "wording": "Wording"}


@dataclass(frozen=True)
class Change:
    """One entry of an article's history. A correction is of meaning: what was said before was wrong."""

    date: dt.date
    kind: str
    what: str


@dataclass(frozen=True)
class Article:
    """An article as its author declared it. `date` is None only for an undated draft."""

    docname: str
    date: dt.date | None
    updated: dt.date | None
    tags: tuple[str, ...]
    description: str
    needs: tuple[str, ...] = ()
    teaches: tuple[str, ...] = ()
    image: str | None = None
    card_title: str | None = None
    draft: bool = False
    changes: tuple[Change, ...] = ()  # newest first

    @property
    def slug(self) -> str:
        """``posts/cut-cross-entropy/index`` -> ``cut-cross-entropy``."""
        return self.docname.split("/")[-2]


@dataclass
class Problems:
    """Mistakes found in one file, each with its line."""

    path: Path
    found: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # of the fields

    def add(self, line: int, message: str) -> None:
        self.found.append((line, message))


def slugify(name: str) -> str:
    """A tag's part of an address: lower case, words joined by hyphens, letters of any script kept.

    >>> slugify("Natural Language Processing"), slugify("Übung"), slugify("日本語"), slugify("C++")
    ('natural-language-processing', 'übung', '日本語', 'c')
    """
    return re.sub(r"[-\s_]+", "-", re.sub(r"[^\w\s-]", "", name)).strip("-").lower()


def check_vocabulary(tags: dict[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Slugs of `blog_tags` by name, and what is wrong with the vocabulary itself: (name, message)."""
    slugs: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for name, value in tags.items():
        if not isinstance(name, str):
            problems.append((str(name), f"tag {name!r} must be text; write it in quotes"))
            continue
        description, slug = value if isinstance(value, tuple) and len(value) == 2 else (value, slugify(name))
        if not (isinstance(description, str) and description.strip()):
            problems.append((name, f"tag {name!r} has no description; write the line that its page shows"))
        if not isinstance(slug, str) or not slug or slug != slugify(slug):
            problems.append((name, f"tag {name!r} gets the address {slug!r}, which is no address; "
                                   f'give one: {name!r}: ("description", "slug")'))
            slug = ""
        for other, taken in slugs.items():
            if other.casefold() == name.casefold():
                problems.append((name, f"tags {other!r} and {name!r} are two spellings of one tag; keep one"))
            elif slug and taken == slug:
                problems.append((name, f"tags {other!r} and {name!r} get the same address {slug!r}, so one would hide the "
                                       f'other\'s articles; give each its own: {name!r}: ("description", "slug")'))
        slugs[name] = slug
    return slugs, problems


def tag_line(conf: str, name: str) -> int:
    """The line of conf.py that declares a tag."""
    found = re.search(rf"""["']{re.escape(name)}["']\s*:""", conf)
    return conf.count("\n", 0, found.start()) + 1 if found else 1


class _LineLoader(yaml.SafeLoader):
    """YAML that keeps dates as text (YAML reads `2023` as a number and `2023-13-01` as text anyway)."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, where the package has it: for what has no mistake. Its messages differ between systems."""


_LineLoader.yaml_implicit_resolvers = _FastLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load(source: str) -> tuple[Any, Any]:
    """The node and the value of a YAML text; raises yaml.YAMLError."""
    for loader in (_FastLoader, _LineLoader):
        try:
            root = yaml.compose(source, Loader=loader)
            return root, loader("").construct_document(root) if root is not None else None
        except yaml.YAMLError:
            if loader is _LineLoader:
                raise
    raise AssertionError


def split(text: str) -> tuple[str | None, int]:
    """The front matter's YAML and its number of lines, fences included; (None, 0) when there is none."""
    match = re.match(r"---[ \t]*\n(.*?)^(---|\.\.\.)[ \t]*(\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return (match[1], match[0].count("\n")) if match else (None, 0)


def _near(word: str, allowed: Any) -> str:
    """Half a sentence that helps: the nearest allowed word, or all of them."""
    folded = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[near[0]]!r}?" if near else f"allowed are: {', '.join(allowed)}"


def _date(value: Any, name: str, line: int, problems: Problems) -> dt.date | None:
    text = "" if value is None else str(value).strip()
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        shown = f"{text!r} is not a day" if text else "is empty"
        problems.add(line, f"`{name}` {shown}; write year-month-day, such as {name}: 2026-01-18")
        return None


def _strings(value: Any, name: str, line: int, problems: Problems, example: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) and item.strip() for item in value):
        return tuple(item.strip() for item in value)
    problems.add(line, f"`{name}` must be a list of words, such as {name}: {example}; it is {json.dumps(value, default=str)}")
    return ()


def _changes(value: Any, node: yaml.Node, line: int, problems: Problems) -> tuple[Change, ...]:
    """The history, newest first; changes of one day stay in the author's order. `node` has their lines."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        problems.add(line, f"`changes` must be a list, each change with date, kind and what, such as changes: "
                           f"{FIELDS['changes'][2]}; it is {json.dumps(value, default=str)}")
        return ()
    found = []
    for item, own in zip(value, node.value, strict=True):
        start, mistakes = own.start_mark.line + 2, len(problems.found)
        for name in item:
            if name not in ("date", "kind", "what"):
                problems.add(start, f"a change has no field `{name}`: {_near(str(name), ('date', 'kind', 'what'))}")
        for name in ("date", "kind", "what"):
            if name not in item:
                problems.add(start, f"a change without `{name}`; write {FIELDS['changes'][2].strip('[]')}")
        date = _date(item["date"], "date", start, problems) if "date" in item else None
        if "kind" in item and str(item["kind"]) not in KINDS:
            problems.add(start, f"unknown kind of change {item['kind']!r}: {_near(str(item['kind']), KINDS)}")
        if "what" in item and not (isinstance(item["what"], str) and item["what"].strip()):
            problems.add(start, "`what` must be a sentence: what changed, for someone who read it before")
        if date and len(problems.found) == mistakes:
            found.append(Change(date, item["kind"], " ".join(item["what"].split())))
    return tuple(sorted(found, key=lambda change: change.date, reverse=True))


def parse(path: Path, docname: str, vocabulary: dict[str, str], slugs: set[str]) -> tuple[Article | None, Problems]:
    """Read and check one article.

    `vocabulary` maps the allowed tags to their slugs; `slugs` are those of all
    articles. Returns the article (None when it cannot be used) and the problems.
    """
    problems = Problems(path)
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        problems.add(line, f"this file is not UTF-8 (byte {error.start} is {error.object[error.start]:#04x}); "
                           "save it as UTF-8 in your editor")
        return None, problems
    source, length = split(text)
    if source is None:
        problems.add(1, "an article begins with front matter between two lines `---`; "
                        "see docs/write.md, or run `make new TITLE=\"…\"`")
        return None, problems
    try:
        root, values = _load(source)
    except yaml.YAMLError as error:
        if isinstance(error, yaml.reader.ReaderError):  # a character that YAML forbids
            number, reason = source.count("\n", 0, error.position), f"{error.reason}: U+{ord(source[error.position]):04X}"
        else:
            number, reason = (error.problem_mark.line if error.problem_mark else 0), error.problem
        problems.add(number + 2, f"the front matter is not YAML: {reason}; "
                                 "text with a colon or a quote needs quotes around it")
        return None, problems
    if not isinstance(values, dict):
        problems.add(2, "the front matter must be lines of `field: value`")
        return None, problems

    lines = problems.lines = {sys.intern(str(key.value)): key.start_mark.line + 2 for key, _ in root.value}
    seen: set[str] = set()
    for key, _ in root.value:
        if key.value in seen:
            problems.add(key.start_mark.line + 2, f"`{key.value}` is given twice; keep one")
        seen.add(key.value)
    for name in values:
        if str(name) not in FIELDS:
            known = ELSEWHERE.get(str(name).lower())
            problems.add(lines[str(name)], f"unknown field `{name}`: {known or _near(str(name), FIELDS)}")

    for name in ("draft", "blogpost"):
        if name in values and not isinstance(values[name], bool):
            problems.add(lines[name], f"`{name}` must be true or false; it is {json.dumps(values[name], default=str)}")
    if values.get("blogpost") is False:
        problems.add(lines["blogpost"], "`blogpost: false`: everything under posts/ is an article; "
                                        "write `draft: true` to hold it back, or move the page to docs/")
    draft = values.get("draft") is True
    for name, (_, required, example) in FIELDS.items():
        if required and name not in values and not (draft and name == "date"):
            problems.add(1, f"`{name}` is missing; add a line such as {name}: {example}")

    date = _date(values["date"], "date", lines["date"], problems) if "date" in values else None
    updated = _date(values["updated"], "updated", lines["updated"], problems) if "updated" in values else None
    if date and updated and updated < date:
        problems.add(lines["updated"], f"`updated: {updated}` is before `date: {date}`")

    changes: tuple[Change, ...] = ()
    if "changes" in values:
        node = [value for key, value in root.value if key.value == "changes"][-1]
        changes = _changes(values["changes"], node, lines["changes"], problems)
    if changes:
        newest, oldest = changes[0].date, changes[-1].date
        if date and oldest < date:
            problems.add(lines["changes"], f"a change of {oldest} is before `date: {date}`; an article changes after it appeared")
        if "updated" not in values or (updated and updated != newest):
            problems.add(lines.get("updated", lines["changes"]),
                         f"`updated` is {updated or 'missing'}, but the last of `changes` is of {newest}; "
                         f"write updated: {newest}")

    tags: tuple[str, ...] = ()
    if "tags" in values:
        tags = _strings(values["tags"], "tags", lines["tags"], problems, "[Transformers, LLMs]")
        if values["tags"] == []:
            problems.add(lines["tags"], f"`tags` is empty; allowed are: {', '.join(vocabulary)}")
        for tag in tags:
            if tag not in vocabulary:
                problems.add(lines["tags"], f"unknown tag {tag!r}: {_near(tag, vocabulary)} "
                                            "(new tags are added to blog_tags in conf.py)")
        for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
            problems.add(lines["tags"], f"tag {tag!r} is given twice; keep one")

    description = values.get("description")
    if "description" in values:
        if not (isinstance(description, str) and description.strip()):
            problems.add(lines["description"], "`description` must be a sentence: the article's finding")
        elif len(description) > MAX_DESCRIPTION:
            problems.add(lines["description"], f"`description` has {len(description)} characters; "
                                               f"search engines cut it at {MAX_DESCRIPTION}: shorten it")
    needs = _strings(values["needs"], "needs", lines["needs"], problems, "[byte-pair-encoding]") if "needs" in values else ()
    own = docname.split("/")[-2]
    for slug in needs:
        if slug == own:
            problems.add(lines["needs"], "an article cannot need itself")
        elif slug not in slugs:
            problems.add(lines["needs"], f"`needs` names no article: {slug!r}; {_near(slug, sorted(slugs - {own}))}")
    teaches = (_strings(values["teaches"], "teaches", lines["teaches"], problems, "[log-sum-exp, gradient filtering]")
               if "teaches" in values else ())
    for name in ("image", "card_title"):
        if name in values and not isinstance(values[name], str):
            problems.add(lines[name], f"`{name}` must be text; it is {json.dumps(values[name], default=str)}")
    image = values.get("image")
    if isinstance(image, str) and not (path.parent / image).is_file():
        problems.add(lines["image"], f"`image: {image}`: there is no such file beside the article")

    body = text.split("\n")[length:]
    fenced = False
    for number, content in enumerate(body, start=length + 1):
        if re.match(r"\s*(```|~~~|:::)", content):
            fenced = not fenced
        if not fenced and content.strip():
            if not re.match(r"# \S", content):
                problems.add(number, "an article begins with its title, a line `# Title`; this line comes before any")
            break
    else:
        problems.add(length + 1, "the article has no title; add a line `# Title` below the front matter")

    if problems.found:
        return None, problems
    return Article(docname, date, updated, tags, str(description).strip(), needs, teaches, image,
                   values.get("card_title"), draft, changes), problems


def _parse_or_known(path: Path, root: Path, vocabulary: dict[str, str], slugs: set[str],
                    known: dict[str, tuple[int, int, Article, dict[str, int]]]) -> tuple[Article | None, Problems]:
    status = path.stat()
    time, size, article, lines = known.get(str(path), (0, 0, None, {}))
    if (article and (time, size) == (status.st_mtime_ns, status.st_size) and slugs.issuperset(article.needs)
            and vocabulary.keys() >= set(article.tags) and (not article.image or (path.parent / article.image).is_file())):
        return article, Problems(path, lines=lines)
    article, problems = parse(path, path.relative_to(root).with_suffix("").as_posix(), vocabulary, slugs)
    known.pop(str(path), None)
    if article and not problems.found:
        known[str(path)] = (status.st_mtime_ns, status.st_size, article, problems.lines)
    return article, problems


def circle(start: str, needs: dict[str, tuple[str, ...]]) -> list[str]:
    """The shortest way along `needs` from an article back to itself; empty when there is none.

    >>> circle("a", {"a": ("b",), "b": ("c", "a")})
    ['a', 'b', 'a']
    """
    ways, seen = [[start]], {start}
    for way in ways:
        for slug in needs.get(way[-1], ()):
            if slug == start:
                return [*way, slug]
            if slug not in seen:
                seen.add(slug)
                ways.append([*way, slug])
    return []


Known = dict[str, tuple[int, int, Article, dict[str, int]]]


def markdown(root: Path) -> list[Path]:
    """Every Markdown file of the articles, sorted."""
    return sorted(Path(folder, name) for folder, _, names in os.walk(root / "posts", followlinks=True)
                  for name in names if name.endswith(".md"))


def check_articles(root: Path, vocabulary: dict[str, str], known: Known | None = None) -> list[tuple[Path, Article | None, Problems]]:
    """Every article below `root`, None for one that cannot be used, and its problems.

    `known` holds by path what an earlier build found right, with the file's
    time and size; what still holds is not parsed again, and the rest added.
    """
    pages = markdown(root)
    paths = [path for path in pages if path.name == "index.md" and path.parent.parent == root / "posts"]
    slugs = {path.parent.name for path in paths}
    parsed = [(path, *_parse_or_known(path, root, vocabulary, slugs, known if known is not None else {})) for path in paths]
    needs = {article.slug: article.needs for _, article, _ in parsed if article}
    folded: dict[str, Path] = {}
    for path, article, problems in parsed:
        slug = path.parent.name
        if slug != slugify(slug):
            problems.add(1, f"the folder {slug!r} becomes an address; name it in lower case with hyphens: {slugify(slug)!r}")
        if (other := folded.setdefault(slugify(slug), path)) != path:
            problems.add(1, f"this article and {other.relative_to(root)} get one address; rename one folder")
        if article and (way := circle(slug, needs)):
            problems.add(problems.lines["needs"], f"`needs` goes in a circle: {', '.join(way)}; a reader would find no "
                                                  "article to begin with: take one step out")
    articles = set(paths)
    for path in (path for path in pages if path not in articles):
        if path.name != "README.md" and not (path.name == "numbers.md" and path.with_name("index.md") in articles):
            parsed.append((path, None, Problems(path, [(1, "this page is in no article's folder, so readers would not find "
                                                           "it; an article is posts/<slug>/index.md")])))
    return [(path, None if problems.found else article, problems) for path, article, problems in parsed]


def today(zone: str) -> dt.date:
    """The day that it is now in a time zone, such as "Europe/Berlin".

    With SOURCE_DATE_EPOCH, the agreed way to say when a build takes place, the day of that second.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or time.time()
    return dt.datetime.fromtimestamp(int(seconds), ZoneInfo(zone)).date()


def check_zone(app: Sphinx, config: Any) -> None:
    try:
        today(config.blog_timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _near(config.blog_timezone, sorted(available_timezones())) if available_timezones() else ""
        raise ConfigError(f"conf.py: blog_timezone {config.blog_timezone!r} is no time zone: "
                          + (near if near.startswith("did") else 'write "UTC", or a name such as "Europe/Berlin"')) from None


def read_articles(app: Sphinx) -> None:
    """Check every article; keep those of this build in ``app.articles`` and exclude the others' folders."""
    app.own_exclude_patterns = list(app.config.exclude_patterns)
    app.tag_slugs, wrong = check_vocabulary(app.config.blog_tags)
    conf = Path(app.confdir) / "conf.py"
    for name, message in wrong:
        logger.error(message, location=f"{conf}:{tag_line(conf.read_text(encoding='utf-8'), name)}", type="front_matter")
    articles: dict[str, Article] = {}
    held_back: dict[str, str] = {}  # those that only a preview shows, each with the word that marks it
    app.left_out = set()
    failed = len(wrong)
    day = today(app.config.blog_timezone)
    file = Path(app.doctreedir) / "front_matter.pickle"
    known: Known = pickle.loads(file.read_bytes()) if app.shown.same_site and file.is_file() else {}
    for path, article, problems in check_articles(Path(app.srcdir), app.tag_slugs, known):
        for line, message in problems.found:
            logger.error(message, location=f"{path}:{line}", type="front_matter")
        failed += len(problems.found)
        # Left out whole rather than shown wrong: the build fails, and a live preview goes on.
        left_out = article is None
        if article and (article.draft or article.date is None or article.date > day):
            held_back[article.docname] = "Draft" if article.draft else "Scheduled"
            left_out = not app.config.blog_preview
            if left_out:
                logger.info("not published yet: %s (%s)", path.relative_to(app.srcdir),
                            "draft" if article.draft else f"scheduled for {article.date}")
        if article and not left_out:
            articles[article.docname] = article
            if app.config.blog_preview:
                app.env.last_good = getattr(app.env, "last_good", {}) | {article.docname: article}
        elif app.config.blog_preview and (good := stand_in(app, path)):
            articles[good.docname] = good
            held_back[good.docname] = "Mistakes"
        else:
            shown = path.relative_to(app.srcdir)
            app.left_out.add(shown.with_suffix("").as_posix())
            app.config.exclude_patterns.append((shown.parent if shown.match(ARTICLES) else shown).as_posix())
    file.write_bytes(pickle.dumps(known))
    app.front_matter_mistakes = failed
    app.articles, app.held_back = articles, held_back


def forget_left_out(app: Sphinx, env: Any) -> None:
    """Sphinx keeps the configuration; with our additions in it, the next build would take it for another's."""
    app.config.exclude_patterns[:] = app.own_exclude_patterns


def stand_in(app: Sphinx, path: Path) -> Article | None:
    """For a preview: what the front matter last said, so that a slip in it moves nothing on the other pages.

    None for a text that cannot be shown: not UTF-8, without front matter's two lines, or without a title.
    """
    docname = path.relative_to(app.srcdir).with_suffix("").as_posix()
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    source, length = split(text)
    if source is None or not re.match(r"\s*# \S", "\n".join(text.split("\n")[length:])) or not path.match(ARTICLES):
        return None
    return getattr(app.env, "last_good", {}).get(docname) or Article(docname, None, None, (), "", draft=True)


def fail(app: Sphinx, exception: Exception | None) -> None:
    """A mistake fails the build also without `-W`; not by an exception, whose traceback would bury the message."""
    if app.front_matter_mistakes:
        count = f"{app.front_matter_mistakes} mistake{'s' if app.front_matter_mistakes > 1 else ''}"
        logger.info("\n%s, listed above; the articles concerned were left out.", count)
        app.statuscode = 1


def hide_from_docutils(app: Sphinx, docname: str, source: list[str]) -> None:
    """Give MyST an article without its declarations: ABlog and docutils would read them their own way.

    As many lines stay as there were, so that messages name the right ones.
    """
    if docname in app.articles:
        text = source[0]
        _, length = split(text.replace("\r\n", "\n"))
        rest = text.split("\n")[length:]
        source[0] = "\n".join(["---", "blogpost: true", *["#"] * (length - 3), "---", *rest])


def declare_to_ablog(app: Sphinx, doctree: Any) -> None:
    """Hand ABlog the checked values in the form it takes without guessing."""
    article = app.articles.get(app.env.docname)
    if article is None:
        return
    for node in doctree.findall(PostNode):
        node["date"] = str(article.date or today(app.config.blog_timezone))
        node["tags"] = list(article.tags)
        node["excerpt"] = 0


class FieldsReference(SphinxDirective):
    """The fields, from the table that the check itself uses, so that the handbook cannot say anything else."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(__file__)
        return self.parse_text_to_nodes("\n".join(
            f"`{name}`{', required' if required else ''}\n: {meaning}\n  Example: `{name}: {example}`\n"
            for name, (meaning, required, example) in FIELDS.items()))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("front-matter-fields", FieldsReference)
    app.add_config_value("blog_tags", {}, "env", types=[dict])
    app.add_config_value("blog_preview", False, "env", types=[bool])
    app.add_config_value("blog_timezone", "UTC", "env", types=[str])
    # Whether an article is published is decided above; ABlog's own rule uses the builder's clock and zone.
    ablog.blog.TOMORROW = dt.datetime.max
    app.connect("config-inited", check_zone)
    app.connect("builder-inited", read_articles, priority=400)
    app.connect("env-updated", forget_left_out, priority=990)
    app.connect("build-finished", fail)
    app.connect("source-read", hide_from_docutils, priority=900)
    app.connect("doctree-read", declare_to_ablog, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def main(names: list[str]) -> int:
    """``python _ext/front_matter.py [FILE ...]``: check these articles, or all, without building the site."""
    root = Path(__file__).resolve().parents[1]
    conf = root / "conf.py"
    vocabulary, wrong = check_vocabulary(runpy.run_path(str(conf))["blog_tags"])
    found = [f"conf.py:{tag_line(conf.read_text(encoding='utf-8'), name)}: {message}" for name, message in wrong]
    wanted = {Path(name).resolve() for name in names}
    for path, _, problems in check_articles(root, vocabulary):
        if not wanted or path in wanted:
            found += [f"{path.relative_to(root)}:{line}: {message}" for line, message in problems.found]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
