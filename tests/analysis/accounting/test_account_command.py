"""`python -m analysis.account`: a table, one line per violation, and exit codes 0, 1 and 2; it writes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from accounted_runs import make_run

from analysis.account import run_command


@pytest.fixture
def run(tmp_path, make_study):
    return make_run(tmp_path / "run", make_study(folds=3, lesions=(6, 6, 6)), role="search")


def files(folder):
    return sorted(str(path) for path in folder.rglob("*"))


def test_a_sound_run_is_0_an_open_one_1_and_none_2(run, capsys, tmp_path):
    before = files(run.folder)
    assert run_command([str(run.folder)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split() == ["part", "planned", "done", "diverged", "failed", "pruned", "open"]
    assert out[2].split() == ["search", "12", "7", "1", "0", "4", "0"]
    assert out[3] == "every planned fold fit is accounted for"
    (run.folder / "ledger" / "fits" / f"{run.key(0)}.json").unlink()
    assert run_command([str(run.folder)]) == 1
    out = capsys.readouterr().out
    assert "violation: trial 0, none, repeat 0, fold 0: the search counts it as done" in out
    assert f"violation: predictions/{run.key(0)}.parquet has no record" in out
    assert out.endswith("1 open; run the same command as before to continue\n")
    assert len(files(run.folder)) == len(before) - 1
    for arguments in ([str(tmp_path / "nowhere")], [str(tmp_path)], [""], [str(run.folder), "--study", "x"]):
        assert run_command(arguments) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_json_holds_every_fold_fit(run, capsys):
    assert run_command([str(run.folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["counts"] == {"done": 7, "diverged": 1, "failed": 0, "pruned": 4, "open": 0}
    assert len(document["fits"]) == 12
    assert document["accounted"] is True


def test_it_runs_without_torch_and_ray(run):
    program = (
        "import runpy, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('ray', 'torch', 'torchvision', 'timm', 'optuna'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "sys.argv = ['account', sys.argv[1]]\n"
        "runpy.run_module('analysis.account', run_name='__main__')\n"
    )
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", program, run.folder], cwd=root, capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
