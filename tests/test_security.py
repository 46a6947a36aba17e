"""Nothing in the source runs code that comes from a file: calls that could stand in a short list, with reasons."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path for room in ("searchspace", "trainables", "models", "analysis") for path in (ROOT / room).rglob("*.py")
)
UNSAFE = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads", "joblib.load",
    "marshal.loads", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec", "compile", "__import__",
    "os.system", "os.popen", "pandas.read_pickle", "pd.read_pickle", "jinja2.Template", "Markup",
}  # fmt: skip
ALLOWED = {
    ("searchspace/tune_driver.py", "pickle.loads"): "a judge of our own making, on its way to its process",
    ("trainables/executors/parcel.py", "pickle.loads"): "a trial of our own making, on its way to its process",
    ("analysis/plain_yaml.py", "yaml.load"): "with a loader that knows plain data only",
    (
        "analysis/report/page.py",
        "Markup",
    ): "our own style sheet and script, and fragments that are escaped already",
}


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func), node) for node in found]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_call_runs_what_a_file_says(path):
    name = str(path.relative_to(ROOT))
    for called, node in calls(path):
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        assert called not in UNSAFE or (name, called) in ALLOWED, f"{called} in line {node.lineno}"
        assert given.get("shell", "False") == "False", f"line {node.lineno}"
        assert given.get("allow_pickle", "False") == "False", f"line {node.lineno}"
        if called == "torch.load":
            assert given.get("weights_only") == "True", f"line {node.lineno}"
        if called.endswith("Environment"):
            assert given.get("autoescape") == "True", f"line {node.lineno}"


def test_the_list_of_exceptions_is_as_short_as_it_can_be():
    found = {(str(path.relative_to(ROOT)), called) for path in FILES for called, _ in calls(path)}
    assert set(ALLOWED) <= found
