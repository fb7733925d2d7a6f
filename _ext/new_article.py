"""Start an article: `make new TITLE="…"`, or plainly

    python _ext/new_article.py "Why halving beats searching" [--slug halving]

It makes posts/<slug>/ with a draft that builds as it is, so that an author
replaces text instead of looking up a format: front matter, an experiment with
its first result, a figure drawn from that result, and the places for formulas,
code and references.
"""

from __future__ import annotations

import argparse
import json
import runpy
import subprocess
import sys
from pathlib import Path

from cards import runs
from front_matter import slugify, today
from identity import escape

ROOT = Path(__file__).resolve().parents[1]

INDEX = """\
---
blogpost: true
date: {date}
# One or more of: {vocabulary}.
tags: [{tag}]
description: "Say here what the article finds, in one sentence."
teaches: [first concept, second concept]
{card_title}draft: true
---

# {heading}

Begin in plain words with what makes the reader curious.
The cards on the home page show this paragraph up to its 177th character, so formulas can wait for the next one.

## The idea, on an example small enough to check by hand

Start from 1 and double. One million is passed after {{result}}`doublings` doublings, which the tests run as well:

```pycon
>>> 2**19 <= 1_000_000 < 2**20
True
```

In general, {{eq}}`{slug}-doublings` gives the number $k$ of doublings that stay within a limit $n$:

```{{math}}
:label: {slug}-doublings

k = \\lfloor \\log_2 n \\rfloor.
```

```{{figure}} doublings.svg
:alt: Each tenfold limit costs three or four doublings more.

Each tenfold limit costs three or four doublings more.
```

## Where it stops

:::{{wrong-if}}
- Say when the method is slower, fails, or was not reproduced.
:::

## All numbers

```{{symbols}}
k : number of doublings
n : the limit that they stay within
```

```{{results-table}}
```

% Sources go into posts/references.bib and are cited as {{footcite:p}}`key`. Then take the percent signs away:
%
% ## References
%
% ```{{footbibliography}}
% ```
"""

EXPERIMENT = '''\
"""Measures the article's numbers: {command}."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from evidence import Experiment


def doublings(limit: int) -> int:
    """How often 1 can be doubled without passing `limit`."""
    count, value = 0, 2
    while value <= limit:
        count, value = count + 1, value * 2
    return count


def main() -> None:
    with Experiment(__file__, code=["experiment.py"]) as e:
        e.measure("doublings", lambda: doublings(10**6), about="Doublings of 1 up to a million", tolerance="exact")
        e.measure("doublings-by-limit", lambda: [[10**power, doublings(10**power)] for power in range(1, 7)],
                  about="Limit and doublings", tolerance="exact")


if __name__ == "__main__":
    main()
'''

FIGURES = '''\
"""Draws the article's figures from results.json: python {folder}/figures.py."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import drawing as d
import evidence

HERE = Path(__file__).resolve().parent


def doublings_figure() -> str:
    points = evidence.load(HERE / "results.json")["doublings-by-limit"]["value"]
    x = d.log_scale((points[0][0], points[-1][0]), (40, 400))
    y = d.linear_scale((0, 20), (220, 40))
    frame = d.axes(40, 40, 400, 220, x_scale=x, y_scale=y, x_label="limit", y_label="doublings",
                   x_ticks=[(limit, f"{{limit:,}}") for limit, _ in points[::2]],
                   y_ticks=[(count, str(count)) for count in (0, 5, 10, 15, 20)])
    marks = [d.circle(x(limit), y(count), 3.5) for limit, count in points]
    return d.svg(440, 270, frame, d.polyline([(x(limit), y(count)) for limit, count in points]), *marks)


def figures() -> dict[str, str]:
    return {{"doublings.svg": doublings_figure()}}


if __name__ == "__main__":
    d.write(HERE, figures())
'''

NEXT = """\
started {folder}/ as a draft

  make live       shows it while you write, mistakes included
  make check      finds in seconds what is wrong with it
  {folder}/index.md
                  the text; docs/write.md explains each part
  .venv/bin/python {folder}/experiment.py
                  measures again after you changed it
  .venv/bin/python {folder}/figures.py
                  draws again after you changed it
  posts/references.bib
                  takes your sources

To publish it, set `date`, delete `draft: true`, and commit.
"""


def plain(title: str) -> str:
    """One line, without characters that cannot be seen.

    >>> plain(" Two\\n lines ")
    'Two lines'
    """
    return " ".join("".join(character if character.isprintable() else " " for character in title).split())


def card_title(title: str) -> str:
    """The front matter line for a title that the card's fonts cannot show whole, else nothing."""
    def drawable(character: str) -> bool:
        try:
            runs(character)
        except ValueError:
            return False
        return True

    if all(map(drawable, title)):
        return ""
    kept = " ".join("".join(filter(drawable, title)).split())
    shown = kept if any(map(str.isalnum, kept)) else "Article"
    return f"card_title: {json.dumps(shown, ensure_ascii=False)} # the card's fonts lack characters of the title\n"


def start(root: Path, title: str, slug: str | None) -> Path:
    """Make the article's folder and return it. ValueError in one plain sentence when it cannot be."""
    title = plain(title)
    if not title:
        raise ValueError('give the article a title: make new TITLE="Why halving beats searching"')
    name = slugify(title) if slug is None else slug
    if not name:
        raise ValueError(f"no address can be made from the title {title!r}; "
                         'name one: make new TITLE="…" SLUG=some-words')
    if name != slugify(name):
        raise ValueError(f"{name!r} is no address: lower case, words joined by hyphens"
                         + (f", such as {slugify(name)!r}" if slugify(name) else ""))
    folder = root / "posts" / name
    if folder.exists():
        raise ValueError(f"posts/{name} exists already; choose another title, or an address of its own: "
                         'make new TITLE="…" SLUG=some-words')
    conf = runpy.run_path(str(root / "conf.py"))
    vocabulary = list(conf["blog_tags"])
    words = {"date": today(conf["blog_timezone"]), "vocabulary": ", ".join(vocabulary),
             "tag": json.dumps(vocabulary[0], ensure_ascii=False),
             "heading": escape(title), "slug": name, "card_title": card_title(title), "folder": f"posts/{name}",
             "command": f"make experiment ARTICLE={name}"}
    folder.mkdir(parents=True)
    for file, text in (("index.md", INDEX), ("experiment.py", EXPERIMENT), ("figures.py", FIGURES)):
        (folder / file).write_text(text.format(**words), encoding="utf-8", newline="\n")
    for script in ("experiment.py", "figures.py"):
        done = subprocess.run([sys.executable, "-B", str(folder / script)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(f"posts/{name}/{script} failed:\n{done.stderr}")
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description="Start an article.")
    parser.add_argument("title")
    parser.add_argument("--slug", help="its part of the address, where the title would make a long one")
    options = parser.parse_args()
    try:
        folder = start(ROOT, options.title, options.slug or None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(NEXT.format(folder=folder.relative_to(ROOT).as_posix()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
