"""Sources: each is complete, and what sets them is looked up once.

A reader must be able to find a source, so every entry of the BibTeX files has
author, title, year, and a doi, eprint or url; what lacks one is a warning, with
file, line and remedy, whether an article cites it or not.

References are set by pybtex, which reads what every installed package declares,
four times for each citation. That was a sixth of what an edit costs
(docs/how-it-is-built.md). What is installed does not change during a build.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import pybtex.plugin
from pybtex.database import Entry
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What an entry needs, any one of a line, with an example of the first.
NEEDED = {
    ("author",): "author = {Sennrich, Rico and Haddow, Barry}",
    ("title",): "title = {What it is called}",
    ("year",): "year = {2016}",
    ("doi", "eprint", "url"): "doi = {10.18653/v1/P16-1162}",
}


def lines(bibtex: str) -> dict[str, int]:
    """The line that each entry begins on, by key in lower case, since BibTeX counts "A2016" and "a2016" as one.

    >>> lines("% sources\\n@misc{A2016,\\n  title = {T},\\n}\\n@book{b2017, year = {2017}}\\n")
    {'a2016': 2, 'b2017': 5}
    """
    return {found[1].lower(): bibtex.count("\n", 0, found.start(1)) + 1
            for found in re.finditer(r"@\w+\s*[{(]\s*([^\s,{}()=]+)\s*,", bibtex)}


def missing(entry: Entry) -> list[tuple[str, ...]]:
    """What an entry lacks; a field without text says nothing."""
    given = {name.lower() for name, value in entry.fields.items() if value.strip()}
    given |= {role.lower() for role, people in entry.persons.items() if people}
    return [names for names in NEEDED if not given & set(names)]


def check(entries: Mapping[str, Entry], bibtex: str) -> list[tuple[int, str]]:
    """(line, message) of each entry that is not complete."""
    found, where = [], lines(bibtex)
    for key, entry in entries.items():
        if lacks := missing(entry):
            what = " and no ".join(", ".join(names[:-1]) + " or " * (len(names) > 1) + names[-1] for names in lacks)
            found.append((where.get(key.lower(), 1), f"the source {key!r} has no {what}; add to it "
                                                     f"{', '.join(NEEDED[names] for names in lacks)}"))
    return found


def warn(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    sources = env.get_domain("cite").bibdata
    for path, file in sources.bibfiles.items():
        if path.is_file():
            entries = {key: sources.data.entries[key] for key in file.keys}
            for line, message in check(entries, path.read_text(encoding=sources.encoding)):
                logger.warning("%s", message, location=f"{path}:{line}", type="citations")


def setup(app: Sphinx) -> dict[str, Any]:
    if not hasattr(pybtex.plugin.entry_points, "cache_info"):
        pybtex.plugin.entry_points = functools.cache(pybtex.plugin.entry_points)
    app.connect("env-before-read-docs", warn)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
