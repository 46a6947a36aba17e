"""Components keep their numbers: golden/components.json holds what each one computed at its present version.

When numbers change on purpose, raise the component's version (it is part of every ledger key, so nothing old is mixed
with the new), then rewrite the file from the repository root with

    PYTHONPATH=. python tests/test_golden.py --write

which adds new components and new versions, and refuses changed numbers under an old version.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_cases import CASES

GOLDEN = Path(__file__).parent / "golden" / "components.json"
TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}  # processors differ in the last bits
TRAINED = ("training of a backbone", "modalities shared", "modalities individual")
TRAINED_TOLERANCE = {"rtol": 1e-2, "atol": 1e-6}  # and training multiplies that: an Intel Xeon is 0.3 % off an AMD EPYC


def stored() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}


def complaint(name: str, version: int, numbers: list[float], golden: dict[str, Any] | None) -> str | None:
    """Say what is wrong with a component, or None."""
    if golden is None:
        return f"{name} has no golden numbers: run {Path(__file__).name} --write"
    if golden["version"] != version:
        return (
            f"{name} has version {version}, its golden numbers {golden['version']}: run {Path(__file__).name} --write"
        )
    same = len(numbers) == len(golden["numbers"]) and np.allclose(
        numbers, golden["numbers"], **(TRAINED_TOLERANCE if name in TRAINED else TOLERANCE)
    )
    return None if same else f"numbers of {name} changed: raise its version"


@pytest.mark.parametrize("name", CASES)
def test_numbers_change_only_with_the_version(name):
    version, compute = CASES[name]
    problem = complaint(name, version, compute(), stored().get(name))
    assert problem is None, problem


def test_golden_numbers_are_of_components_that_exist():
    assert set(stored()) == set(CASES)


def test_a_change_is_noticed():
    golden = {"version": 1, "numbers": [1.0, 2.0]}
    assert complaint("loss focal", 1, [1.0, 2.0 + 1e-6], golden) is None
    assert complaint("loss focal", 1, [1.0, 2.01], golden) == "numbers of loss focal changed: raise its version"
    assert complaint("loss focal", 1, [1.0], golden) == "numbers of loss focal changed: raise its version"
    assert "version 2, its golden numbers 1" in str(complaint("loss focal", 2, [1.0, 2.01], golden))
    assert "no golden numbers" in str(complaint("loss focal", 1, [1.0], None))


def write() -> None:
    """Rewrite the golden file; exit with a message when numbers changed under the same version."""
    old, new = stored(), {}
    for name, (version, compute) in CASES.items():
        numbers = compute()
        golden = old.get(name)
        if golden is not None and golden["version"] == version:
            if (problem := complaint(name, version, numbers, golden)) is not None:
                sys.exit(problem)
            new[name] = golden
        else:
            new[name] = {"version": version, "numbers": [float(f"{number:.7g}") for number in numbers]}
    lines = [f"  {json.dumps(name)}: {json.dumps(new[name])}" for name in sorted(new)]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {sys.argv[0]} --write")
    write()
