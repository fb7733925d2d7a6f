"""Measure every number of the article: bursts, denoising, demosaicing, and what an enlarger invents.

    python posts/computational-photography/experiment.py [--quick]

Everything is measured on the same eight photographs; an interval is a bootstrap over them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from skimage import restoration

import computational_photography as cp
import denoiser_torch
import models
import photographs
import scenes
from evidence import Experiment

NAMES = photographs.NAMES
INNER = np.s_[16:-16, 16:-16]  # borders are left out: shaken frames do not show them all
COUNTS = (1, 2, 4, 8, 16)
LIGHT = 400.0  # electrons of a white pixel where nothing else is said
LIGHTS = (100, 400, 1600, 6400)
KINDS = {  # shaken, moving, align, robust, tiles
    "tripod-mean": (False, False, False, False, False),
    "shaken-mean": (True, False, False, False, False),
    "shaken-aligned-mean": (True, False, True, False, False),
    "moving-aligned-mean": (True, True, True, False, False),
    "moving-robust": (True, True, True, True, False),
    "moving-tiles": (True, True, True, True, True),
}
HEIGHTS = (3, 4, 5, 6, 8)  # of capitals, in measured pixels
PLACES = 3  # each letter is drawn so many times, each time elsewhere between pixels
PERIODS = (16, 12, 10, 7, 6, 5, 4)  # of gratings, in pixels of the enlarged picture: 8 is the limit


# -- Bursts ------------------------------------------------------------------

def static_noise() -> list[float]:
    """Root mean square error, in electrons, of the mean of 1 to 16 raw frames from a tripod: all photographs."""
    squares = np.zeros(len(COUNTS))
    pixels = 0
    for index, name in enumerate(NAMES):
        rng = np.random.default_rng(100 + index)
        truth = cp.mosaic(cp.lens(photographs.load(name), scenes.BLUR)).clip(0, 1)
        raws = cp.expose(np.repeat(truth[None] * LIGHT, max(COUNTS), axis=0), scenes.READ_NOISE, rng, 1.25 * LIGHT)
        squares += [((cp.mean_merge(raws[:count]) - truth * LIGHT) ** 2).sum() for count in COUNTS]
        pixels += truth.size
    return list(np.sqrt(squares / pixels))


@cache
def burst(name: str, shaken: bool, moving: bool, light: float) -> tuple[cp.Array, cp.Array]:
    """Sixteen raw frames and what frame 0 should look like."""
    rng = np.random.default_rng(NAMES.index(name))
    seen = scenes.burst_scenes(name, max(COUNTS), shaken, moving, rng)
    return scenes.take(seen, light, rng), cp.to_srgb(seen[0])


def merged(name: str, kind: str, count: int, light: float = LIGHT) -> tuple[cp.Array, cp.Array]:
    """A burst's picture and the truth, both sRGB."""
    shaken, moving, align, robust, tiles = KINDS[kind]
    raws, truth = burst(name, shaken, moving, light)
    picture = cp.merge_burst(raws[:count], scenes.READ_NOISE, align and count > 1, robust and count > 1, tiles and count > 1)
    return cp.to_srgb(picture / light), truth


def inner_psnr(pair: tuple[cp.Array, cp.Array]) -> float:
    return cp.psnr(pair[1][INNER], pair[0][INNER])


def inner_ssim(pair: tuple[cp.Array, cp.Array]) -> float:
    return cp.ssim(pair[1][INNER], pair[0][INNER])


def on_the_way(pair: tuple[cp.Array, cp.Array]) -> float:
    """PSNR where the disc is in one of eight frames."""
    picture, truth = pair
    way = np.any([scenes.disc(*truth.shape[:2], frame) > 0 for frame in range(8)], axis=0)
    return cp.psnr(truth[way], picture[way])


def alignment_error(light: float) -> float:
    """Root mean square error of the shifts found, in pixels, over eight frames of each photograph."""
    errors = []
    for index, name in enumerate(NAMES):
        rng = np.random.default_rng(200 + index)
        still = cp.lens(photographs.load(name), scenes.BLUR)
        moves = scenes.shake(9, rng)
        shaken = np.stack([cp.padded_shift(still, *move) for move in moves]).clip(0, 1)
        raws = scenes.take(shaken, light, rng) if np.isfinite(light) else np.stack([cp.mosaic(each) for each in shaken])
        grey = cp.pack(raws).mean(axis=1)
        found = [cp.phase_correlation(grey[0], each) for each in grey[1:]]
        errors += list((2 * np.array(found) - moves[1:]).ravel())
    return float(np.sqrt(np.mean(np.square(errors))))


