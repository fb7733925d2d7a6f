"""Measure an article's numbers, keep them in results.json, check them again.

An article's ``experiment.py`` uses `Experiment`; the site and the tests use
`load` and `stale`. ``SCHEMA`` below is the one description of results.json:
`load` checks against it, and docs/results.md prints it. Standard library only.

    python posts/evidence.py reproduce [SLUG ...] [--quick]
    python posts/evidence.py schema
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import math
import operator
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, TextIO, TypeVar

Value = Any  # what JSON can hold here: a number, a string, or a list of them (of lists, for points)
Result = dict[str, Any]
T = TypeVar("T")

FORMAT_VERSION = 1

# -- results.json ------------------------------------------------------------

_KEY = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_BOUNDS = r"exact|relative \d+(\.\d+)?|ratio \d+(\.\d+)? to \d+(\.\d+)?"
_TEXT = {"type": "string", "minLength": 1}
_VALUE = {
    "type": ["number", "string", "array"],
    "minItems": 1,
    "items": {"type": ["number", "string", "array"], "items": {"type": ["number", "string"]}},
}
_COMMON = {
    "about": {**_TEXT, "description": "What the number is, in a few words: its row's heading in the table."},
    "value": {**_VALUE, "description": "A number, a string, or a list (a series; points are lists in it)."},
    "unit": {"type": "string", "description": 'Such as "s", "tokens", "%", "x" (times); "" for none.'},
}
_TOLERANCE = {
    "type": "string",
    "pattern": f"^({_BOUNDS})$",
    "description": 'How a new measurement must agree: "exact"; "relative 0.02", within 2%; '
                   '"ratio 0.2 to 5", new divided by published lies between.',
}
_QUICK = {
    "type": "string",
    "pattern": f"^({_BOUNDS}|report)$",
    "description": 'The tolerance at the quick scale, where it differs; "report" shows the new value, unjudged.',
}


def _object(properties: Mapping[str, Any], optional: Sequence[str] = (), description: str = "") -> dict[str, Any]:
    return {
        **({"description": description} if description else {}),
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


_KINDS = {
    "measured": _object({
        "kind": {"const": "measured"},
        **_COMMON,
        "spread": {
            "type": "array", "minItems": 2, "maxItems": 2, "items": _VALUE,
            "description": "Lowest and highest over the repeats or seeds, each shaped like the value, "
                           "which is the median. Required from n = 2 on unless the value is a string.",
        },
        "n": {"type": "integer", "minimum": 1, "description": "How many times it was measured."},
        "over": {"enum": ["repeats", "seeds"], "description": "What changed between those times."},
        "tolerance": _TOLERANCE,
        "quick": _QUICK,
        "command": {**_TEXT, "description": "What measures it again, from the repository's root."},
        "machine": _object({
            "cpu": {**_TEXT, "description": "Model."},
            "cores": {"type": "integer", "minimum": 1},
            "memory_gb": {"type": "number", "minimum": 0},
            "os": {**_TEXT, "description": "Name and version."},
        }, description="Processor model, its cores, memory and operating system; no host or user name."),
        "versions": {
            "type": "object", "additionalProperties": {"type": "string"},
            "description": "Of Python and of the libraries that take part.",
        },
        "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$", "description": "When, in UTC."},
        "code": {
            "type": "array", "minItems": 1, "items": _TEXT,
            "description": "The files measured, relative to the article's folder.",
        },
        "digest": {
            "type": "string", "pattern": "^sha256:[0-9a-f]{64}$",
            "description": "SHA-256 over those files' names and contents, line ends normalised.",
        },
    }, optional=["spread", "quick"]),
    "quoted": _object({
        "kind": {"const": "quoted"},
        **_COMMON,
        "source": {"type": "string", "pattern": r"^[A-Za-z][\w:.-]*$",
                   "description": "Its key in the bibliography."},
        "url": {"type": "string", "pattern": "^https?://[^ ]+$", "description": "Where a reader can see it."},
        "locator": {**_TEXT, "description": 'Where in the source: "Table 2", "section 3.1, p. 4".'},
    }),
    "derived": _object({
        "kind": {"const": "derived"},
        **_COMMON,
        "from": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": _KEY},
                 "description": "Keys of the results it follows from; they stand above it."},
        "expression": {**_TEXT, "description": "How: arithmetic on those keys, hyphens written as underscores."},
        "tolerance": _TOLERANCE,
        "quick": _QUICK,
    }, optional=["tolerance", "quick"]),
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The numbers of an article",
    **_object({
        "format_version": {"const": FORMAT_VERSION},
        "results": {
            "type": "object",
            "propertyNames": {"pattern": _KEY},
            "additionalProperties": {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in _KINDS]},
        },
    }),
    "$defs": _KINDS,
}


class Problem(NamedTuple):
    line: int
    message: str


class EvidenceError(Exception):
    """A results.json that cannot be used; each problem is a line ``file:line: what, what is allowed``."""

    def __init__(self, path: Path, problems: Sequence[Problem]):
        self.path, self.problems = path, list(problems)
        super().__init__("\n".join(f"{path}:{line}: {message}" for line, message in self.problems))


def load(path: Path) -> dict[str, Result]:
    """The results in a file, by key; every derived value has been recomputed. EvidenceError says all that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise EvidenceError(path, [Problem(error.lineno, f"not JSON: {error.msg} (column {error.colno}); "
                                           f"mend it, or {remedy(path.parent)}")]) from None
    except _Duplicate as error:
        line = max(_lines(text, str(error)), default=1)
        raise EvidenceError(path, [Problem(line, f'"{error}" occurs twice; keep one')]) from None
    except ValueError as error:  # not UTF-8, or NaN
        raise EvidenceError(path, [Problem(1, f"not JSON: {error}; {remedy(path.parent)}")]) from None
    problems = [Problem(_locate(text, where), message) for where, message in _check_document(document)]
    if problems:
        raise EvidenceError(path, problems)
    results: dict[str, Result] = document["results"]
    return results


