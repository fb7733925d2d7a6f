"""What the interactive figure starts from: its first frame, and the trigram's scores of a dozen bags in one small file.

    python demo.py              draw demo.html again
    python demo.py --puzzles    make puzzles.json again, from the corpus and from what the systems answered

demo.js shows the same frame once it runs; tests/browser/test_ordering_demo.py compares them.
"""

from __future__ import annotations

import json
import random
import sys
from html import escape
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sentence_reconstruction as sr

_FOLDER = Path(__file__).resolve().parent
PUZZLES = _FOLDER / "puzzles.json"
COUNT, SEED = 12, 0
WIDTH, SHOWN = 4, 8  # of the beam at first; rows of it that have room
FIRST_STEP = 3

Puzzle = dict[str, Any]


def puzzles() -> list[Puzzle]:
    found: list[Puzzle] = json.loads(PUZZLES.read_text(encoding="utf-8"))
    return found


def spelled(puzzle: Puzzle, order: list[int]) -> list[str]:
    return [puzzle["words"][word] for word in order]


def score(puzzle: Puzzle) -> sr.Score:
    """The trigram's, in whole hundredths of a nat: the same as step() in order.js."""
    places = {word: place for place, word in enumerate(puzzle["words"])}
    end = len(places)

    def step(before: sr.Words, word: str) -> float:
        known = [places[w] for w in before[-2:]]
        last = known[-1] if known else end
        previous = known[-2] if len(known) > 1 else end if known else ""
        row = puzzle["rows"].get(f"{previous} {last}") or puzzle["rows"][str(last)]
        return float(row[end if word == sr.END else places[word]])
    return step


def outlook(puzzle: Puzzle) -> dict[str, float]:
    return dict(zip(puzzle["words"], map(float, puzzle["outlook"]), strict=True))


def steps(puzzle: Puzzle, width: int) -> list[list[tuple[sr.Words, float]]]:
    return list(sr.steps(spelled(puzzle, puzzle["bag"]), score(puzzle), width, outlook(puzzle).__getitem__))


def found(puzzle: Puzzle, width: int) -> tuple[sr.Words, float]:
    return sr.order(spelled(puzzle, puzzle["bag"]), score(puzzle), width, outlook(puzzle).__getitem__)


# ------------------------------------------------------------------- puzzles

def make(model: sr.KneserNey, sentence: sr.Words, bag: list[str], answers: dict[str, sr.Words]) -> Puzzle:
    """One bag with all that the figure needs to score any of its orders."""
    words = sorted(set(bag))
    places = {word: place for place, word in enumerate(words)}

    def row(*context: str) -> list[int]:
        after = [model.probability(context, word) for word in words]
        stop = model.probability(context, ".") * model.probability((*context, "."), sr.END)
        return [round(100 * sr.log(p)) for p in (*after, stop)]

    # After one word; after two where the model has seen the two, for else the first does not matter.
    rows = {str(places.get(word, len(words))): row(word) for word in (*words, sr.START)}
    for first in (sr.START, *words):
        for second in words:
            if (first, second) in model._rows:
                rows[f"{places.get(first, len(words))} {places[second]}"] = row(first, second)
    return {"words": words, "bag": [places[word] for word in bag], "sentence": [places[word] for word in sentence],
            **{name: [places[word] for word in answer] for name, answer in answers.items()},
            "outlook": [round(100 * model.unigram(word)) for word in words], "rows": rows}


def draw_puzzles() -> list[Puzzle]:
    """A dozen of the sentences of six to nine words in a seed's share, drawn blindly."""
    import systems

    share = systems.data().sample(SEED, systems.SHARE)
    fit = [place for place, words in enumerate(share) if 6 <= len(words) <= 9]
    made = []
    for place in sorted(random.Random("puzzles").sample(fit, COUNT)):
        answers = {name: systems.answers(f"{name}-beam", SEED)[place][0] for name in ("untuned", "tuned")}
        made.append(make(systems.ngram(), share[place], systems.bags(share, SEED)[place], answers))
    return made


# --------------------------------------------------------------------- frame

def nats(hundredths: float) -> str:
    return f"{'−' if hundredths < 0 else ''}{abs(hundredths) / 100:.2f}"


def frame() -> str:
    puzzle = puzzles()[0]
    bag = spelled(puzzle, puzzle["bag"])
    grown = steps(puzzle, WIDTH)[FIRST_STEP]
    words, logp = found(puzzle, WIDTH)
    sentence = spelled(puzzle, puzzle["sentence"])
    chips = "\n".join(f'<li><span class="word">{escape(word)}</span></li>' for word in bag)
    ahead = outlook(puzzle)
    rows = []
    for place, (some, so_far) in enumerate(grown[:SHOWN]):
        rest = sum(map(ahead.__getitem__, bag)) - sum(map(ahead.__getitem__, some))
        rows.append(f'<li class="{"kept" if place < WIDTH else "dropped"}"><span>{escape(" ".join(some))}</span> '
                    f'<span class="figure">{nats(so_far + rest)}</span></li>')
    rows += ['<li class="empty"><span>·</span></li>'] * (SHOWN - len(rows))
    answers = [("Recorded", sentence), (f"Trigram, beam {WIDTH}", list(words)),
               ("SmolLM2, untuned", spelled(puzzle, puzzle["untuned"])),
               ("SmolLM2, tuned", spelled(puzzle, puzzle["tuned"]))]
    table = "\n".join(f"<div><dt>{name}</dt><dd>{escape(' '.join(some))}</dd></div>" for name, some in answers)
    total = sr.total_score(bag, score(puzzle))
    recorded = sr.total_score(sentence, score(puzzle))
    return f"""\
<p class="demo-title"><b>Sentence 1 of {len(puzzles())}</b>, {len(bag)} words</p>
<div class="demo-controls"></div>
<ol class="demo-words">
{chips}
</ol>
<p class="demo-say">This order: <b>{nats(total)}</b>. Found by the beam: {nats(logp)}. Recorded: {nats(recorded)}.</p>
<div class="demo-controls"></div>
<dl class="demo-answers">
{table}
</dl>
<p class="demo-step"><b>The beam of {WIDTH} at word {FIRST_STEP} of {len(bag)}</b>: {len(grown)} grown, {min(WIDTH, len(grown))} kept</p>
<div class="demo-controls"></div>
<ol class="demo-beam">
{chr(10).join(rows)}
</ol>
"""


if __name__ == "__main__":
    if sys.argv[1:] == ["--puzzles"]:
        text = ",\n".join(json.dumps(puzzle, ensure_ascii=False, separators=(",", ":")) for puzzle in draw_puzzles())
        PUZZLES.write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")
    (_FOLDER / "demo.html").write_text(frame(), encoding="utf-8", newline="\n")
