"""What burst.js computes, in Python: the burst that the reader merges in the page.

    python demo.py     make burst.bin again, the scene as sRGB bytes (needs scikit-image)

tests/browser/test_photo_demo.py compares the two.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp

DATA = Path(__file__).resolve().parent / "burst.bin"
SIZE, MARGIN, WHITE, READ, BORDER = 128, 8, 120.0, 4.0, 8
SCENE = 2 * (SIZE + 2 * MARGIN)


def scene() -> cp.Array:
    """The scene as it is published, bytes."""
    return np.frombuffer(DATA.read_bytes(), dtype=np.uint8).reshape(SCENE, SCENE)


def random(seed: int) -> Callable[[], float]:
    """Numbers from 0 to 1, the same for the same seed (mulberry32)."""
    state = seed & 0xFFFFFFFF

    def multiply(a: int, b: int) -> int:
        return (a * b) & 0xFFFFFFFF

    def following() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = multiply(state ^ (state >> 15), state | 1)
        mixed = ((mixed + multiply(mixed ^ (mixed >> 7), mixed | 61)) & 0xFFFFFFFF) ^ mixed
        return (mixed ^ (mixed >> 14)) / 4294967296

    return following


def poisson(mean: float, chance: float) -> int:
    count, probability = 0, math.exp(-mean)
    total = probability
    while chance > total and count < 1000:
        count += 1
        probability *= mean / count
        total += probability
    return count


def moves(frame: int) -> tuple[int, int]:
    """How far the hand has moved, down and right, in halves of a pixel."""
    if frame == 0:
        return 0, 0
    following = random(7000 + frame)
    return math.floor(following() * 21) - 10, math.floor(following() * 21) - 10


def light(frame: int, shaking: bool, moving: bool) -> cp.Array:
    """What falls on the sensor, before noise."""
    down, right = moves(frame) if shaking else (0, 0)
    row, column = np.indices((SCENE, SCENE))
    fine = cp.to_linear(scene() / 255.0)
    if moving:
        fine = np.where((row - 150) ** 2 + (column - 60 - 12 * frame) ** 2 <= 196, 0.5, fine)
    top, left = 2 * MARGIN - down, 2 * MARGIN - right
    seen = fine[top : top + 2 * SIZE, left : left + 2 * SIZE]
    return WHITE * seen.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))


def expose(seen: cp.Array, frame: int) -> cp.Array:
    """Shot noise and read noise, pixel by pixel in the order of burst.js."""
    following = random(1 + frame)
    readings = []
    for mean in seen.ravel().tolist():
        arrived = poisson(mean, following())
        first, second = following(), following()
        readings.append(arrived + READ * (math.sqrt(-2 * math.log(1 - first)) * math.cos(2 * math.pi * second)))
    return np.array(readings).reshape(seen.shape)


def merged(count: int, shaking: bool, moving: bool, aligning: bool, rejecting: bool) -> cp.Array:
    frames = [expose(light(frame, shaking, moving), frame) for frame in range(count)]
    if aligning:
        for index in range(1, count):
            down, right = cp.phase_correlation(frames[0], frames[index])
            frames[index] = cp.fourier_shift(frames[index], -down, -right)
    burst = np.stack(frames)
    return cp.robust_merge(burst, READ) if rejecting else cp.mean_merge(burst)


def psnr(truth: cp.Array, image: cp.Array) -> float:
    inner = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    return cp.psnr(cp.to_srgb(truth[inner] / WHITE), cp.to_srgb(image[inner] / WHITE))


if __name__ == "__main__":
    import photographs

    colours = photographs.original("chelsea")[6 : 6 + SCENE, 66 : 66 + SCENE]
    grey = cp.to_srgb(cp.to_linear(colours / 255.0) @ np.array([0.2126, 0.7152, 0.0722]))
    DATA.write_bytes(np.round(255.0 * grey).astype(np.uint8).tobytes())
