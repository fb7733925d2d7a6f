"""Noise against theory, merging and demosaicing against slow references, and the article's numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from article_code import load

cp = load("computational-photography", "computational_photography")


def slow_robust_merge(burst: Any, read_noise: float, radius: int, limit: float) -> Any:
    """One pixel and one frame at a time, for any number of dimensions."""
    merged = np.zeros(burst.shape[1:])
    for pixel in np.ndindex(*burst.shape[1:]):
        window = tuple(
            slice(max(i - radius, 0), min(i + radius + 1, size))
            for i, size in zip(pixel, burst.shape[1:], strict=True)
        )
        kept = []
        for frame in burst:
            squared = np.sum((frame[window] - burst[0][window]) ** 2)
            variance = np.sum(
                np.maximum(frame[window], 0) + read_noise**2 + np.maximum(burst[0][window], 0) + read_noise**2
            )
            if squared <= limit * variance:
                kept.append(frame[pixel])
        merged[pixel] = sum(kept) / len(kept)
    return merged


def slow_demosaic(raw: Any) -> Any:
    """Mean of the nearest samples of each colour, by the distances that exist in a Bayer mosaic."""
    height, width = raw.shape
    mask = cp.bayer_mask(height, width)
    image = np.zeros((height, width, 3))
    for y, x, colour in np.ndindex(height, width, 3):
        if mask[y, x, colour]:
            image[y, x, colour] = raw[y, x]
            continue
        near = [
            (abs(v - y) + abs(u - x), raw[v, u])
            for v in range(max(y - 1, 0), min(y + 2, height))
            for u in range(max(x - 1, 0), min(x + 2, width))
            if mask[v, u, colour]
        ]
        closest = min(distance for distance, _ in near)
        image[y, x, colour] = np.mean([value for distance, value in near if distance == closest])
    return image


@pytest.mark.parametrize(("signal", "read_noise"), [(5.0, 4.0), (100.0, 4.0), (1000.0, 0.0)])
def test_one_reading_has_the_mean_and_variance_of_the_model(signal: float, read_noise: float) -> None:
    pixels = 200_000
    reading = cp.expose(np.full(pixels, signal), read_noise, np.random.default_rng(1))
    variance = signal + read_noise**2
    assert abs(reading.mean() - signal) < 5 * math.sqrt(variance / pixels)
    # Var of a sample variance is (kurtosis - 1) / n * variance**2; kurtosis here is at most 3 + 1 / signal.
    assert abs(reading.var() - variance) < 5 * variance * math.sqrt((2 + 1 / signal) / pixels)


@pytest.mark.parametrize("frames", [2, 8, 32])
def test_averaging_divides_the_variance_by_the_number_of_frames(frames: int) -> None:
    pixels = 50_000
    burst = cp.expose(np.full((frames, pixels), 100.0), 4.0, np.random.default_rng(frames))
    merged = cp.mean_merge(burst)
    assert merged.var() * frames == pytest.approx(116.0, rel=5 * math.sqrt(2.1 / pixels))
    assert merged.mean() / merged.std() == pytest.approx(cp.snr(100.0, 4.0, frames), rel=0.02)


def test_snr_by_hand() -> None:
    assert round(cp.snr(100, 4), 1) == 9.3
    assert round(cp.snr(100, 4, 8), 1) == 26.3
    assert round(cp.snr(800, 4), 1) == 28.0
    assert round(cp.snr(5, 4, 8), 1) == 3.1
    assert round(cp.snr(40, 4), 1) == 5.3


def test_more_frames_do_not_remove_a_bias() -> None:
    """Stripes shifted by a pixel: the texture is gone without any noise."""
    stripes = np.tile([80.0, 120.0], 4)
    assert np.array_equal(cp.mean_merge(np.stack([stripes, np.roll(stripes, 1)])), np.full(8, 100.0))


def test_mean_ghosts_and_robust_merge_does_not_in_the_example() -> None:
    frames = np.full((4, 4), 100.0) + 300.0 * np.eye(4)
    assert np.array_equal(cp.mean_merge(frames), [175.0] * 4)
    assert np.array_equal(cp.robust_merge(frames, 4.0, radius=0), [400.0, 100.0, 100.0, 100.0])


@pytest.mark.parametrize("shape", [(17,), (6, 9)])
def test_robust_merge_is_the_mean_when_frames_agree(shape: tuple[int, ...]) -> None:
    frame = np.random.default_rng(3).uniform(0, 300, shape)
    burst = np.repeat(frame[None], 5, axis=0)
    assert np.allclose(cp.robust_merge(burst, 4.0), frame, rtol=1e-13)
    # Differences well inside the noise are averaged too, not only exact copies.
    burst = burst + np.random.default_rng(4).uniform(-1, 1, burst.shape)
    assert np.allclose(cp.robust_merge(burst, 4.0), cp.mean_merge(burst), rtol=1e-13)


@pytest.mark.parametrize("shape", [(13,), (5, 7)])
@pytest.mark.parametrize("radius", [0, 1, 2, 20])
def test_robust_merge_equals_the_slow_reference(shape: tuple[int, ...], radius: int) -> None:
    rng = np.random.default_rng(5)
    burst = cp.expose(rng.uniform(0, 60, (4, *shape)), 4.0, rng)
    assert burst.min() < 0  # readings below black must not break the variance estimate
    expected = slow_robust_merge(burst, 4.0, radius, 2.5)
    assert np.allclose(cp.robust_merge(burst, 4.0, radius=radius), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(9,), (4, 6)])
@pytest.mark.parametrize("radius", [0, 1, 3, 30])
def test_window_sum_equals_the_slow_reference(shape: tuple[int, ...], radius: int) -> None:
    frames = np.random.default_rng(6).normal(size=(2, *shape))
    for index, frame in enumerate(frames):
        for pixel in np.ndindex(*shape):
            window = tuple(
                slice(max(i - radius, 0), min(i + radius + 1, size)) for i, size in zip(pixel, shape, strict=True)
            )
            assert cp.window_sum(frames, radius)[index][pixel] == pytest.approx(frame[window].sum(), abs=1e-12)


def test_a_burst_of_one_frame_is_returned() -> None:
    frame = np.array([[3.0, -2.0, 250.0]])
    assert np.array_equal(cp.robust_merge(frame, 0.0), frame[0])


def test_merging_keeps_the_energy_of_a_still_scene() -> None:
    burst = cp.expose(np.full((8, 100_000), 100.0), 4.0, np.random.default_rng(7))
    for merged in (cp.mean_merge(burst), cp.robust_merge(burst, 4.0)):
        assert merged.mean() == pytest.approx(100.0, abs=0.1)


def test_how_often_the_gate_rejects_an_honest_reading() -> None:
    """The article: 11 per cent of single pixels, 3 per cent of windows of five."""
    reference, frame = cp.expose(np.full((2, 400_000), 100.0), 4.0, np.random.default_rng(2))
    squared, expected = (frame - reference) ** 2, frame + reference + 2 * 4.0**2
    assert np.mean(squared > 2.5 * expected) == pytest.approx(0.11, abs=0.005)
    pooled = [cp.window_sum(values[None], 2)[0] for values in (squared, expected)]
    assert np.mean(pooled[0] > 2.5 * pooled[1]) == pytest.approx(0.03, abs=0.005)


def test_the_price_of_the_gate_on_a_still_scene() -> None:
    """The article: variance 15.8 where the mean has 14.5."""
    burst = cp.expose(np.full((8, 200_000), 100.0), 4.0, np.random.default_rng(1))
    assert cp.mean_merge(burst).var() == pytest.approx(14.5, abs=0.2)
    assert cp.robust_merge(burst, 4.0).var() == pytest.approx(15.8, abs=0.2)


@pytest.mark.parametrize(
    ("added", "left", "mean_error", "robust_error"),
    [(10.0, 2.3, 4.4, 4.5), (20.0, 11.2, 6.6, 5.6), (40.0, 40.2, 12.0, 5.3)],
)
def test_the_table_of_faint_bars(added: float, left: float, mean_error: float, robust_error: float) -> None:
    """Tolerances: three standard errors of 200 bursts, should a NumPy release draw other numbers."""
    scenes = cp.moving_scene(added)
    rows = []
    for seed in range(200):
        burst = cp.expose(scenes, 4.0, np.random.default_rng(seed))
        mean, robust = cp.mean_merge(burst), cp.robust_merge(burst, 4.0)
        rows.append([
            np.mean(robust[6:12]) - 60.0,
            np.sqrt(np.mean((mean - scenes[0]) ** 2)),
            np.sqrt(np.mean((robust - scenes[0]) ** 2)),
        ])
    found = np.mean(rows, axis=0)
    assert found[0] == pytest.approx(left, abs=1.4)
    assert found[1] == pytest.approx(mean_error, abs=0.15)
    assert found[2] == pytest.approx(robust_error, abs=0.2)


def test_the_moving_bar_is_never_twice_in_one_place() -> None:
    moving = cp.moving_scene(7.0) != cp.moving_scene(0.0)
    assert moving.sum() == 8 * 6
    assert moving.sum(axis=0).max() == 1


def test_bayer_pattern() -> None:
    mask = cp.bayer_mask(4, 6)
    assert np.array_equal(mask.sum(axis=-1), np.ones((4, 6)))
    assert mask.sum(axis=(0, 1)).tolist() == [6, 12, 6]
    assert mask[0, 0].tolist() == [True, False, False]
    assert mask[1, 1].tolist() == [False, False, True]


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (6, 5), (5, 8)])
def test_demosaic_equals_the_slow_reference(shape: tuple[int, int]) -> None:
    raw = np.random.default_rng(8).uniform(0, 100, shape)
    assert np.allclose(cp.bilinear_demosaic(raw), slow_demosaic(raw), rtol=1e-12)


def test_demosaic_keeps_constant_colours_and_measured_values() -> None:
    image = np.full((5, 6, 3), (3.0, 50.0, 7.0))
    assert np.allclose(cp.bilinear_demosaic(cp.mosaic(image)), image, rtol=1e-13)
    image = np.random.default_rng(9).uniform(0, 100, (7, 6, 3))
    mask = cp.bayer_mask(7, 6)
    assert np.array_equal(cp.bilinear_demosaic(cp.mosaic(image))[mask], image[mask])


def test_grey_stripes_turn_orange() -> None:
    image = np.zeros((8, 8, 3))
    image[:, 0::2] = 100.0
    filled = cp.bilinear_demosaic(cp.mosaic(image))
    assert np.all(filled[..., 0] == 100.0)
    assert np.all(filled[..., 2] == 0.0)
    assert np.mean(filled[2:6, 2:6, 1]) == 50.0


def test_demosaic_refuses_a_strip() -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        cp.bilinear_demosaic(np.zeros((1, 8)))


def test_guessing_doubles_the_least_squared_error() -> None:
    """Gaussian truth and noise: posterior mean against a draw from the posterior."""
    rng = np.random.default_rng(10)
    truth = rng.normal(size=400_000)
    data = truth + rng.normal(size=truth.size)
    best = data / 2  # posterior: mean data / 2, variance 1 / 2
    drawn = best + rng.normal(0, math.sqrt(0.5), truth.size)
    assert np.mean((truth - best) ** 2) == pytest.approx(0.5, rel=0.02)
    assert np.mean((truth - drawn) ** 2) == pytest.approx(1.0, rel=0.02)
    assert drawn.std() == pytest.approx(truth.std(), rel=0.01)
    assert best.std() == pytest.approx(math.sqrt(0.5), rel=0.01)
    # Cheaper than sampling, and as natural: the mean stretched to the spread of the truth.
    stretched = data / math.sqrt(2)
    assert stretched.std() == pytest.approx(truth.std(), rel=0.01)
    assert np.mean((truth - stretched) ** 2) == pytest.approx(2 - math.sqrt(2), rel=0.02)
