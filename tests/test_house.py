"""The house: imports go one way, files and functions stay short, nothing private to a machine is in the tree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "searchspace": {"trainables", "models", "analysis"},
    "trainables": {"models", "analysis"},
    "models": set(),
    "analysis": set(),
}
FOREIGN = {  # what a room must not know of
    "models": {"ray", "pandas", "pyarrow", "optuna"},
    "analysis": {"ray", "torch", "timm", "optuna"},
    "trainables": {"optuna"},
    "searchspace": set(),
}
FILES = sorted(path for room in ALLOWED for path in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    against = (imports(path) & set(ALLOWED)) - ALLOWED[room] - {room}
    assert not against, f"{room} imports {against}"
    assert not imports(path) & FOREIGN[room]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 80, f"{node.name} is too long"


def test_only_two_executors_with_their_notice_and_the_drivers_know_ray():
    using = {str(path.relative_to(ROOT)) for path in FILES if "ray" in imports(path)}
    assert using == {
        "trainables/executors/notice.py",
        "trainables/executors/train.py",
        "trainables/executors/warm.py",
        "searchspace/admission.py",
        "searchspace/cluster.py",
        "searchspace/machines.py",
        "searchspace/tune_driver.py",
        "searchspace/tune_search.py",
    }


def test_only_the_search_knows_optuna():
    using = {str(path.relative_to(ROOT)) for path in FILES if "optuna" in imports(path)}
    assert {name for name in using if not name.startswith("searchspace/search/")} == set()


def test_the_inline_executor_runs_where_ray_is_not_installed(tmp_path):
    program = (
        "import sys; sys.modules['ray'] = None\n"
        "from searchspace.command_line import run_command\n"
        "arguments = ['--executor', 'inline', '--out', sys.argv[1], '--set', 'scientific.metadata.fields=[[age]]',\n"
        "             '--set', 'scientific.fusion.name=[none, concat]', '--set', 'training.epochs=1']\n"
        "sys.exit(run_command(arguments))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "FUSESEARCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "10 of 10 fold fits done" in result.stdout
