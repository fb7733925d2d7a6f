"""What a build costs as the blog grows, beside other generators: measured, recorded, drawn.

    python tests/scale/benchmark.py --counts 100 1000 --with plain pelican=pelican hugo=hugo eleventy=eleventy \\
        --pagefind "python -m pagefind"
    python tests/scale/benchmark.py --draw          # only brings docs/scale.md and its figure up to what was recorded

Of each generator one folder a size; in each round every generator does each
step in turn (clean, nothing changed, one sentence more in one article, one new
article, one tag renamed), so that what else the machine does meets all alike.
Recorded are CPU seconds (user and system, children included), as wall time
says nothing on a shared machine, and the largest resident size of one process.
Rounds are added to those recorded before, so that they can be run one by one.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import os
import platform
import re
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

RESULTS, DRAWING, PAGE = Path(__file__).with_name("results.json"), ROOT / "docs/growth.svg", ROOT / "docs/scale.md"
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
    run = subprocess.run([*program.split(), "version" if kind == "hugo" else "--version"], capture_output=True, text=True, check=True)
    return f"{kind.capitalize()} {re.search(r'[0-9]+[.][0-9.]*[0-9]', run.stdout)[0]}"  # type: ignore[index]


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


def packed(*paths: Path) -> int:
    """What a host sends: compressed, but for what is compressed already."""
    return sum(path.stat().st_size if path.suffix.startswith(".pf_") or path.suffix == ".pagefind"
               else len(gzip.compress(path.read_bytes(), 6)) for path in paths)


def weigh(out: Path, pagefind: str) -> dict[str, Any]:
    """Compressed bytes of the lists, and of a search for one word up to its first result; with Pagefind too, if it is there."""
    parts = sorted(path for path in (out / "_static/words").glob("*.js") if path.stem != "pages")
    sizes = [packed(path) for path in parts]
    fixed = packed(out / "search/index.html", out / "_static/search.js", out / "_static/words/pages.js")
    found: dict[str, Any] = {
        "home": packed(out / "index.html"), "all articles": packed(out / "articles/index.html"),
        "largest tag": max(packed(path) for path in (out / "articles/tag").glob("*/index.html")),
        "search": {"median": fixed + round(statistics.median(sizes)), "most": fixed + max(sizes), "all": fixed + sum(sizes)}}
    if pagefind:
        seconds, _ = cost([*pagefind.split(), "--root-selector", "[role=main]", "--site", str(out)], out)
        folder = out / "pagefind"
        fixed = packed(out / "search/index.html", folder / "pagefind.js", folder / "pagefind-worker.js",
                       folder / "pagefind-entry.json", *folder.glob("*.pf_meta"), folder / "wasm.en.pagefind")
        sizes = [packed(path) for path in folder.glob("index/*.pf_index")]
        fixed += round(statistics.median(packed(path) for path in folder.glob("fragment/*.pf_fragment")))
        found["pagefind"] = {"seconds": round(seconds, 2), "median": fixed + round(statistics.median(sizes)),
                             "most": fixed + max(sizes)}
    return found


def recorded() -> dict[str, Any]:
    return json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {"rounds": {}, "weights": {}, "versions": {}}


def measure(counts: list[int], programs: dict[str, str], rounds: int, pagefind: str) -> None:
    """Add rounds to those recorded; a round is written down when all its generators are through."""
    kept = recorded()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    versions = {kind: version(kind, program) for kind, program in programs.items()}
    if pagefind:
        versions["pagefind"] = version("pagefind", pagefind)
    corpora = hashlib.sha256(repr([corpus.article(number, 9) for number in range(9)]).encode()).hexdigest()[:12]
    same = [kept.setdefault("machine", machine), kept.setdefault("corpus", corpora)] == [machine, corpora]
    if not same or any(kept["versions"].get(kind, one) != one for kind, one in versions.items()):
        raise SystemExit(f"{RESULTS.name} is of another machine, other articles or other versions; delete it to begin anew")
    kept["versions"] |= versions
    with tempfile.TemporaryDirectory(prefix="benchmark-") as base:
        for count in counts:
            for _ in range(rounds):
                found: dict[str, Any] = {}
                number = len(kept["rounds"].get(str(count), []))
                for kind, program in programs.items():
                    folder = Path(base) / kind
                    found[kind] = round_of(kind, program, folder, count, number)
                    if kind == "this":
                        kept["weights"][str(count)] = weigh(folder / "out", pagefind)
                    shutil.rmtree(folder)
                    print(count, NAMES[kind], {step: round(seconds, 2) for step, (seconds, _) in found[kind].items()}, flush=True)
                kept["rounds"].setdefault(str(count), []).append(
                    {kind: {"peak MB": max(round(mb) for _, mb in steps.values()),
                            **{step: round(seconds, 2) for step, (seconds, _) in steps.items()}} for kind, steps in found.items()})
                RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def medians() -> dict[str, dict[str, dict[str, float]]]:
    """By generator, number of articles and step: the median over the rounds; of memory, the most."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for count, rounds in recorded()["rounds"].items():
        for kind in NAMES:
            if own := [one[kind] for one in rounds if kind in one]:
                found.setdefault(kind, {})[count] = {step: statistics.median(one[step] for one in own) for step in STEPS} | {
                    "peak MB": max(one["peak MB"] for one in own), "rounds": len(own)}
    return found


def draw() -> str:
    """CPU seconds over the number of articles, both axes by factors of ten: one panel for a clean build, one for an edit."""
    builds = medians()
    kinds = [kind for kind in NAMES if kind in builds]
    parts: list[str] = []
    width, height, gap, left, top = 235.0, 190.0, 62.0, 40.0, 26.0
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
            ends.append((points[-1][1], NAMES[kind], colour))
        last = -100.0
        for y, name, colour in sorted(ends):
            last = max(y + 4, last + 14)
            parts.append(d.text(left + width + 6, last, name, fill=colour, size=12))
    return d.svg(440, top + 2 * height + gap + 26, "".join(parts))


