"""A camera in miniature: from electrons to a picture.

Signals are in electrons, as float arrays; pictures are linear light
from 0 to 1 unless a name says sRGB. A scene has any shape; a burst has
one more axis, in front, for its frames.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DILATION = (1, 2, 3, 2, 1)  # of the denoising network's layers


# region sensor
def expose(
    scenes: Array,
    read_noise: float,
    rng: np.random.Generator,
    full_well: float = math.inf,
) -> Array:
    """Read a sensor once: Poisson arrivals plus Gaussian read noise.

    `scenes` holds the expected electrons of each pixel. For a burst,
    give the frames' scenes stacked, so that things can move. A pixel
    holds at most `full_well` electrons.
    """
    arrived = np.minimum(rng.poisson(scenes), full_well)
    noise: Array = rng.normal(0.0, read_noise, np.shape(scenes))
    return arrived + noise


def snr(signal: float, read_noise: float, frames: int = 1) -> float:
    """Signal-to-noise ratio of the mean of `frames` equal readings."""
    return math.sqrt(frames) * signal / math.sqrt(signal + read_noise**2)
# endregion sensor


# region lens
def lens(image: Array, blur: float, border: int = 16) -> Array:
    """What a lens projects: a Gaussian spot, `blur` pixels wide (std)."""
    pad = ((border, border), (border, border), (0, 0))
    padded = np.pad(image, pad, mode="symmetric")
    down, right = (np.fft.fftfreq(size) for size in padded.shape[:2])
    passed = np.exp(-2 * (np.pi * blur) ** 2 * (down[:, None] ** 2 + right**2))
    spectrum = np.fft.fft2(padded, axes=(0, 1)) * passed[..., None]
    seen = np.fft.ifft2(spectrum, axes=(0, 1)).real
    return np.maximum(seen[border:-border, border:-border], 0.0)
# endregion lens


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


# region malvar
# Malvar, He and Cutler (2004): bilinear, plus a share of how much the
# sample's own colour bends there. Eighths; the middle is the pixel.
GREEN_AT_OTHER = np.array(
    [
        [0, 0, -1, 0, 0],
        [0, 0, 2, 0, 0],
        [-1, 2, 4, 2, -1],
        [0, 0, 2, 0, 0],
        [0, 0, -1, 0, 0],
    ]
) / 8
ALONG_ROW = np.array(
    [
        [0, 0, 0.5, 0, 0],
        [0, -1, 0, -1, 0],
        [-1, 4, 5, 4, -1],
        [0, -1, 0, -1, 0],
        [0, 0, 0.5, 0, 0],
    ]
) / 8
ACROSS = np.array(
    [
        [0, 0, -1.5, 0, 0],
        [0, 2, 0, 2, 0],
        [-1.5, 0, 6, 0, -1.5],
        [0, 2, 0, 2, 0],
        [0, 0, -1.5, 0, 0],
    ]
) / 8


def malvar_demosaic(raw: Array) -> Array:
    """Interpolate with 5 x 5 kernels that look at all colours."""
    red, green, blue = np.moveaxis(bayer_mask(*raw.shape), -1, 0)
    on_red_row = (np.arange(raw.shape[0]) % 2 == 0)[:, None] & green
    on_blue_row = green & ~on_red_row
    row = filter_5x5(raw, ALONG_ROW)
    column = filter_5x5(raw, ALONG_ROW.T)
    across = filter_5x5(raw, ACROSS)
    either = red | blue
    return np.stack(
        [
            np.select([red, on_red_row, on_blue_row, blue],
                      [raw, row, column, across]),
            np.where(either, filter_5x5(raw, GREEN_AT_OTHER), raw),
            np.select([blue, on_blue_row, on_red_row, red],
                      [raw, row, column, across]),
        ],
        axis=-1,
    )


def filter_5x5(raw: Array, kernel: Array) -> Array:
    """Weighted sum of neighbours; the mosaic is mirrored outside."""
    padded = np.pad(raw, 2, mode="reflect")  # keeps the colours' order
    height, width = raw.shape
    total = np.zeros_like(raw)
    for (row, column), weight in np.ndenumerate(kernel):
        if weight:
            total += weight * padded[row : row + height, column : column + width]
    return total
# endregion malvar


# region hamilton
def edge_demosaic(raw: Array) -> Array:
    """Hamilton and Adams (1997): interpolate along edges, not across.

    Green first, in the direction that changes less; then red and blue
    by their differences to green, which vary little.
    """
    mask = bayer_mask(*raw.shape)
    padded = np.pad(raw, 2, mode="reflect")
    height, width = raw.shape

    def at(row: int, column: int) -> Array:
        return padded[2 + row : 2 + row + height, 2 + column : 2 + column + width]

    bend_row = 2 * raw - at(0, -2) - at(0, 2)
    bend_column = 2 * raw - at(-2, 0) - at(2, 0)
    by_row = (at(0, -1) + at(0, 1)) / 2 + bend_row / 4
    by_column = (at(-1, 0) + at(1, 0)) / 2 + bend_column / 4
    change_row = abs(at(0, -1) - at(0, 1)) + abs(bend_row)
    change_column = abs(at(-1, 0) - at(1, 0)) + abs(bend_column)
    guess = np.select(
        [change_row < change_column, change_row > change_column],
        [by_row, by_column],
        (by_row + by_column) / 2,
    )
    green = np.where(mask[..., 1], raw, guess)
    difference = bilinear_demosaic(raw - green)
    return np.where(mask, raw[..., None], difference + green[..., None])
# endregion hamilton


# region align
def fourier_shift(image: Array, down: float, right: float) -> Array:
    """Move an image by any part of a pixel; what leaves comes back."""
    height, width = image.shape[:2]
    turn = np.fft.fftfreq(height)[:, None] * down
    turn = turn + np.fft.fftfreq(width)[None, :] * right
    phase = np.exp(-2j * np.pi * turn)
    spectrum = np.fft.fft2(image, axes=(0, 1))
    spectrum *= phase.reshape(phase.shape + (1,) * (image.ndim - 2))
    return np.fft.ifft2(spectrum, axes=(0, 1)).real


def phase_correlation(
    reference: Array, frame: Array, parts: int = 20
) -> tuple[float, float]:
    """How far `frame` lies (down, right) of `reference`.

    The peak of their cross-correlation, first to a pixel, then to
    1/`parts` of one, by computing the Fourier sum around it on a finer
    grid (Guizar-Sicairos et al. 2008). A window fades the borders out,
    which show different parts of the scene.
    """
    height, width = reference.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectra = [np.fft.fft2((each - each.mean()) * window)
               for each in (reference, frame)]
    product = np.conj(spectra[0]) * spectra[1]
    # Half the phase, half the cross-correlation: the square root of the
    # magnitude keeps weak, noisy frequencies from voting like strong ones.
    product = product / np.sqrt(np.abs(product) + 1e-12)
    peak = np.argmax(np.fft.ifft2(product).real)
    down, right = np.unravel_index(peak, reference.shape)
    down = (down + height // 2) % height - height // 2
    right = (right + width // 2) % width - width // 2
    near = np.arange(-parts, parts + 1) / parts
    rows = np.exp(2j * np.pi * np.outer(down + near, np.fft.fftfreq(height)))
    columns = np.exp(2j * np.pi * np.outer(np.fft.fftfreq(width), right + near))
    fine = (rows @ product @ columns).real
    row, column = np.unravel_index(np.argmax(fine), fine.shape)
    return float(down + near[row]), float(right + near[column])


def pyramid_align(
    reference: Array, frame: Array, tile: int = 16, reach: int = 3,
    levels: int = 3,
) -> NDArray[np.int64]:
    """For each tile of `reference`, where `frame` shows it: whole pixels.

    From coarse to fine: the shift found at half the size, doubled, is
    where the search begins. Returns rows x columns x (down, right).
    """
    if levels > 1 and min(reference.shape) >= 4 * tile:
        coarse = pyramid_align(halve(reference), halve(frame), tile,
                               reach, levels - 1)
        start = 2 * coarse.repeat(2, axis=0).repeat(2, axis=1)
    else:
        start = np.zeros((1, 1, 2), dtype=np.int64)
    rows, columns = (size // tile for size in reference.shape)
    index = [np.minimum(np.arange(count), limit - 1)
             for count, limit in zip((rows, columns), start.shape)]
    start = start[np.ix_(*index)]
    tiles = reference[: rows * tile, : columns * tile].reshape(
        rows, tile, columns, tile
    ).swapaxes(1, 2)
    top = np.arange(rows)[:, None] * tile + start[..., 0]
    left = np.arange(columns)[None, :] * tile + start[..., 1]
    best, found = np.full((rows, columns), np.inf), start
    steps = sorted(np.ndindex(2 * reach + 1, 2 * reach + 1),
                   key=lambda at: abs(at[0] - reach) + abs(at[1] - reach))
    for step in steps:
        move = np.array(step) - reach
        there = cut_tiles(frame, top + move[0], left + move[1], tile)
        error = np.abs(there - tiles).sum(axis=(2, 3))
        better = error < best
        best = np.where(better, error, best)
        found = np.where(better[..., None], start + move, found)
    return found


def halve(image: Array) -> Array:
    """Means of two by two pixels."""
    height, width = (size // 2 * 2 for size in image.shape)
    blocks = image[:height, :width].reshape(height // 2, 2, width // 2, 2)
    return blocks.mean(axis=(1, 3))


def cut_tiles(image: Array, top: Any, left: Any, size: int) -> Array:
    """The squares that begin there; outside, the border's pixels."""
    offset = np.arange(size)
    rows = np.clip(top[..., None, None] + offset[:, None], 0, image.shape[0] - 1)
    columns = np.clip(left[..., None, None] + offset[None, :], 0, image.shape[1] - 1)
    return image[rows, columns]
