"""The page as a file: parsed, self-contained, escaped, the same twice; every table and figure in it."""

import base64
import re

import pytest
from markupsafe import escape

from analysis.errors import AnalysisError
from analysis.figures import FIGURES
from analysis.report import PAGE, ReportOptions, report_files
from analysis.report.downloads import downloads
from analysis.report.inline_svg import inline_svg
from analysis.report.sections import sections, shared_notes

HOSTILE = "<script>$x$&\"'</script>{{ 7*7 }}<img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def page(build_run, one_figure, parse_page):
    files = report_files(build_run())
    return parse_page(files[PAGE]), files


def test_the_page_needs_nothing_from_outside(page):
    found, files = page
    addresses = [
        attributes[name]
        for _, attributes in found.elements
        for name in ("src", "href", "xlink:href")
        if name in attributes
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert not found.tags("link")
    assert not found.tags("img")
    assert not found.tags("iframe")
    assert b"@import" not in files[PAGE]
    assert b"url(http" not in files[PAGE]


def test_one_heading_unique_ids_and_links_that_lead_somewhere(page):
    found, _ = page
    assert len(found.tags("h1")) == 1
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"][1:] for attributes in found.tags("a") if attributes["href"].startswith("#")]
    assert set(links) <= set(ids)
    assert {"verdict", "results", "comparisons", "classes", "cost", "integrity", "methods", "appendix"} <= set(links)


def test_tables_have_captions_and_headings_and_figures_say_what_they_show(page):
    found, _ = page
    tables = [one for one in found.tags("table") if "id" in one]
    assert [one["id"] for one in tables] == [
        "table-subsets_mcr", "table-against_mcr", "table-recall", "table-cost",
    ]  # fmt: skip
    assert len(found.tags("caption")) == len(tables)
    assert {one["scope"] for one in found.tags("th")} == {"row", "col", "colgroup"}
    assert [one["aria-label"] for one in found.tags("svg")] == ["A line from 0 to 1."]


def test_the_same_run_gives_the_same_bytes(build_run, one_figure):
    first, second = build_run(), build_run(manifest={})
    assert first is not second
    assert report_files(first) == report_files(second)


def test_files_beside_the_page_and_downloads_in_it(page):
    found, files = page
    assert {"figures/quick.svg", "figures/quick.pdf", "tables/recall.tex", "tables/recall.json"} <= set(files)
    links = {one["download"]: one["href"] for one in found.tags("a") if "download" in one}
    content = base64.b64decode(links["against_mcr_long.csv"].partition("base64,")[2])
    assert content == files["tables/against_mcr_long.csv"]
    assert set(links) == {name.removeprefix("tables/") for name in files if name.endswith((".csv", ".tex", ".json"))}


def test_a_file_too_large_for_the_page_is_named_instead():
    small, large = downloads("t", {"t.csv": b"a", "t_long.csv": b"a" * 2_000_000})
    assert (small.address, large.address) == ("data:text/csv;charset=utf-8;base64,YQ==", "")


def test_hostile_text_is_shown_and_nothing_of_it_runs(build_run, one_figure, parse_page):
    one_figure(title=HOSTILE, caption=HOSTILE, alternative=HOSTILE)
    skills = {("image only", "none", ()): 0.8, (HOSTILE, "concat", ("age",)): 2.0}
    manifest = {"study": HOSTILE, "question": HOSTILE, "source": HOSTILE, "settings": {HOSTILE: [HOSTILE]}}
    run = build_run(skills, manifest=manifest, failed=[(HOSTILE, (0, 1))])
    found = parse_page(report_files(run, ReportOptions(title=HOSTILE, date=HOSTILE))[PAGE])
    assert len(found.tags("script")) == 1
    assert not found.tags("img")
    assert all(not name.startswith("on") for _, attributes in found.elements for name in attributes)
    shown = HOSTILE.removesuffix("\u202e")
    assert shown in found.text("h1")
    assert shown in found.text("pre").replace("\\", "")
    assert found.text().count(shown) > 8


def test_hostile_class_names_reach_the_page_as_text(build_run, make_study, one_figure, parse_page):
    study = make_study(targets=(HOSTILE,))
    found = parse_page(
        report_files(build_run(study=study, tables=[{"name": "s", "title": "S", "kind": "scores"}]))[PAGE]
    )
    assert HOSTILE.removesuffix("\u202e") not in found.text("h1")
    assert len(found.tags("script")) == 1


def test_options_put_their_text_in_and_leave_images_out(build_run, one_figure, parse_page):
    run = build_run()
    plain = parse_page(report_files(run)[PAGE]).text()
    assert "Date" not in plain
    found = parse_page(report_files(run, ReportOptions(title="A title", date="May 2026"))[PAGE])
    assert found.text("h1") == "A title"
    assert "Date May 2026" in found.text()
    one_figure(section="maps")
    assert "figures/quick.svg" in report_files(run)
    assert "figures/quick.svg" not in report_files(run, ReportOptions(images=False))


def test_notes_of_several_tables_are_said_once(build_run, one_figure):
    run = build_run()
    shared = shared_notes(run.tables)
    text = report_files(run)[PAGE].decode()
    assert len(run.tables) > 1
    assert shared
    for note in shared:
        assert sum(note in table.notes for table in run.tables) > 1
        assert text.count(str(escape(note))) == 1
    own = [note for table in run.tables for note in table.notes if note not in shared]
    assert all(str(escape(note)) in text for note in own)


def test_a_confirmation_stands_before_its_search_and_titles_leave_the_arm_out(build_run, plan_part, make_study, ledger):
    few = {("image only", "none", ()): 0.8, ("concat age", "concat", ("age",)): 2.2}
    parts = tuple(
        plan_part(make_study(), ledger, few, tables=[{"name": f"{role}_s", "title": title, "kind": "scores"}], **named)
        for role, title, named in (
            ("search", "Found", {"role": "search", "name": ""}),
            ("confirmation", "Again", {"role": "confirmation", "name": ""}),
            ("arm", "grouped: scores", {"name": "grouped"}),
        )
    )
    (results,) = (one for one in sections(build_run(parts=parts), (), {}) if one.name == "results")
    assert [block.heading for block in results.blocks] == ["The best again, on other folds", "The search", "grouped"]
    assert [table.title for block in results.blocks for table in block.tables] == ["Again", "Found", "Scores"]


def test_a_long_table_stands_in_the_appendix(build_run, one_figure, parse_page, monkeypatch):
    monkeypatch.setattr("analysis.report.sections.LONG", 3)
    found = parse_page(report_files(build_run())[PAGE])
    assert "Recall: 4 rows, in the appendix" in found.text("section")
    assert "long-recall" in [one["id"] for one in found.tags("details") if "id" in one]


def test_two_figures_of_one_name_are_refused(build_run, one_figure, monkeypatch):
    from analysis.report import sections

    monkeypatch.setattr(sections, "FIGURES", {**sections.FIGURES, "again": sections.FIGURES["quick"]})
    with pytest.raises(AnalysisError, match="two figures are named quick"):
        report_files(build_run())


def test_every_figure_of_a_run_is_in_its_report(whole_report, parse_page):
    found = parse_page(whole_report[PAGE])
    drawn = {name for name in whole_report if name.endswith(".svg")}
    assert len(FIGURES) > 5
    assert len(drawn) > 3
    assert len(found.tags("svg")) == len(drawn)
    assert len(found.tags("figure")) == len(drawn)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_an_inlined_figure_keeps_its_own_references_and_nothing_that_runs():
    svg = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="f()">
    <metadata>m</metadata><style>*{fill:red}</style><script>f()</script><a xlink:href="http://x"><text>gone</text></a>
    <defs><clipPath id="c"/><path id="p"/></defs><g clip-path="url(#c)"><use xlink:href="#p"/></g>
    <image xlink:href="data:image/png;base64,AA=="/><image xlink:href="http://x/y.png"/><text>a &lt; b</text></svg>"""
    text = inline_svg(svg, name="f", alternative='a "b"')
    assert re.findall(r'id="([^"]+)"', text) == ["f-c", "f-p"]
    assert 'clip-path="url(#f-c)"' in text
    assert 'xlink:href="#f-p"' in text
    assert "data:image/png;base64,AA==" in text
    assert "a &lt; b" in text
    assert 'aria-label="a &quot;b&quot;"' in text
    for gone in ("onload", "metadata", "style", "script", "http://x", "gone"):
        assert gone not in text
