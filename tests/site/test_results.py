"""_ext/results.py: numbers in the text, their table, and each mistake's message."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from sphinx.testing.util import SphinxTestApp

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "_ext"))
import results
from results import evidence

ROOT = Path(__file__).resolve().parents[2]

Build = Callable[..., tuple[Path, str]]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny blog of tests/roots/test-results, its experiment run and its figure drawn."""
    site = tmp_path_factory.mktemp("measured") / "site"
    shutil.copytree(ROOT / "tests" / "roots" / "test-results", site)
    for name in ("evidence.py", "drawing.py"):
        shutil.copy(ROOT / "posts" / name, site / "posts")
    for script in ("experiment.py", "figures.py"):
        subprocess.run([sys.executable, script], cwd=site / "posts" / "halving", check=True, capture_output=True)
    return site


@pytest.fixture
def site(measured: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(measured, tmp_path / "site"))


@pytest.fixture
def build(site: Path) -> Build:
    def run(text: str | None = None, builder: str = "dirhtml") -> tuple[Path, str]:
        """The output folder and the warnings; `text` replaces the article's."""
        if text is not None:
            (site / "posts" / "halving" / "index.md").write_text(text)
        app = SphinxTestApp(builder, srcdir=site)
        try:
            app.build()
            return Path(app.outdir), re.sub(r"\x1b\[[0-9;]*m", "", app.warning.getvalue())
        finally:
            app.cleanup()

    return run


def page(out: Path, name: str = "posts/halving") -> lxml.html.HtmlElement:
    return lxml.html.parse(str(out / name / "index.html")).getroot()


def paragraph(content: str) -> str:
    return f"# An article\n\nFirst line.\nThen {content} here.\n\n```{{results-table}}\n```\n"


# -- As text -----------------------------------------------------------------


@pytest.mark.parametrize(("value", "unit", "spec", "shown"), [
    (8000, "tokens", "", "8,000\N{NO-BREAK SPACE}tokens"), (290.4, "x", ".0f", "290×"), (0.1234, "", ".1%", "12.3%"),
    (12345.678, "s", "", "12,346\N{NO-BREAK SPACE}s"), (12345.678, "s", ",.1f", "12,345.7\N{NO-BREAK SPACE}s"),
    (0.000031, "s", "", "3.1×10⁻⁵\N{NO-BREAK SPACE}s"), (-0.5, "", "", "−0.5"), (3, "", "+d", "+3"),
    (99.5, "%", "", "99.5%"), ("yes", "", "", "yes"),
])
def test_format(value: Any, unit: str, spec: str, shown: str) -> None:
    assert results.format_value({"value": value, "unit": unit}, spec) == shown


def test_without_unit() -> None:
    assert results.format_value({"value": 8000, "unit": "tokens"}, unit=False) == "8,000"


