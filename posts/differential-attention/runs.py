"""Training runs, two processes at a time, each kept in a file as soon as it is done.

A file's name ends in the digest of the code that ran, so a changed model is
never taken for the one measured. The files go when `forget` is called.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import evidence

FOLDER = Path(__file__).resolve().parent
CODE = {task: ["differential_attention_torch.py", f"{task}.py"] for task in ("needle", "language")}  # each has `train`
Job = tuple[str, str, int, float, int]  # task, kind, seed, learning rate, steps


def kept(job: Job) -> Path:
    task, kind, seed, rate, steps = job
    digest = evidence.digest(FOLDER, CODE[task])[7:19]
    return FOLDER / f".run-{task}-{kind}-{seed}-{rate:g}-{steps}-{digest}.partial.json"


def run(job: Job) -> dict[str, Any]:
    """Train in this process; keep and return what was measured, CPU seconds included."""
    task, kind, seed, rate, steps = job
    started = time.process_time()

    def beat(step: int) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{kind} seed {seed} rate {rate:g}: {step}/{steps}", end="", file=sys.stderr, flush=True)

    found: dict[str, Any] = import_module(task).train(kind, seed, rate, steps, beat=beat)
    found["cpu"] = time.process_time() - started
    evidence.write_atomically(kept(job), json.dumps(found))
    return found


def run_all(jobs: Sequence[Job]) -> dict[Job, dict[str, Any]]:
    """All results, by job: read where kept, else run, as many at a time as there are cores, two at most."""
    missing = [job for job in dict.fromkeys(jobs) if not kept(job).exists()]
    if missing:
        started, done = time.monotonic(), 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        print(f"{len(missing)} of {len(jobs)} runs to do", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(min(2, cores), mp_context=get_context("spawn")) as pool:
            waiting = {pool.submit(run, job): job for job in missing}
            for future in as_completed(waiting):
                found, done = future.result(), done + 1
                task, kind, seed, rate, _ = waiting[future]
                print(f"{done}/{len(missing)}  {task} {kind} seed {seed} rate {rate:g}: {found['cpu']:.0f} CPU s, "
                      f"{time.monotonic() - started:.0f} s so far", file=sys.stderr, flush=True)
    return {job: json.loads(kept(job).read_text(encoding="utf-8")) for job in jobs}


def forget() -> None:
    for path in FOLDER.glob(".run-*.partial.json"):
        path.unlink()