# -- Denoising ---------------------------------------------------------------

Filter = Callable[[cp.Array], cp.Array]


def stable(clean: Filter) -> Callable[[cp.Array], cp.Array]:
    """A filter for noise of standard deviation 1, on the four planes of a mosaic."""
    def run(raw: cp.Array) -> cp.Array:
        planes = clean(cp.stabilise(cp.pack(raw), scenes.READ_NOISE))
        return cp.unpack(cp.unstabilise(planes, scenes.READ_NOISE))
    return run


def nlm(patch: int, reach: int, strength: float = 0.8) -> Callable[[cp.Array], cp.Array]:
    return stable(lambda planes: restoration.denoise_nl_means(
        planes, patch_size=patch, patch_distance=reach, h=strength, sigma=1.0, fast_mode=True, channel_axis=0))


def total_variation(weight: float = 1.0) -> Callable[[cp.Array], cp.Array]:
    return stable(lambda planes: restoration.denoise_tv_chambolle(planes, weight=weight, channel_axis=0))


@cache
def unseen(name: str) -> list[cp.Array]:
    """The network that was trained without this photograph."""
    half = next(half for half, names in enumerate(denoiser_torch.HALVES) if name not in names)
    return denoiser_torch.load(half)


def network(name: str, raw: cp.Array, light: float) -> cp.Array:
    return denoiser_torch.denoise(raw, scenes.READ_NOISE, light, unseen(name))


def developed(raw: cp.Array, light: float) -> cp.Array:
    return scenes.develop(raw, light)


@cache
def at_light(name: str, light: float, method: str) -> tuple[cp.Array, cp.Array]:
    """The picture that a method makes of a shaken burst of eight in which something moves; of frame 0 where one is enough."""
    raws, truth = burst(name, True, True, light)
    if method == "one frame":
        return cp.to_srgb(cp.bilinear_demosaic(raws[0]) / light), truth
    if method == "merged":
        return merged(name, "moving-robust", 8, light)
    if method == "non-local means":
        return developed(nlm(3, 5)(raws[0]), light), truth
    if method == "total variation":
        return developed(total_variation()(raws[0]), light), truth
    if method == "network":
        return developed(network(name, raws[0], light), light), truth
    cleaned = np.stack([network(name, raw, light) for raw in raws[:8]])
    # What is left of the noise after the network is little; the merge is told a fifth of what a frame had.
    picture = cp.merge_burst(cleaned * 0.2, scenes.READ_NOISE * 0.2) / 0.2
    return cp.to_srgb(picture / light), truth


METHODS = ("one frame", "merged", "non-local means", "total variation", "network", "network and merged")
SETTINGS = ((3, 2), (3, 3), (3, 5), (5, 5), (3, 9), (5, 11))  # of non-local means: patch, reach


def milliseconds(function: Callable[[], object], megapixels: float, least: int = 3) -> float:
    """CPU time of one thread for a megapixel: the best of some runs."""
    spent = []
    for _ in range(least):
        started = time.process_time()
        function()
        spent.append(time.process_time() - started)
    return 1000.0 * min(spent) / megapixels


def cost(run: Callable[[cp.Array], object]) -> float:
    """Milliseconds a megapixel, on one noisy frame."""
    raw = burst("astronaut", True, True, LIGHT)[0][0]
    return milliseconds(lambda: run(raw), raw.size / 1e6)


# -- Demosaicing -------------------------------------------------------------

DEMOSAICERS: dict[str, Callable[[cp.Array], cp.Array]] = {
    "bilinear": cp.bilinear_demosaic, "malvar": cp.malvar_demosaic, "edge": cp.edge_demosaic, "network": models.demosaicnet}


@cache
def demosaiced(name: str, method: str, light: float = np.inf) -> tuple[cp.Array, cp.Array]:
    """From the mosaic of the sharp photograph, after the tone curve, without noise or with."""
    truth = photographs.load(name)
    raw = cp.mosaic(truth)
    if np.isfinite(light):
        raw = cp.expose(raw * light, scenes.READ_NOISE, np.random.default_rng(NAMES.index(name)), 1.25 * light) / light
    return np.clip(DEMOSAICERS[method](cp.to_srgb(raw)), 0.0, 1.0), cp.to_srgb(truth)


