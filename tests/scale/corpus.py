"""A made-up blog of any size, always the same: what the benchmarks and the tests of scale build.

    python tests/scale/corpus.py FOLDER 1000          # this blog with 1,000 made-up articles instead of its own
    python tests/scale/corpus.py FOLDER 1000 pelican  # the same articles for another generator

It lies under tests/ because it is no part of the site. An article has about
1,200 words in six sections, three blocks of code, two formulas, a link to an
older article and three of 40 tags; ten years of them. Words come from the text
of this blog's own articles and, as rarer names and terms do, from a long tail
of invented ones, so that an index of words grows as a real one does.
"""

from __future__ import annotations

import bisect
import datetime as dt
import functools
import itertools
import random
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST_DAY, DAYS = dt.date(2016, 1, 1), 3650
TAGS = [f"{field} {topic}" for field in ("Applied", "Modern", "Practical", "Statistical", "Distributed")
        for topic in ("Attention", "Caching", "Compilers", "Databases", "Inference", "Networks", "Optimisation", "Training")]
TITLE = ["Why", "How", "When", "What", "Where", "Understanding", "Measuring", "Rethinking", "Explaining", "Debugging"]

CODE = '''def {name}(values: list[float], limit: float = {number}) -> float:
    """Return the {word} of what is below the limit."""
    total = 0.0
    for index, value in enumerate(values):
        if value < limit:  # skip the {word}
            total += value * (index + {number})
    return total / max(len(values), 1)'''


@dataclass(frozen=True)
class Article:
    slug: str
    date: dt.date
    tags: tuple[str, ...]
    title: str
    description: str
    blocks: tuple[str, ...]  # Markdown; "{link}" stands for the address of the older article
    link: str  # that article's slug

    def body(self, address: str) -> str:
        return "\n\n".join(self.blocks).replace("{link}", address)


@functools.cache
def words() -> tuple[list[str], list[float]]:
    """Words by rank and their cumulative weights: Zipf's law over own and invented words."""
    text = "\n".join(re.sub(r"```.*?```|^---.*?^---|\{[^}]*\}|\S*[/_\\]\S*", " ", path.read_text("utf-8"), flags=re.S | re.M)
                     for path in sorted((ROOT / "posts").glob("*/index.md")))
    counted: dict[str, int] = {}
    for word in re.findall(r"\b[a-z]{2,}\b", text.lower()):
        counted[word] = counted.get(word, 0) + 1
    own = sorted(counted, key=lambda word: (-counted[word], word))[:4000]
    rng = random.Random("words")
    syllables = [first + vowel + last for first in "b d f g k l m n p r s t v z br st tr pl".split()
                 for vowel in "aeiou" for last in ("", "n", "r", "s", "l")]
    invented = dict.fromkeys("".join(rng.choices(syllables, k=rng.choice((2, 3, 3)))) for _ in range(60_000))
    ranked = [*own, *(word for word in invented if word not in counted)]
    return ranked, list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(ranked))))


