"""The files that hosts act on: Read the Docs' and GitHub's, checked without asking either."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read(path: Path) -> dict[str, Any]:
    """A workflow; YAML reads its key `on` as true."""
    return {("on" if key is True else key): value for key, value in yaml.safe_load(path.read_text("utf-8")).items()}


def says(*command: str | Path) -> str:
    """What a checker says; "" when it is content."""
    run = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def test_read_the_docs_accepts_its_file():
    assert says("check-jsonschema", "--builtin-schema", "vendor.readthedocs", ".readthedocs.yaml") == ""


def test_read_the_docs_builds_what_make_html_builds():
    config = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert config["sphinx"] == {"configuration": "conf.py", "builder": "dirhtml", "fail_on_warning": True}
    assert "-W" in makefile and "-b dirhtml . _build/dirhtml" in makefile
    pip, site = config["build"]["jobs"]["install"]
    assert re.search(r"pip==[\d.]+", pip)[0] in makefile
    assert site.endswith("--constraint constraints.txt --group site")


def test_github_accepts_the_workflows():
    assert says("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS) == ""


def test_actionlint_finds_nothing_in_the_workflows():
    assert says("actionlint", "-shellcheck=", "-pyflakes=", *WORKFLOWS) == ""


def test_zizmor_finds_nothing_in_the_workflows_even_as_an_auditor():
    assert says("zizmor", "--offline", "--quiet", "--persona", "auditor", *WORKFLOWS) == ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(path: Path):
    used = re.findall(r"uses: (.+)", path.read_text("utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/tests\.yml", action)


def test_one_action_has_one_version_everywhere():
    used = re.findall(r"uses: ([\w-]+/[\w-]+)@(.+)", "\n".join(path.read_text("utf-8") for path in WORKFLOWS))
    assert len(dict(used)) == len(set(used))


def test_only_the_job_that_publishes_may_write_and_only_to_pages():
    may_write = {}
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow["permissions"] == {}, path.name
        for name, job in workflow["jobs"].items():
            if writes := {scope for scope, level in job["permissions"].items() if level != "read"}:
                may_write[path.name, name] = writes
    assert may_write == {("pages.yml", "deploy"): {"pages", "id-token"}}


def test_a_pull_request_is_built_and_tested_as_ci_does_and_nothing_else_runs():
    assert [path.name for path in WORKFLOWS if "pull_request" in read(path)["on"]] == ["tests.yml"]
    assert [step["run"] for step in steps(read(ROOT / ".github/workflows/tests.yml")) if "run" in step] == [".ci/run"]


def test_what_is_published_was_tested_knows_its_address_and_keeps_hidden_files():
    workflow = read(ROOT / ".github/workflows/pages.yml")
    assert workflow["jobs"]["build"]["needs"] == "test" and workflow["jobs"]["deploy"]["needs"] == "build"
    build, upload = workflow["jobs"]["build"]["steps"][-2:]
    assert build["run"] == "make html"
    assert set(build["env"]) == {"SITE_URL", "REPOSITORY_URL"}
    assert set(build["env"]) <= set(re.findall(r'environ\.get\("(\w+)"', (ROOT / "conf.py").read_text("utf-8")))
    assert upload["with"] == {"path": "_build/dirhtml", "include-hidden-files": True}


def test_scheduled_articles_come_out_by_a_daily_build():
    [when] = read(ROOT / ".github/workflows/pages.yml")["on"]["schedule"]
    minute, hour, *rest = when["cron"].split()
    assert rest == ["*", "*", "*"]
    assert f"{int(hour):02}:{int(minute):02} UTC" in (ROOT / "docs/publish.md").read_text("utf-8")


def test_links_and_newest_dependencies_are_checked_daily_and_block_no_pull_request():
    workflow = read(ROOT / ".github/workflows/daily.yml")
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    assert [step["run"] for step in steps(workflow) if "run" in step] == ["make linkcheck", "make newest"]
