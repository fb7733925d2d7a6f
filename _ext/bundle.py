"""One stylesheet and one script a page, instead of the eleven files of plain Furo.

Sources stay apart (Furo's own, this site's); the build joins them in the order
that conf.py gives and names the result by its content, so that a browser keeps
it until it changes.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError


def squeeze_css(css: str) -> str:
    """Without comments and needless white space. Strings stay as they are.

    >>> squeeze_css('a {\\n  color : red; /* why */\\n}\\nb::before { content: "x  y"; }')
    'a{color :red}b::before{content:"x  y"}'
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
    css = re.sub(r":\s+", ":", css).replace(";}", "}")
    return re.sub(r"\0(\d+)\0", lambda match: strings[int(match[1])], css).strip()


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
    css = squeeze_css("\n".join(find(app, name) for name in app.config.bundle_css).replace("/*# sourceMappingURL", "/*"))
    script = "\n".join(re.sub(r"//# sourceMappingURL=.*", "", find(app, name)) for name in app.config.bundle_js)
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