@pytest.mark.parametrize(("value", "unit", "spec", "message"), [
    (1.5, "", "x", "unknown format 'x'; allowed: decimals (.1f)"), (1.5, "", "5.", "unknown format"),
    (1.5, "", ".2q", "unknown format"), (1.5, "", "d", "for whole numbers, and it is 1.5"),
    (1.5, "s", ".1%", "its unit is 's'"), ("yes", "", ".1f", "it is text"), ([1, 2], "", "", "a series of 2; derive"),
])
def test_format_that_does_not_suit(value: Any, unit: str, spec: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        results.format_value({"value": value, "unit": unit}, spec)
    assert message in str(caught.value)


# -- As HTML -----------------------------------------------------------------


def test_a_number_says_where_it_comes_from(build: Build, site: Path) -> None:
    out, warnings = build()
    assert warnings == ""
    published = evidence.load(site / "posts" / "halving" / "results.json")
    links = {link.get("class"): link for link in page(out).xpath("//p/a[starts-with(@class, 'result ')]")}
    assert set(links) == {"result result-measured", "result result-derived", "result result-quoted"}
    ours, theirs = links["result result-measured"], links["result result-quoted"]
    assert ours.text == f"{published['looks']['value']:.1f}" and not list(ours), "nothing but the number for a feed"
    assert ours.get("href") == "#result-looks"
    assert re.fullmatch(r"measured here: median of 3 seeds, \d+\.\d to \d+\.\d; .+, \d{4}-\d\d-\d\d",
                        ours.get("aria-description"))
    assert theirs.text == "9\N{NO-BREAK SPACE}years"
    assert theirs.get("href").startswith("https://research.google/")
    assert theirs.get("aria-description") == "quoted, not measured here: Bloch 2006, third paragraph"
    assert links["result result-derived"].get("aria-description") == "derived: scan_seconds / halving_seconds"
    source = (out / "posts" / "halving" / "index.html").read_text()
    article = source[source.index("<h1"):source.index("</table>")]
    assert not re.search(r"<a[^>]* (style|on\w+)=", article)


def test_the_table_has_every_number(build: Build, site: Path) -> None:
    out, _ = build()
    published = evidence.load(site / "posts" / "halving" / "results.json")
    (table,) = page(out).xpath("//table[contains(@class, 'results-table')]")
    rows = table.xpath("tbody/tr")
    assert [row.get("id") for row in rows] == [f"result-{key}" for key in published]
    cells = {row.get("id"): [cell.text_content().strip() for cell in row] for row in rows}
    looks = cells["result-looks"]
    assert looks[0] == published["looks"]["about"] + " looks"
    assert re.fullmatch(r"16\.\d 16\.\d to 1\d(\.\d)?", looks[1]) and looks[2] == "measured"
    assert looks[3].startswith("median of 3 seeds, 20") and "a new run must agree within 5%" in looks[3]
    assert cells["result-looks-by-size"][1] == "8 values (looks)"
    assert cells["result-java-bug"][2:] == ["quoted", "Bloch 2006, third paragraph"]
    assert "from halving-seconds, scan-seconds" in cells["result-speedup"][3]
    assert table.xpath("//td//a[@href='#result-scan-seconds']")
    (again,) = page(out).xpath("//p[@class='results-again']")
    assert "Measure them again: make reproduce ARTICLE=halving." in again.text_content()
    assert published["looks"]["machine"]["cpu"] in again.text_content(), "the one machine is named once"
    downloads = {Path(link.get("href")).name for link in page(out).xpath("//a[@download]")}
    assert downloads == {"results.json", "halving.py"}


NUMBERS = "---\norphan: true\nnosearch: true\n---\n\n# Numbers\n\nAll of them.\n\n```{results-table}\n```\n"


def test_a_page_of_numbers_beside_the_article_has_the_table(build: Build, site: Path) -> None:
    (site / "posts" / "halving" / "numbers.md").write_text(NUMBERS)
    out, warnings = build()
    assert warnings == ""
    article, numbers = page(out), page(out, "posts/halving/numbers")
    assert not article.xpath("//table[contains(@class, 'results-table')]")
    rows = set(numbers.xpath("//table[contains(@class, 'results-table')]//tr/@id"))
    shown = {link.get("href") for link in article.xpath("//a[starts-with(@class, 'result ')]")
             if not link.get("href").startswith("https:")}
    assert shown and shown <= {f"numbers/#{row}" for row in rows}
    (link,) = article.xpath("//p[@class='results-elsewhere']/a")
    assert link.get("href") == "numbers/" and link.text_content().startswith(f"The {len(rows)} numbers behind")
    assert "All of them" not in (out / "searchindex.js").read_text()


def test_a_page_of_numbers_may_come_and_go(build: Build, site: Path) -> None:
    """The article's own file stays as it was; what its links lead to does not."""
    numbers = site / "posts" / "halving" / "numbers.md"
    for there in (False, True, False):
        numbers.write_text(NUMBERS) if there else numbers.unlink(missing_ok=True)
        out, warnings = build()
        (first, *_) = page(out).xpath("//a[@class='result result-measured']/@href")
        assert (first, warnings) == ("numbers/#result-looks" if there else "#result-looks", "")


def test_an_excerpt_elsewhere_links_to_the_article(site: Path) -> None:
    """ABlog resolves an article's first paragraphs again, for the page that lists it."""
    app = SphinxTestApp("dirhtml", srcdir=site)
    app.build()
    doctree = app.env.get_and_resolve_doctree("posts/halving/index", app.builder)
    for node in doctree.findall(results.result):
        assert node["refuri"] == node.get("url", f"#result-{node['key']}")
    excerpt = app.env.get_doctree("posts/halving/index")
    app.env.resolve_references(excerpt, "articles/archive", app.builder)
    (ours, *_) = excerpt.findall(results.result)
    assert ours["refuri"] == "../../posts/halving/#result-looks"
    app.cleanup()


def test_text_is_shown_to_the_letter(build: Build, site: Path) -> None:
    """Smart quotes would change what was measured."""
    path = site / "posts" / "halving" / "results.json"
    published = evidence.load(path)
    published["java-bug"] |= {"value": "can't \"<b>", "unit": ""}
    path.write_text(evidence.dump(published))
    out, warnings = build(paragraph("{result}`java-bug`"))
    shown = [element.text_content().strip() for element in page(out).xpath("//a[@aria-description] | //tr[last()]/td[1]")]
    assert warnings == "" and shown == ["can't \"<b>"] * 2


def test_measured_once() -> None:
    record = {"kind": "measured", "n": 1, "over": "repeats", "machine": {"cpu": "A CPU"}, "date": "2026-11-24"}
    assert results.provenance(record) == "measured here: once; A CPU, 2026-11-24"


def test_numbers_in_a_heading_are_plain(build: Build) -> None:
    out, warnings = build(paragraph("{result}`looks`") + "\n## Only {result}`java-bug`\n")
    assert warnings == ""
    (heading,) = page(out).xpath("//h2")
    assert heading.text_content().startswith("Only 9\N{NO-BREAK SPACE}years") and not heading.xpath("a[@aria-description]")


@pytest.mark.parametrize("builder", ["text", "latex", "xml", "singlehtml", "epub"])
def test_other_builders_print_the_number(build: Build, builder: str) -> None:
    out, warnings = build(builder=builder)
    assert [line for line in warnings.splitlines() if "results" in line] == []
    if builder == "text":
        text = (out / "posts" / "halving" / "index.txt").read_text()
        assert "waited 9\N{NO-BREAK SPACE}years to be found" in text and "Bloch 2006, third paragraph" in text


def test_parallel_build_is_the_same(site: Path) -> None:
    outputs = []
    for jobs in ("1", "2"):
        out = site / f"_build/{jobs}"
        subprocess.run([sys.executable, "-m", "sphinx", "-qWEb", "dirhtml", "-j", jobs, site, out], check=True,
                       env={"PYTHONPATH": str(ROOT / "_ext")})
        outputs.append((out / "posts" / "halving" / "index.html").read_bytes())
    assert outputs[0] == outputs[1]


def test_a_change_of_results_or_code_rebuilds_the_page(build: Build, site: Path) -> None:
    build()
    path = site / "posts" / "halving" / "results.json"
    path.write_text(path.read_text().replace('"value": 9,', '"value": 8,'))
    out, warnings = build()
    assert "8\N{NO-BREAK SPACE}years" in page(out).text_content() and warnings == ""
    code = site / "posts" / "halving" / "halving.py"
    code.write_text(code.read_text() + "# changed\n")
    _, warnings = build()
    assert "halving.py changed since it was measured" in warnings


@pytest.mark.parametrize("broken", ["{", None])
def test_a_file_that_was_mended_is_read_again(build: Build, site: Path, broken: str | None) -> None:
    path = site / "posts" / "halving" / "results.json"
    right = path.read_text()
    path.write_text(broken) if broken else path.unlink()
    assert "results.json" in build()[1]
    path.write_text(right)
    out, warnings = build()
    assert warnings == "" and page(out).xpath("//a[@aria-description]")


# -- Mistakes ----------------------------------------------------------------


@pytest.mark.parametrize(("content", "message"), [
    ("{result}`loosk`", "unknown result 'loosk': did you mean 'looks'?"),
    ("{result}`zebra`", "unknown result 'zebra'; there are: looks, halving-seconds, scan-seconds, speedup"),
    ("{result}`looks:.1q`", "result 'looks': unknown format '.1q'; allowed: decimals (.1f), thousands"),
    ("{result}`looks:d`", "result 'looks': format 'd' is for whole numbers"),
    ("{result}`java-bug:.1%`", "result 'java-bug': its unit is 'years', so a percentage"),
    ("{result}`looks-by-size`", "result 'looks-by-size': it is a series of 8; derive one number"),
])
def test_a_mistake_in_the_text(build: Build, content: str, message: str) -> None:
    _, warnings = build(paragraph(content))
    (line,) = warnings.splitlines()
    assert re.search(r"posts/halving/index\.md:[34]: WARNING: ", line) and message in line


def test_results_without_their_table(build: Build) -> None:
    _, warnings = build("# An article\n\nThen {result}`looks` here.\n")
    assert re.search(r"index\.md:3: WARNING: the text shows results, but the page has no \{results-table\}", warnings)


def test_no_results_file(build: Build, site: Path) -> None:
    (site / "posts" / "halving" / "results.json").unlink()
    _, warnings = build()
    found = [line for line in warnings.splitlines() if "results.json" in line]
    assert len(found) == 1, "once a page, not once a number"
    assert "halving/index.md: WARNING: no results.json beside this page; run: make experiment" in found[0]


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"value": 9,', '"value": 9', r"results\.json:\d+: WARNING: not JSON: Expecting ',' .*run: make experiment"),
    ('"value": 9,', "", r"results\.json:\d+: WARNING: result 'java-bug': it lacks the field 'value'"),
    ('"value": 9,', '"value": 9, "valeu": 9,', r"results\.json:\d+: WARNING: .*unknown field 'valeu': did you mean"),
    ('"format_version": 1', '"format_version": 7', r"results\.json:2: WARNING: format_version is 7; it must be 1"),
    ('"digest": "sha256:', '"digest": "sha256:0', r"results\.json:\d+: WARNING: .*digest is"),
])
def test_a_malformed_file(build: Build, site: Path, old: str, new: str, message: str) -> None:
    path = site / "posts" / "halving" / "results.json"
    path.write_text(path.read_text().replace(old, new, 1))
    _, warnings = build()
    assert re.search(message, warnings) and "Traceback" not in warnings


