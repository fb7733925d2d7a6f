"""A camera in miniature: sensor noise, burst merging, demosaicing.

Signals are in electrons, as float arrays. A scene has any shape; a
burst has one more axis, in front, for its frames.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


# region sensor
def expose(
    scenes: Array, read_noise: float, rng: np.random.Generator
) -> Array:
    """Read a sensor once: Poisson arrivals plus Gaussian read noise.

    `scenes` holds the expected electrons of each pixel. For a burst,
    give the frames' scenes stacked, so that things can move.
    """
    arrived = rng.poisson(scenes)
    noise: Array = rng.normal(0.0, read_noise, np.shape(scenes))
    return arrived + noise


def snr(signal: float, read_noise: float, frames: int = 1) -> float:
    """Signal-to-noise ratio of the mean of `frames` equal readings."""
    return math.sqrt(frames) * signal / math.sqrt(signal + read_noise**2)
# endregion sensor


# region scene
def moving_scene(added: float, frames: int = 8) -> Array:
    """64 pixels, 60 electrons, 100 from pixel 40 on; a bar moves.

    The bar adds `added` electrons to six pixels and jumps six pixels
    a frame, so that no two frames show it in the same place.
    """
    background = np.where(np.arange(64) < 40, 60.0, 100.0)
    scenes = np.repeat(background[None], frames, axis=0)
    for t in range(frames):
        scenes[t, 6 + 6 * t : 12 + 6 * t] += added
    return scenes
# endregion scene


# region merge
def mean_merge(burst: Array) -> Array:
    """Average the frames and trust all of them."""
    merged: Array = np.mean(burst, axis=0)
    return merged


def robust_merge(
    burst: Array, read_noise: float, radius: int = 2, limit: float = 2.5
) -> Array:
    """Average, at each pixel, the frames that agree with frame 0.

    A frame agrees where, over the window of `radius` around the pixel,
    its squared difference from frame 0 is at most `limit` times the
    variance that noise alone would give that difference.
    """
    reference = burst[0]
    squared = (burst - reference) ** 2
    # Each reading estimates its own shot noise; read noise adds twice.
    expected = (
        np.maximum(burst, 0.0)
        + np.maximum(reference, 0.0)
        + 2.0 * read_noise**2
    )
    agrees = window_sum(squared, radius) <= limit * window_sum(
        expected, radius
    )
    merged: Array = np.sum(burst * agrees, axis=0) / np.sum(
        agrees, axis=0
    )
    return merged


def window_sum(frames: Array, radius: int) -> Array:
    """Sum over the window around each pixel, cut off at the edges.

    Axis 0 counts the frames and is left alone.
    """
    total = frames
    for axis in range(1, frames.ndim):
        size = frames.shape[axis]
        index = np.arange(size)
        low = np.maximum(index - radius, 0)
        high = np.minimum(index + radius + 1, size)
        pad = [(0, 0)] * frames.ndim
        pad[axis] = (1, 0)
        sums = np.cumsum(np.pad(total, pad), axis=axis)
        total = np.take(sums, high, axis) - np.take(sums, low, axis)
    return total
# endregion merge


# region bayer
def bayer_mask(height: int, width: int) -> NDArray[np.bool_]:
    """Which colour (R, G, B) each pixel sees; rows RGRG..., GBGB..."""
    row, column = np.indices((height, width)) % 2
    red = (row == 0) & (column == 0)
    blue = (row == 1) & (column == 1)
    return np.stack([red, ~red & ~blue, blue], axis=-1)


def mosaic(image: Array) -> Array:
    """Keep one colour a pixel, as the sensor does."""
    height, width, _ = image.shape
    raw: Array = np.sum(image * bayer_mask(height, width), axis=-1)
    return raw


def bilinear_demosaic(raw: Array) -> Array:
    """Fill each missing colour with the mean of its nearest samples.

    Weights 1-2-1 by 1-2-1, divided by the weight that was there, so
    borders need no special case. Measured samples stay as they are.
    """
    height, width = raw.shape
    if height < 2 or width < 2:
        raise ValueError(f"a mosaic needs 2 x 2 pixels, not {raw.shape}")
    mask = bayer_mask(height, width)
    weights = blur_121(mask.astype(np.float64))
    filled = blur_121(raw[..., None] * mask) / weights
    return np.where(mask, raw[..., None], filled)


def blur_121(planes: Array) -> Array:
    """Convolve rows and columns with (1, 2, 1); zero outside."""
    padded = np.pad(planes, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + 2.0 * padded[1:-1] + padded[2:]
    return rows[:, :-2] + 2.0 * rows[:, 1:-1] + rows[:, 2:]
# endregion bayer
