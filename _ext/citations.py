"""References are set by pybtex, which reads what every installed package declares, four times for each citation.

That was a sixth of what an edit costs (docs/how-it-is-built.md). What is
installed does not change during a build, so it is looked up once.
"""

from __future__ import annotations

import functools
from typing import Any

import pybtex.plugin
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    if not hasattr(pybtex.plugin.entry_points, "cache_info"):
        pybtex.plugin.entry_points = functools.cache(pybtex.plugin.entry_points)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
