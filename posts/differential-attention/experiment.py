"""Train plain and differential Transformers on key-value retrieval and on text, and compare them. Some forty CPU minutes; --quick, one.

Needs PyTorch (the "experiments" packages). Each training run is kept as soon
as it ends, so an interrupted experiment loses at most the runs under way.
"""
# ruff: noqa: B023  (each function is called at once)

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch

import comparison
import language
import needle
import paired
import runs
from evidence import Experiment

STEPS, EVERY = 600, 20
NEVER = STEPS + EVERY          # stands for "not within the run"
TUNING_SEED = 100
SEEDS = (0, 1, 2, 3, 4)
RATES = (2e-3, 4e-3, 8e-3)
TUNED = ("plain", "plain-norm", "v1", "v2")  # the variants of V1 take its rate
NAMES = {"plain": "Plain", "plain-norm": "Plain + norm", "v1": "V1", "v1-no-norm": "V1 without norm",
         "v1-zero": "V1, λ = 0", "v1-half": "V1, λ = 0.5", "v2": "V2"}
TESTS = {"trained": 0, "pairs": 1, "long": 2, "longest": 4}
ABOUT = {"trained": "accuracy as trained", "pairs": "accuracy, twice the pairs", "long": "accuracy, twice the length",
         "longest": "accuracy, four times the length"}
MEASURES = {"answer-signed": "answer, signed", "noise-signed": "noise, signed", "answer-absolute": "answer, absolute",
            "noise-absolute": "noise, absolute", "noise-squares": "noise over answer, root of squares",
            "row-sum": "sum of a row"}
PAIRS = (("v1", "plain"), ("v1", "plain-norm"), ("plain-norm", "plain"), ("v2", "plain"), ("v1", "v1-zero"))
LANGUAGE_STEPS = 140
LANGUAGE_SEEDS = tuple(range(7))   # with six, no paired test of two comparisons could reach 5%
LANGUAGE_RATES = (4e-3, 8e-3, 16e-3, 32e-3)  # the last added, as the first three were best at the end
LANGUAGE_PAIRS = (("v1", "plain"), ("v1", "plain-norm"), ("plain-norm", "plain"), ("v2", "plain"))
PRIMARY = PAIRS[:2]            # said before the runs; Holm's adjustment is over these, for both outcomes

TRAINED = "ratio 0.5 to 2"     # a median of trained models elsewhere: rounding alone sends a run another way
LOOSE = "relative 2"           # a difference, or a p-value

Runs = dict[runs.Job, dict[str, Any]]


def area(run: dict[str, Any]) -> float:
    """Mean accuracy over the whole of training: rewards learning soon and well."""
    return sum(score for _, score in run["curve"]) / len(run["curve"])


def small_loss(kind: str) -> float:
    found: float = needle.train(kind, 0, 4e-3, 100, every=100)["loss"]
    return found


def tune() -> tuple[dict[str, list[float]], dict[str, float]]:
    """For each kind, the area at each rate, on a seed that serves for nothing else, and the best rate."""
    found = runs.run_all([("needle", kind, TUNING_SEED, rate, STEPS) for rate in RATES for kind in TUNED])
    areas = {kind: [area(found["needle", kind, TUNING_SEED, rate, STEPS]) for rate in RATES] for kind in TUNED}
    rates = {kind: RATES[areas[kind].index(max(areas[kind]))] for kind in TUNED}
    return areas, {kind: rates.get(kind, rates["v1"]) for kind in NAMES}


def main() -> None:
    with Experiment(__file__, code=runs.CODE["needle"], packages=["torch"]) as run:
        for kind, name in NAMES.items():
            run.measure(f"parameters-{kind}", lambda: sum(p.numel() for p in needle.model(kind).parameters()),
                        about=f"{name}: parameters", tolerance="exact")
        for kind in ("plain", "v1", "v2"):
            run.measure(f"small-loss-{kind}", lambda: small_loss(kind), unit="nats", tolerance="relative 0.03",
                        about=f"{NAMES[kind]}: loss after 100 steps, seed 0")
        for kind in language.KINDS:
            run.measure(f"language-parameters-{kind}", code=runs.CODE["language"], tolerance="exact",
                        function=lambda: sum(p.numel() for p in language.model(kind).parameters()),
                        about=f"Language model, {NAMES[kind]}: parameters")
        run.measure("small-bits-v1", lambda: language.train("v1", 0, 8e-3, 10)["bits"], code=runs.CODE["language"],
                    unit="bits per byte", tolerance="relative 0.02", about="Language model, V1: held out after 10 steps")
        if not run.quick:
            full(run)
            language_models(run)
            run.derive("language-minutes", "language_cpu / 60", unit="CPU minutes",
                       about="All language-model runs, tuning included", tolerance="ratio 0.1 to 10")
            runs.forget()