def test_stale_digest(build: Build, site: Path) -> None:
    code = site / "posts" / "halving" / "halving.py"
    code.write_text(code.read_text().replace("looks += 1", "looks += 2"))
    _, warnings = build()
    (line,) = warnings.splitlines()
    assert re.search(r"results\.json:4: WARNING: stale: halving\.py changed since it was measured on \S+; "
                     r"run: make experiment ARTICLE=halving \(looks, halving-seconds", line)


def test_a_mistake_fails_a_strict_build(site: Path) -> None:
    (site / "posts" / "halving" / "index.md").write_text(paragraph("{result}`loosk`"))
    done = subprocess.run([sys.executable, "-m", "sphinx", "-qWb", "dirhtml", site, site / "_build/strict"],
                          env={"PYTHONPATH": str(ROOT / "_ext")}, check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "did you mean 'looks'?" in done.stderr


# -- Documentation -----------------------------------------------------------


def test_the_schema_table_has_every_field(build: Build) -> None:
    out, warnings = build("# Fields\n\n```{results-schema}\n```\n")
    assert warnings == ""
    rows = {row[0].text_content().strip(): [cell.text_content().strip() for cell in row]
            for row in page(out).xpath("//table[contains(@class, 'results-schema')]/tbody/tr")}
    assert set(rows) == {field for kind in evidence.SCHEMA["$defs"].values() for field in kind["properties"]}
    assert rows["value"][1] == "all" and rows["spread"][1] == "measured (optional)"
    assert json.dumps(evidence.SCHEMA).count(rows["locator"][2].split(":")[0]) == 1
