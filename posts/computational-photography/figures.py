"""The Bayer mosaic; SNR against frames; one burst merged two ways; and what experiment.py measured on photographs."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp
import drawing as d
import evidence

READ_NOISE = 4.0
ADDED = 180.0
SEED = 0
HUE = {"R": "2", "G": "3", "B": "1"}


def bayer_figure() -> str:
    """The pattern, and the two sums that fill a red site."""
    parts, cell = [], 42.0
    parts.append(d.text(0, 16, "what the sensor sees", weight=600))
    mask = cp.bayer_mask(4, 4)
    for row in range(4):
        for column in range(4):
            name = "RGB"[int(np.argmax(mask[row, column]))]
            x, y = column * cell, 30 + row * cell
            parts.append(d.rect(x + 1, y + 1, cell - 3, cell - 3, fill=HUE[name] + "-soft",
                                stroke=HUE[name], radius=3))
            parts.append(d.text(x + cell / 2 - 0.5, y + cell / 2 + 5, name, anchor="middle", size=16,
                                weight=600))

    # The same numbers through the module, so that picture and code agree.
    raw = np.array([[0, 0, 0, 0, 0],
                    [0, 20, 40, 24, 0],
                    [0, 44, 90, 48, 0],
                    [0, 28, 52, 32, 0],
                    [0, 0, 0, 0, 0]], dtype=float)
    red, green, blue = cp.bilinear_demosaic(raw)[2, 2]
    left, size = 230.0, 56.0
    parts.append(d.text(left, 16, "filling one red site", weight=600))
    names = ("BGB", "GRG", "BGB")
    for row in range(3):
        for column in range(3):
            name = names[row][column]
            x, y = left + column * size, 30 + row * size
            middle = row == column == 1
            parts.append(d.rect(x + 1, y + 1, size - 3, size - 3, fill=HUE[name] + "-soft",
                                stroke=HUE[name], stroke_width=3 if middle else 1.25, radius=3))
            parts.append(d.text(x + size / 2 - 0.5, y + 22, name, anchor="middle", fill="muted"))
            parts.append(d.text(x + size / 2 - 0.5, y + 43, f"{raw[row + 1, column + 1]:.0f}",
                                anchor="middle", size=16, weight=600))
    base = 226.0
    parts.append(d.text(0, base, f"R = {red:.0f}, measured"))
    parts.append(d.text(0, base + 22, f"G = (40 + 44 + 48 + 52) / 4 = {green:.0f}, interpolated"))
    parts.append(d.text(0, base + 44, f"B = (20 + 24 + 28 + 32) / 4 = {blue:.0f}, interpolated"))
    return d.svg(410, base + 54, *parts)


def snr_figure() -> str:
    """Burst (solid) against one exposure of the same total light (dashed)."""
    left, top, right, bottom = 42.0, 66.0, 340.0, 320.0
    x = d.log_scale((1, 64), (left, right))
    y = d.log_scale((1, 400), (bottom, top))
    parts = [d.line(130, 12, 162, 12, stroke="ink", stroke_width=2), d.text(170, 16.5, "burst of N frames"),
             d.line(130, 32, 162, 32, stroke="ink", stroke_width=2, dash="6 4"),
             d.text(170, 36.5, "one exposure N times as long"),
             d.axes(left, top - 8, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(n, str(n)) for n in (1, 2, 4, 8, 16, 32, 64)],
                    y_ticks=[(v, str(v)) for v in (1, 3, 10, 30, 100, 300)],
                    x_label="frames merged, N", y_label="SNR")]
    counts = [2 ** (k / 4) for k in range(25)]
    for signal, hue in ((10, "1"), (100, "2"), (1000, "3")):
        burst = [(x(n), y(math.sqrt(n) * cp.snr(signal, READ_NOISE))) for n in counts]
        single = [(x(n), y(cp.snr(signal * n, READ_NOISE))) for n in counts]
        parts.append(d.polyline(single, stroke=hue, dash="6 4"))
        parts.append(d.polyline(burst, stroke=hue, stroke_width=2.5))
        low = {10: 8.0, 100: 9.0, 1000: 9.0}[signal]
        parts.append(d.text(right + 8, burst[-1][1] + low, f"{signal:,} e⁻", fill=hue, weight=600))
        parts.append(d.text(right + 8, burst[-1][1] + low + 16, "a frame", fill=hue))
    parts.append(d.circle(x(8), y(cp.snr(100, READ_NOISE, 8)), 5, fill="2"))
    parts.append(d.text(x(8) - 9, y(cp.snr(100, READ_NOISE, 8)) - 9,
                        f"{cp.snr(100, READ_NOISE, 8):.1f}", anchor="end", weight=600))
    return d.svg(412, bottom + 44, *parts)


def burst_figure() -> str:
    """Frame 0, the mean and the robust merge of one simulated burst."""
    scenes = cp.moving_scene(ADDED)
    burst = cp.expose(scenes, READ_NOISE, np.random.default_rng(SEED))
    panels = [("one frame", "1", burst[0]), ("mean of 8", "2", cp.mean_merge(burst)),
              ("robust merge of 8", "3", cp.robust_merge(burst, READ_NOISE))]
    left, right, height, gap = 34.0, 436.0, 116.0, 40.0
    x = d.linear_scale((0, 64), (left, right))
    parts = []
    for index, (name, hue, signal) in enumerate(panels):
        top = 26 + index * (height + gap)
        y = d.linear_scale((0, 280), (top + height, top))
        rmse = float(np.sqrt(np.mean((signal - scenes[0]) ** 2)))
        parts.append(d.text(left, top - 10, name, fill=hue, weight=600, size=14))
        parts.append(d.text(right, top - 10, f"RMS error {rmse:.1f} e⁻", anchor="end"))
        for value in (0, 100, 200):
            parts.append(d.line(left, y(value), right, y(value), stroke="muted" if value == 0 else "line",
                                stroke_width=1 if value == 0 else 0.75))
            parts.append(d.text(left - 6, y(value) + 4.5, str(value), fill="muted", anchor="end"))
        parts.append(d.polyline(steps(scenes[0], x, y), stroke="muted", stroke_width=1.5, dash="3 3"))
        parts.append(d.polyline(steps(signal, x, y), stroke=hue, stroke_width=2))
    foot = 26 + 3 * (height + gap) - gap + 22
    parts.append(d.text((left + right) / 2, foot, "64 pixels; electrons; dashed: the scene in frame 0",
                        fill="muted", anchor="middle"))
    return d.svg(440, foot + 8, *parts)


def results() -> dict[str, evidence.Result]:
    return evidence.load(Path(__file__).resolve().parent / "results.json")


def mean(found: dict[str, evidence.Result], key: str) -> float:
    values = found[key]["value"]
    return float(sum(values) / len(values))


def curves(
    lines: list[tuple[str, str, str, list[float]]], x_values: list[float], x: Callable[[float], float],
    y: Callable[[float], float], labels: dict[str, float],
) -> list[str]:
    """Lines with dots; each has its name, colour, dash, values, and its label so far below its last dot."""
    parts = []
    for name, hue, dash, values in lines:
        points = [(x(a), y(b)) for a, b in zip(x_values, values)]
        parts.append(d.polyline(points, stroke=hue, stroke_width=2.25, dash=dash or None))
        parts += [d.circle(*point, 3.5, fill=hue) for point in points]
        parts.append(d.text(points[-1][0] + 10, points[-1][1] + 4.5 + labels.get(name, 0.0), name, fill=hue, weight=600))
    return parts


def frames_figure() -> str:
    """PSNR against frames, four ways."""
    found = results()
    counts = [float(count) for count in found["counts"]["value"]]
    left, top, right, bottom = 42.0, 36.0, 292.0, 316.0
    x, y = d.log_scale((1, 16), (left + 8, right)), d.linear_scale((24, 36), (bottom, top))
    parts = [d.axes(left, top - 8, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(n, f"{n:.0f}") for n in counts], y_ticks=[(v, str(v)) for v in range(24, 37, 2)],
                    x_label="frames merged", y_label="PSNR, dB")]
    lines = [(name, hue, dash, [mean(found, f"{kind}-{count:.0f}") for count in counts]) for name, hue, dash, kind in (
        ("shaken, aligned", "1", "", "shaken-aligned-mean"), ("from a tripod", "4", "6 4", "tripod-mean"),
        ("moving, robust", "3", "", "moving-robust"), ("moving, mean", "2", "", "moving-aligned-mean"))]
    parts += curves(lines, counts, x, y, FRAMES_LABELS)
    return d.svg(436, bottom + 44, *parts)


FRAMES_LABELS = {"shaken, aligned": -4.0, "from a tripod": 4.0}


def light_figure() -> str:
    """What four ways gain over one frame, against light."""
    found = results()
    lights = [100.0, 400.0, 1600.0, 6400.0]
    left, top, right, bottom = 42.0, 36.0, 262.0, 300.0
    x, y = d.log_scale((100, 6400), (left + 8, right)), d.linear_scale((0, 7), (bottom, top))
    parts = [d.axes(left, top - 8, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(v, f"{v:,.0f}") for v in lights], y_ticks=[(v, str(v)) for v in range(8)],
                    x_label="electrons of a white pixel", y_label="dB above one frame")]
    base = [mean(found, f"light-{light:.0f}-one-frame") for light in lights]
    lines = [(name, hue, dash, [mean(found, f"light-{light:.0f}-{kind}") - low for light, low in zip(lights, base)])
             for name, hue, dash, kind in (
        ("network + 8 merged", "3", "6 4", "network-and-merged"), ("8 frames merged", "1", "", "merged"),
        ("network, one frame", "3", "", "network"), ("non-local means", "2", "", "non-local-means"))]
    parts += curves(lines, lights, x, y, LIGHT_LABELS)
    return d.svg(440, bottom + 44, *parts)


LIGHT_LABELS = {"non-local means": -5.0, "network, one frame": 7.0, "8 frames merged": -5.0, "network + 8 merged": 9.0}


def letters_figure() -> str:
    """Letters that come out as another, against their height."""
    found = results()
    heights = [float(height) for height in found["letters-heights"]["value"]]
    left, top, right, bottom = 48.0, 36.0, 400.0, 286.0
    x, y = d.linear_scale((3, 8), (left + 8, right)), d.linear_scale((0, 80), (bottom, top))
    parts = [d.axes(left, top - 8, right, bottom, x_scale=x, y_scale=y,
                    x_ticks=[(h, f"{h:.0f}") for h in heights], y_ticks=[(v, f"{v}%") for v in (0, 20, 40, 60, 80)],
                    x_label="height of the capitals, measured pixels", y_label="read as another")]
    lines = [(name, hue, dash, [found[f"letters-{reader}-{height:.0f}"]["value"] for height in heights])
             for name, hue, dash, reader in (("Real-ESRGAN", "2", "", "large"), ("bicubic", "4", "6 4", "bicubic"),
                                             ("measured pixels", "1", "", "measured"))]
    # All lines end at the bottom right, so their names stand in the empty corner.
    parts += [part for name, hue, dash, values in lines for part in (
        d.polyline([(x(a), y(b)) for a, b in zip(heights, values)], stroke=hue, stroke_width=2.25, dash=dash or None),
        *(d.circle(x(a), y(b), 3.5, fill=hue) for a, b in zip(heights, values)))]
    for row, (name, hue, dash, _) in enumerate(lines):
        height = top + 14 + 24 * row
        parts += [d.line(220, height, 252, height, stroke=hue, stroke_width=2.25, dash=dash or None),
                  d.text(260, height + 4.5, name, fill=hue, weight=600)]
    return d.svg(412, bottom + 44, *parts)


def steps(
    signal: cp.Array, x: Callable[[float], float], y: Callable[[float], float]
) -> list[tuple[float, float]]:
    """A pixel is a plateau, not a point on a curve."""
    return [(x(i + end), y(value)) for i, value in enumerate(signal) for end in (0, 1)]


def figures() -> dict[str, str]:
    return {"bayer.svg": bayer_figure(), "snr.svg": snr_figure(), "burst.svg": burst_figure(), "frames.svg": frames_figure(),
            "light.svg": light_figure(), "letters.svg": letters_figure()}


if __name__ == "__main__":
    d.write(Path(__file__).resolve().parent, figures())
