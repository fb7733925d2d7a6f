"""Twenty wrong orders of the fine-tuned model beside the recorded ones, drawn blindly, for a reader to judge.

    python pairs.py     write pairs.txt again, from what the systems answered (see systems.py)
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

PAIRS = Path(__file__).resolve().parent / "pairs.txt"
COUNT = 20
JUDGES = ("fine-tuned", "untuned", "trigram")


def read(text: str) -> list[tuple[list[str], list[str], list[float]]]:
    """Of pairs.txt: each pair's recorded and found words, and by how many nats each judge prefers the found order."""
    found = []
    for block in text.split("\n\n"):
        if "\nrecorded " in block:
            _, recorded, wrong, judged = block.strip().split("\n")
            found.append((recorded.split()[1:], wrong.split()[1:], [float(each.split()[-1]) for each in judged.split(",")]))
    return found


def draw() -> str:
    import experiment
    import systems

    wrong = [(seed, place) for seed in systems.SEEDS
             for place, (words, target) in enumerate(zip(experiment.outputs("tuned-beam", seed), experiment.gold(seed),
                                                         strict=True)) if words != target]
    judges = {"fine-tuned": experiment.neural_judge("tuned"), "untuned": experiment.neural_judge("untuned-blind"),
              "trigram": experiment.trigram_judge}
    gains = {(name, seed): [a - b for a, b in zip(judge(seed, experiment.outputs("tuned-beam", seed)),
                                                  judge(seed, experiment.gold(seed)), strict=True)]
             for name, judge in judges.items() for seed in systems.SEEDS}
    blocks = [f"{COUNT} of the {len(wrong)} wrong orders that SmolLM2, fine-tuned, found with a beam of {systems.WIDTH}, drawn "
              "blindly.\nBehind each model: by how many nats it prefers the found order to the recorded one."]
    for number, (seed, place) in enumerate(random.Random("pairs").sample(wrong, COUNT), 1):
        judged = ", ".join(f"{name} {gains[name, seed][place]:+.1f}" for name in JUDGES)
        blocks.append(f"{number}\nrecorded  {' '.join(experiment.gold(seed)[place])}\n"
                      f"found     {' '.join(experiment.outputs('tuned-beam', seed)[place])}\n{judged}")
    return "\n\n".join(blocks) + "\n"


if __name__ == "__main__":
    PAIRS.write_text(draw(), encoding="utf-8", newline="\n")