def article(number: int, count: int) -> Article:
    """The article of this number among `count`, oldest first. Its text depends on the number alone."""
    rng = random.Random(f"article {number}")
    ranked, weights = words()

    def some(length: int) -> list[str]:
        return [ranked[bisect.bisect(weights, rng.random() * weights[-1])] for _ in range(length)]

    def sentence() -> str:
        return " ".join(some(rng.randint(8, 20))).capitalize() + "."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(5))

    title = f"{rng.choice(TITLE)} {' '.join(rng.sample(ranked[200:3000], 3))} {ranked[4000 + number % 50_000]}"
    blocks: list[str] = [paragraph()]
    for section in range(6):
        blocks += [f"## {' '.join(some(3)).capitalize()} {section + 1}", paragraph(), paragraph()]
        if section % 2 == 0:
            code = CODE.format(name="_".join(rng.sample(ranked[300:2000], 2)), number=rng.randint(2, 99), word=some(1)[0])
            blocks.append(f"```python\n{code}\n```")
        if section in (1, 3):
            # Of figures alone: letters would ask for a table of symbols, which other generators do not have.
            named = dict(zip(map(ord, "ABC"), rng.sample("123456789", 3), strict=True))
            blocks.append("$$\nA = \\sum_{1}^{9} \\frac{B^2}{\\sqrt{C}}\n$$".translate(named))
    older = max(number - 1 - rng.randrange(20), 0)
    blocks.append(f"It goes on from [an older article]({{link}}), which `{some(1)[0]}` explains.")
    return Article(slug(number), FIRST_DAY + dt.timedelta(days=number * DAYS // max(count, 1)),
                   tuple(rng.sample(TAGS, 3)), title, f"It finds that {' '.join(some(8))}.", tuple(blocks), slug(older))


@functools.cache
def slug(number: int) -> str:
    return f"{'-'.join(random.Random(f'slug {number}').sample(words()[0][100:2000], 2))}-{number}"


def front_matter(item: Article) -> str:
    return (f"---\nblogpost: true\ndate: {item.date}\ntags: [{', '.join(item.tags)}]\n"
            f'description: "{item.description}"\n---\n\n# {item.title}\n\n')


def this_blog(folder: Path, items: list[Article]) -> None:
    """This repository's configuration, extensions, templates and styles, with these articles instead of its own."""
    shutil.copytree(ROOT / "tests/roots/test-blog", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("first", "second", "third"))
    for part in ("_ext", "_templates", "_static"):
        shutil.copytree(ROOT / part, folder / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "posts/evidence.py", folder / "posts")
    tags = {tag: f"Articles on {tag.lower()}." for tag in TAGS}
    (folder / "conf.py").write_text((ROOT / "conf.py").read_text("utf-8") + f"\nblog_tags = {tags!r}\n", "utf-8")
    write_posts(folder, items)


def write_posts(folder: Path, items: list[Article]) -> None:
    for item in items:
        path = folder / "posts" / item.slug / "index.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(front_matter(item) + item.body(f"../{item.link}/index.md") + "\n", "utf-8")


def plain(folder: Path, items: list[Article]) -> None:
    """Sphinx, MyST, ABlog and Furo with their own defaults: what one has before this repository's extensions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "conf.py").write_text(
        "import ablog\nproject = 'Plain'\nextensions = ['myst_parser', 'ablog']\nhtml_theme = 'furo'\n"
        "skip_injecting_base_ablog_templates = True\ntemplates_path = [ablog.get_html_templates_path()]\n"
        "blog_path = 'articles'\nblog_baseurl = 'https://blog.example/'\npost_date_format = '%Y-%m-%d'\n"
        "myst_enable_extensions = ['dollarmath']\n"
        "html_sidebars = {'**': ['sidebar/scroll-start.html', 'sidebar/brand.html', 'sidebar/search.html', "
        "'ablog/recentposts.html', 'ablog/tagcloud.html', 'ablog/archives.html', 'sidebar/scroll-end.html']}\n", "utf-8")
    (folder / "index.md").write_text("# Plain\n\n```{postlist} 10\n```\n", "utf-8")
    write_posts(folder, items)


def pelican(folder: Path, items: list[Article]) -> None:
    (folder / "content").mkdir(parents=True, exist_ok=True)
    (folder / "pelicanconf.py").write_text(
        "AUTHOR = SITENAME = 'Pelican'\nSITEURL = 'https://blog.example'\nPATH = 'content'\nTIMEZONE = 'UTC'\nDEFAULT_LANG = 'en'\n"
        "DEFAULT_PAGINATION = 10\nCACHE_CONTENT = LOAD_CONTENT_CACHE = True\nCONTENT_CACHING_LAYER = 'generator'\n"
        "ARTICLE_URL = 'posts/{slug}/'\nARTICLE_SAVE_AS = 'posts/{slug}/index.html'\n", "utf-8")
    for item in items:
        (folder / f"content/{item.slug}.md").write_text(
            f"Title: {item.title}\nDate: {item.date}\nSlug: {item.slug}\nTags: {', '.join(item.tags)}\nSummary: {item.description}\n\n"
            + item.body(f"{{filename}}{item.link}.md") + "\n", "utf-8")


HUGO_LIST = ('<h1>{{ .Title }}</h1>{{ range .Pages }}<article><h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2>'
             "<p>{{ .Summary }}</p></article>{{ end }}")


def hugo(folder: Path, items: list[Article]) -> None:
    """Hugo comes without a theme: the least that makes pages, lists by tag and feeds."""
    layouts = folder / "layouts/_default"
    for path in (layouts, folder / "content/posts"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text('baseURL = "https://blog.example/"\ntitle = "Hugo"\n', "utf-8")
    page = "<!doctype html><html lang=en><head><title>{{ .Title }}</title></head><body>{{ block \"main\" . }}{{ end }}</body></html>"
    (layouts / "baseof.html").write_text(page, "utf-8")
    (layouts / "single.html").write_text('{{ define "main" }}<h1>{{ .Title }}</h1>{{ .Content }}{{ end }}', "utf-8")
    (layouts / "list.html").write_text('{{ define "main" }}' + HUGO_LIST + "{{ end }}", "utf-8")
    for item in items:
        (folder / f"content/posts/{item.slug}.md").write_text(
            f'---\ntitle: "{item.title}"\ndate: {item.date}\ntags: [{", ".join(item.tags)}]\nsummary: "{item.description}"\n---\n\n'
            + item.body(f"../{item.link}/") + "\n", "utf-8")


def eleventy(folder: Path, items: list[Article]) -> None:
    """Eleventy comes without a theme too."""
    (folder / "posts").mkdir(parents=True, exist_ok=True)
    (folder / "_includes").mkdir(exist_ok=True)
    (folder / ".eleventy.js").write_text("module.exports = () => ({ dir: { input: '.', output: '_site' } });\n", "utf-8")
    (folder / "_includes/post.njk").write_text("<!doctype html><html lang=en><head><title>{{ title }}</title></head><body>"
                                               "<h1>{{ title }}</h1>{{ content | safe }}</body></html>", "utf-8")
    card = "<h2><a href=\"{{ post.url }}\">{{ post.data.title }}</a></h2><p>{{ post.data.description }}</p>"
    (folder / "index.njk").write_text(
        "---\npermalink: /\n---\n{%- for post in collections.post | reverse %}" + card + "{% endfor %}", "utf-8")
    (folder / "tags.njk").write_text(
        "---\npagination: { data: collections, size: 1, alias: tag }\npermalink: '/tag/{{ tag | slug }}/'\n---\n"
        "{%- for post in collections[tag] | reverse %}" + card + "{% endfor %}", "utf-8")
    for item in items:
        body = item.body(f"../{item.link}/").replace("{{", "{ {").replace("}}", "} }").replace("{%", "{ %")
        (folder / f"posts/{item.slug}.md").write_text(
            f'---\nlayout: post.njk\ntitle: "{item.title}"\ndate: {item.date}\ntags: [post, {", ".join(item.tags)}]\n'
            f'description: "{item.description}"\n---\n\n{body}\n', "utf-8")


KINDS = {"this": this_blog, "plain": plain, "pelican": pelican, "hugo": hugo, "eleventy": eleventy}


def make(folder: Path, count: int, kind: str = "this") -> None:
    KINDS[kind](folder, [article(number, count) for number in range(count)])


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4])
