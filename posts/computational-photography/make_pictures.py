"""Make the article's pictures again, each as AVIF and as JPEG, from the photographs and fixed seeds.

    python posts/computational-photography/make_pictures.py [NAME ...]

Needs the packages of the experiments. Encoders differ between versions in the last bits, so a test compares what the
files show and not their bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp
import demo
import experiment
import scenes

FOLDER = Path(__file__).resolve().parent


def larger(picture: cp.Array, times: int) -> cp.Array:
    """Each pixel as a square of pixels."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def labelled(tiles: list[tuple[str, cp.Array]], columns: int, gap: int = 8, bar: int = 36, size: int = 23) -> cp.Array:
    """Pictures of one size in rows, each with its label in a dark bar below."""
    height, width = tiles[0][1].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * width + (columns - 1) * gap, rows * (height + bar) + (rows - 1) * gap), (127, 127, 127))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=size)
    for index, (label, tile) in enumerate(tiles):
        left, top = index % columns * (width + gap), index // columns * (height + bar + gap)
        sheet.paste(Image.fromarray(bytes_of(tile)), (left, top))
        draw.rectangle((left, top + height, left + width - 1, top + height + bar - 1), fill=(30, 33, 36))
        draw.text((left + 10, top + height + bar // 2), label, fill=(255, 255, 255), font=font, anchor="lm")
    return np.asarray(sheet) / 255.0


def bytes_of(picture: cp.Array) -> np.ndarray:
    colours = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1)
    return np.round(255.0 * np.clip(colours, 0.0, 1.0)).astype(np.uint8)


# -- One function a figure: its pictures by name -----------------------------

def burst() -> dict[str, cp.Array]:
    """The first frame of the interactive burst."""
    inner = np.s_[demo.BORDER : -demo.BORDER, demo.BORDER : -demo.BORDER]
    images = {"burst-one": demo.expose(demo.light(0, True, True), 0), "burst-merged": demo.merged(8, True, True, True, True)}
    return {name: larger(cp.to_srgb(image[inner] / demo.WHITE), 3) for name, image in images.items()}


def moving() -> dict[str, cp.Array]:
    """Something moves through eight frames: what a mean and a robust merge make of it."""
    return {name: larger(experiment.merged("coffee", kind, 8)[0][8:-8, 8:-8], 2)
            for name, kind in (("moving-mean", "moving-aligned-mean"), ("moving-robust", "moving-robust"))}


def pipeline() -> dict[str, cp.Array]:
    light, part = 100.0, np.s_[40:160, 70:232]
    raws, truth = experiment.burst("coffee", True, True, light)
    sites = cp.bayer_mask(*raws[0].shape) * raws[0][..., None] / light
    together = cp.merge_burst(raws[:8], scenes.READ_NOISE) / light
    cleaned, _ = experiment.at_light("coffee", light, "network and merged")
    stages = [
        ("1  the scene", truth),
        ("2  one frame, raw", np.clip(sites, 0.0, 1.0)),
        ("3  colours filled in", np.clip(cp.bilinear_demosaic(raws[0]) / light, 0.0, 1.0)),
        ("4  eight merged", np.clip(together, 0.0, 1.0)),
        ("5  tone curve", cp.to_srgb(together)),
        ("6  and a network", cleaned),
    ]
    return {"pipeline": labelled([(label, larger(picture[part], 2)) for label, picture in stages], 2)}


def enlarge() -> dict[str, cp.Array]:
    """A photograph reduced to a quarter and enlarged again."""
    return {f"enlarge-{method}": larger(experiment.enlarged("china", method)[0][28:188, 40:280], 2) for method in ("bicubic", "large")}


def gratings() -> dict[str, cp.Array]:
    tiles = []
    for period in (12, 6):
        truth = scenes.grating(float(period))
        seen = cp.to_srgb(scenes.reduced(truth))
        for label, picture in (("truth", cp.to_srgb(truth)), ("bicubic", scenes.bicubic(seen)),
                               ("Real-ESRGAN", experiment.coloured("large", seen))):
            tiles.append((label, larger(picture[16:112, 16:112], 2)))
    return {"gratings": labelled(tiles, 3)}


HEIGHT = 5  # of the quiz's capitals, in measured pixels


def quiz_letters() -> list[int]:
    """Twelve of the letters measured, five of which come out clearly as another; in an order that tells nothing."""
    answers = experiment.read(HEIGHT, "large")
    rng = np.random.default_rng(1)
    order = rng.permutation(len(answers))
    wrong = [i for i in order if answers[i][0] != answers[i][1] and answers[i][2] >= experiment.CLEARLY]
    right = [i for i in order if answers[i][0] == answers[i][1]]
    seen: set[str] = set()
    chosen: list[int] = []
    for some, most in ((wrong, 5), (right, 12)):
        for i in some:
            if len(chosen) < most and answers[i][0] not in seen:
                seen.add(answers[i][0])
                chosen.append(int(i))
    return [chosen[i] for i in rng.permutation(len(chosen))]


def quiz() -> dict[str, cp.Array]:
    """Twelve letters as the enlarger drew them, and as they were; the answers beside."""
    letters, answers = experiment.letters(HEIGHT), experiment.read(HEIGHT, "large")
    chosen = quiz_letters()
    told = [{"letter": answers[i][0], "read": answers[i][1], "place": [round(float(x), 4) for x in letters[i][4]]} for i in chosen]
    (FOLDER / "quiz.json").write_text(json.dumps(told) + "\n", encoding="utf-8")

    def sheet(cells: list[cp.Array]) -> cp.Array:
        rows = [np.concatenate(cells[start : start + 6], axis=1) for start in (0, 6)]
        return larger(np.concatenate(rows), 3)

    drawn = [experiment.coloured("large", cp.to_srgb(letters[i][3])) for i in chosen]
    truth = [cp.to_srgb(letters[i][1][scenes.LETTERS.index(letters[i][0])]) for i in chosen]
    return {"quiz-asked": sheet(drawn), "quiz-truth": sheet(truth)}


FIGURES: dict[str, Callable[[], dict[str, cp.Array]]] = {
    each.__name__: each for each in (burst, moving, pipeline, enlarge, gratings, quiz)}


def save(name: str, picture: cp.Array) -> None:
    image = Image.fromarray(bytes_of(picture))
    if picture.ndim == 2:
        image = image.convert("L")
    image.save(FOLDER / f"{name}.avif", quality=72, speed=4, subsampling="4:4:4", max_threads=1)
    for quality in (82, 74, 66):
        image.save(FOLDER / f"{name}.jpg", quality=quality, subsampling=0 if picture.ndim == 3 else -1, optimize=True, progressive=True)
        if (FOLDER / f"{name}.jpg").stat().st_size <= 150_000:
            break


if __name__ == "__main__":
    for figure in sys.argv[1:] or FIGURES:
        for name, picture in FIGURES[figure]().items():
            save(name, picture)
            print(name, picture.shape, *(f"{(FOLDER / f'{name}{end}').stat().st_size // 1000} kB" for end in (".avif", ".jpg")))
