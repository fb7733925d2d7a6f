"""Draw an article's static figures as small SVG that follows the reader's theme.

Every colour is a CSS variable, so one file serves light and dark: on a page the
site's stylesheet sets the variables; in a feed reader or opened alone, the
file's own ``<style>`` does, by ``prefers-color-scheme``. No ids, no style
attributes (the site's Content-Security-Policy forbids them), fixed number
formatting: the same data gives the same bytes.

Coordinates are user units. A phone shows 350 px of width, so draw at most 440
units wide with text of 13 units or more, and it stays legible there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path

# name: (light, dark). The numbered colours differ in lightness as well as in
# hue, so they can be told apart in grey and by colour-blind readers; each has
# 4.5:1 contrast against the page. "-soft" are fills that carry ink text.
PALETTE = {
    "ink": ("#1f2328", "#e6e3dc"),
    "muted": ("#5b6169", "#a7a49c"),
    "line": ("#c9c6bf", "#4a4d52"),
    "paper": ("#fdfcf9", "#16181b"),
    "1": ("#1b5e8c", "#7fbdea"),
    "2": ("#b3431c", "#f0986f"),
    "3": ("#3f6f35", "#9ccb8b"),
    "4": ("#7a4a8f", "#cfa6e0"),
    "1-soft": ("#dcebf5", "#1d3a4e"),
    "2-soft": ("#f8e2d8", "#4d2a1c"),
    "3-soft": ("#e2efdd", "#27391f"),
    "4-soft": ("#efe3f4", "#3b2746"),
}


def colour(name: str) -> str:
    """``"ink"`` -> ``"var(--fig-ink)"``; ``"none"`` stays. KeyError for an unknown name."""
    if name == "none":
        return name
    if name not in PALETTE:
        raise KeyError(f"no colour {name!r} in the figures' palette; there are: {', '.join(PALETTE)}")
    return f"var(--fig-{name})"


def number(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros, so files stay small and stable."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def tag(name: str, content: str | None = None, **attributes: object) -> str:
    """One SVG element; ``stroke_width=2`` becomes ``stroke-width="2"``; ``None`` is left out."""
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        shown = number(value) if isinstance(value, (int, float)) else escape(str(value))
        parts.append(f'{key.rstrip("_").replace("_", "-")}="{shown}"')
    head = " ".join(parts)
    return f"<{head}/>" if content is None else f"<{head}>{content}</{name}>"


def text(x: float, y: float, content: str, *, fill: str = "ink", size: float = 13,
         anchor: str = "start", weight: int | None = None, mono: bool = False,
         italic: bool = False, rotate: float | None = None) -> str:
    """A line of text whose baseline starts (or is centred, or ends) at (x, y)."""
    return tag("text", escape(content, quote=False), x=x, y=y, fill=colour(fill), font_size=size,
               text_anchor=None if anchor == "start" else anchor, font_weight=weight,
               font_family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" if mono else None,
               font_style="italic" if italic else None,
               transform=None if rotate is None else f"rotate({number(rotate)} {number(x)} {number(y)})")


def rect(x: float, y: float, width: float, height: float, *, fill: str = "none",
         stroke: str = "none", stroke_width: float = 1.25, radius: float = 0,
         opacity: float | None = None, dash: str | None = None) -> str:
    return tag("rect", x=x, y=y, width=width, height=height, rx=radius or None, fill=colour(fill),
               stroke=colour(stroke), stroke_width=None if stroke == "none" else stroke_width,
               fill_opacity=opacity, stroke_dasharray=dash)


def circle(x: float, y: float, radius: float, *, fill: str = "1", stroke: str = "none",
           stroke_width: float = 1.25) -> str:
    return tag("circle", cx=x, cy=y, r=radius, fill=colour(fill), stroke=colour(stroke),
               stroke_width=None if stroke == "none" else stroke_width)


def line(x1: float, y1: float, x2: float, y2: float, *, stroke: str = "line",
         stroke_width: float = 1.25, dash: str | None = None) -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=colour(stroke),
               stroke_width=stroke_width, stroke_dasharray=dash)


def polyline(points: Iterable[tuple[float, float]], *, stroke: str = "1",
             stroke_width: float = 2, dash: str | None = None) -> str:
    return tag("polyline", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), fill="none",
               stroke=colour(stroke), stroke_width=stroke_width, stroke_dasharray=dash,
               stroke_linejoin="round")


def polygon(points: Iterable[tuple[float, float]], *, fill: str = "1-soft", stroke: str = "none") -> str:
    return tag("polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in points),
               fill=colour(fill), stroke=colour(stroke))


def arrow(x1: float, y1: float, x2: float, y2: float, *, stroke: str = "muted",
          stroke_width: float = 1.5, head: float = 7, dash: str | None = None) -> str:
    """A straight arrow to (x2, y2). The head is a polygon: a marker would need an id."""
    angle = math.atan2(y2 - y1, x2 - x1)
    back_x, back_y = x2 - head * math.cos(angle), y2 - head * math.sin(angle)
    side_x, side_y = head * 0.45 * math.sin(angle), -head * 0.45 * math.cos(angle)
    return (line(x1, y1, back_x, back_y, stroke=stroke, stroke_width=stroke_width, dash=dash)
            + polygon([(x2, y2), (back_x + side_x, back_y + side_y), (back_x - side_x, back_y - side_y)],
                      fill=stroke))


def linear_scale(domain: tuple[float, float], pixels: tuple[float, float]) -> Callable[[float], float]:
    (low, high), (start, end) = domain, pixels
    return lambda value: start + (value - low) / (high - low) * (end - start)


def log_scale(domain: tuple[float, float], pixels: tuple[float, float]) -> Callable[[float], float]:
    """As `linear_scale` in log10. Raises ValueError unless the domain is positive."""
    if min(domain) <= 0:
        raise ValueError(f"a logarithmic axis needs a positive domain, not {domain}")
    scale = linear_scale((math.log10(domain[0]), math.log10(domain[1])), pixels)
    return lambda value: scale(math.log10(value))


def axes(left: float, top: float, right: float, bottom: float, *,
         x_scale: Callable[[float], float], y_scale: Callable[[float], float],
         x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]],
         x_label: str, y_label: str) -> str:
    """Axis lines, faint horizontal grid, tick labels, and the two axis titles.

    The y title stands above the axis, unrotated, so it reads on a phone.
    """
    parts = [line(left, y_scale(value), right, y_scale(value), stroke="line", stroke_width=0.75)
             for value, _ in y_ticks]
    parts += [text(left - 6, y_scale(value) + 4.5, label, fill="muted", anchor="end")
              for value, label in y_ticks]
    parts += [line(x_scale(value), bottom, x_scale(value), bottom + 4, stroke="muted") for value, _ in x_ticks]
    parts += [text(x_scale(value), bottom + 18, label, fill="muted", anchor="middle")
              for value, label in x_ticks]
    parts.append(line(left, bottom, right, bottom, stroke="muted"))
    parts.append(text((left + right) / 2, bottom + 36, x_label, anchor="middle"))
    parts.append(text(0, top - 12, y_label))
    return "".join(parts)


def svg(width: float, height: float, *parts: str) -> str:
    """A whole file. `width` at most 440 user units (see the module's docstring)."""
    if width > 440:
        raise ValueError(f"{width} units wide: text would be too small on a phone; 440 at most")
    light = "".join(f"--fig-{name}:{pair[0]};" for name, pair in PALETTE.items())
    dark = "".join(f"--fig-{name}:{pair[1]};" for name, pair in PALETTE.items())
    style = f"<style>:root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(width)} {number(height)}" '
            f'width="{number(width)}" height="{number(height)}" '
            f'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif">\n{style}\n{body}\n</svg>\n')


def write(folder: Path, figures: dict[str, str]) -> None:
    """Write each figure beside the article and say so."""
    for name, content in figures.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
        print(f"wrote {folder.name}/{name}")