# -- Enlarging ---------------------------------------------------------------

ENLARGERS: dict[str, Callable[[cp.Array], cp.Array]] = {
    "bicubic": scenes.bicubic,
    "small": lambda picture: models.enlarge(picture, models.SMALL),
    "large": lambda picture: models.enlarge(picture, models.LARGE),
}


@cache
def enlarged(name: str, method: str) -> tuple[cp.Array, cp.Array]:
    truth = photographs.load(name)
    small = cp.to_srgb(scenes.reduced(truth))
    return ENLARGERS[method](small), cp.to_srgb(truth)


def missed(truth: cp.Array, guess: cp.Array) -> float:
    """Squared error in the fine detail as a share of its energy: 1 for a picture that has none."""
    wanted = cp.detail(truth)
    return float(((wanted - cp.detail(guess)) ** 2).sum() / (wanted**2).sum())


def coloured(method: str, grey: cp.Array) -> cp.Array:
    return ENLARGERS[method](np.repeat(grey[..., None], 3, axis=-1)).mean(axis=-1)


PAPER = 2000.0  # electrons of white: bright light, the noise is a fortieth
CLEARLY = 0.02  # by how much a picture must resemble another letter more, in correlation


@cache
def letters(height: int) -> list[tuple[str, cp.Array, cp.Array, cp.Array, cp.Array]]:
    """Each letter at each place: its name, all letters drawn finely there, the same measured, the noisy measurement, the place."""
    rng = np.random.default_rng(height)
    cell = 4 * (int(1.5 * height) + 4)
    drawn = []
    for name in scenes.LETTERS:
        for _ in range(PLACES):
            place = rng.uniform(-2.0, 2.0, 2)
            fine = np.stack([scenes.letter(each, 4.0 * height, cell, *place) for each in scenes.LETTERS])
            coarse = np.stack([scenes.reduced(each) for each in fine])
            seen = cp.expose(coarse[scenes.LETTERS.index(name)] * PAPER, scenes.READ_NOISE, rng) / PAPER
            drawn.append((name, fine, coarse, seen, place))
    return drawn


@cache
def read(height: int, method: str) -> list[tuple[str, str, float, float]]:
    """Of each letter: its name, what it is read as, by how much clearer, and how far the picture is from what was measured.

    The last is in standard deviations of the noise: reduce the enlarged picture, compare with the reading.
    """
    answers = []
    for name, fine, coarse, seen, _ in letters(height):
        noise = np.sqrt(coarse[scenes.LETTERS.index(name)] / PAPER + (scenes.READ_NOISE / PAPER) ** 2)
        if method == "measured":
            distance = (((coarse - seen) / noise) ** 2).sum(axis=(1, 2))
            best = int(distance.argmin())
            off = float(np.sqrt((((coarse[best] - seen) / noise) ** 2).mean()))
            answers.append((name, scenes.LETTERS[best], 1.0, off))
            continue
        picture = coloured(method, cp.to_srgb(seen))
        best, scores = scenes.nearest_letter(picture, cp.to_srgb(fine))
        again = scenes.reduced(cp.to_linear(picture))
        off = float(np.sqrt((((again - seen) / noise) ** 2).mean()))
        answers.append((name, scenes.LETTERS[best], float(scores[best] - scores[scenes.LETTERS.index(name)]), off))
    return answers


READERS = ("measured", "bicubic", "small", "large")


def share_wrong(height: int, method: str) -> float:
    answers = read(height, method)
    return sum(name != answer for name, answer, _, _ in answers) / len(answers)


def share_clearly_wrong(height: int, method: str) -> float:
    answers = read(height, method)
    return sum(name != answer and by >= CLEARLY for name, answer, by, _ in answers) / len(answers)


def contradiction(height: int, method: str) -> float:
    return float(np.median([off for *_, off in read(height, method)]))


