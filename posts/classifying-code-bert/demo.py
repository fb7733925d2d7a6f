"""The first frame of the interactive figure, as demo.js draws it too.

    python posts/classifying-code-bert/demo.py
"""

from __future__ import annotations

import html
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import ngrams
from evidence import write_atomically

FOLDER = Path(__file__).resolve().parent
TEXT = "data, err := load(path)\nif err == nil {\n    return data\n}"
BARS, REASONS = 5, 6


def shown(feature: str) -> str:
    """A feature for the eye: ↵ is a new line, ↵␣ one that is indented by spaces, ↵⇥ by tabs."""
    parts = [{"\n": "↵", "\n ": "↵␣", "\n\t": "↵⇥"}.get(part, part) for part in feature.split("\0")]
    return " ".join(parts)


def percent(p: float) -> str:
    return "> 99 %" if p > 0.995 else "< 1 %" if p < 0.005 else f"{math.floor(100 * p + 0.5)} %"


def factor(log: float) -> str:
    """What the odds are multiplied or divided by."""
    size = math.exp(abs(log))
    text = f"{math.floor(10 * size + 0.5) / 10:.1f}" if size < 10 else f"{math.floor(size + 0.5)}"
    return f"× {text}" if log >= 0 else f"÷ {text}"


def _bar(p: float) -> str:
    return f'<svg aria-hidden="true"><rect width="100%" height="100%"></rect><rect width="{100 * p:.1f}%" height="100%"></rect></svg>'


def frame(model: ngrams.Model, text: str) -> str:
    p = model.probabilities(text)
    order = sorted(range(len(p)), key=lambda at: (-p[at], at))
    first, second = order[:2]
    names, rows = model.terms(text)
    lead = (rows[:, first] - rows[:, second]) / model.temperature(text)
    reasons = sorted(range(len(names)), key=lambda at: -abs(lead[at]))[:REASONS]
    one, two = model.languages[first], model.languages[second]
    verdict = (f"<b>{one}.</b> It claims {html.escape(percent(p[first]))}." if model.answer(text) else
               f"<b>Don't know.</b> {one} comes first with {percent(p[first])}, "
               f"and it answers from {percent(model.threshold)} on.")
    bars = "".join(f'<li><span>{model.languages[at]}</span>{_bar(p[at])}'
                   f"<b>{html.escape(percent(p[at]))}</b></li>\n" for at in order[:BARS])
    why = "".join(f'<tr class="{"for" if lead[at] >= 0 else "against"}"><td><code>{html.escape(shown(names[at]))}</code>'
                  f"</td><td>{factor(lead[at])}</td></tr>\n" for at in reasons)
    return (f'<pre class="demo-text">{html.escape(text, quote=False)}</pre>\n<div class="demo-controls"></div>\n'
            f'<p class="demo-say">{verdict}</p>\n<div class="demo-halves">\n<ul class="demo-bars">\n{bars}</ul>\n'
            f'<table class="demo-why">\n<thead><tr><th scope="col">Decided by</th><th scope="col" class="demo-odds">'
            f"{one} : {two}</th></tr></thead>\n<tbody>\n{why}</tbody>\n</table>\n</div>\n")


def frames() -> dict[str, str]:
    return {"demo.html": frame(ngrams.page_model(), TEXT)}


if __name__ == "__main__":
    for name, text in frames().items():
        write_atomically(FOLDER / name, text)
