"""What articles say of their own changes, against what git knows.

The rule: on the day of each entry of `changes`, a commit changed that article.
What is looked at is the committed text, so an entry may be written before its
commit; the commit's day counts in UTC and as its author's clock said it.

A shallow clone (the usual checkout of continuous integration) does not know the
days before its oldest commit. There, entries of that day and earlier ones are
passed over; later ones, and entries of days to come, are still refused. Without
git (an unpacked archive) there is nothing to compare with, and the test says so
by passing over all.
"""

from __future__ import annotations

import datetime as dt
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
from front_matter import check_vocabulary, parse

ROOT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """What git says; "" where there is no git or no repository."""
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        return subprocess.run(["git", "-c", f"safe.directory={folder}", *arguments], cwd=folder, env=clean | environment,
                              capture_output=True, text=True, encoding="utf-8", check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""


def days(folder: Path, *path: str) -> set[dt.date]:
    """The days of the commits that changed a path, or of all: of writing (in UTC and as the author's clock said) and of commit."""
    said = [git(folder, "log", f"--format={form}", f"--date={date}", "--", *path)
            for form, date in (("%ad", "format-local:%F"), ("%ad", "format:%F"), ("%cd", "format-local:%F"))]
    return {dt.date.fromisoformat(day) for text in said for day in text.split()}


def unbacked(root: Path, tags: dict[str, str], scratch: Path) -> list[str]:
    """Entries of articles' histories on whose day no commit changed the article."""
    if not git(root, "rev-parse", "--verify", "HEAD"):
        return []
    names = [name for name in git(root, "ls-tree", "-r", "--name-only", "HEAD", "posts").split("\n") if name.endswith("/index.md")]
    shallow = git(root, "rev-parse", "--is-shallow-repository").strip() == "true"
    horizon = min(days(root)) if shallow else dt.date.min
    slugs, wrong = {Path(name).parent.name for name in names}, []
    for name in names:
        scratch.write_text(git(root, "show", f"HEAD:{name}"), encoding="utf-8")
        article, _ = parse(scratch, name.removesuffix(".md"), tags, slugs)
        known = days(root, name) if article and article.changes else set()
        for change in article.changes if article else ():
            if change.date > horizon and change.date not in known:
                wrong.append(f"{name}: {change.kind} of {change.date}, but no commit changed the article that day")
    return wrong


def test_each_entry_of_an_articles_history_is_a_commits_day(tmp_path: Path) -> None:
    tags, _ = check_vocabulary(runpy.run_path(str(ROOT / "conf.py"))["blog_tags"])
    assert unbacked(ROOT, tags, tmp_path / "index.md") == []


# -- The rule itself, on repositories made here --------------------------------

TEXT = '---\nblogpost: true\ndate: 2024-01-01\n{more}tags: [LLMs]\ndescription: "A finding."\n---\n\n# Title\n\nOpening {number}.\n'


def history(*days: str) -> str:
    entries = "".join(f"- {{date: {day}, kind: wording, what: A}}\n" for day in days)
    return f"updated: {max(days)}\nchanges:\n{entries}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An article committed on 1 January, 1 February and 1 March 2024; another file on 1 April."""
    root = tmp_path / "repository"
    (root / "posts/x").mkdir(parents=True)
    git(root, "init", "--quiet")
    for number, month in enumerate(("01", "02", "03", "04")):
        path = root / ("posts/x/index.md" if month != "04" else "posts/y.py")
        commit(root, path, TEXT.format(more="", number=number), f"2024-{month}-01T12:00:00Z")
    return root


def commit(root: Path, path: Path, text: str, moment: str, committed: str = "") -> None:
    path.write_text(text, encoding="utf-8")
    git(root, "add", ".")
    who = {f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git(root, "commit", "--quiet", "--message", "x", **who, GIT_AUTHOR_DATE=moment, GIT_COMMITTER_DATE=committed or moment)


def found(root: Path, tmp_path: Path) -> list[str]:
    return [line.split(" of ")[1].split(",")[0] for line in unbacked(root, {"LLMs": "llms"}, tmp_path / "scratch.md")]


def test_an_entry_on_a_day_without_a_commit_to_its_article_is_refused(repository: Path, tmp_path: Path) -> None:
    days = ("2024-02-01", "2024-02-02", "2024-03-01", "2024-04-01", "2024-05-05")
    commit(repository, repository / "posts/x/index.md", TEXT.format(more=history(*days), number=9), "2024-05-05T23:30:00-05:00")
    assert found(repository, tmp_path) == ["2024-04-01", "2024-02-02"]


def test_an_entry_may_be_written_before_its_commit(repository: Path, tmp_path: Path) -> None:
    (repository / "posts/x/index.md").write_text(TEXT.format(more=history("2024-06-06"), number=9), encoding="utf-8")
    assert found(repository, tmp_path) == []


def test_a_rebased_commit_still_stands_for_the_day_it_was_written(repository: Path, tmp_path: Path) -> None:
    commit(repository, repository / "posts/x/index.md", TEXT.format(more=history("2024-05-05"), number=9),
           "2024-05-05T12:00:00Z", committed="2024-07-07T12:00:00Z")
    assert found(repository, tmp_path) == []


def test_a_shallow_clone_passes_over_what_it_cannot_know_and_refuses_days_to_come(repository: Path, tmp_path: Path) -> None:
    days = ("2024-02-02", "2024-05-05", "2024-08-08")
    commit(repository, repository / "posts/x/index.md", TEXT.format(more=history(*days), number=9), "2024-05-05T12:00:00Z")
    assert found(repository, tmp_path) == ["2024-08-08", "2024-02-02"]
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", repository.as_uri(), str(clone))
    assert found(clone, tmp_path) == ["2024-08-08"]


def test_without_git_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "posts/x").mkdir(parents=True)
    (tmp_path / "posts/x/index.md").write_text(TEXT.format(more=history("2024-06-06"), number=9), encoding="utf-8")
    assert found(tmp_path, tmp_path) == []
