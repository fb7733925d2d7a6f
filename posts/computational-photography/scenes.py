"""What is photographed and measured: shaken bursts in which something moves, letters, gratings."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp
import photographs

READ_NOISE = 4.0  # electrons
BLUR = 0.7  # of the lens, standard deviation in pixels: on a phone its spot is about as wide as a pixel
SHAKE = 2.0  # standard deviation of the hand's way between frames, pixels
SPEED, RADIUS = 4.0, 20.0  # of the moving disc, pixels a frame and pixels
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


# -- Bursts ------------------------------------------------------------------

def shake(frames: int, rng: np.random.Generator) -> cp.Array:
    """How far the camera has moved at each frame; frame 0 is the reference."""
    moves = rng.normal(0.0, SHAKE, (frames, 2))
    moves[0] = 0.0
    return moves


def disc(height: int, width: int, frame: int) -> cp.Array:
    """How much of each pixel the moving disc covers. It starts left of the middle and goes right."""
    row, column = np.indices((height, width))
    middle = (height / 2, width / 2 - 24 + SPEED * frame)
    return np.clip(RADIUS + 0.5 - np.hypot(row - middle[0], column - middle[1]), 0.0, 1.0)


def burst_scenes(name: str, frames: int, shaken: bool, moving: bool, rng: np.random.Generator) -> cp.Array:
    """The linear light of each frame, frames x rows x columns x 3. The disc shows another photograph."""
    still = photographs.load(name)
    other = photographs.load("chelsea" if name == "coffee" else "coffee")
    moves = shake(frames, rng) if shaken else np.zeros((frames, 2))
    scenes = []
    for frame in range(frames):
        scene = still
        if moving:
            cover = disc(*still.shape[:2], frame)[..., None]
            moved = np.roll(np.resize(other, (*other.shape[:2], 3)), round(SPEED * frame), axis=1)
            patch = np.zeros_like(still)
            rows, columns = (min(a, b) for a, b in zip(still.shape[:2], moved.shape[:2]))
            patch[:rows, :columns] = moved[:rows, :columns]
            scene = still * (1.0 - cover) + patch * cover
        scene = cp.lens(scene, BLUR)
        if moves[frame].any():
            scene = cp.padded_shift(scene, *moves[frame])
        scenes.append(np.clip(scene, 0.0, 1.0))
    return np.stack(scenes)


def take(scenes: cp.Array, white: float, rng: np.random.Generator) -> cp.Array:
    """Raw mosaics in electrons. A white pixel expects `white` of them; the well holds a quarter more."""
    raws = np.stack([cp.mosaic(scene) for scene in scenes])
    return cp.expose(raws * white, READ_NOISE, rng, full_well=np.ceil(1.25 * white))


def develop(raw: cp.Array, white: float) -> cp.Array:
    """A mosaic in electrons to an sRGB picture: tone curve, then colours along edges."""
    return np.clip(cp.edge_demosaic(cp.to_srgb(raw / white)), 0.0, 1.0)


# -- Letters -----------------------------------------------------------------

def letter(name: str, height: float, cell: int, down: float, right: float) -> cp.Array:
    """A black letter on white paper, linear light, drawn eight times as fine and averaged.

    `height` is that of a capital, `down` and `right` parts of a pixel away from the middle of the square `cell`.
    The typeface is the one inside Pillow, Aileron (CC0).
    """
    fine = 8
    font = ImageFont.load_default(size=fine * height / 0.7)
    canvas = Image.new("L", (cell * fine, cell * fine), 255)
    place = ((cell / 2 + right) * fine, (cell / 2 + down + height / 2) * fine)
    ImageDraw.Draw(canvas).text(place, name, fill=0, font=font, anchor="ms")
    ink = np.asarray(canvas, dtype=np.float64).reshape(cell, fine, cell, fine).mean(axis=(1, 3)) / 255.0
    return 0.03 + 0.85 * ink


def reduced(image: cp.Array, factor: int = 4) -> cp.Array:
    """What a sensor with pixels `factor` times as wide would count: means, in linear light."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    return image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, *image.shape[2:]).mean(axis=(1, 3))


def nearest_letter(picture: cp.Array, candidates: cp.Array) -> tuple[int, cp.Array]:
    """Which candidate a picture resembles most, by correlation, and all correlations. A pixel's shift is allowed."""
    def normal(image: cp.Array) -> cp.Array:
        flat = image.reshape(*image.shape[:-2], -1)
        flat = flat - flat.mean(axis=-1, keepdims=True)
        return flat / (np.linalg.norm(flat, axis=-1, keepdims=True) + 1e-12)

    shapes = normal(candidates)
    scores = np.max([shapes @ normal(np.roll(picture, (row, column), (0, 1)))
                     for row in (-1, 0, 1) for column in (-1, 0, 1)], axis=0)
    return int(scores.argmax()), scores


# -- Gratings ----------------------------------------------------------------

def grating(period: float, size: int = 128, degrees: float = 10.0) -> cp.Array:
    """A sinusoidal grating of linear light between 0.1 and 0.7, a little tilted."""
    row, column = np.indices((size, size))
    angle = np.deg2rad(degrees)
    return 0.4 + 0.3 * np.cos(2 * np.pi * (column * np.cos(angle) + row * np.sin(angle)) / period)


def bicubic(picture: cp.Array, factor: int = 4) -> cp.Array:
    """Enlarged by Pillow's bicubic interpolation, each colour as 32-bit numbers."""
    planes = picture[..., None] if picture.ndim == 2 else picture
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    large = [np.asarray(Image.fromarray(planes[..., k].astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
             for k in range(planes.shape[-1])]
    return np.clip(np.stack(large, axis=-1).astype(np.float64), 0.0, 1.0).reshape(size[1], size[0], *picture.shape[2:])
