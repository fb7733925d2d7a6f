"""The code beside an article, for its tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

POSTS = Path(__file__).resolve().parents[1] / "posts"


def load(slug: str, name: str) -> Any:
    """posts/<slug>/<name>.py as a module, which finds the modules beside it.

    Under a name of its own, and what it imports from its folder is forgotten by its plain name: several articles
    have a demo.py.
    """
    folder = POSTS / slug
    spec = importlib.util.spec_from_file_location(f"{slug}_{name}".replace("-", "_"), folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = path
        for other in set(sys.modules) - before:
            if Path(getattr(sys.modules[other], "__file__", None) or "").parent == folder:
                del sys.modules[other]
    return module
