"""Rename or remove an article so that its old address goes on leading somewhere.

    make move ARTICLE=old-name TO=new-name       or  python _ext/move_article.py old-name new-name
    make remove ARTICLE=name TO=articles/        or  python _ext/move_article.py --remove name articles/

Renaming moves the folder, mends the links and `needs` of the other articles and
pages, and adds a redirect. Removing deletes the folder, adds a redirect to the
address given, and names what still links to it. Nothing is committed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from addresses import REDIRECTS
from front_matter import _near, slugify, split

ROOT = Path(__file__).resolve().parents[1]
HEAD = "# Old address, new address: what has moved leads on (docs/publish.md).\n"


def redirect(text: str, old: str, new: str, *, anchors: bool = True) -> str:
    """The file of redirects with one more; what led to the old address now leads straight to the new one.

    >>> print(redirect("a/ b/  # why\\n", "b/", "c/"), end="")
    a/ c/  # why
    b/ c/
    """
    lines = []
    for line in text.splitlines():
        entry = re.match(r"(\S+)(\s+)([^\s#]+)(#\S+)?(.*)", line)
        if entry and not line.startswith("#"):
            source, gap, target, anchor, rest = entry.groups()
            if source == new:
                continue  # moved back to where it was: that is a page again
            if target == old:
                line = source + gap + new + ((anchor or "") if anchors else "") + rest
        lines.append(line)
    return "\n".join([*lines, f"{old} {new}"]) + "\n"


def mend_links(text: str, old: str, new: str) -> str:
    """A page's text with its links and its `needs` led to the new name.

    >>> mend_links("---\\nneeds: [a, b]\\n---\\n[t](../a/index.md#x) [](../../posts/a/index.md) a\\n", "a", "c")
    '---\\nneeds: [c, b]\\n---\\n[t](../c/index.md#x) [](../../posts/c/index.md) a\\n'
    """
    text = re.sub(rf"(?<=[(</\s])((?:\.\./)+(?:posts/)?|/?posts/){re.escape(old)}/(?=index\.md|[\w.-]+)", rf"\g<1>{new}/", text)
    source, length = split(text)
    if source is None:
        return text
    head, rest = text.split("\n")[:length], text.split("\n")[length:]
    inside = False
    for number, line in enumerate(head):
        inside = line.startswith("needs:") or (inside and line.startswith((" ", "-", "]")) and line != "---")
        if inside:
            head[number] = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", new, line)
    return "\n".join([*head, *rest])


def pages(root: Path) -> list[Path]:
    return sorted([*root.glob("posts/*/*.md"), *root.glob("docs/*.md"), *root.glob("*.md")])


def add_redirect(root: Path, old: str, new: str, *, anchors: bool = True) -> None:
    path = root / REDIRECTS
    text = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    path.write_text(redirect(text, old, new, anchors=anchors), encoding="utf-8", newline="\n")


def named(root: Path, slug: str) -> list[str]:
    """Where the old name still stands: file and line."""
    files = [*pages(root), *root.glob("posts/*/*.py"), *root.glob("tests/**/*.py"), *root.glob("_ext/*.py"), root / "Makefile"]
    return [f"{path.relative_to(root).as_posix()}:{number}" for path in files if path.is_file()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
            if re.search(rf"(?<![\w-]){re.escape(slug)}(?![\w-])", line)]


def move(root: Path, old: str, new: str) -> None:
    """Rename an article. ValueError in one plain sentence when it cannot be."""
    known = sorted(path.parent.name for path in root.glob("posts/*/index.md"))
    if old not in known:
        raise ValueError(f"there is no article posts/{old}: {_near(old, known)}")
    if not new or new != slugify(new):
        raise ValueError(f"{new!r} is no address: lower case, words joined by hyphens"
                         + (f", such as {slugify(new)!r}" if slugify(new) else ""))
    if (root / "posts" / new).exists():
        raise ValueError(f"posts/{new} exists already; choose another name")
    (root / "posts" / old).rename(root / "posts" / new)
    for path in pages(root):
        with path.open(encoding="utf-8", newline="") as file:  # line ends stay as they are
            text = file.read()
        if (mended := mend_links(text, old, new)) != text:
            path.write_text(mended, encoding="utf-8", newline="")
    add_redirect(root, f"posts/{old}/", f"posts/{new}/")


def remove(root: Path, old: str, to: str) -> None:
    known = sorted(path.parent.name for path in root.glob("posts/*/index.md"))
    if old not in known:
        raise ValueError(f"there is no article posts/{old}: {_near(old, known)}")
    if not re.fullmatch(r"([\w-]+/)+", to) or to == f"posts/{old}/":
        raise ValueError(f"say where its readers shall be led, an address below the site's own such as articles/, not {to!r}")
    shutil.rmtree(root / "posts" / old)
    add_redirect(root, f"posts/{old}/", to, anchors=False)


def main() -> int:
    parser = argparse.ArgumentParser(description="Rename or remove an article; its old address goes on leading somewhere.")
    parser.add_argument("--remove", action="store_true")
    parser.add_argument("article", help="its folder's name")
    parser.add_argument("to", help="its new name; with --remove, the address that its readers are led to")
    options = parser.parse_args()
    try:
        (remove if options.remove else move)(ROOT, options.article, options.to)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"posts/{options.article}/ now leads on, by posts/redirects.txt.")
    if left := named(ROOT, options.article):
        print("The old name still stands in these lines; look whether it should:", *left, sep="\n  ")
    print("Then: make html, python _ext/addresses.py _build/dirhtml, make test, and commit.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
