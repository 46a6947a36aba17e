"""`python -m analysis.report`: what it writes and prints, and one line with exit code 2 for every mistake."""

import os
import time
from dataclasses import replace

import pytest

from analysis.ledger.storage import Storage
from analysis.manifest import IN_LEDGER, IN_RUN, Manifest
from analysis.report import table_files, write_report
from analysis.report.command_line import build_parser, run_command


@pytest.fixture
def stored(build_run, tmp_path, one_figure):
    """A run folder with a manifest and its ledger."""
    few = {("image only", "none", ()): 0.8, ("concat age", "concat", ("age",)): 2.2}
    manifest = build_run(few).manifest
    Storage(tmp_path).write(IN_RUN, manifest.to_json())
    Storage(tmp_path / "ledger").write(f"{IN_LEDGER}/{manifest.study}.json", manifest.to_json())
    return tmp_path


def test_a_run_folder_gets_its_report(stored, capsys):
    assert run_command([str(stored), "--replicates", "0"]) == 0
    said = capsys.readouterr().out
    assert f"report   {stored}/report.html" in said
    assert "(4, each as .md" in said
    assert "(1, each as .svg" in said
    assert (stored / "report.html").read_bytes().startswith(b"<!doctype html>")
    assert (stored / "tables" / "against_mcr.tex").is_file()
    assert (stored / "figures" / "quick.pdf").is_file()


def test_other_tables_do_not_take_the_place_of_the_run_s_own(stored, tmp_path_factory):
    file = tmp_path_factory.mktemp("study") / "mine.yaml"
    file.write_text("name: mine\ntables: [{name: all, title: All, kind: scores}]\n")
    assert run_command([str(stored), "--replicates", "0", "--study", str(file)]) == 0
    assert (stored / "reports" / "mine" / "tables" / "all.md").is_file()
    assert not (stored / "report.html").exists()


def test_a_ledger_gets_one_for_each_study(stored):
    assert run_command([str(stored / "ledger"), "--replicates", "0", "--title", "Mine"]) == 0
    page = (stored / "ledger" / "reports" / "phantom-study" / "report.html").read_text()
    assert "<h1>Mine</h1>" in page


def test_files_of_an_earlier_report_go_and_those_of_others_stay(tmp_path):
    storage = Storage(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_report({"report.html": b"1", "tables/a.md": b"1", "figures/a.svg": b"1"}, storage)
    (tmp_path / "tables" / "mine.md").write_text("mine")
    storage.write(".report", storage.read(".report") + b"\n../x\nnotes.txt\ntables/../notes.txt")
    write_report({"report.html": b"2", "tables/b.md": b"2"}, storage)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"report.html", "tables/b.md", "tables/mine.md", "notes.txt", ".report"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "error: nowhere: there is no such folder"),
        (["RUN", "--study", "other"], "error: --study other"),
        (["RUN", "--study", "missing.yaml"], "error: --study missing.yaml: cannot be read"),
        (["RUN", "--out", ""], "error: out is empty"),
        (["EMPTY"], "error: "),
    ],
)
def test_mistakes_are_one_line(stored, tmp_path_factory, capsys, arguments, message):
    places = {"RUN": str(stored), "EMPTY": str(tmp_path_factory.mktemp("empty"))}
    assert run_command([places.get(word, word) for word in arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1
    assert not said.out


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "--replicates", "many"], ["a", "--replicates", "-1"], ["a", "--replicates", "99"], ["a", "b"]],
)
def test_arguments_that_cannot_be_read_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_command(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_a_fault_is_one_line_too(stored, monkeypatch, capsys):
    monkeypatch.delenv("FUSESEARCH_DEBUG", raising=False)
    monkeypatch.setattr("analysis.report.command_line.report_files", lambda *_: 1 / 0)
    assert run_command([str(stored), "--replicates", "0"]) == 70
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_help_names_every_option():
    text = build_parser().format_help()
    for option in ("--study", "--out", "--replicates", "--title", "--date", "--without-images"):
        assert option in text


@pytest.mark.parametrize("damage", [False, True])
def test_a_run_without_any_fold_fit_leaves_the_earlier_report(stored, capsys, damage):
    (stored / "tables").mkdir()
    (stored / "tables" / "a.md").write_text("earlier")
    (stored / ".report").write_text("tables/a.md")
    for path in (stored / "ledger" / "fits").iterdir():
        path.write_text("{") if damage else path.unlink()
    assert run_command([str(stored), "--replicates", "0"]) == 2
    said = capsys.readouterr().err
    assert "no fold fit is done yet" in said
    assert ("10 are damaged, the first: " in said) == damage
    assert (stored / "tables" / "a.md").read_text() == "earlier"


def test_a_place_that_cannot_be_written_is_found_before_the_work(stored, monkeypatch, capsys):
    monkeypatch.setattr("analysis.report.command_line.load_run", lambda *_, **__: pytest.fail("it was loaded"))
    assert run_command([str(stored), "--out", str(stored / "study.json" / "x")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_study_whose_name_is_no_folder_needs_one(stored, capsys):
    manifest = Manifest.from_json((stored / IN_RUN).read_bytes(), IN_RUN)
    (stored / "ledger" / "studies" / "phantom-study.json").write_bytes(replace(manifest, study="../../x").to_json())
    command = [str(stored / "ledger"), "--replicates", "0"]
    assert run_command(command) == 2
    assert "its folder is named by the study: '../../x' is no name of a study" in capsys.readouterr().err
    assert run_command([*command, "--out", str(stored / "out")]) == 0


def test_a_full_standard_output_is_told_on_the_other(stored, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdout.write", full)
    assert run_command([str(stored), "--replicates", "0", "--out", str(stored / "out")]) == 0
    assert f"the report is in {stored / 'out'}; standard output failed" in capsys.readouterr().err


def test_what_a_killed_report_left_goes_after_an_hour(tmp_path):
    mark, storage = "0123456789abcdef" * 2, Storage(tmp_path)
    (tmp_path / "tables").mkdir()
    ours = [tmp_path / f"{name}.{mark}" for name in (".report.html", ".probe", f"..probe.{mark}")]
    ours += [tmp_path / "tables" / f".a.md.{mark}"]
    others = [tmp_path / f".study.json.{mark}", tmp_path / "tables" / f".b.md.{mark}"]
    for path in (*ours, *others):
        path.write_text("half")
    for path in (*ours, others[0]):
        os.utime(path, (time.time() - 4000,) * 2)
    write_report({"report.html": b"1"}, storage)
    assert [path.exists() for path in (*ours, *others)] == [False] * 4 + [True] * 2


def test_what_was_left_out_is_no_formula(build_run, plan_part, make_study, ledger):
    part = plan_part(make_study(), ledger, {("image only", "none", ()): 0.8}, tables=[])
    left_out = (("=cmd|'/c calc'!A0", "+bad\x1b[31m"), ("a\ud800", "\u202egnp"))
    files = table_files(build_run(parts=(replace(part, left_out=left_out),)))
    assert files["tables/left_out.csv"].decode() == "sample,problem\n'=cmd|'/c calc'!A0,'+bad[31m\na,gnp\n"