def full(run: Experiment) -> None:
    tuned = cache(tune)

    @cache
    def done() -> dict[tuple[str, int], dict[str, Any]]:  # nothing is trained for a result that is taken as published
        jobs = {(kind, seed): ("needle", kind, seed, tuned()[1][kind], STEPS) for seed in SEEDS for kind in NAMES}
        found = runs.run_all(list(jobs.values()))
        return {key: found[job] for key, job in jobs.items()}

    def of(kind: str, seed: int) -> dict[str, Any]:
        return done()[kind, seed]

    def steps(kind: str, seed: int) -> int:
        found: int = of(kind, seed)["to90"]
        return NEVER if found < 0 else found

    run.measure("steps", lambda: STEPS, about="Steps of a run", tolerance="exact")
    run.measure("rates", lambda: list(RATES), about="Learning rates tried", tolerance="exact")
    for kind in TUNED:
        run.measure(f"tuning-{kind}", lambda: tuned()[0][kind], tolerance=TRAINED,
                    about=f"{NAMES[kind]}: mean accuracy over training at these rates, tuning seed")
        run.measure(f"rate-{kind}", lambda: tuned()[1][kind], about=f"{NAMES[kind]}: rate chosen",
                    tolerance="ratio 0.4 to 2.5")
    for kind in ("plain", "v1"):
        run.derive(f"high-rate-{kind}", f"tuning_{kind}[-1]", tolerance=TRAINED,
                   about=f"{NAMES[kind]}: mean accuracy over training at the highest rate, tuning seed")
    for kind, name in NAMES.items():
        run.measure(f"steps-{kind}", lambda seed: steps(kind, seed), seeds=SEEDS, unit="steps",
                    about=f"{name}: steps to 90% ({NEVER}: never)", tolerance=TRAINED)
    for test, place in TESTS.items():
        for kind, name in NAMES.items():
            run.measure(f"{test}-{kind}", lambda seed: 100 * of(kind, seed)["accuracy"][place],
                        seeds=SEEDS, unit="%", about=f"{name}: {ABOUT[test]}", tolerance=TRAINED)
    for place, (measure, about) in enumerate(MEASURES.items()):
        for kind in NAMES:
            run.measure(f"{measure}-{kind}", lambda seed: of(kind, seed)["attention"][0][place],
                        seeds=SEEDS, about=f"{NAMES[kind]}, best head: {about}", tolerance=LOOSE)
    for kind, name in NAMES.items():
        run.measure(f"pooled-{kind}", lambda seed: of(kind, seed)["attention"][0][len(MEASURES):],
                    seeds=SEEDS, about=f"{name}, all heads of the layer: the same six", tolerance=LOOSE)

    # Every seed, for the figures.
    for kind, name in NAMES.items():
        run.measure(f"seeds-{kind}", lambda: [[steps(kind, seed), *of(kind, seed)["accuracy"],
                                               *of(kind, seed)["attention"][0]] for seed in SEEDS],
                    about=f"{name}: all of this by seed", tolerance=LOOSE)
        run.measure(f"curve-{kind}", lambda: [[score for _, score in of(kind, seed)["curve"]]
                                              for seed in SEEDS],
                    about=f"{name}: accuracy every {EVERY} steps, by seed", tolerance=LOOSE)
    for layer in (1, 2):
        run.measure(f"lambda-{layer}", lambda seed: of("v1", seed)["lambdas"][-1][layer - 1], seeds=SEEDS,
                    about=f"V1: λ of layer {layer} after training", tolerance=LOOSE)
        run.measure(f"lambda-curve-{layer}",
                    lambda: [[step[layer - 1] for step in of("v1", seed)["lambdas"]] for seed in SEEDS],
                    about=f"V1: λ of layer {layer} every {EVERY} steps, by seed", tolerance=LOOSE)
    example = needle.examples(torch.Generator().manual_seed(99), 1, needle.MOST_PAIRS, needle.LENGTH)
    run.measure("example-ids", lambda: example.ids[0].tolist(), about="Token ids of the example", tolerance="exact")
    run.measure("example-answer", lambda: int(example.answers[0, 0]), tolerance="exact",
                about="Where the answer to its first question stands")
    for kind in ("plain", "plain-norm", "v1"):
        run.measure(f"example-{kind}", lambda: of(kind, 0)["example"], tolerance=LOOSE,
                    about=f"{NAMES[kind]}: weights at its first question, head by head, seed 0")

    for end, which in (("best", max), ("worst", min)):
        run.measure(f"{end}-v2", lambda: which(100 * of("v2", seed)["accuracy"][0] for seed in SEEDS), unit="%",
                    about=f"V2: {end} seed, accuracy as trained", tolerance=TRAINED)

    run.derive("failed-v1-no-norm", " + ".join(f"seeds_v1_no_norm[{i}][0] // {NEVER}" for i in range(len(SEEDS))),
               about="V1 without norm: seeds that never reach 90%", tolerance=LOOSE)

    # Costs, and comparisons.
    for kind in ("plain", "v1", "v2"):
        run.measure(f"cpu-{kind}", lambda seed: of(kind, seed)["cpu"], seeds=SEEDS, unit="s",
                    about=f"{NAMES[kind]}: CPU time of a run", tolerance="ratio 0.1 to 10")
    for kind in ("v1", "v2"):
        run.derive(f"cost-{kind}", f"cpu_{kind} / cpu_plain", about=f"{NAMES[kind]} over plain, CPU time of a run",
                   unit="x", tolerance="ratio 0.5 to 2")
    for kind in ("plain-norm", "v1", "v2"):
        run.derive(f"sooner-{kind}", f"steps_plain / steps_{kind.replace('-', '_')}", unit="x",
                   about=f"Steps to 90%, plain over {NAMES[kind]}", tolerance=TRAINED)
    def group(outcome: str, kind: str) -> list[float]:
        return [steps(kind, seed) if outcome == "steps" else of(kind, seed)["attention"][0][3] if outcome == "noise"
                else 100 * of(kind, seed)["accuracy"][TESTS["long"]] for seed in SEEDS]

    files = ["comparison.py", *runs.CODE["needle"]]
    for outcome, unit in (("steps", "steps"), ("long", "points"), ("noise", "")):
        for one, other in PAIRS:
            if outcome == "noise" and (one, other) not in PRIMARY:
                continue
            name = f"{one}-over-{other}"
            about = {"steps": "steps to 90%", "long": ABOUT["long"], "noise": "absolute noise of the best head"}[outcome]
            run.measure(f"p-{outcome}-{name}", code=files, tolerance=LOOSE,
                        function=lambda: comparison.p_value(group(outcome, one), group(outcome, other)),
                        about=f"{NAMES[one]} against {NAMES[other]}, {about}: exact p-value")
            for place, end in enumerate(("shift", "low", "high")):
                run.measure(f"{end}-{outcome}-{name}", code=files, unit=unit, tolerance=LOOSE,
                            function=lambda: comparison.shift(group(outcome, one), group(outcome, other))[place],
                            about=f"{NAMES[one]} less {NAMES[other]}, {about}: "
                                  + ("median difference", "95% interval, low", "95% interval, high")[place])
    primary = [(outcome, pair) for outcome in ("steps", "long") for pair in PRIMARY]
    for place, (outcome, (one, other)) in enumerate(primary):
        run.measure(f"holm-{outcome}-{one}-over-{other}", code=files, tolerance=LOOSE,
                    function=lambda: comparison.holm([comparison.p_value(group(outcome, one), group(outcome, other))
                                                      for outcome, (one, other) in primary])[place],
                    about=f"{NAMES[one]} against {NAMES[other]}, {outcome}: adjusted p-value")


