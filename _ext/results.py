"""An article's numbers in its text, each with where it comes from.

``{result}`key``` prints the number that results.json beside the page has under
that key, with its unit; ``{result}`key:.1f``` as Python's format ``.1f`` would;
``{result-value}`` leaves the unit out. ``{results-table}`` lists them with how
each was made; where a page ``numbers`` lies beside the article, that page has
the table and the article a link to it. ``{results-schema}`` (documentation)
lists the fields of results.json.

Nothing is kept in Sphinx's environment: a node has all that its page needs, so
parallel and incremental builds need no merging. What is wrong in results.json
or its use is a warning with file, line and remedy.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import NoUri
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

sys.path.append(str(Path(__file__).resolve().parents[1] / "posts"))
import evidence

logger = logging.getLogger(__name__)

FORMATS = "decimals (.1f), thousands separated (,d or ,.0f), a percentage (.1%), digits (.3g), a sign (+.1f)"
_SPEC = re.compile(r"\+?,?(\.\d+)?[deEfg%]?")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class result(nodes.Inline, nodes.TextElement):
    """A number in the text: attributes kind, note (where it comes from), key, docname, and, once resolved, refuri."""


# -- From a result to text ---------------------------------------------------


def format_value(record: Mapping[str, Any], spec: str = "", *, unit: bool = True) -> str:
    """The value as text, with its unit. ValueError for a format that does not suit it."""
    value, name = record["value"], record["unit"]
    if isinstance(value, list):
        raise ValueError(f"it is a series of {len(value)}; derive one number of it (such as 'curve[-1]'), or draw it")
    if not _SPEC.fullmatch(spec):
        raise ValueError(f"unknown format '{spec}'; allowed: {FORMATS}")
    if isinstance(value, str):
        if spec:
            raise ValueError(f"it is text ('{value}'), which takes no format")
        shown = value
    else:
        if spec.endswith("%") and name:
            raise ValueError(f"its unit is '{name}', so a percentage of it makes no sense; use {{result-value}} or .1f")
        try:
            shown = _typeset(format(value, spec) if spec else evidence.show(value))
        except ValueError:
            raise ValueError(f"format '{spec}' is for whole numbers, and it is {value}; allowed: {FORMATS}") from None
    return shown + _with_space(name) if unit else shown


def _typeset(number: str) -> str:
    mantissa, _, power = number.partition("e")
    if power:
        mantissa += "×10" + str(int(power)).translate(_SUPERSCRIPT)
    return mantissa.replace("-", "−")


def _with_space(unit: str) -> str:
    if unit == "x":
        return "×"
    return unit if unit in ("", "%", "×", "°") else f"\N{NO-BREAK SPACE}{unit}"


def spread_text(record: Mapping[str, Any], spec: str = "") -> str:
    """``"2.1 to 2.3"``, or "" where there is none to show."""
    low, high = record.get("spread", ("", ""))
    if isinstance(low, (list, str)):
        return ""
    return " to ".join(format_value({"value": end, "unit": ""}, spec, unit=False) for end in (low, high))


def times_text(record: Mapping[str, Any]) -> str:
    return "measured once" if record["n"] == 1 else f"median of {record['n']} {record['over']}"


def tolerance_text(tolerance: str) -> str:
    """What a new run must give, in words."""
    if tolerance.startswith("relative"):
        return f"a new run must agree within {100 * float(tolerance.split()[1]):g}%"
    if tolerance.startswith("ratio"):
        return f"a new run may give {tolerance.removeprefix('ratio ')} times this"
    return "a new run must give exactly this"


def machine_text(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    cores = "1 core" if machine["cores"] == 1 else f"{machine['cores']} cores"
    return f"{machine['cpu']}, {cores}, {machine['memory_gb']} GB, {machine['os']}"


def source_text(key: str) -> str:
    """``"radford2019language"`` -> ``"Radford 2019"``."""
    match = re.match(r"([a-z]+)(\d{4})", key)
    return f"{match[1].capitalize()} {match[2]}" if match else key


def provenance(record: Mapping[str, Any], spec: str = "") -> str:
    """Where a number comes from, as the one line that hovering over it shows."""
    if record["kind"] == "quoted":
        return f"quoted, not measured here: {source_text(record['source'])}, {record['locator']}"
    if record["kind"] == "derived":
        return f"derived: {record['expression']}"
    times = "once" if record["n"] == 1 else times_text(record)
    spread = spread_text(record, spec)
    return f"measured here: {times}{', ' if spread else ''}{spread}; {record['machine']['cpu']}, {record['date']}"


# -- Reading results.json ----------------------------------------------------


def results_of(env: BuildEnvironment) -> dict[str, evidence.Result] | None:
    """The results beside the page being read, warned of once a page; None when there are none to use."""
    if "results" not in env.temp_data:
        env.temp_data["results"] = _read(env)
    results: dict[str, evidence.Result] | None = env.temp_data["results"]
    return results


def _read(env: BuildEnvironment) -> dict[str, evidence.Result] | None:
    path = Path(env.doc2path(env.docname)).parent / "results.json"
    env.note_dependency(str(path))
    try:
        results = evidence.load(path)
    except FileNotFoundError:
        logger.warning("no results.json beside this page; %s", evidence.remedy(path.parent), location=env.docname,
                       type="results", subtype="missing")
        return None
    except evidence.EvidenceError as error:
        for line, message in error.problems:
            logger.warning("%s", message, location=f"{path}:{line}", type="results", subtype="schema")
        return None
    text = path.read_text(encoding="utf-8")
    reported: dict[str, list[str]] = {}
    for key, message in evidence.stale(results, path.parent).items():
        reported.setdefault(message, []).append(key)
    for message, keys in reported.items():
        named = ", ".join(keys[:3]) + (f" and {len(keys) - 3} others" if len(keys) > 3 else "")
        logger.warning("stale: %s (%s)", message, named, type="results", subtype="stale",
                       location=f"{path}:{evidence.line_of(text, keys[0])}")
    return results


# -- Role and directives -----------------------------------------------------


class ResultRole(SphinxRole):
    def __init__(self, *, unit: bool) -> None:
        super().__init__()
        self.unit = unit

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        key, _, spec = (part.strip() for part in self.text.partition(":"))
        results = results_of(self.env)
        if results is None:
            return [nodes.literal(key, key)], []
        if key not in results:
            return self._wrong(key, f"unknown result '{key}'{evidence.closest(key, results)}")
        record = results[key]
        try:
            text = format_value(record, spec, unit=self.unit)
        except ValueError as error:
            return self._wrong(key, f"result '{key}': {error}")
        return [result(self.rawtext, text, kind=record["kind"], note=provenance(record, spec), key=key,
                       docname=self.env.docname, support_smartquotes=False,
                       **({"url": record["url"]} if "url" in record else {}))], []

    def _wrong(self, key: str, message: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        logger.warning("%s", message, location=self.get_location(), type="results", subtype="role")
        return [nodes.literal(key, key)], []


class ResultsTable(SphinxDirective):
    """All numbers of the article, how each was made, and how to run them again."""

    def run(self) -> list[nodes.Node]:
        results = results_of(self.env)
        if results is None:
            return []
        there = numbers_page(self.env, self.env.docname)
        if there != self.env.docname:
            shown = f"The {len(results)} numbers behind this article, and how each was made"
            link = addnodes.pending_xref("", nodes.inline("", shown), refdomain="std", reftype="doc", refexplicit=True,
                                         reftarget=f"/{there}", refdoc=self.env.docname, refwarn=True)
            return [nodes.paragraph("", "", link, nodes.Text("."), classes=["results-elsewhere"])]
        slug = Path(self.env.doc2path(self.env.docname)).parent.name
        settings = {f"{machine_text(record)}; {_versions(record)}"
                    for record in results.values() if record["kind"] == "measured"}
        lead = nodes.paragraph("", classes=["results-again"])
        if settings:
            command = f"make reproduce ARTICLE={slug}"
            lead += [nodes.Text("Measure them again: "), nodes.literal(command, command), nodes.Text(". ")]
            if len(settings) == 1:
                lead += nodes.Text(f"All were measured on {settings.copy().pop()}. ")
        # Linked here, once: a link in each row would be a tenth of a long article's weight.
        files = ["results.json", *dict.fromkeys(name for record in results.values() for name in record.get("code", []))]
        lead += nodes.Text("The same as data, and the code measured: ")
        for index, name in enumerate(files):
            lead += [nodes.Text(", " if index else ""), self._file(name)]
        lead += nodes.Text(".")
        rows = [self._row(key, record, alone=len(settings) == 1) for key, record in results.items()]
        table = _table(["Number", "Value", "Kind", "How it was made"], rows, [34, 18, 10, 38], "results-table")
        return [lead, table]

    def _row(self, key: str, record: Mapping[str, Any], *, alone: bool) -> nodes.row:
        about = nodes.paragraph("", record["about"])
        about += [nodes.Text(" "), _code(key)]
        series = isinstance(record["value"], list)
        value = nodes.paragraph("", evidence.show(record["value"]) + (f" ({record['unit']})" if record["unit"] else "")
                                if series else format_value(record), support_smartquotes=False)
        if spread := spread_text(record):
            value += [nodes.Text(" "), nodes.inline("", spread, classes=["results-spread"])]
        kind = nodes.paragraph("", "", nodes.inline("", record["kind"], classes=["result", f"result-{record['kind']}"]))
        how = nodes.paragraph()
        if record["kind"] == "quoted":
            how += [nodes.reference("", source_text(record["source"]), refuri=record["url"], internal=False),
                    nodes.Text(f", {record['locator']}")]
        elif record["kind"] == "derived":
            how += _code(record["expression"])
            for index, name in enumerate(record["from"]):
                how += [nodes.Text(", " if index else ", from "), nodes.reference("", name, refid=f"result-{name}",
                                                                                 internal=True)]
            if "tolerance" in record:
                how += nodes.Text(f"; {tolerance_text(record['tolerance'])}")
        else:
            how += nodes.Text(f"{times_text(record)}, {record['date']}, of ")
            for index, name in enumerate(record["code"]):
                how += [nodes.Text(", " if index else ""), _code(name)]
            how += nodes.Text(f"; {tolerance_text(record['tolerance'])}")
            if not alone:
                how += nodes.Text(f"; {machine_text(record)}; {_versions(record)}")
        return nodes.row("", *(nodes.entry("", cell) for cell in (about, value, kind, how)), ids=[f"result-{key}"])

    def _file(self, name: str) -> nodes.Node:
        """A link to a file beside the page; Sphinx copies it, and reads the page again when it changes."""
        shown = nodes.literal(name, name)
        return addnodes.download_reference("", "", shown, refdoc=self.env.docname, reftarget=name)


def _code(text: str) -> nodes.inline:
    """Code in the table: Sphinx's literal would wrap each word of it, in hundreds of cells."""
    return nodes.inline("", text, classes=["code"])