def dump(results: Mapping[str, Result]) -> str:
    """The file's text; a list of plain values stays on one line."""
    text = json.dumps({"format_version": FORMAT_VERSION, "results": results}, indent=2, ensure_ascii=False,
                      allow_nan=False)
    flat = re.compile(r"\[\n\s+([^\[\]{}]*?)\n\s+\]")
    return flat.sub(lambda match: "[" + re.sub(r"\n\s+", " ", match[1]) + "]", text) + "\n"


def remedy(folder: Path) -> str:
    return f"run: make experiment ARTICLE={folder.resolve().name}"


def closest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"``, or the names there are."""
    known = list(known)
    near = get_close_matches(word, known, n=1)
    return f": did you mean '{near[0]}'?" if near else f"; there are: {', '.join(known) or 'none'}"


class _Duplicate(Exception):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _Duplicate(key)
        seen[key] = value
    return seen


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number that JSON knows")


def _lines(text: str, key: str) -> list[int]:
    return [text.count("\n", 0, match.start()) + 1
            for match in re.finditer(rf'{re.escape(json.dumps(key, ensure_ascii=False))}\s*:', text)]


def line_of(text: str, key: str) -> int:
    """The line on which the file has a result's key."""
    return _locate(text, ("results", key))


def _locate(text: str, where: Sequence[str]) -> int:
    """The line of ``("results", key, field)``: each name looked for after the one before."""
    line = 1
    for name in where:
        later = [number for number in _lines(text, name) if number >= line]
        if not later:
            break
        line = later[0]
    return line


# -- Checking ----------------------------------------------------------------

Finding = tuple[tuple[str, ...], str]
_TYPES: dict[str, tuple[type, ...]] = {"object": (dict,), "array": (list,), "string": (str,), "integer": (int,),
                                       "number": (int, float)}
_SHOWN = {"object": "an object", "array": "a list", "string": "a string", "integer": "a whole number",
          "number": "a number"}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not isinstance(value, bool)


