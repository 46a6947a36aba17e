"""Runs of the command line in a process of its own, as a user would start them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def run_environment(tmp_path_factory) -> dict[str, str]:
    """The environment of a user with an empty home and cache."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # pytest was put into the background by a script
        signal.signal(signal.SIGINT, signal.default_int_handler)  # or runs would inherit that
    home = tmp_path_factory.mktemp("home")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "TUNE_", "PYTEST_"))}
    return {
        **inherited,
        "HOME": str(home),
        "FUSESEARCH_CACHE": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "RAY_worker_niceness": "0",  # or Ray's workers wait for the other tests
    }


Run = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def run(run_environment, tmp_path_factory) -> Run:
    """Run `python -m searchspace.run` with arguments, from an empty folder unless `cwd` is given.

    The report, which takes as long as a small study, is written only when asked for.
    """

    def start(
        *arguments: str, cwd: Path | None = None, timeout: float = 300, report: bool = False, **environment: str
    ) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "searchspace.run", *map(str, arguments), *([] if report else ["--no-report"])],
            cwd=cwd or tmp_path_factory.mktemp("cwd"),
            env={**run_environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return start


@pytest.fixture(scope="session")
def quickstart(run, tmp_path_factory) -> Path:
    """The run folder of an uninterrupted quickstart by the inline executor."""
    out = tmp_path_factory.mktemp("quickstart") / "run"
    result = run("--out", out, "--executor", "inline")
    assert result.returncode == 0, result.stderr
    return out
