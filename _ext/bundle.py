"""One stylesheet and one script a page, instead of the eleven files of plain Furo.

Sources stay apart (Furo's own, this site's); the build joins them in the order
that conf.py gives and names the result by its content, so that a browser keeps
it until it changes.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

from identity import stylesheet


def squeeze_css(css: str) -> str:
    """Without comments and needless white space. Strings stay as they are.

    >>> squeeze_css('a > i {\\n  top : 0.5em; /* why */\\n}\\nb::before { content: "x > 0.5  y"; }')
    'a>i{top :.5em}b::before{content:"x > 0.5  y"}'
    """
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match[0].startswith("/*"):
            return ""
        strings.append(match[0])
        return f"\0{len(strings) - 1}\0"

    css = re.sub(r'/\*.*?\*/|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', keep, css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r"\s*([{};,])\s*", r"\1", css)
    css = re.sub(r"\s*>\s*", ">", re.sub(r"(?<![\w.])0\.(?=\d)", ".", css))
    css = re.sub(r":\s+", ":", css).replace(";}", "}")
    return re.sub(r"\0(\d+)\0", lambda match: strings[int(match[1])], css).strip()


def squeeze_js(script: str) -> str:
    """Without indentation and lines that are only a comment.

    >>> squeeze_js("// why\\nfor (;;) {\\n  stop(); // here\\n}\\n")
    'for (;;) {\\nstop(); // here\\n}\\n'
    """
    return re.sub(r"^\s*(?://.*\n\s*)*", "", script, flags=re.MULTILINE)


# What of Furo's stylesheet this blog never shows: a manual's parts, and what site.css draws itself.
UNUSED = re.compile(r"""
    \.(?: sidebar-(?:tree|brand|logo|search|scroll) | toctree | related-pages | page-info | next-page | prev-page
      | bottom-of-page | announcement | edit-this-page | genindex | domainindex | only-(?:light|dark)
      | visually-hidden | theme-toggle-content\ .edit )
  | \#searchbox | ul\.search | article[^ ]*\ (?:aside)?\.sidebar
  | \bdl\[class\] | \.sig\b | \.sig- | \.property | \.viewcode | \.version | \.deprecated      # an API's reference
  | \.admonition | \.topic | admonition-todo | \.contents\b | \.rubric | \.highlighttable | linenos
  | dl\.footnote | \.footnote>dt | dl\.glossary | \.option-list | \.field-list | \.line-block | \.guilabel | \.centered
  | \.epigraph | \.pull-quote | \.highlights | \.attribution | \.problematic | \.this-will-duplicate | \.toc-backref
  | \.classifier | p\.caption | \babbr\b | \bkbd: | textarea | (?:alpha|roman)\b | article\ \.figure
  | view-this-page | hr\.docutils | \.reference\ img
  | :checked~ | \.sidebar-toggle(?:\[|:) | \.no-js                                          # site.css does these otherwise
  | \.headerlink | :target> | span:target | table\.docutils | div\.math | aside\.footnote | div\.citation | blockquote
  | \.code-block-caption | \.simple | \.text-align | code\.literal | \.literal-block | ^:target$
  | -moz-focus | -moz-placeholder | progress | fieldset | legend | optgroup | file-upload | type=number
""", re.VERBOSE)


def without_unused(css: str, own: str) -> str:
    """Furo's squeezed stylesheet without the rules in `UNUSED` and variables that `own` sets or nobody reads.

    >>> own = "body{--ink:black}a{color:var(--ink)}"
    >>> furo = "body{--ink:red;--a:var(--b);--b:1;--c:2;margin:var(--c)}@media print{.sig,.page{top:0}.sig{left:0}}"
    >>> without_unused(furo, own)
    'body{--c:2;margin:var(--c)}@media print{.page{top:0}}'
    """
    def rule(match: re.Match[str]) -> str:
        selectors = [part for part in re.split(r",(?![^()]*\))", match[1]) if not UNUSED.search(part)]
        return f"{','.join(selectors)}{{{match[2]}}}" if selectors else ""

    def declared(read: set[str], match: re.Match[str]) -> str:
        return match[0] if match[1] in read else ""

    css = re.sub(r"([^{};]+)\{([^{}]*)\}", rule, css)
    ours, before = set(re.findall(r"[{;](--[\w-]+):", own)), None
    while css != before:
        before, read = css, set(re.findall(r"var\(\s*(--[\w-]+)", css + own)) - ours
        css = re.sub(r"(?<=[{;])(--[\w-]+):(?:\"[^\"]*\"|'[^']*'|[^;{}\"'])*(?:;|(?=\}))",
                     functools.partial(declared, read), css)
        css = re.sub(r"[^{};]*\{\}", "", css)
    return css


def find(app: Sphinx, name: str) -> str:
    """A source of the bundle: this site's in _static, else the theme's."""
    folders = [Path(app.confdir) / "_static", *(Path(base) / "static" for base in app.builder.theme.get_theme_dirs())]
    for folder in folders:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    raise ConfigError(f"conf.py: bundle_css or bundle_js names {name!r}, which is neither in _static nor in the theme")


def join(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    theirs, *ours = (squeeze_css(find(app, name)) for name in app.config.bundle_css)
    ours.insert(0, stylesheet(app.config.colours))
    css = without_unused(theirs, "".join(ours)) + "".join(ours)
    script = "\n".join(squeeze_js(find(app, name)) for name in app.config.bundle_js)
    app.bundle = {}
    for kind, content in (("css", css), ("js", script)):
        digest = hashlib.sha256(content.encode()).hexdigest()[:10]
        app.bundle[kind] = f"_static/blog.{digest}.{kind}"
        app.bundle[f"{kind}-content"] = content


def name_in_pages(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    context["stylesheet"] = context["pathto"](app.bundle["css"], 1)
    context["script"] = context["pathto"](app.bundle["js"], 1)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for old in static.glob("blog.*"):
        old.unlink()
    for kind in ("css", "js"):
        (Path(app.outdir) / app.bundle[kind]).write_text(app.bundle[f"{kind}-content"], encoding="utf-8", newline="\n")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("bundle_css", [], "html", types=[list])
    app.add_config_value("bundle_js", [], "html", types=[list])
    app.connect("builder-inited", join, priority=700)
    app.connect("html-page-context", name_in_pages)
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