def language_models(run: Experiment) -> None:
    """Bits per byte on text held out: four kinds, seven seeds, each kind at its own best rate."""
    tuning = [("language", kind, TUNING_SEED, rate, LANGUAGE_STEPS) for rate in LANGUAGE_RATES for kind in language.KINDS]
    found = runs.run_all(tuning)
    tried = {kind: [found["language", kind, TUNING_SEED, rate, LANGUAGE_STEPS]["bits"] for rate in LANGUAGE_RATES]
             for kind in language.KINDS}
    rates = {kind: LANGUAGE_RATES[bits.index(min(bits))] for kind, bits in tried.items()}
    jobs = {(kind, seed): ("language", kind, seed, rates[kind], LANGUAGE_STEPS)
            for seed in LANGUAGE_SEEDS for kind in language.KINDS}
    done = runs.run_all(list(jobs.values()))
    own = runs.CODE["language"]

    def of(kind: str, seed: int) -> dict[str, Any]:
        return done[jobs[kind, seed]]

    run.measure("language-tokens", lambda: LANGUAGE_STEPS * language.BATCH * language.CONTEXT, code=own, unit="tokens",
                about="Language models: tokens seen in training", tolerance="exact")
    run.measure("language-rates", lambda: list(LANGUAGE_RATES), code=own, tolerance="exact",
                about="Language models: learning rates tried")
    for kind in language.KINDS:
        run.measure(f"language-tuning-{kind}", lambda: tried[kind], code=own, unit="bits per byte",
                    about=f"Language model, {NAMES[kind]}: held out at these rates, tuning seed", tolerance="relative 0.05")
        run.measure(f"language-rate-{kind}", lambda: rates[kind], code=own, tolerance="ratio 0.4 to 2.5",
                    about=f"Language model, {NAMES[kind]}: rate chosen")
        run.measure(f"bits-{kind}", lambda seed: of(kind, seed)["bits"], seeds=LANGUAGE_SEEDS, code=own,
                    unit="bits per byte", about=f"Language model, {NAMES[kind]}: held out", tolerance="relative 0.05")
        run.measure(f"bits-seeds-{kind}", lambda: [of(kind, seed)["bits"] for seed in LANGUAGE_SEEDS], code=own,
                    about=f"Language model, {NAMES[kind]}: by seed", unit="bits per byte", tolerance="relative 0.05")
        for end in ("min", "max"):
            run.derive(f"{'least' if end == 'min' else 'most'}-bits-{kind}",
                       f"{end}(bits_seeds_{kind.replace('-', '_')})", unit="bits per byte", tolerance="relative 0.05",
                       about=f"Language model, {NAMES[kind]}: held out, {'best' if end == 'min' else 'worst'} seed")
        run.measure(f"language-cpu-{kind}", lambda seed: of(kind, seed)["cpu"], seeds=LANGUAGE_SEEDS, code=own, unit="s",
                    about=f"Language model, {NAMES[kind]}: CPU time of a run", tolerance="ratio 0.1 to 10")
    for kind in ("v1", "v2"):
        run.derive(f"language-cost-{kind}", f"language_cpu_{kind} / language_cpu_plain", unit="x",
                   about=f"Language model, {NAMES[kind]} over plain: CPU time of a run", tolerance="ratio 0.5 to 2")
    run.measure("language-lambdas", lambda seed: of("v1", seed)["lambdas"], seeds=LANGUAGE_SEEDS, code=own,
                about="Language model, V1: λ by layer after training", tolerance=LOOSE)
    files = ["comparison.py", "paired.py", *own]
    less = {pair: [of(pair[0], seed)["bits"] - of(pair[1], seed)["bits"] for seed in LANGUAGE_SEEDS]
            for pair in LANGUAGE_PAIRS}
    adjusted = comparison.holm([paired.paired_p_value(less[pair]) for pair in LANGUAGE_PAIRS[:2]])
    for place, ((one, other), differences) in enumerate(less.items()):
        name = f"bits-{one}-over-{other}"
        run.measure(f"p-{name}", lambda: paired.paired_p_value(differences), code=files, tolerance=LOOSE,
                    about=f"{NAMES[one]} against {NAMES[other]}, bits per byte: exact paired p-value")
        if place < len(adjusted):
            run.measure(f"holm-{name}", lambda: adjusted[place], code=files, tolerance=LOOSE,
                        about=f"{NAMES[one]} against {NAMES[other]}, bits per byte: adjusted p-value")
        for end, value in zip(("shift", "low", "high"), paired.paired_shift(differences), strict=True):
            run.measure(f"{end}-{name}", lambda: value, code=files, unit="bits per byte", tolerance=LOOSE,
                        about=f"{NAMES[one]} less {NAMES[other]}: "
                              + {"shift": "typical difference", "low": "95% interval, low", "high": "95% interval, high"}[end])
    run.measure("files-v1-over-plain", lambda: sum(
        sum(of("v1", seed)["files"][i] - of("plain", seed)["files"][i] for seed in LANGUAGE_SEEDS) < 0
        for i in range(len(of("v1", 0)["files"]))), code=own, tolerance=LOOSE,
        about="Held-out files on which V1 is better than plain, over all seeds")
    run.measure("files", lambda: len(of("v1", 0)["files"]), code=own, about="Files held out", tolerance="exact")
    run.measure("language-cpu", lambda: sum(each["cpu"] for each in (*done.values(), *found.values())), code=own, unit="s",
                about="CPU time of all language-model runs", tolerance="ratio 0.1 to 10")


if __name__ == "__main__":
    main()