def _versions(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{'Python' if name == 'python' else name} {version}"
                     for name, version in record["versions"].items())


class ResultsSchema(SphinxDirective):
    """The fields of a result, from the schema itself."""

    def run(self) -> list[nodes.Node]:
        kinds: dict[str, Any] = evidence.SCHEMA["$defs"]
        fields: dict[str, list[str]] = {}
        for kind, schema in kinds.items():
            for field in schema["properties"]:
                fields.setdefault(field, []).append(kind + ("" if field in schema["required"] else " (optional)"))
        rows = []
        for field, where in fields.items():
            described = kinds[where[0].split()[0]]["properties"][field]
            meaning = described.get("description") or "One of: " + ", ".join(kinds) + "."
            everywhere = len(where) == len(kinds) and not any("optional" in each for each in where)
            cells = (nodes.literal("", field), nodes.Text("all" if everywhere else ", ".join(where)),
                     nodes.Text(meaning))
            rows.append(nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell, support_smartquotes=False))
                                         for cell in cells)))
        return [_table(["Field", "In results that are", "What it holds"], rows, [14, 28, 58], "results-schema")]


def _table(heads: list[str], rows: list[nodes.row], widths: list[int], name: str) -> nodes.table:
    group = nodes.tgroup("", cols=len(heads))
    # Plain text needs the widths; in HTML "colwidths-auto" leaves them to the browser.
    group += [nodes.colspec("", colwidth=width, stub=int(index == 0)) for index, width in enumerate(widths)]
    group += nodes.thead("", nodes.row("", *(nodes.entry("", nodes.paragraph("", head)) for head in heads)))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=[name, "colwidths-auto"])


