"""The first frame of the article's interactive row. demo.js shows the same once it runs; a test compares them.

    python demo.py            draw demo-row.html again
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent
TOKENS = ("<s>", "7421", "and", "code")
FIRST, SECOND = (4, 10, 4, 2), (26, 5, 16, 3)
ANSWER = 1
BASE, UNIT = 124, 92


def share(exponentials: Sequence[float], noise: float) -> list[float]:
    """A map's row; all but the answer is noise, and `noise` times as loud as in the example."""
    louder = [value if i == ANSWER else value * noise for i, value in enumerate(exponentials)]
    return [value / sum(louder) for value in louder]


def row(noise: float, lam: float) -> dict[str, list[float]]:
    """Both maps, their difference, and answer against the rest: plain, signed, absolute."""
    first, second = share(FIRST, noise), share(SECOND, noise)
    difference = [a - lam * b for a, b in zip(first, second)]

    def rest(weights: Sequence[float]) -> float:
        return sum(weight for i, weight in enumerate(weights) if i != ANSWER)

    return {"first": first, "second": second, "difference": difference,
            "rests": [rest(first), rest(difference), rest([abs(weight) for weight in difference])],
            "answers": [first[ANSWER], difference[ANSWER], abs(difference[ANSWER])]}


def short(value: float) -> str:
    text = f"{abs(value):.2f}".removeprefix("0")
    return ("−" if value < 0 and text != ".00" else "") + text


def ratio(answer: float, rest: float) -> str:
    return f"{short(answer)} to {short(rest)}" + (f", {answer / rest:.1f}×" if rest > 0.005 else "")


def frame(noise: float = 1, lam: float = 0.5) -> str:
    found = row(noise, lam)
    titles = {"first": "First map", "second": "Second map", "difference": "First − λ × second"}
    groups = []
    for place, (name, title) in enumerate(titles.items()):
        left = 6 + 148 * place
        parts = [f'<text x="{left + 66}" y="16" class="title">{title}</text>',
                 f'<line x1="{left}" y1="{BASE}" x2="{left + 132}" y2="{BASE}"></line>']
        for i, weight in enumerate(found[name]):
            x, height = left + 33 * i, abs(weight) * UNIT
            below = weight < 0
            parts.append(f'<rect x="{x + 4}" width="25" y="{BASE if below else BASE - height:.2f}" height="{height:.2f}" '
                         f'class="{"negative" if below else "positive"}"></rect>')
            parts.append(f'<text x="{x + 16}" y="{BASE + height + 15 if below else BASE - height - 5:.2f}" class="value">'
                         f'{short(weight)}</text>')
            parts.append(f'<text x="{x + 16}" y="196" class="token">{escape(TOKENS[i])}</text>')
        groups.append(f'<g data-map="{name}">' + "\n".join(parts) + "</g>")
    cells = "\n".join(f'<tr><th scope="row">{name}</th><td>{ratio(answer, rest)}</td></tr>' for name, answer, rest in zip(
        ("First map alone", "Difference, signed", "Difference, absolute"), found["answers"], found["rests"]))
    negative = any(weight < -0.005 for weight in found["difference"])
    return "\n".join([
        '<div class="demo-controls"></div>',
        '<svg viewBox="0 0 440 226" aria-hidden="true">', *groups,
        f'<text x="368" y="220" class="demo-sum">sum {short(1 - lam)}</text>', "</svg>",
        '<table>', '<thead><tr><th scope="col">Weight on the answer</th><th scope="col">to the rest</th></tr></thead>',
        "<tbody>", cells, "</tbody>", "</table>",
        f'<p class="demo-say">{"A" if negative else "No"} weight is negative.</p>']) + "\n"


if __name__ == "__main__":
    (_FOLDER / "demo-row.html").write_text(frame(), encoding="utf-8", newline="\n")
    print("wrote demo-row.html")
