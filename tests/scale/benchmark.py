"""What a build costs as the blog grows, beside other generators: measured, recorded, drawn.

    python tests/scale/benchmark.py --counts 100 1000 --with plain pelican=/path/to/pelican hugo=hugo eleventy=/path/to/eleventy
    python tests/scale/benchmark.py --draw          # only draws docs/growth.svg from what was recorded

Of each generator one folder a size; in each round every generator does each
step in turn (clean, nothing changed, one sentence more in one article, one new
article, one tag renamed), so that what else the machine does meets all alike.
Recorded is the median of CPU seconds (user and system, children included) and
the largest resident size of one process. Wall time says nothing on a shared machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "posts")]
import corpus  # noqa: E402
import drawing as d  # noqa: E402

RESULTS, DRAWING = Path(__file__).with_name("results.json"), ROOT / "docs/growth.svg"
STEPS = ("clean", "nothing", "edit", "new", "rename")
NAMES = {"this": "this blog", "plain": "Sphinx + ABlog + Furo", "pelican": "Pelican", "hugo": "Hugo", "eleventy": "Eleventy"}


def command(kind: str, program: str, source: Path, out: Path) -> list[str]:
    if kind in ("this", "plain"):
        return [sys.executable, "-m", "sphinx", "-q", "-b", "dirhtml", "-d", f"{out}.doctrees", str(source), str(out)]
    if kind == "pelican":
        return [program, "-q", "-s", "pelicanconf.py", "-o", str(out)]
    if kind == "hugo":
        return [program, "--quiet", "-d", str(out)]
    return [program, "--quiet", f"--output={out}"]


def version(kind: str, program: str) -> str:
    if kind in ("this", "plain"):
        import ablog
        import furo
        import sphinx
        return f"Sphinx {sphinx.__version__}, ABlog {ablog.__version__}, Furo {furo.__version__}"
    run = subprocess.run([program, "version" if kind == "hugo" else "--version"], capture_output=True, text=True, check=True)
    return run.stdout.strip().split("\n")[0][:60]


def cost(arguments: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and the largest resident megabytes of one command."""
    log = folder.parent / "log"
    with log.open("w") as output:
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=output,
                                   env=os.environ | {"SITE_URL": "https://blog.example/", "PYTHONHASHSEED": "0"})
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{arguments} failed:\n{log.read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def article_file(kind: str, folder: Path, slug: str) -> Path:
    return folder / {"this": f"posts/{slug}/index.md", "plain": f"posts/{slug}/index.md", "pelican": f"content/{slug}.md",
                     "hugo": f"content/posts/{slug}.md", "eleventy": f"posts/{slug}.md"}[kind]


def rename_tag(kind: str, folder: Path, old: str, new: str) -> None:
    for path in folder.rglob("*.md"):
        text = path.read_text("utf-8")
        if old in text:
            path.write_text(text.replace(old, new), "utf-8")
    if kind == "this":
        conf = folder / "conf.py"
        conf.write_text(conf.read_text("utf-8").replace(old, new), "utf-8")


def round_of(kind: str, program: str, folder: Path, count: int, number: int) -> dict[str, tuple[float, float]]:
    """Every step once, from a clean folder."""
    source, out = folder / "source", folder / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    corpus.make(source, count, kind)
    middle = article_file(kind, source, corpus.slug(count // 2))
    tag = corpus.TAGS[number]

    def edit() -> None:
        middle.write_text(middle.read_text("utf-8") + f"\nOne more sentence, the {number + 1}th.\n", "utf-8")

    def new() -> None:
        corpus.KINDS[kind](folder / "one", [corpus.article(count, count + 1)])
        path = article_file(kind, source, corpus.slug(count))
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(article_file(kind, folder / "one", corpus.slug(count)), path)

    before: dict[str, Callable[[], object]] = {
        "clean": lambda: None, "nothing": lambda: None, "edit": edit, "new": new,
        "rename": lambda: rename_tag(kind, source, tag, f"{tag} Renamed")}
    found = {}
    for step in STEPS:
        before[step]()
        found[step] = cost(command(kind, program, source, out), source)
    return found


def searched(out: Path, slugs: list[str]) -> dict[str, float]:
    """Compressed kilobytes that a search loads before its first result, for words of titles and texts: median and most."""
    folder = out / "_static/words"
    sizes = {path.stem: len(gzip.compress(path.read_bytes(), 6)) for path in folder.glob("*.js")}
    fixed = sizes.pop("pages") + len(gzip.compress((out / "_static/search.js").read_bytes(), 6))
    return {"pages": fixed / 1000, "median": (fixed + statistics.median(sizes.values())) / 1000,
            "most": (fixed + max(sizes.values())) / 1000}


def measure(counts: list[int], programs: dict[str, str], rounds: int) -> None:
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {"builds": {}}
    kept["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    kept["versions"] = kept.get("versions", {}) | {kind: version(kind, program) for kind, program in programs.items()}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as base:
        for count in counts:
            runs: dict[str, list[dict[str, tuple[float, float]]]] = {kind: [] for kind in programs}
            for number in range(rounds):
                for kind, program in programs.items():
                    folder = Path(base) / kind
                    runs[kind].append(round_of(kind, program, folder, count, number))
                    if kind == "this":
                        kept.setdefault("search", {})[str(count)] = searched(folder / "out", [])
                    shutil.rmtree(folder)
                    print(count, NAMES[kind], {step: round(seconds, 2) for step, (seconds, _) in runs[kind][-1].items()}, flush=True)
            for kind, found in runs.items():
                kept["builds"].setdefault(kind, {})[str(count)] = {
                    "rounds": rounds, "peak MB": max(round(mb) for run in found for _, mb in run.values()),
                    **{step: round(statistics.median(run[step][0] for run in found), 2) for step in STEPS}}
            RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def draw() -> str:
    """CPU seconds over the number of articles, both axes by factors of ten: one panel for a clean build, one for an edit."""
    builds: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))["builds"]
    kinds = [kind for kind in NAMES if kind in builds]
    parts: list[str] = []
    width, height, gap, left, top = 300.0, 190.0, 62.0, 40.0, 26.0
    sizes = [100, 1000, 5000]

    def log(value: float, low: float, high: float) -> float:
        return math.log(value / low) / math.log(high / low)

    for panel, (step, title) in enumerate((("clean", "A clean build"), ("edit", "One sentence changed"))):
        y0 = top + panel * (height + gap)
        parts.append(d.text(left, y0 - 10, f"{title}, CPU seconds", weight=600))
        for seconds in (0.1, 1, 10, 100):
            y = y0 + height * (1 - log(seconds, 0.1, 300))
            parts += [d.line(left, y, left + width, y), d.text(left - 6, y + 4, f"{seconds:g}", anchor="end", fill="muted", size=12)]
        for count in sizes:
            x = left + width * log(count, 80, 6000)
            parts.append(d.text(x, y0 + height + 16, f"{count:,}", anchor="middle", fill="muted", size=12))
        ends = []
        for index, kind in enumerate(kinds):
            points = [(left + width * log(int(count), 80, 6000), y0 + height * (1 - log(max(found[step], 0.1), 0.1, 300)))
                      for count, found in sorted(builds[kind].items(), key=lambda item: int(item[0]))]
            colour = ("1", "2", "3", "4", "muted")[index]
            parts.append(d.polyline(points, stroke=colour, stroke_width=3 if kind == "this" else 1.75,
                                    dash=None if index < 2 else "5 3"))
            parts += [d.circle(x, y, 3, fill=colour) for x, y in points]
            ends.append((points[-1][1], NAMES[kind], colour, points[-1][0]))
        last = -100.0
        for y, name, colour, x in sorted(ends):
            last = max(y + 4, last + 14)
            parts.append(d.text(x + 8, last, name, fill=colour, size=12))
    return d.svg(440, top + 2 * height + gap + 26, "".join(parts))


def table() -> str:
    """What was recorded, as docs/scale.md shows it."""
    builds = json.loads(RESULTS.read_text("utf-8"))["builds"]
    lines = ["| Articles | Generator | clean | nothing | edit | new | tag renamed | peak MB |", "|" + "---|" * 8]
    for count in sorted({int(count) for found in builds.values() for count in found}):
        for kind in NAMES:
            if found := builds.get(kind, {}).get(str(count)):
                lines.append(f"| {count:,} | {NAMES[kind]} | " + " | ".join(f"{found[step]:.2f}" for step in STEPS)
                             + f" | {found['peak MB']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--counts", type=int, nargs="+", default=[100, 1000])
    options.add_argument("--with", dest="others", nargs="*", default=["plain"], metavar="KIND[=PROGRAM]")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--draw", action="store_true")
    chosen = options.parse_args()
    if not chosen.draw:
        others = dict((*other.split("=", 1), other)[:2] for other in chosen.others)
        measure(chosen.counts, {"this": "", **others}, chosen.rounds)
    DRAWING.write_text(draw(), "utf-8")


if __name__ == "__main__":
    main()