# -- Sphinx ------------------------------------------------------------------


def check_page(app: Sphinx, doctree: nodes.document) -> None:
    """Numbers in a heading lose their link (a table of contents would nest it); those in the text need the table."""
    for node in list(doctree.findall(result)):
        if isinstance(node.parent, (nodes.title, nodes.reference)):
            node.replace_self(node.children)
    first = next(doctree.findall(result), None)
    if first is not None and not any({"results-table", "results-elsewhere"} & set(node["classes"])
                                     for node in doctree.findall(nodes.Element) if "classes" in node):
        logger.warning("the text shows results, but the page has no {results-table} for their links to lead to",
                       location=first, type="results", subtype="table")


def numbers_page(env: BuildEnvironment, docname: str) -> str:
    """Where the table of an article's numbers is: on a page ``numbers`` beside it, else in the article itself."""
    beside = f"{docname.rpartition('/')[0]}/numbers"
    return beside if beside in env.found_docs else docname


def read_again(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """An article whose page of numbers came or went has its table, or no longer."""
    return [f"{name.removesuffix('/numbers')}/index" for name in added | removed
            if name.endswith("/numbers") and f"{name.removesuffix('/numbers')}/index" in env.found_docs]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link each number to its row: in the article, on its page of numbers, or from another page that shows an excerpt."""
    for node in doctree.findall(result):
        there = numbers_page(app.env, node["docname"])
        with suppress(NoUri):
            page = "" if there == docname else app.builder.get_relative_uri(docname, there)
            node["refuri"] = node.get("url") or f"{page}#result-{node['key']}"


def visit_html(self: Any, node: result) -> None:
    attributes = {"aria-description": node["note"]}  # read by screen readers, and shown by results.css
    if "refuri" in node:
        attributes["href"] = node["refuri"]
    self.body.append(self.starttag(node, "a" if "refuri" in node else "span", "",
                                   CLASS=f"result result-{node['kind']}", **attributes))


def depart_html(self: Any, node: result) -> None:
    self.body.append("</a>" if "refuri" in node else "</span>")


def _plain(self: Any, node: nodes.Element) -> None:
    """Other builders print the number alone."""


def setup(app: Sphinx) -> dict[str, Any]:
    plain = (_plain, _plain)
    app.add_node(result, html=(visit_html, depart_html), latex=plain, text=plain, man=plain, texinfo=plain)
    app.add_role("result", ResultRole(unit=True))
    app.add_role("result-value", ResultRole(unit=False))
    app.add_directive("results-table", ResultsTable)
    app.add_directive("results-schema", ResultsSchema)
    app.connect("doctree-read", check_page, priority=100)  # before Sphinx collects titles
    app.connect("env-get-outdated", read_again)
    app.connect("doctree-resolved", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