def grating_contrast(method: str) -> list[list[float]]:
    """For each period: contrast left at the grating's own frequency, and of all else, as shares of the truth's."""
    rows = []
    for period in PERIODS:
        truth = scenes.grating(float(period))
        large = cp.to_linear(coloured(method, cp.to_srgb(scenes.reduced(truth))))
        a, b = truth[INNER] - truth[INNER].mean(), large[INNER] - large[INNER].mean()
        row, column = np.indices(a.shape)
        angle = np.deg2rad(10.0)
        turn = 2 * np.pi * (column * np.cos(angle) + row * np.sin(angle)) / period
        waves = np.stack([np.cos(turn), np.sin(turn)]).reshape(2, -1)
        fit, *_ = np.linalg.lstsq(waves.T, b.ravel(), rcond=None)
        own = (fit @ waves).reshape(b.shape)
        rows.append([float(own.std() / a.std()), float((b - own).std() / a.std())])
    return rows


# -- Intervals ---------------------------------------------------------------

def interval(values: list[float]) -> list[float]:
    """Of the mean, 95%: bootstrap over the photographs."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(values), (10_000, len(values)))
    low, high = np.quantile(np.asarray(values)[draws].mean(axis=1), [0.025, 0.975])
    return [float(low), float(high)]


def main() -> None:
    torch.set_num_threads(1)
    code = ["computational_photography.py", "scenes.py", "photographs.py"]
    packages = ["numpy", "pillow", "scikit-image", "torch", "ncnn"]
    with Experiment(__file__, code=code, packages=packages) as e:

        def over_photographs(key: str, function: Callable[[str], float], about: str, unit: str = "dB",
                             tolerance: str = "relative 0.02", code: list[str] | None = None) -> list[float]:
            values: list[float] = e.measure(key, lambda: [function(name) for name in NAMES], about=f"{about}, each photograph",
                                            unit=unit, tolerance=tolerance, code=code)
            e.derive(f"{key}-mean", f"mean({key.replace('-', '_')})", about=f"{about}, mean", unit=unit)
            return values

        def gain(key: str, better: list[float], worse: list[float], about: str, code: list[str] | None = None) -> None:
            """A mean difference over the photographs, and its interval."""
            differences = [a - b for a, b in zip(better, worse)]
            e.measure(f"{key}-interval", lambda: interval(differences), about=f"{about}, 95% interval", unit="dB",
                      tolerance="ratio 0.8 to 1.25", code=code)
            name = key.replace("-", "_") + "_interval"
            e.derive(f"{key}-low", f"{name}[0]", about=f"{about}, lower end of the interval", unit="dB")
            e.derive(f"{key}-high", f"{name}[1]", about=f"{about}, upper end of the interval", unit="dB")
            e.measure(f"{key}", lambda: float(np.mean(differences)), about=f"{about}, mean", unit="dB",
                      tolerance="relative 0.1", code=code)

        # Bursts
        e.measure("counts", lambda: list(COUNTS), about="frames averaged", tolerance="exact")
        e.measure("static-noise", static_noise, about="noise of the mean of N static raw frames", unit="e⁻",
                  tolerance="relative 0.02")
        e.derive("static-slope", "exponent(counts, static_noise)", about="slope of log noise against log N", tolerance="relative 0.01")
        e.derive("static-slope-off", "100 * abs(static_slope + 0.5) / 0.5", about="how far that slope is from −1/2", unit="%")
        for light, key in ((np.inf, "align-clean"), (LIGHT, "align-400"), (100.0, "align-100")):
            e.measure(key, lambda light=light: alignment_error(light), unit="pixels", tolerance="relative 0.1",
                      about=f"error of alignment, {'no noise' if light == np.inf else f'{light:.0f} electrons at white'}")
        found: dict[tuple[str, int], list[float]] = {}
        for kind in KINDS:
            for count in COUNTS:
                if (e.quick and count != 8) or (kind == "moving-tiles" and count != 8):
                    continue
                found[kind, count] = over_photographs(
                    f"{kind}-{count}", lambda name, k=kind, n=count: inner_psnr(merged(name, k, n)), f"PSNR, {kind}, {count} frames")
        for kind in ("tripod-mean", "moving-aligned-mean", "moving-robust"):
            over_photographs(f"{kind}-ssim", lambda name, k=kind: inner_ssim(merged(name, k, 8)), f"SSIM, {kind}, 8 frames", unit="")
        over_photographs("one-ssim", lambda name: inner_ssim(merged(name, "moving-robust", 1)), "SSIM, one frame", unit="")
        one = over_photographs("one-frame", lambda name: inner_psnr(merged(name, "moving-robust", 1)), "PSNR, one frame")
        way = {kind: over_photographs(f"way-{kind}", lambda name, k=kind, n=count: on_the_way(merged(name, k, n)),
                                      f"PSNR where the disc passes, {kind}")
               for kind, count in (("moving-aligned-mean", 8), ("moving-robust", 8), ("moving-tiles", 8))}
        alone = over_photographs("way-one-frame", lambda name: on_the_way(merged(name, "moving-robust", 1)),
                                 "PSNR where the disc passes, one frame")
        gain("gain-robust", found["moving-robust", 8], one, "robust merge of 8 against one frame")
        gain("gain-mean", found["moving-aligned-mean", 8], one, "aligned mean of 8 against one frame, something moving")
        gain("gain-shake", found["shaken-aligned-mean", 8], found["tripod-mean", 8], "a shaking hand against a tripod, aligned mean of 8")
        gain("gain-way", way["moving-robust"], way["moving-aligned-mean"], "robust merge against mean where the disc passes")
        gain("gain-tiles", way["moving-tiles"], way["moving-robust"], "following tiles against not, where the disc passes")
        gain("gain-way-one", way["moving-robust"], alone, "robust merge against one frame where the disc passes")
        raws = burst("astronaut", True, True, LIGHT)[0][:8]
        e.measure("merge-ms", lambda: milliseconds(lambda: cp.merge_burst(raws, scenes.READ_NOISE), raws[0].size / 1e6),
                  about="robust merge of 8 frames", unit="ms a megapixel", tolerance="ratio 0.1 to 10")

        # Denoising
        own = [*code, "denoiser_torch.py", "denoiser.npz"]
        for light in LIGHTS:
            if e.quick and light != LIGHT:
                continue
            for method in METHODS:
                slug = method.replace(" ", "-")
                values = over_photographs(f"light-{light}-{slug}", lambda name, m=method, w=float(light): inner_psnr(at_light(name, w, m)),
                                          f"PSNR at {light} electrons, {method}", code=own)
                found[method, light] = values
                over_photographs(f"light-{light}-{slug}-ssim", lambda name, m=method, w=float(light): inner_ssim(at_light(name, w, m)),
                                 f"SSIM at {light} electrons, {method}", unit="", code=own)
            gain(f"gain-network-{light}", found["network", light], found["non-local means", light],
                 f"network against non-local means, {light} electrons", code=own)
            gain(f"gain-merge-{light}", found["merged", light], found["network", light],
                 f"merge of 8 against network on one, {light} electrons", code=own)
        over = {f"nlm-{patch}-{reach}": nlm(patch, reach) for patch, reach in SETTINGS if not e.quick or (patch, reach) == (3, 3)}
        for key, run in over.items():
            over_photographs(key, lambda name, f=run: inner_psnr((developed(f(burst(name, True, True, LIGHT)[0][0]), LIGHT),
                                                                  burst(name, True, True, LIGHT)[1])),
                             f"PSNR, non-local means, patch {key.split('-')[1]}, reach {key.split('-')[2]}")
            e.measure(f"{key}-ms", lambda f=run: cost(f), about=f"non-local means, patch {key.split('-')[1]}, reach {key.split('-')[2]}",
                      unit="ms a megapixel", tolerance="ratio 0.1 to 10")
        e.measure("tv-ms", lambda: cost(total_variation()), about="total variation", unit="ms a megapixel", tolerance="ratio 0.1 to 10")
        e.measure("network-ms", lambda: cost(lambda raw: network("astronaut", raw, LIGHT)), about="the small network, PyTorch, one thread",
                  unit="ms a megapixel", tolerance="ratio 0.1 to 10", code=own)
        e.measure("network-numpy-ms", lambda: cost(lambda raw: cp.denoise(raw, scenes.READ_NOISE, LIGHT, unseen("astronaut"))),
                  about="the small network, NumPy", unit="ms a megapixel", tolerance="ratio 0.1 to 10", code=own)
        e.measure("network-parameters", lambda: sum(weight.size for weight in unseen("astronaut")), about="the small network's size",
                  unit="parameters", tolerance="exact", code=own)

        # Demosaicing
        theirs = [*code, "models.py"]
        for method in DEMOSAICERS:
            values = over_photographs(f"demosaic-{method}", lambda name, m=method: inner_psnr(demosaiced(name, m)),
                                      f"PSNR of demosaicing, {method}", code=theirs)
            found["demosaic", list(DEMOSAICERS).index(method)] = values
            over_photographs(f"demosaic-{method}-ssim", lambda name, m=method: inner_ssim(demosaiced(name, m)),
                             f"SSIM of demosaicing, {method}", unit="", code=theirs)
            over_photographs(f"demosaic-{method}-noisy", lambda name, m=method: inner_psnr(demosaiced(name, m, LIGHT)),
                             f"PSNR of demosaicing with noise, {method}", code=theirs)
            e.measure(f"demosaic-{method}-ms", lambda m=method: cost(lambda raw: DEMOSAICERS[m](cp.to_srgb(raw / LIGHT))),
                      about=f"demosaicing, {method}", unit="ms a megapixel", tolerance="ratio 0.1 to 10", code=theirs)
        gain("gain-demosaicnet", found["demosaic", 3], found["demosaic", 2], "learned demosaicing against edge-aware", code=theirs)

        # Enlarging
        for method in ENLARGERS:
            if e.quick and method == "small":
                continue
            found["enlarge", list(ENLARGERS).index(method)] = over_photographs(
                f"enlarge-{method}", lambda name, m=method: cp.psnr(*enlarged(name, m)[::-1]), f"PSNR of enlarging, {method}", code=theirs)
            over_photographs(f"enlarge-{method}-ssim", lambda name, m=method: cp.ssim(*enlarged(name, m)[::-1]),
                             f"SSIM of enlarging, {method}", unit="", code=theirs)
            over_photographs(f"enlarge-{method}-energy", lambda name, m=method: cp.detail_right(*enlarged(name, m)[::-1])[0],
                             f"energy of fine detail against the truth's, {method}", unit="", tolerance="relative 0.05", code=theirs)
            over_photographs(f"enlarge-{method}-right", lambda name, m=method: cp.detail_right(*enlarged(name, m)[::-1])[1],
                             f"correlation of fine detail with the truth's, {method}", unit="", tolerance="relative 0.05", code=theirs)
            over_photographs(f"enlarge-{method}-missed", lambda name, m=method: missed(*enlarged(name, m)[::-1]),
                             f"error in fine detail against the truth's energy, {method}", unit="", tolerance="relative 0.05", code=theirs)
            small = cp.to_srgb(scenes.reduced(photographs.load("astronaut")))
            e.measure(f"enlarge-{method}-ms", lambda m=method, s=small: milliseconds(lambda: ENLARGERS[m](s), 16 * s[..., 0].size / 1e6, 1),
                      about=f"enlarging, {method}", unit="ms a megapixel made", tolerance="ratio 0.1 to 10", code=theirs)
        gain("gain-enlarge", found["enlarge", 2], found["enlarge", 0], "Real-ESRGAN against bicubic", code=theirs)
        e.measure("letters-heights", lambda: list(HEIGHTS), about="heights of letters in measured pixels", tolerance="exact")
        e.measure("letters-each", lambda: PLACES * len(scenes.LETTERS), about="letters of each height", tolerance="exact")
        for reader in READERS:
            for height in HEIGHTS:
                if e.quick and (height != 4 or reader == "small"):
                    continue
                e.measure(f"letters-{reader}-{height}", lambda r=reader, h=height: 100.0 * share_wrong(h, r), unit="%",
                          about=f"letters {height} pixels high read as another, {reader}", tolerance="ratio 0.7 to 1.4", code=theirs)
                e.measure(f"letters-{reader}-{height}-clearly", lambda r=reader, h=height: 100.0 * share_clearly_wrong(h, r), unit="%",
                          about=f"letters {height} pixels high clearly another, {reader}", tolerance="ratio 0.7 to 1.4", code=theirs)
                e.measure(f"letters-{reader}-{height}-off", lambda r=reader, h=height: contradiction(h, r), unit="σ",
                          about=f"enlarged letters {height} pixels high, reduced again, off what was measured, {reader}",
                          tolerance="relative 0.1", code=theirs)
        e.measure("grating-periods", lambda: list(PERIODS), about="periods of gratings", unit="pixels", tolerance="exact")
        for method in ENLARGERS:
            if e.quick and method == "small":
                continue
            e.measure(f"grating-{method}", lambda m=method: grating_contrast(m), tolerance="relative 0.1", unit="of the truth's contrast",
                      about=f"contrast at a grating's own frequency, and elsewhere, {method}", code=theirs)


if __name__ == "__main__":
    main()