# endregion align


# region wiener
def wiener_merge(
    frames: Array,
    read_noise: float,
    shifts: NDArray[np.int64] | None = None,
    strength: float = 8.0,
    tile: int = 16,
) -> Array:
    """Merge one colour's frames tile by tile, as HDR+ does.

    Each frequency of a frame's tile is replaced by the reference's as
    far as the two differ by more than noise. Tiles overlap by half and
    are blended. `shifts`, frames x rows x columns x 2, says where each
    frame shows each tile of `tile` pixels of the reference.
    """
    half = tile // 2
    count, height, width = frames.shape
    frames = np.pad(frames, ((0, 0), (half, tile), (half, tile)), mode="reflect")
    rows, columns = -(-height // half) + 1, -(-width // half) + 1
    top = np.arange(rows)[:, None] * half + np.zeros((1, columns), dtype=int)
    left = np.arange(columns)[None, :] * half + np.zeros((rows, 1), dtype=int)
    reference = cut_tiles(frames[0], top, left, tile)
    # The noise of a tile: shot noise of its mean, and read noise. A
    # difference of two readings has twice that, a Fourier sum tile**2.
    level = np.maximum(reference.mean(axis=(2, 3), keepdims=True), 0.0)
    noise = 2.0 * tile**2 * (level + read_noise**2)
    spectrum = np.fft.fft2(reference)
    total = spectrum.copy()
    for index in range(1, count):
        move = np.zeros((rows, columns, 2), dtype=int)
        if shifts is not None:
            row, column = (np.clip((at - half // 2) // tile, 0, size - 1)
                           for at, size in zip((top, left), shifts.shape[1:3]))
            move = shifts[index][row, column]
        there = np.fft.fft2(cut_tiles(frames[index], top + move[..., 0], left + move[..., 1], tile))
        difference = spectrum - there
        power = np.abs(difference) ** 2
        total += there + power / (power + strength * noise) * difference
    merged = np.fft.ifft2(total / count).real
    fade = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(tile) + 0.5) / tile)
    merged = merged * np.outer(fade, fade)
    canvas = np.zeros((height + 2 * tile, width + 2 * tile))
    for row in range(rows):
        for column in range(columns):
            canvas[row * half : row * half + tile,
                   column * half : column * half + tile] += merged[row, column]
    return canvas[half : half + height, half : half + width]
# endregion wiener


# region raw
def pack(raw: Array) -> Array:
    """A mosaic's four colours (R, G, G, B) as planes of half the size."""
    return np.stack([raw[..., row::2, column::2]
                     for row in (0, 1) for column in (0, 1)], axis=-3)


def unpack(planes: Array) -> Array:
    """The mosaic again."""
    *more, _, height, width = planes.shape
    raw = np.empty((*more, 2 * height, 2 * width))
    for index in range(4):
        raw[..., index // 2 :: 2, index % 2 :: 2] = planes[..., index, :, :]
    return raw


def merge_burst(
    raws: Array,
    read_noise: float,
    align: bool = True,
    robust: bool = True,
    tiles: bool = False,
    strength: float = 16.0,
) -> Array:
    """One picture, still in electrons, from a burst of mosaics.

    Each frame is demosaiced and moved onto frame 0 by parts of a pixel;
    then the frames are averaged, or merged tile by tile. With `tiles`,
    what moves by itself is followed too, by whole pixels.
    """
    frames = np.stack([bilinear_demosaic(raw) for raw in raws])
    grey = pack(raws).mean(axis=1)
    for index in range(1, len(raws) if align else 0):
        down, right = phase_correlation(grey[0], grey[index])
        frames[index] = padded_shift(frames[index], -2 * down, -2 * right)
    if not robust:
        return frames.mean(axis=0)
    shifts = None
    if tiles:
        shade = frames.mean(axis=-1)
        shifts = np.stack([pyramid_align(shade[0], each) for each in shade])
    return np.stack(
        [wiener_merge(frames[..., colour], read_noise, shifts, strength)
         for colour in range(3)], axis=-1)


def padded_shift(image: Array, down: float, right: float, border: int = 16) -> Array:
    """A shift whose wrapped border falls on a mirrored margin."""
    pad = ((border, border), (border, border), *[(0, 0)] * (image.ndim - 2))
    padded = np.pad(image, pad, mode="symmetric")
    moved = fourier_shift(padded, down, right)
    return moved[border:-border, border:-border]
# endregion raw


# region tone
def to_srgb(linear: Array) -> Array:
    """The tone curve of ordinary screens (IEC 61966-2-1), clipped."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear,
                    1.055 * linear ** (1 / 2.4) - 0.055)


def to_linear(srgb: Array) -> Array:
    """Its inverse."""
    return np.where(srgb <= 0.04045, srgb / 12.92,
                    ((srgb + 0.055) / 1.055) ** 2.4)


def reinhard(linear: Array, white: float) -> Array:
    """Compress any brightness so that `white` becomes 1 (2002)."""
    grey = linear @ np.array([0.2126, 0.7152, 0.0722])
    pressed = grey * (1.0 + grey / white**2) / (1.0 + grey)
    return linear * (pressed / np.maximum(grey, 1e-9))[..., None]
# endregion tone


# region mertens
def fuse_exposures(pictures: Array) -> Array:
    """Mertens et al. (2007): from each exposure what it shows best.

    `pictures` are sRGB. A pixel counts by its contrast, its saturation
    and how near it is to middle grey; weights and pictures are blended
    scale by scale, so that no seam shows.
    """
    grey = pictures @ np.array([0.299, 0.587, 0.114])
    edge = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    contrast = abs(edge[:, :-2, 1:-1] + edge[:, 2:, 1:-1] + edge[:, 1:-1, :-2]
                   + edge[:, 1:-1, 2:] - 4.0 * grey)
    exposed = np.exp(-((pictures - 0.5) ** 2).sum(axis=-1) / (2 * 0.2**2))
    weights = contrast * pictures.std(axis=-1) * exposed + 1e-12
    weights = weights / weights.sum(axis=0)
    levels = int(math.log2(min(grey.shape[1:])))
    fused = None
    for picture, weight in zip(pictures, weights):
        pyramid = gaussian_pyramid(weight[..., None], levels)
        bands = [band * share for band, share in
                 zip(laplacian_pyramid(picture, levels), pyramid)]
        fused = bands if fused is None else [a + b for a, b in zip(fused, bands)]
    assert fused is not None
    result = fused[-1]
    for band in reversed(fused[:-1]):
        result = band + grow(result, band.shape)
    return result


def shrink(image: Array) -> Array:
    """Blur by (1, 4, 6, 4, 1) / 16 both ways and keep every other pixel."""
    return blur_14641(image)[::2, ::2]


def grow(image: Array, shape: tuple[int, ...]) -> Array:
    """Twice the size: pixels apart, then the same blur, times four."""
    apart = np.zeros((*shape[:2], image.shape[2]))
    apart[::2, ::2] = image
    return 4.0 * blur_14641(apart)


def blur_14641(image: Array) -> Array:
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (2, 2)
        padded = np.pad(image, pad, mode="reflect" if image.shape[axis] > 2 else "edge")
        size = image.shape[axis]
        image = sum(
            weight * padded.take(range(at, at + size), axis)
            for at, weight in enumerate((1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16))
        )
    return image


def gaussian_pyramid(image: Array, levels: int) -> list[Array]:
    pyramid = [image]
    for _ in range(levels):
        pyramid.append(shrink(pyramid[-1]))
    return pyramid


def laplacian_pyramid(image: Array, levels: int) -> list[Array]:
    pyramid = gaussian_pyramid(image, levels)
    return [fine - grow(coarse, fine.shape)
            for fine, coarse in pairwise(pyramid)] + [pyramid[-1]]
# endregion mertens


# region network
def stabilise(electrons: Array, read_noise: float) -> Array:
    """Anscombe's transform: noise of standard deviation about 1."""
    return 2.0 * np.sqrt(np.maximum(electrons + 3 / 8 + read_noise**2, 0.0))


def unstabilise(stable: Array, read_noise: float) -> Array:
    """Its inverse for a mean, which is not the plain one.

    The mean of a square root is less than the root of the mean; this
    closed form undoes that bias (Makitalo and Foi 2013).
    """
    stable = np.maximum(stable, 2.0 * math.sqrt(3 / 8))
    return (
        stable**2 / 4
        + math.sqrt(3 / 2) / (4 * stable)
        - 11 / (8 * stable**2)
        + 5 * math.sqrt(3 / 2) / (8 * stable**3)
        - 1 / 8
        - read_noise**2
    )


def denoise(
    raw: Array, read_noise: float, white: float, layers: list[Array]
) -> Array:
    """A small network's estimate of a mosaic without its noise.

    Noise is first made the same everywhere, and the network is told how
    strong it is. It has no offsets, so doubling all that it is given
    doubles its answer: one network serves every light.
    """
    scale = stabilise(np.array(white), read_noise)
    planes = stabilise(pack(raw), read_noise) / scale
    told = np.full((1, *planes.shape[1:]), 1.0 / scale)
    values = np.concatenate([planes, told])
    for index, (weight, step) in enumerate(zip(layers, DILATION)):
        values = convolve(values, weight, step)
        if index < len(layers) - 1:
            values = np.maximum(values, 0.0)
    return unpack(unstabilise((planes - values) * scale, read_noise))


def convolve(planes: Array, weight: Array, step: int) -> Array:
    """A layer of 3 x 3 kernels, out x in x 3 x 3, taps `step` apart."""
    _, height, width = planes.shape
    pad = ((0, 0), (step, step), (step, step))
    padded = np.pad(planes, pad, mode="edge")
    total = np.zeros((len(weight), height * width))
    for row in range(3):
        for column in range(3):
            top, left = row * step, column * step
            seen = padded[:, top : top + height, left : left + width]
            total += weight[:, :, row, column] @ seen.reshape(len(seen), -1)
    return total.reshape(-1, height, width)
# endregion network


# region measures
def psnr(truth: Array, guess: Array) -> float:
    """Peak signal-to-noise ratio in dB, for values from 0 to 1."""
    return float(-10.0 * np.log10(np.mean((truth - guess) ** 2)))


def ssim(truth: Array, guess: Array) -> float:
    """Mean structural similarity (Wang et al. 2004), over colours.

    Windows are Gaussian, 1.5 pixels wide, cut off at 5 pixels; those
    that would reach over the border do not count.
    """
    offset = np.arange(-5, 6)
    bell = np.exp(-(offset**2) / (2 * 1.5**2))
    bell = bell / bell.sum()

    def mean(image: Array) -> Array:
        for axis in (0, 1):
            size = image.shape[axis] - 10
            image = sum(w * image.take(range(at, at + size), axis)
                        for at, w in enumerate(bell))
        return image

    a, b = mean(truth), mean(guess)
    aa, bb = mean(truth**2) - a * a, mean(guess**2) - b * b
    ab = mean(truth * guess) - a * b
    c1, c2 = 0.01**2, 0.03**2
    value = (2 * a * b + c1) * (2 * ab + c2) / ((a * a + b * b + c1) * (aa + bb + c2))
    return float(value.mean())


def detail(image: Array, factor: int = 4) -> Array:
    """What of a picture a grid `factor` times coarser cannot hold.

    All frequencies above that grid's Nyquist limit, in rows or columns.
    """
    height, width = image.shape[:2]
    high = (abs(np.fft.fftfreq(height))[:, None] >= 0.5 / factor) | (
        abs(np.fft.fftfreq(width))[None, :] >= 0.5 / factor
    )
    spectrum = np.fft.fft2(image, axes=(0, 1))
    keep = high.reshape(high.shape + (1,) * (image.ndim - 2))
    return np.fft.ifft2(spectrum * keep, axes=(0, 1)).real


def detail_right(truth: Array, guess: Array, factor: int = 4) -> tuple[float, float]:
    """Of the guess's fine detail: how much, and how much of it is right.

    First its energy as a share of the truth's; second its correlation
    with the truth's.
    """
    t, g = detail(truth, factor), detail(guess, factor)
    energy = float((g * g).sum() / (t * t).sum())
    along = float((t * g).sum() / math.sqrt((t * t).sum() * (g * g).sum() + 1e-30))
    return energy, along
# endregion measures