def _mismatches(value: Any, schema: Mapping[str, Any], where: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Where a value departs from the part of JSON Schema that SCHEMA uses (`oneOf` aside, see _check_document)."""
    name = where[-1] if where else "the file"
    if "const" in schema and value != schema["const"]:
        yield where, f"{name} is {value!r}; it must be {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield where, f"{name} is {value!r}; allowed: {', '.join(schema['enum'])}"
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield where, f"{name} is {json.dumps(value)}; it must be {' or '.join(_SHOWN[kind] for kind in kinds)}"
        return
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield where, f"{name} is empty"
        if not re.search(schema.get("pattern", ""), value):
            yield where, f"{name} is '{value}'; {schema.get('description') or 'it must match ' + schema['pattern']}"
    elif _is(value, "number"):
        if value < schema.get("minimum", value):
            yield where, f"{name} is {value}; the least allowed is {schema['minimum']}"
    elif isinstance(value, list):
        low, high = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not low <= len(value) <= high:
            wanted = f"{low}" if low == schema.get("maxItems") else f"at least {low}"
            yield where, f"{name} has {len(value)} items; it must have {wanted}"
        for item in value:
            yield from _mismatches(item, schema.get("items", {}), where)
    elif isinstance(value, dict):
        known = schema.get("properties", {})
        for missing in (field for field in schema.get("required", ()) if field not in value):
            yield where, f"{name} lacks the field '{missing}'"
        for field, content in value.items():
            if field in known:
                yield from _mismatches(content, known[field], (*where, field))
            elif schema.get("additionalProperties") is False:
                yield (*where, field), f"unknown field '{field}'{closest(field, known)}"
            elif "oneOf" not in schema.get("additionalProperties", {}):
                yield from _mismatches(content, schema.get("additionalProperties", {}), (*where, field))


def _check_document(document: Any) -> Iterator[Finding]:
    first = list(_mismatches(document, SCHEMA))
    yield from first
    if first:
        return
    values: dict[str, Value] = {}
    for key, result in document["results"].items():
        wrong = list(_check_result(key, result, values))
        yield from ((("results", key, *where), f"result '{key}': {message}") for where, message in wrong)
        if not wrong:
            values[key] = result["value"]


def _check_result(key: str, result: Any, values: Mapping[str, Value]) -> Iterator[Finding]:
    """What is wrong with one result, given the values of those above it."""
    if not re.search(_KEY, key):
        yield (), "a key is lower-case words joined by hyphens, the first beginning with a letter"
    kind = result.get("kind") if isinstance(result, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        yield () if kind is None else ("kind",), f"kind is {kind!r}; allowed: {', '.join(_KINDS)}"
        return
    wrong = list(_mismatches(result, _KINDS[kind], ("it",)))
    yield from ((where[1:], message) for where, message in wrong)
    if wrong:
        return
    for field in ("tolerance", "quick"):
        tolerance = result.get(field, "exact")
        if tolerance not in ("exact", "report") and not _numeric(result["value"]):
            yield (field,), f"{field} is '{tolerance}', but text can only be compared 'exact'"
        if tolerance.startswith("ratio"):
            low, high = _bounds(tolerance)
            if not low < high or (field == "tolerance" and not low <= 1 <= high):
                yield (field,), f"{field} is '{tolerance}'; write the lower bound first, with 1 between the two"
    if kind == "measured":
        spread = result.get("spread")
        if spread is None and result["n"] > 1 and _numeric(result["value"]):
            yield (), f"it lacks the field 'spread' (n is {result['n']})"
        if spread is not None and any(_shape(end) != _shape(result["value"]) for end in spread):
            yield ("spread",), "the two ends of spread must be shaped like the value"
    if kind == "derived":
        try:
            names, value = keys_in(result["expression"]), evaluate(result["expression"], values)
        except ValueError as error:
            yield ("expression",), f"expression '{result['expression']}': {error}"
            return
        if names != result["from"]:
            yield ("from",), f"from is {result['from']}, but the expression uses {names}"
        if not _near(result["value"], value):
            yield ("value",), f"value is {result['value']}, but '{result['expression']}' gives {value}"


def _numeric(value: Value) -> bool:
    return any(map(_numeric, value)) if isinstance(value, list) else not isinstance(value, str)


def _shape(value: Value) -> Any:
    return [_shape(item) for item in value] if isinstance(value, list) else isinstance(value, str)


def _near(one: Value, other: Value) -> bool:
    """Equal but for the last bits of a float, which differ between machines."""
    if isinstance(one, list) or isinstance(other, list):
        return _shape(one) == _shape(other) and all(map(_near, one, other))
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-15)


def _bounds(ratio: str) -> tuple[float, float]:
    _, low, _, high = ratio.split()
    return float(low), float(high)


def holds(tolerance: str, published: Value, new: Value) -> bool:
    """Whether a new value agrees with the published one; a list does when each of its values does."""
    if tolerance == "report":
        return True
    if isinstance(published, list) or isinstance(new, list):
        return _shape(published) == _shape(new) and all(
            holds(tolerance, *pair) for pair in zip(published, new, strict=True))
    if tolerance == "exact" or isinstance(published, str) or isinstance(new, str):
        return bool(published == new)
    if tolerance.startswith("relative"):
        return bool(abs(new - published) <= float(tolerance.split()[1]) * abs(published))
    low, high = _bounds(tolerance)
    return bool(low <= new / published <= high if published else new == 0)


def digest(folder: Path, files: Iterable[str]) -> str:
    """SHA-256 over the files' names and contents, whatever their order and line ends. OSError for a missing one."""
    total = hashlib.sha256()
    for name in sorted(files):
        content = (folder / name).read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"sha256:{total.hexdigest()}"


def stale(results: Mapping[str, Result], folder: Path) -> dict[str, str]:
    """For each measured key whose code is no longer what was measured: what happened and the command that mends it."""
    found = {}
    for key, result in results.items():
        if result["kind"] != "measured":
            continue
        files = ", ".join(result["code"])
        try:
            current = digest(folder, result["code"])
        except OSError:
            found[key] = f"code {files} cannot be read; {remedy(folder)}"
            continue
        if current != result["digest"]:
            found[key] = f"{files} changed since it was measured on {result['date']}; {remedy(folder)}"
    return found


# -- Derived values ----------------------------------------------------------


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The k of y = c·x^k, fitted by least squares on logarithms: how a cost grows with size."""
    return statistics.linear_regression([math.log(x) for x in xs], [math.log(y) for y in ys]).slope


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "abs": abs, "len": len, "max": max, "min": min, "round": round, "sum": sum, "sqrt": math.sqrt, "exp": math.exp,
    "log": math.log, "log2": math.log2, "log10": math.log10, "mean": statistics.fmean, "median": statistics.median,
    "exponent": exponent,
}
_OPERATORS: dict[type, Callable[..., Value]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.USub: operator.neg,
}


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"no expression: {error.msg}") from None


def keys_in(expression: str) -> list[str]:
    """The keys an expression uses, sorted: ``"slow_time / fast_time"`` -> ``["fast-time", "slow-time"]``."""
    names = {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)}
    return sorted(name.replace("_", "-") for name in names - FUNCTIONS.keys())


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Arithmetic on results, with FUNCTIONS and indices such as ``curve[-1]``. ValueError says what fails."""

    def visit(node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.Name(id=name):
                key = name.replace("_", "-")
                if key not in values:
                    raise ValueError(f"unknown result '{key}' above it{closest(key, values)}")
                return values[key]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](visit(left), visit(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -visit(operand)
            case ast.Subscript(value=series, slice=index):
                return visit(series)[visit(index)]
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                return FUNCTIONS[name](*map(visit, arguments))
        raise ValueError(f"'{ast.unparse(node)}' is not allowed; numbers, keys, + - * / // % **, an index, "
                         f"and {', '.join(FUNCTIONS)} are")

    try:
        return visit(_parse(expression))
    except (ArithmeticError, IndexError, TypeError) as error:
        raise ValueError(str(error)) from None


# -- Measuring ---------------------------------------------------------------


def progress(items: Iterable[T], label: str, *, total: int | None = None, stream: TextIO | None = None) -> Iterator[T]:
    """Yield the items, with a bar on a terminal's stderr while they last."""
    stream = stream or sys.stderr
    if total is None and isinstance(items, Sequence):
        total = len(items)
    started, drawn = time.monotonic(), -1.0
    for done, item in enumerate(items):
        now = time.monotonic() - started
        if stream.isatty() and (drawn < 0 or now - drawn >= 0.1):
            drawn = now
            bar = "" if not total else "[{:<20}] ".format("#" * (20 * done // total))
            stream.write(f"\r\033[K{bar}{done}/{total or '?'}  {label}  {now:.0f} s")
            stream.flush()
        yield item
    if stream.isatty():
        stream.write("\r\033[K")


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that whoever reads it, at any time, finds the old text or the new, whole."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def machine() -> dict[str, Any]:
    """What it ran on: no host name, no user name."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        models = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        cpu = models[1] if models else cpu
    if sys.platform == "darwin":
        cpu = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True,
                             text=True, check=False).stdout.strip() or cpu
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, OSError, ValueError):
        memory = 0
    version = re.match(r"\d+(\.\d+)?", platform.release())
    return {"cpu": cpu, "cores": cores, "memory_gb": memory,
            "os": f"{platform.system()} {version[0] if version else ''}".strip()}


def _plain(value: Any) -> Value:
    """A NumPy scalar or array as Python's own. TypeError or ValueError for what results.json cannot hold."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"a result is a number, a string or a list of them, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a result must be finite, not {value}")
    return value


def _summary(samples: Sequence[Value]) -> tuple[Value, Value, Value]:
    """Median, lowest and highest; of lists, element by element. ValueError when their shapes or texts differ."""
    first = samples[0]
    if any(_shape(sample) != _shape(first) for sample in samples):
        raise ValueError(f"the repeats differ in shape: {samples}")
    if isinstance(first, list):
        columns = [_summary(column) for column in zip(*samples, strict=True)]
        return [column[0] for column in columns], [column[1] for column in columns], [column[2] for column in columns]
    if isinstance(first, str):
        if any(sample != first for sample in samples):
            raise ValueError(f"the repeats differ: {samples}")
        return first, first, first
    return statistics.median(samples), min(samples), max(samples)


def show(value: Value) -> str:
    """A value in short: three digits of a fraction, thousands separated, a series by its length."""
    if isinstance(value, list):
        return f"{len(value)} values"
    if isinstance(value, str):
        return value if len(value) <= 24 else value[:23] + "…"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


class Experiment:
    """The measurements of one article, as a ``with`` block in its experiment.py.

    ``code`` names the files measured, relative to the article's folder;
    ``packages`` the libraries whose versions matter. Options come from the
    command line; ``self.quick`` says whether the small scale was asked for.

    When the block ends, the full scale writes results.json, ``--quick`` only
    prints, and ``--reproduce`` compares with results.json and exits with 1
    where a value does not hold. What was measured is kept at once in a file
    ``.*.partial.json``; after an interruption the same command goes on from
    there, as long as the code measured is the same.
    """

    def __init__(self, script: str, *, code: Sequence[str], packages: Sequence[str] = (),
                 argv: Sequence[str] | None = None):
        self.folder = Path(script).resolve().parent
        self.code = list(code)
        parser = argparse.ArgumentParser(description=f"Measure the numbers of {self.folder.name}.")
        parser.add_argument("--quick", action="store_true", help="small scale; results.json stays as it is")
        parser.add_argument("--reproduce", action="store_true", help="compare with results.json; 1 on a difference")
        parser.add_argument("--only", nargs="+", metavar="KEY", help="measure these; take the others from results.json")
        parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run has measured")
        self._options = parser.parse_args(argv)
        self.quick: bool = self._options.quick
        self._command = f"python posts/{self.folder.name}/{Path(script).name}"
        self._machine = machine()
        self._versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}}
        self._results: dict[str, Result] = {}
        mode = "reproduce" if self._options.reproduce else "experiment"
        self._partial = self.folder / f".{mode}-{'quick' if self.quick else 'full'}.partial.json"

    def __enter__(self) -> Experiment:
        path = self.folder / "results.json"
        self._published: dict[str, Result] = {}
        if self._options.reproduce or self._options.only:
            try:
                self._published = load(path)
            except FileNotFoundError:
                sys.exit(f"there is no {path.name} yet; {remedy(self.folder)}")
            except EvidenceError as error:
                sys.exit(str(error))
            for key in self._options.only or ():
                if key not in self._published and self._options.reproduce:
                    sys.exit(f"unknown result '{key}'{closest(key, self._published)}")
        self._kept: dict[str, Result] = {}
        if self._options.fresh:
            self._partial.unlink(missing_ok=True)
        if self._partial.exists():
            self._kept = load(self._partial)
        return self

    def measure(self, key: str, function: Callable[..., Any], *, about: str, tolerance: str, unit: str = "",
                quick: str | None = None, repeats: int = 1, seeds: Sequence[int] | None = None,
                code: Sequence[str] | None = None) -> Value:
        """Call ``function()`` for each repeat, or ``function(seed)`` for each seed; keep and return the median.

        ``code`` here replaces the experiment's, for a result of other files.
        """
        calls: list[tuple[int, ...]] = [()] * repeats if seeds is None else [(seed,) for seed in seeds]
        files = sorted(code or self.code)
        result: Result = {
            "kind": "measured", "about": about, "value": 0, "unit": unit, "n": len(calls),
            "over": "repeats" if seeds is None else "seeds", "tolerance": tolerance,
            **({"quick": quick} if quick else {}), "command": self._command, "machine": self._machine,
            "versions": self._versions, "date": datetime.now(UTC).date().isoformat(),
            "code": files, "digest": digest(self.folder, files),
        }
        self._check(key, {**result, "spread": [0, 0]})  # the arguments, before an hour is spent
        if self._options.only and key not in self._options.only:
            if key not in self._published:
                sys.exit(f"'{key}' is not in results.json yet: add it to --only, or leave --only out")
            return self._add(key, self._published[key], "as published")
        kept = self._kept.get(key, {})
        if all(kept.get(field) == result[field] for field in ("kind", "n", "over", "code", "digest")):
            before = ("value", "spread", "machine", "versions", "date")
            result |= {field: kept[field] for field in before if field in kept}
            return self._add(key, result, "kept from the interrupted run")
        started = time.monotonic()
        samples = [_plain(function(*arguments)) for arguments in progress(calls, key)]
        result["value"], low, high = _summary(samples)
        if len(calls) > 1 and _numeric(low):
            result["spread"] = [low, high]
            if tolerance == "exact" and low != high:
                raise ValueError(f"'{key}' is to be exact, but its {result['over']} gave {show(low)} to {show(high)}")
        result = {field: result[field] for field in _KINDS["measured"]["properties"] if field in result}
        return self._add(key, result, f"{len(calls)} x, {time.monotonic() - started:.1f} s")

    def quote(self, key: str, value: Value, *, about: str, source: str, url: str, locator: str,
              unit: str = "") -> Value:
        """Keep a number that others report: ``source`` is its key in the bibliography."""
        return self._add(key, {"kind": "quoted", "about": about, "value": _plain(value), "unit": unit,
                               "source": source, "url": url, "locator": locator})

    def derive(self, key: str, expression: str, *, about: str, unit: str = "", tolerance: str | None = None,
               quick: str | None = None) -> Value:
        """Compute a number from others: keys in the expression have underscores for hyphens. See `evaluate`."""
        values = {name: result["value"] for name, result in self._results.items()}
        try:
            value = _plain(evaluate(expression, values))
        except ValueError as error:
            raise ValueError(f"result '{key}': expression '{expression}': {error}") from None
        bounds = {"tolerance": tolerance, "quick": quick}
        return self._add(key, {"kind": "derived", "about": about, "value": value, "unit": unit,
                               "from": keys_in(expression), "expression": expression,
                               **{field: bound for field, bound in bounds.items() if bound}})

    def _check(self, key: str, result: Result) -> None:
        if key in self._results:
            raise ValueError(f"result '{key}' is there already")
        values = {name: other["value"] for name, other in self._results.items()}
        wrong = [message for _, message in _check_result(key, result, values)]
        if wrong:
            raise ValueError(f"result '{key}': {'; '.join(wrong)}")

    def _add(self, key: str, result: Result, how: str = "") -> Value:
        self._check(key, result)
        self._results[key] = result
        measured = {name: each for name, each in self._results.items() if each["kind"] == "measured"}
        write_atomically(self._partial, dump({**self._kept, **measured}))
        print(f"{len(self._results):3}  {key}: {show(result['value'])} {result['unit']}".rstrip()
              + f"  ({how or result['kind']})", file=sys.stderr, flush=True)
        return result["value"]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if kind is not None:
            print(f"interrupted; {len(self._results)} results are kept in {self._partial.name}: "
                  "the same command goes on from there", file=sys.stderr)
            if kind is KeyboardInterrupt:
                sys.exit(130)
            return
        failed = False
        if self._options.reproduce:
            failed = self._compare()
        elif self.quick:
            print("quick scale: results.json stays as it is")
        else:
            write_atomically(self.folder / "results.json", dump(self._results))
            print(f"wrote posts/{self.folder.name}/results.json: {len(self._results)} results")
        self._partial.unlink(missing_ok=True)
        if failed:
            sys.exit(1)

    def _compare(self) -> bool:
        """Print published and new values side by side; whether any does not hold."""
        wanted = self._options.only
        rows: list[tuple[str, ...]] = [("result", "published", "now", "must be", "")]
        failed = []
        for key in {**self._published, **self._results}:
            if wanted and key not in wanted:
                continue
            old, new = self._published.get(key), self._results.get(key)
            verdict, rule = self._verdict(old, new)
            if verdict.isupper():
                failed.append(key)
            unit = (old or new or {})["unit"]
            rows.append((key, *(f"{show(each['value'])} {unit}".strip() if each else "-" for each in (old, new)),
                         rule, verdict))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        print(f"{self.folder.name}, {'quick' if self.quick else 'full'} scale")
        for row in rows:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for key, message in stale(self._published, self.folder).items():
            print(f"  note: '{key}': {message}")
        held = sum(row[-1] == "holds" for row in rows)
        print(f"  {held} of {held + len(failed)} hold" + (f"; these do not: {', '.join(failed)}" if failed else ""))
        return bool(failed)

    def _verdict(self, old: Result | None, new: Result | None) -> tuple[str, str]:
        """What to say of a result, in capitals when it fails, and the rule it was held to."""
        if old is None:
            return "NOT PUBLISHED", ""
        if new is None:
            return ("not at this scale" if self.quick else "NO LONGER MEASURED"), ""
        rule = "exact" if old["kind"] == "quoted" else old.get("tolerance", "")
        if self.quick:
            rule = old.get("quick", rule)
        if not rule or rule == "report":
            return "shown only", rule
        return ("holds" if holds(rule, old["value"], new["value"]) else "DIFFERS"), rule


# -- All articles ------------------------------------------------------------


def main(argv: Sequence[str] | None = None, posts: Path | None = None) -> int:
    """Run the experiments of the articles named, or of all, to see whether their numbers hold. 1 when one's do not."""
    posts = posts or Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Check the articles' numbers again.")
    commands = parser.add_subparsers(dest="command", required=True)
    again = commands.add_parser("reproduce", help="measure again and compare with what is published")
    again.add_argument("slugs", nargs="*", metavar="SLUG", help="all articles, unless named")
    again.add_argument("--quick", action="store_true", help="small scale")
    commands.add_parser("schema", help="print the JSON Schema of results.json")
    options = parser.parse_args(argv)
    if options.command == "schema":
        print(json.dumps(SCHEMA, indent=2))
        return 0
    known = sorted(script.parent.name for script in posts.glob("*/experiment.py"))
    for slug in options.slugs:
        if slug not in known:
            parser.error(f"unknown article '{slug}'{closest(slug, known)}")
    differ = [slug for slug in options.slugs or known if subprocess.run(
        [sys.executable, str(posts / slug / "experiment.py"), "--reproduce", *["--quick"] * options.quick],
        check=False).returncode]
    print(f"articles whose numbers do not hold: {', '.join(differ)}" if differ
          else f"the numbers of {len(options.slugs or known)} articles hold")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
