"""posts/evidence.py: what it keeps, what it refuses and in which words, and what an interruption costs."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "posts"))
import evidence

ROOT = Path(__file__).resolve().parents[2]

DIGEST = "sha256:" + "0" * 64
MEASURED: dict[str, Any] = {
    "kind": "measured", "about": "Time", "value": 2.5, "spread": [2.4, 2.75], "unit": "s", "n": 3, "over": "repeats",
    "tolerance": "ratio 0.2 to 5", "quick": "report", "command": "python posts/a/experiment.py",
    "machine": {"cpu": "a CPU", "cores": 2, "memory_gb": 8, "os": "Linux 6.1"}, "versions": {"python": "3.11.7"},
    "date": "2026-11-24", "code": ["a.py"], "digest": DIGEST,
}
QUOTED = {"kind": "quoted", "about": "Theirs", "value": 10.0, "unit": "s", "source": "doe2020thing",
          "url": "https://example.org/", "locator": "Table 2"}
DERIVED = {"kind": "derived", "about": "Ratio", "value": 4.0, "unit": "x", "from": ["ours", "theirs"],
           "expression": "theirs / ours"}


def document() -> dict[str, Any]:
    return copy.deepcopy({"format_version": 1, "results": {"ours": MEASURED, "theirs": QUOTED, "ratio": DERIVED}})


def problems(tmp_path: Path, content: Any) -> list[evidence.Problem]:
    path = tmp_path / "a" / "results.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    with pytest.raises(evidence.EvidenceError) as caught:
        evidence.load(path)
    assert str(caught.value).startswith(f"{path}:")
    return caught.value.problems


# -- The file ----------------------------------------------------------------


def test_what_is_right_loads_and_survives_writing(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(evidence.dump(document()["results"]))
    assert evidence.load(path) == document()["results"]
    assert '"spread": [2.4, 2.75],' in path.read_text(), "a list of numbers stays on one line"


REMOVED = object()
WRONG = {
    "unknown field": (("ours", "spraed"), [1, 2], "unknown field 'spraed': did you mean 'spread'?"),
    "missing field": (("ours", "tolerance"), REMOVED, "lacks the field 'tolerance'"),
    "missing spread": (("ours", "spread"), REMOVED, "lacks the field 'spread' (n is 3)"),
    "missing locator": (("theirs", "locator"), REMOVED, "lacks the field 'locator'"),
    "unknown kind": (("ours", "kind"), "measurd", "kind is 'measurd'; allowed: measured, quoted, derived"),
    "no object": (("ours",), 3, "kind is None; allowed"),
    "type of value": (("ours", "value"), True, "value is true; it must be a number or a string or a list"),
    "shape of spread": (("ours", "spread"), [1, [2]], "shaped like the value"),
    "ends of spread": (("ours", "spread"), [1], "spread has 1 items; it must have 2"),
    "tolerance": (("ours", "tolerance"), "relativ 0.1", "tolerance is 'relativ 0.1'; How a new measurement"),
    "report is quick only": (("ours", "tolerance"), "report", "tolerance is 'report'"),
    "bounds": (("ours", "tolerance"), "ratio 2 to 5", "with 1 between the two"),
    "tolerance of text": (("ours", "value"), "fast", "tolerance is 'ratio 0.2 to 5', but text can only be compared"),
    "negative n": (("ours", "n"), 0, "n is 0; the least allowed is 1"),
    "enumeration": (("ours", "over"), "runs", "over is 'runs'; allowed: repeats, seeds"),
    "host name in machine": (("ours", "machine", "host"), "x", "unknown field 'host'"),
    "version": (("ours", "versions", "numpy"), 2, "numpy is 2; it must be a string"),
    "date": (("ours", "date"), "24.11.2026", "date is '24.11.2026'"),
    "digest": (("ours", "digest"), "abc", "digest is 'abc'"),
    "no code": (("ours", "code"), [], "code has 0 items; it must have at least 1"),
    "url": (("theirs", "url"), "example.org", "url is 'example.org'"),
    "empty about": (("theirs", "about"), "", "about is empty"),
    "derived value": (("ratio", "value"), 4.1, "value is 4.1, but 'theirs / ours' gives 4.0"),
    "derived from": (("ratio", "from"), ["ours"], "from is ['ours'], but the expression uses ['ours', 'theirs']"),
    "derived from nothing": (("ratio", "expression"), "theirs / our", "unknown result 'our' above it: did you mean"),
    "input of derived": (("ours", "value"), 2.6, "value is 4.0, but"),
    "division": (("theirs", "value"), 0.0, "but 'theirs / ours' gives 0.0"),
    "code in expression": (("ratio", "expression"), "__import__('os')", "is not allowed; numbers, keys"),
}


# The line a problem is reported on, where it is not that of the field changed.
ELSEWHERE = {"missing field": '    "ours"', "missing spread": '    "ours"', "missing locator": '    "theirs"',
             "no object": '    "ours"', "tolerance of text": '      "tolerance"',
             "input of derived": '      "value": 4.0',
             "division": '      "value": 4.0'}


def wrong(name: str) -> dict[str, Any]:
    where, value, _ = WRONG[name]
    changed = document()
    place: Any = changed["results"]
    for step in where[:-1]:
        place = place[step]
    if value is REMOVED:
        del place[where[-1]]
    else:
        place[where[-1]] = value
    return changed


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, wrong(name))
    assert WRONG[name][2] in found[0].message
    line = (tmp_path / "a" / "results.json").read_text().splitlines()[found[0].line - 1]
    assert line.startswith(ELSEWHERE.get(name, "")) and (name in ELSEWHERE or f'"{WRONG[name][0][-1]}"' in line)


def test_key_and_version_and_top_level(tmp_path: Path) -> None:
    bad = document()
    bad["results"]["Ours_2"] = QUOTED
    assert "lower-case words joined by hyphens" in problems(tmp_path, bad)[0].message
    assert "format_version is 2; it must be 1" in problems(tmp_path, document() | {"format_version": 2})[0].message
    assert "the file is []; it must be an object" in problems(tmp_path, [])[0].message
    assert "unknown field 'result'" in problems(tmp_path, document() | {"result": {}})[0].message


def test_broken_json_has_line_and_remedy(tmp_path: Path) -> None:
    cut = json.dumps(document(), indent=2)[:-40]
    found = problems(tmp_path, cut)
    assert found[0].line == cut.count("\n") + 1
    assert "run: make experiment ARTICLE=a" in found[0].message
    assert problems(tmp_path, '{\n"format_version": 1,\n"x": 1,\n"x": 2}') == [(4, '"x" occurs twice; keep one')]
    assert "NaN" in problems(tmp_path, '{"x": NaN}')[0].message


def test_the_schema_is_json_schema_and_agrees_with_load(tmp_path: Path) -> None:
    """Another validator takes and refuses the same files, where a schema can say what is wrong."""
    validator = jsonschema.Draft202012Validator(evidence.SCHEMA)
    jsonschema.Draft202012Validator.check_schema(evidence.SCHEMA)
    assert validator.is_valid(document())
    beyond = {"missing spread", "shape of spread", "bounds", "tolerance of text", "derived value", "derived from",
              "derived from nothing", "input of derived", "division", "code in expression"}
    for name in WRONG:
        assert validator.is_valid(wrong(name)) == (name in beyond), name


# -- Digest, derivation, tolerance -------------------------------------------


def test_digest_sees_content_and_name_not_line_ends_or_order(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\ny = 2\n")
    (tmp_path / "b.py").write_bytes(b"")
    one = evidence.digest(tmp_path, ["a.py", "b.py"])
    assert one == evidence.digest(tmp_path, ["b.py", "a.py"])
    (tmp_path / "a.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    assert one == evidence.digest(tmp_path, ["a.py", "b.py"])
    (tmp_path / "a.py").write_bytes(b"x = 1\ny = 3\n")
    assert one != evidence.digest(tmp_path, ["a.py", "b.py"])
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    with pytest.raises(OSError):
        evidence.digest(tmp_path, ["a.py"])


def test_stale_says_what_changed_and_what_to_run(tmp_path: Path) -> None:
    folder = tmp_path / "an-article"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    results = {"ours": MEASURED | {"digest": evidence.digest(folder, ["a.py"])}, "theirs": QUOTED}
    assert evidence.stale(results, folder) == {}
    (folder / "a.py").write_text("x = 2\n")
    assert evidence.stale(results, folder) == {
        "ours": "a.py changed since it was measured on 2026-11-24; run: make experiment ARTICLE=an-article"}
    (folder / "a.py").unlink()
    assert "cannot be read" in evidence.stale(results, folder)["ours"]


@pytest.mark.parametrize(("expression", "value"), [
    ("slow_seconds / fast", 4.0), ("-fast + 2 ** 3 * (1 - 0.5)", 2.0), ("curve[-1] - curve[0]", 7),
    ("exponent(sizes, curve)", 1.5), ("max(curve) // 3 % 2", 0), ("round(log2(fast), 3)", 1.0), ("len(curve)", 3),
    ("median(curve)", 2.828), ("mean(sizes)", 2.3333333333333335),
])
def test_expressions(expression: str, value: float) -> None:
    values = {"slow-seconds": 8.0, "fast": 2, "sizes": [1, 2, 4], "curve": [1, 2.828, 8]}
    assert evidence.evaluate(expression, values) == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(("expression", "message"), [
    ("fast /", "no expression"), ("fast / 0", "division by zero"), ("curve[9]", "out of range"),
    ("fast.real", "not allowed"), ("open('x')", "not allowed"), ("[1][0]", "not allowed"), ("'a'", "not allowed"),
    ("True", "not allowed"), ("fats", "unknown result 'fats' above it: did you mean 'fast'?"),
    ("curve / 2", "unsupported operand"), ("log(-1)", "domain"),
])
def test_expressions_that_fail_say_why(expression: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        evidence.evaluate(expression, {"fast": 2, "curve": [1, 2]})
    assert message in str(caught.value)


@pytest.mark.parametrize(("tolerance", "published", "new", "expected"), [
    ("exact", 5, 5, True), ("exact", 5, 6, False), ("exact", "a", "b", False), ("exact", [1, "a"], [1, "a"], True),
    ("exact", [1, 2], [1, 2, 3], False), ("exact", 1, [1], False),
    ("relative 0.1", 10.0, 10.9, True), ("relative 0.1", 10.0, 11.1, False), ("relative 0.1", -10.0, -9.1, True),
    ("relative 0.1", [10.0, [1.0]], [10.5, [1.2]], False),
    ("ratio 0.5 to 2", 4.0, 8.0, True), ("ratio 0.5 to 2", 4.0, 8.1, False), ("ratio 0.5 to 2", 4.0, 1.9, False),
    ("ratio 0.5 to 2", 0, 1, False), ("ratio 0.5 to 2", 0, 0, True), ("report", 1, 99, True),
])
def test_tolerance(tolerance: str, published: Any, new: Any, expected: bool) -> None:
    assert evidence.holds(tolerance, published, new) is expected


# -- An experiment -----------------------------------------------------------


def article(tmp_path: Path) -> Path:
    folder = tmp_path / "posts" / "a"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.py").write_text("x = 1\n")
    return folder


def experiment(folder: Path, *argv: str) -> evidence.Experiment:
    return evidence.Experiment(str(folder / "experiment.py"), code=["a.py"], argv=argv)


def run(folder: Path, *argv: str, values: Any = (3.0, 1.0, 2.0), quoted: int = 10, count: int = 7) -> None:
    samples = iter(values)
    with experiment(folder, *argv) as e:
        e.measure("time", lambda: next(samples), about="Time", unit="s", repeats=3, tolerance="ratio 0.2 to 5",
                  quick="report")
        e.measure("count", lambda: count, about="Count", tolerance="exact")
        e.quote("theirs", quoted, about="Theirs", unit="s", source="doe2020x", url="https://example.org/",
                locator="p. 2")
        e.derive("ratio", "theirs / time", about="Ratio", unit="x", tolerance="relative 0.5", quick="ratio 0.1 to 9")


def test_an_experiment_writes_what_load_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    run(folder)
    results = evidence.load(folder / "results.json")
    assert list(results) == ["time", "count", "theirs", "ratio"]
    assert (results["time"]["value"], results["time"]["spread"], results["time"]["n"]) == (2.0, [1.0, 3.0], 3)
    assert results["time"]["command"] == "python posts/a/experiment.py"
    assert results["ratio"]["from"] == ["theirs", "time"] and results["ratio"]["value"] == 5.0
    assert set(results["time"]["machine"]) == {"cpu", "cores", "memory_gb", "os"}
    assert str(tmp_path) not in (folder / "results.json").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["a.py", "results.json"], "no partial file stays"
    assert "1  time: 2 s  (3 x" in capsys.readouterr().err


def test_seeds_series_and_numpy_like_values(tmp_path: Path) -> None:
    class Array:
        def tolist(self) -> list[float]:
            return [1.0, 2.0]

    with experiment(article(tmp_path)) as e:
        assert e.measure("seeded", lambda seed: seed * 2, seeds=[1, 5, 2], about="Seeds",
                         tolerance="relative 0.1") == 4
        assert e.measure("series", lambda seed: [[10, seed], [20, 2 * seed]], seeds=[1, 3, 2], about="Series",
                         tolerance="relative 0.1") == [[10, 2], [20, 4]]
        assert e.measure("array", Array, about="Array", tolerance="exact") == [1.0, 2.0]
    results = evidence.load(article(tmp_path) / "results.json")
    assert results["series"]["spread"] == [[[10, 1], [20, 2]], [[10, 3], [20, 6]]]
    assert results["series"]["over"] == "seeds"


@pytest.mark.parametrize(("arguments", "message"), [
    ({"key": "Time"}, "lower-case words"), ({"tolerance": "about 3"}, "tolerance is 'about 3'"),
    ({"about": ""}, "about is empty"), ({"function": lambda: True}, "not True"),
    ({"function": lambda: float("nan")}, "finite"), ({"function": lambda: None}, "not None"),
    ({"function": iter([1, 2]).__next__, "repeats": 2}, "gave 1 to 2"),
    ({"function": iter(["a", "b"]).__next__, "repeats": 2}, "the repeats differ"),
    ({"repeats": 0}, "n is 0"), ({"code": ["gone.py"]}, "gone.py"),
])
def test_wrong_use_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    calls: dict[str, Any] = {"key": "time", "function": lambda: 1, "about": "Time", "tolerance": "exact"} | arguments
    with pytest.raises((ValueError, TypeError, OSError)) as caught, experiment(article(tmp_path)) as e:
        e.measure(**calls)
    assert message in str(caught.value)
    assert not (article(tmp_path) / "results.json").exists()


def test_bad_arguments_are_refused_before_time_is_spent(tmp_path: Path) -> None:
    called: list[int] = []
    with pytest.raises(ValueError), experiment(article(tmp_path)) as e:
        e.measure("time", lambda: called.append(1), about="Time", tolerance="nearly")
    assert called == []


def test_a_key_cannot_be_used_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there already"), experiment(article(tmp_path)) as e:
        e.measure("x", lambda: 1, about="X", tolerance="exact")
        e.measure("x", lambda: 1, about="X", tolerance="exact")


def interrupted(folder: Path, counts: dict[str, int], stop_at: str, error: type[BaseException] = KeyboardInterrupt,
                *argv: str) -> None:
    def measure(key: str) -> int:
        if key == stop_at:
            raise error
        counts[key] = counts.get(key, 0) + 1
        return 1

    with experiment(folder, *argv) as e:
        for key in ("one", "two", "three"):
            e.measure(key, lambda key=key: measure(key), about=key, tolerance="exact")


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, counts = article(tmp_path), {}
    with pytest.raises(SystemExit) as stopped:
        interrupted(folder, counts, "three")
    assert stopped.value.code == 130 and "2 results are kept" in capsys.readouterr().err
    with pytest.raises(RuntimeError):
        interrupted(folder, counts, "three", RuntimeError)
    with pytest.raises(SystemExit), experiment(folder) as e:  # stopped before "two", which is still kept
        e.measure("one", lambda: 1, about="one", tolerance="exact")
        raise KeyboardInterrupt
    assert not (folder / "results.json").exists()
    interrupted(folder, counts, "")
    assert counts == {"one": 1, "two": 1, "three": 1}
    assert list(evidence.load(folder / "results.json")) == ["one", "two", "three"]
    assert not list(folder.glob(".*.partial.json"))


@pytest.mark.parametrize("change", ["code", "fresh", "scale"])
def test_what_was_kept_is_not_used_when_it_no_longer_fits(tmp_path: Path, change: str) -> None:
    folder, counts = article(tmp_path), {}
    with pytest.raises(SystemExit):
        interrupted(folder, counts, "three")
    if change == "code":
        (folder / "a.py").write_text("x = 2\n")
    options = {"code": [], "fresh": ["--fresh"], "scale": ["--quick"]}[change]
    interrupted(folder, counts, "", KeyboardInterrupt, *options)
    assert counts["one"] == 2
    if change == "scale":
        assert (folder / ".experiment-full.partial.json").exists(), "the full run can still go on"


def test_a_killed_process_leaves_whole_files(tmp_path: Path) -> None:
    folder = article(tmp_path)
    shutil.copy(ROOT / "posts" / "evidence.py", tmp_path / "posts")
    (folder / "experiment.py").write_text(
        "import os, sys\nsys.path.insert(0, '..')\nfrom evidence import Experiment\n"
        "with Experiment(__file__, code=['a.py']) as e:\n"
        "    e.measure('one', lambda: 1, about='one', tolerance='exact')\n"
        "    if os.environ.get('DIE'):\n        os.kill(os.getpid(), 9)\n"
        "    e.measure('two', lambda: 2, about='two', tolerance='exact')\n")
    for environment, code in (({"DIE": "1"}, -9), ({}, 0)):
        done = subprocess.run([sys.executable, "experiment.py"], cwd=folder, env=environment, check=False,
                              capture_output=True, text=True)
        assert done.returncode == code, done.stderr
    assert "kept from the interrupted run" in done.stderr
    assert list(evidence.load(folder / "results.json")) == ["one", "two"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_writing_is_atomic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        assert path.read_text() == "old", "nothing is in its place before it is whole"
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(evidence.os, step, fail)
        with pytest.raises(OSError, match="disk full"):
            evidence.write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    evidence.write_atomically(path, "new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_quick_leaves_results_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    run(folder)
    before = (folder / "results.json").read_bytes()
    run(folder, "--quick", values=(9.0, 9.0, 9.0))
    assert (folder / "results.json").read_bytes() == before
    assert "results.json stays as it is" in capsys.readouterr().out


def test_only_measures_what_is_named(tmp_path: Path) -> None:
    folder = article(tmp_path)
    run(folder)
    run(folder, "--only", "count", values=(), count=8)
    results = evidence.load(folder / "results.json")
    assert results["count"]["value"] == 8 and results["time"]["value"] == 2.0


# -- Reproducing -------------------------------------------------------------


def reproduce(folder: Path, capsys: pytest.CaptureFixture[str], *argv: str, **changes: Any) -> tuple[int, str]:
    capsys.readouterr()
    try:
        run(folder, "--reproduce", *argv, **changes)
    except SystemExit as stopped:
        code = stopped.code
        return (1, code) if isinstance(code, str) else (int(code or 0), capsys.readouterr().out)
    return 0, capsys.readouterr().out


def test_reproduce(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    assert reproduce(folder, capsys) == (1, "there is no results.json yet; run: make experiment ARTICLE=a")
    run(folder)
    before = (folder / "results.json").read_bytes()
    code, shown = reproduce(folder, capsys, values=(2.2, 2.2, 2.2))
    assert code == 0 and "4 of 4 hold" in shown
    assert shown.splitlines()[2].split() == ["time", "2", "s", "2.2", "s", "ratio", "0.2", "to", "5", "holds"]
    code, shown = reproduce(folder, capsys, count=8)
    assert code == 1 and shown.splitlines()[3].split() == ["count", "7", "8", "exact", "DIFFERS"]
    assert "3 of 4 hold; these do not: count" in shown
    code, shown = reproduce(folder, capsys, values=(11.0, 11.0, 11.0))
    assert code == 1 and "these do not: time, ratio" in shown
    code, shown = reproduce(folder, capsys, quoted=11)
    assert code == 1 and "these do not: theirs" in shown
    code, shown = reproduce(folder, capsys, "--quick", values=(11.0, 11.0, 11.0))
    assert code == 0 and "shown only" in shown and "3 of 3 hold" in shown
    code, shown = reproduce(folder, capsys, "--only", "count")
    assert code == 0 and "theirs" not in shown
    assert reproduce(folder, capsys, "--only", "cuont")[1] == "unknown result 'cuont': did you mean 'count'?"
    assert (folder / "results.json").read_bytes() == before


def test_reproduce_notices_results_that_came_or_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    run(folder)
    for argv, code, verdict in ((("--reproduce",), 1, "NO LONGER MEASURED"),
                                (("--reproduce", "--quick"), 1, "not at this scale")):
        with pytest.raises(SystemExit) as stopped, experiment(folder, *argv) as e:
            e.measure("new", lambda: 1, about="New", tolerance="exact")
        shown = capsys.readouterr().out
        assert stopped.value.code == code and verdict in shown and "NOT PUBLISHED" in shown


def test_reproduce_mentions_changed_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    run(folder)
    (folder / "a.py").write_text("x = 2\n")
    assert "note: 'count': a.py changed" in reproduce(folder, capsys)[1]


def test_reproduce_refuses_a_malformed_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = article(tmp_path)
    (folder / "results.json").write_text("{")
    assert "results.json:1: not JSON" in reproduce(folder, capsys)[1]


def test_all_articles(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    posts = tmp_path / "posts"
    shutil.copytree(ROOT / "tests" / "roots" / "test-results" / "posts", posts)
    shutil.copy(ROOT / "posts" / "evidence.py", posts)
    subprocess.run([sys.executable, str(posts / "halving" / "experiment.py")], check=True)
    assert evidence.main(["reproduce", "--quick"], posts) == 0
    assert evidence.main(["reproduce", "halving"], posts) == 0
    assert "the numbers of 1 articles hold" in capfd.readouterr().out
    path = posts / "halving" / "results.json"
    path.write_text(evidence.dump(evidence.load(path) | {"java-bug": evidence.load(path)["java-bug"] | {"value": 8}}))
    assert evidence.main(["reproduce", "--quick"], posts) == 1
    assert "articles whose numbers do not hold: halving" in capfd.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        evidence.main(["reproduce", "havling"], posts)
    assert stopped.value.code == 2
    assert "unknown article 'havling': did you mean 'halving'?" in capfd.readouterr().err
    assert evidence.main(["schema"], posts) == 0
    assert json.loads(capfd.readouterr().out) == evidence.SCHEMA


# -- Progress ----------------------------------------------------------------


def test_progress_draws_on_a_terminal_only() -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        assert list(evidence.progress([1, 2, 3], "time", stream=stream)) == [1, 2, 3]
        assert ("0/3  time" in stream.getvalue()) is drawn
        assert stream.getvalue().endswith("\r\033[K") is drawn
