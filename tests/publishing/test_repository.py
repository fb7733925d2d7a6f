"""The repository itself: its commands exist, its versions are pinned, its code and text are clean."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MADE = {".git", ".venv", "_build", "node_modules", "__pycache__",
        ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]


def files(folder: Path = ROOT) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in MADE:
            yield from files(path)
        elif path.is_file():
            yield path


def says(*command: str | Path) -> str:
    """What a checker says; "" when it is content."""
    run = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):(?! export).*", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


# -- Commands ----------------------------------------------------------------


def test_make_help_lists_every_target_with_a_line_of_explanation():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = dict(re.findall(r"^  make ([a-z-]+) +(\S.*)$", shown, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split())
    assert set(listed) == makefile_targets() == phony


@pytest.mark.parametrize("path", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_make_targets_that_a_page_names_exist(path: str):
    named = set(re.findall(r"(?:`|\$ (?:\w+=\S+ )?)make ([a-z-]+)", (ROOT / path).read_text("utf-8")))
    assert named <= makefile_targets()


def test_the_readme_begins_with_the_two_commands():
    first = re.search(r"```console\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[1]
    assert re.findall(r"^\$ (make \w+)", first, re.MULTILINE) == ["make html", "make test"]


def test_the_readme_s_plain_commands_come_with_the_environment_it_tells_to_make():
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = re.findall(r"^\$ (?:\w+=\S+ )?(\S+)", readme, re.MULTILINE)
    plain = {command for command in commands if command.startswith("sphinx-")}
    assert plain == {"sphinx-build", "sphinx-autobuild"}
    assert all((BIN / command).is_file() for command in plain)
    assert "pip install -c constraints.txt --group site" in readme and "site" in GROUPS


def test_files_that_the_readme_names_exist():
    readme = (ROOT / "README.md").read_text("utf-8")
    named = re.findall(r"\]\(([^):]+)\)", readme) + re.findall(
        r"`([\w.][\w./-]*(?:/|\.py|\.md|\.toml|\.txt|\.bib|/run))`", readme)
    assert len(named) > 10
    assert [name for name in named if not name.startswith("_build") and not (ROOT / name).exists()] == []


def test_the_list_of_extensions_says_what_each_does_in_the_order_they_run():
    listed = re.findall(r"^`(\w+)\.py`\n: \S", (ROOT / "docs/how-it-is-built.md").read_text("utf-8"), re.MULTILINE)
    configured = re.findall(r'^    "(\w+)",  # ', (ROOT / "conf.py").read_text("utf-8"), re.MULTILINE)
    assert listed == configured


# -- Dependencies ------------------------------------------------------------


def requirements(group: str) -> list[Requirement]:
    return [Requirement(entry) if isinstance(entry, str) else requirement
            for entry in GROUPS[group]
            for requirement in ([None] if isinstance(entry, str) else requirements(entry["include-group"]))]


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("#")[0].strip().split("==") for line in lines]
    return {canonicalize_name(name): version for name, version in (pair for pair in pairs if pair != [""])}


def test_every_dependency_is_pinned_with_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for line in re.search(r"^\[dependency-groups\]\n(.*?)^\[", text, re.DOTALL | re.MULTILINE)[1].splitlines():
        if line.startswith('    "'):
            assert re.fullmatch(r'    "[\w-]+==[\w.]+", +# \S.*', line)


@pytest.mark.parametrize("group", GROUPS)
def test_constraints_agree_with_each_group(group: str):
    for requirement in requirements(group):
        assert constraints()[canonicalize_name(requirement.name)] == str(requirement.specifier).removeprefix("==")


def test_constraints_pin_also_what_the_dependencies_need():
    waiting, seen = requirements("test"), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        if (name, str(requirement.extras)) in seen or (marker and not marker.evaluate({"extra": ""})):
            continue
        seen.add((name, str(requirement.extras)))
        assert name in constraints(), f"{name} is not in constraints.txt"
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            extras = {"", *requirement.extras}
            if not needed.marker or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)


# -- Text and code -----------------------------------------------------------


def found(pattern: str) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {match[0].decode()}" for path in files()
            for match in re.finditer(pattern.encode(), path.read_bytes())]


def test_no_file_names_a_package_registry():
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "(?:com|org)"), ("deb", "debian", "org")]
    assert found("|".join(r"\b" + r"\.".join(host) for host in hosts)) == []


def test_no_file_names_a_folder_of_somebody_s_machine():
    assert found(r"(?<![\w.~-])/(?:" + "|".join(["work", "root", "home", "Users", "opt"]) + r")/\w+") == []


def test_code_style():
    assert says("ruff", "check", "--quiet", "--output-format", "concise") == ""


def test_spelling():
    assert says("codespell") == ""


def test_types():
    sources = [path for folder in ("_ext", "posts") for path in sorted((ROOT / folder).glob("*.py"))]
    assert says("mypy", "--no-error-summary", "conf.py", *sources) == ""


def test_hooks_check_with_commands_that_the_environment_has():
    entries = re.findall(r"entry: (\S+)(?: (\S+))?", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert len(entries) == 3
    for command, argument in entries:
        assert (BIN / command.removeprefix(".venv/bin/")).is_file()
        assert "/" not in argument or (ROOT / argument).is_file()
