"""What docs/tutorial.md says, done: every command in order and every file as printed, in a clean directory.

Run by `make test-tutorial`, since it installs an environment of its own from the package registry.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import lxml.html

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
SLUG = "why-halving-beats-searching"


def commands(text: str) -> list[str]:
    """The commands of a page's console blocks, without their comments."""
    return [re.sub(r"\s+# .*", "", line) for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
            for line in re.findall(r"^\$ (.*)", block, re.MULTILINE)]


def steps(text: str) -> list[tuple[str, str]]:
    """What the page tells to do, in order: ("run", command), or (path, the file's text as the page shows it)."""
    found = []
    for block in re.finditer(r"^```(?:console|\{literalinclude\} (\S+)\n:language: \w+\n:caption: (\S+))\n.*?^```$", text,
                             re.DOTALL | re.MULTILINE):
        if block[2]:
            found.append((block[2], (ROOT / "docs" / block[1]).read_text("utf-8")))
        else:
            found += [("run", command) for command in commands(block[0] + "\n")]
    return found


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    return done.stdout


class Live:
    """`make live` in its terminal; `address` is what the browser was opened with."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str], opened: Path) -> None:
        os.mkfifo(opened)
        browser = opened.with_suffix(".py")
        browser.write_text(f"import sys; open({str(opened)!r}, 'w').write(sys.argv[1])", "utf-8")
        self.log = (folder / "_live.log").open("w+")
        self.process = subprocess.Popen(command, shell=True, cwd=folder, stdout=self.log, stderr=self.log,
                                        env=environment | {"BROWSER": f"{sys.executable} {browser} %s"}, start_new_session=True)
        threading.Thread(target=self.give_up, args=(opened,), daemon=True).start()
        with opened.open() as pipe:  # waits until the browser is opened, or the command has ended
            self.address = pipe.read()
        assert self.address, Path(self.log.name).read_text("utf-8")

    def give_up(self, opened: Path) -> None:
        if self.process.wait():
            opened.write_text("", "utf-8")

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        self.log.close()


def test_the_readme_and_the_tutorial_begin_with_the_same_four_commands() -> None:
    section = re.search(r"^## Your own article\n(.*?)^## ", README, re.DOTALL | re.MULTILINE)[1]
    assert commands(section) == [command for _, command in steps(TUTORIAL)[:4]]
    assert [command.split()[0] for command in commands(section)] == ["git", "cd", "make", "make"]


def test_from_clone_to_published_article(tmp_path: Path) -> None:
    # The reader's own fork, and a reader who is nobody's account on nobody's machine.
    fork = tmp_path / "fork.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, fork], check=True)
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS", "VIRTUAL_ENV", "BLOG_", "SITE_URL", "PYTEST"))}
    environment |= {"HOME": str(tmp_path), "GIT_AUTHOR_NAME": "Author", "GIT_AUTHOR_EMAIL": "author@blog.example",
                    "GIT_COMMITTER_NAME": "Author", "GIT_COMMITTER_EMAIL": "author@blog.example"}
    folder, live, checked = tmp_path, None, None
    todo = steps(TUTORIAL)
    assert [path for path, _ in todo if path != "run"] == [f"posts/{SLUG}/{name}" for name in ("experiment.py", "figures.py", "index.md")]
    try:
        for path, text in todo:
            if path != "run":
                (folder / path).write_text(text, "utf-8")
            elif text.startswith("git clone "):
                run(text.replace("https://github.com/you/blog", str(fork)), folder, environment)
            elif text.startswith("cd "):
                folder /= text.removeprefix("cd ")
            elif text == "make live":
                live = Live(text, folder, environment, tmp_path / "opened")
                with urlopen(live.address) as answer:
                    home = lxml.html.fromstring(answer.read())
                first = home.xpath("//article[contains(@class,'card')]")[0]
                assert first.xpath(".//a/text()")[0] == "Why halving beats searching" and first.xpath(".//*[@class='draft']")
            elif text == "make check":
                checked = run(text, folder, environment)
            else:
                run(text, folder, environment)
    finally:
        if live:
            live.stop()
    assert checked is not None and SLUG not in checked
    page = lxml.html.parse(folder / f"_build/dirhtml/posts/{SLUG}/index.html").getroot()
    assert "that takes 20 looks at worst" in page.text_content().replace("\N{NO-BREAK SPACE}", " ")
    assert page.xpath("//*[contains(@class,'figure-svg')]/@aria-label") == ["Ten times as many numbers need three or four more looks."]
    titles = [item["title"] for item in json.loads((folder / "_build/dirhtml/articles/feed.json").read_text("utf-8"))["items"]]
    assert "Why halving beats searching" in titles
    # What was pushed is the article and its addresses, whole and nothing else.
    changed = run("git show --stat=200 --name-only --format= main", fork, environment).split()
    assert sorted(changed) == sorted([*(f"posts/{SLUG}/{name}" for name in (
        "experiment.py", "figures.py", "index.md", "looks.svg", "results.json")), "tests/site/addresses.txt"])
    assert run("git status --porcelain", folder, environment) == "?? _live.log\n"