def table() -> str:
    builds = medians()
    lines = ["| Articles | Generator | Rounds | clean | nothing | edit | new | tag renamed | peak MB |", "|" + " ---: |" * 9]
    lines[1] = lines[1].replace("---:", "---", 2)
    for count in sorted({int(count) for found in builds.values() for count in found}):
        for kind, name in NAMES.items():
            if found := builds.get(kind, {}).get(str(count)):
                lines.append(f"| {count:,} | {name} | {found['rounds']} | " + " | ".join(f"{found[step]:.2f}" for step in STEPS)
                             + f" | {found['peak MB']} |")
    return "\n".join(lines)


def bars() -> str:
    """What was aimed at, and what came out: ratios of medians at 1,000 articles, growth from 100 on."""
    builds, weights = medians(), recorded()["weights"]
    this = builds["this"]
    rows: list[tuple[str, float, float, str]] = []  # what, measured, at most, unit

    def beside(step: str, kind: str, most: float, what: str) -> None:
        if "1000" in builds.get(kind, {}) and "1000" in this:
            rows.append((f"{what}, beside {NAMES[kind]}", this["1000"][step] / builds[kind]["1000"][step], most, ""))

    beside("edit", "pelican", 0.65, "One edit")
    beside("edit", "plain", 0.1, "One edit")
    beside("nothing", "pelican", 0.7, "Nothing changed")
    beside("clean", "plain", 0.5, "A clean build")
    beside("peak MB", "plain", 0.5, "Memory")
    for count in ("1000", "5000"):
        if {"100", count} <= this.keys():
            each = {number: this[number]["clean"] / int(number) for number in ("100", count)}
            rows.append((f"A clean build an article, {int(count):,} beside 100", each[count] / each["100"], 1.2, ""))
            rows.append((f"An edit, {int(count):,} beside 100", this[count]["edit"] / this["100"]["edit"], 2, ""))
    if "1000" in weights:
        rows.append(("A search at 1,000 articles, the heaviest word, kB", weights["1000"]["search"]["most"] / 1000, 300, " kB"))
    lines = ["| Aim | at most | measured | |", "| --- | ---: | ---: | --- |"]
    for what, found, most, unit in rows:
        shown = f"{found:.0f}" if unit else f"{found:.2f}"
        lines.append(f"| {what} | {most:g} | {shown} | {'met' if found <= most else 'missed'} |")
    return "\n".join(lines)


def floor() -> str:
    builds = medians()
    if not {"100", "1000"} <= builds.get("this", {}).keys() or "1000" not in builds.get("plain", {}):
        return ""
    start, edit, plain = builds["this"]["100"]["nothing"], builds["this"]["1000"]["edit"], builds["plain"]["1000"]["edit"]
    return (f"With 100 articles a build in which nothing changed takes {start:.2f} s, nearly all of it to start Python, Sphinx and "
            f"the extensions. At 1,000 an edit takes {edit - start:.2f} s more; a tenth of what it takes with plain Sphinx, "
            f"{plain / 10:.2f} s, would leave {plain / 10 - start:.2f} s.")


def lists() -> str:
    lines = ["| Articles | home | all articles | largest tag | a search, median | a search, most | the whole index |", "|" + " ---: |" * 7]
    for count, found in sorted(recorded()["weights"].items(), key=lambda item: int(item[0])):
        sizes = [found["home"], found["all articles"], found["largest tag"], *(found["search"][name] for name in ("median", "most", "all"))]
        lines.append(f"| {int(count):,} | " + " | ".join(f"{size / 1000:.1f}" for size in sizes) + " |")
    return "\n".join(lines)


def beside_pagefind() -> str:
    kept = recorded()
    found = [(int(count), one["search"], one["pagefind"]) for count, one in kept["weights"].items() if "pagefind" in one]
    return " ".join(
        f"At {count:,} articles it transfers {other['median'] / 1000:.0f} kB for the median word and {other['most'] / 1000:.0f} kB "
        f"for the heaviest, the search here {own['median'] / 1000:.0f} and {own['most'] / 1000:.0f} kB; and it would index every page "
        f"again after each build, for {other['seconds']:.1f} CPU seconds." for count, own, other in sorted(found, key=lambda one: one[0]))


def made_with() -> str:
    kept = recorded()
    versions = "; ".join(dict.fromkeys(kept["versions"][kind] for kind in sorted(kept["versions"])))
    return f"Machine: {kept['machine']}. Versions: {versions}."


PARTS = {"table": table, "bars": bars, "floor": floor, "lists": lists, "pagefind": beside_pagefind, "versions": made_with}


def page(text: str) -> str:
    """docs/scale.md with what was recorded: each part stands between `% measured: its name` and `% end`."""
    return re.sub(r"(?<=^% measured: )(\w+)\n.*?(?=^% end$)", lambda part: f"{part[1]}\n\n{PARTS[part[1]]()}\n\n", text,
                  flags=re.DOTALL | re.MULTILINE)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--counts", type=int, nargs="+", default=[100, 1000])
    options.add_argument("--with", dest="others", nargs="*", default=["plain"], metavar="KIND[=PROGRAM]")
    options.add_argument("--pagefind", default="", metavar="PROGRAM")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--draw", action="store_true")
    chosen = options.parse_args()
    if not chosen.draw:
        others = dict((*other.split("=", 1), other)[:2] for other in chosen.others)
        measure(chosen.counts, {"this": "", **others}, chosen.rounds, chosen.pagefind)
    DRAWING.write_text(draw(), "utf-8")
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
