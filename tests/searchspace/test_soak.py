"""Slow: kill -9 again and again at random moments; whatever survives, the end is the same table."""

import random
import subprocess
import sys
import time

import pytest

from analysis.ledger import Ledger


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["warm", "inline"])
def test_any_number_of_kills_ends_in_the_same_table(executor, run, run_environment, quickstart, tmp_path):
    moments = random.Random(0)
    out = tmp_path / "run"
    command = [sys.executable, "-m", "searchspace.run", "--out", str(out), "--executor", executor, "--no-report"]
    environment = run_environment | {"FUSESEARCH_CACHE": str(tmp_path / "cache")}
    for _ in range(8):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(1.0, 20.0))
        process.kill()
        process.wait()
    result = run("--out", out, "--executor", executor)
    assert result.returncode == 0, result.stderr
    for name in ("subsets_mcr.md", "subsets_auc.md", "comparisons_mcr.md", "recall.md", "subsets_mcr_long.csv"):
        assert (out / "tables" / name).read_bytes() == (quickstart / "tables" / name).read_bytes()
    ledger = Ledger(out / "ledger")
    assert {record.state for record in ledger.records().values()} == {"done"}
    assert len(ledger.keys()) == 45
    assert not ledger.damaged
    assert not list(out.rglob("*.partial"))
