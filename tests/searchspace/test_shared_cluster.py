"""One cluster for several studies, and machines that are not alike: the tables are those of a run alone, without Ray.

The machines are Ray nodes on this one, their GPUs are made up; what trains on "a GPU" trains on the CPU.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from faults.arena import STUDY as FAULTS_STUDY
from faults.arena import table_bytes
from ray.cluster_utils import Cluster

from analysis.accounting import account

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SMALL = {
    "cohort": {"name": "phantom", "lesions": 60, "size": 32},
    "resources": {"threads": 1, "gpu": 1, "heads": "cpu"},
}
STUDY = FAULTS_STUDY | SMALL | {"fixed": FAULTS_STUDY["fixed"] | {"training": {"epochs": 2, "batch_size": 16}}}
SEARCH = {name: value for name, value in STUDY.items() if name != "scientific"} | {
    "name": "sought",
    "search": {"training.learning_rate": {"low": 0.001, "high": 0.1, "log": True}, "fusion.name": ["concat", "film"]},
    "strategy": {"name": "random", "trials": 4, "confirm": 0, "at_once": 2},
    "tables": [{"name": "best", "title": "Best", "kind": "leaderboard", "metrics": ["mcr"]}],
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A head that takes drivers only, a machine with two GPUs, and one without any and half the memory; its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        try:
            nodes.add_node(num_cpus=2, num_gpus=2, memory=2_000_000_000)
            nodes.add_node(num_cpus=2, num_gpus=0, memory=1_000_000_000)
            nodes.wait_for_nodes()
            yield nodes.address
        finally:
            nodes.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory, run) -> Path:
    """A folder with the studies and the run folder `alone` of an undisturbed run of the first."""
    folder = tmp_path_factory.mktemp("studies")
    plain = {name: value for name, value in STUDY.items() if name != "resources"}
    for name, study in {"shared": STUDY, "sought": SEARCH, "plain": plain}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    result = run(folder / "plain.yaml", "--out", folder / "alone", "--executor", "inline")
    assert result.returncode == 0, result.stderr
    return folder


def started(environment: dict[str, str], address: str, study: Path, out: Path, executor: str) -> subprocess.Popen:
    given = [str(study), "--out", str(out), "--executor", executor, "--address", address, "--no-report"]
    return subprocess.Popen(
        [sys.executable, "-m", "searchspace.run", *given],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("executor", ["warm", "train"])
def test_two_studies_at_once_on_machines_that_differ_end_in_their_own_tables(
    cluster, files, run_environment, tmp_path, executor
):
    outs = [tmp_path / "first", tmp_path / "second"]
    both = [started(run_environment, cluster, files / "shared.yaml", out, executor) for out in outs]
    for process, out in zip(both, outs, strict=True):
        said, _ = process.communicate(timeout=500)
        assert process.returncode == 0, said
        assert "Ray: a running cluster, 4 CPUs, 2 GPUs" in said
        assert table_bytes(out) == table_bytes(files / "alone")
        assert account(str(out)).accounted


def test_a_grid_and_a_search_share_the_cluster(cluster, files, run_environment, tmp_path):
    outs = {"shared": tmp_path / "grid", "sought": tmp_path / "search"}
    both = [started(run_environment, cluster, files / f"{name}.yaml", out, "warm") for name, out in outs.items()]
    for process, out in zip(both, outs.values(), strict=True):
        said, _ = process.communicate(timeout=500)
        assert process.returncode == 0, said
        assert account(str(out)).accounted
    assert table_bytes(outs["shared"]) == table_bytes(files / "alone")


def test_a_machine_with_half_the_memory_takes_half_the_processes(cluster, files, run_environment, tmp_path):
    out = tmp_path / "out"
    process = started(run_environment, cluster, files / "plain.yaml", out, "warm")
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert "4 CPUs, 2 GPUs; 3 processes at once" in said
    assert table_bytes(out) == table_bytes(files / "alone")


def test_a_gpu_that_no_machine_has_is_refused(cluster, files, run_environment, tmp_path):
    study = STUDY | {"resources": {"threads": 4, "gpu": 1}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    process = started(run_environment, cluster, tmp_path / "study.yaml", tmp_path / "out", "warm")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("error: resources.threads=4")
    assert not (tmp_path / "out" / "ledger").exists()
    assert os.listdir(tmp_path) == ["study.yaml"]


def test_a_machine_that_runs_other_source_is_refused_by_its_address(run, tmp_path):
    other = tmp_path / "other"
    for package in ("analysis", "models", "trainables", "searchspace"):
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    (other / "models" / "new.py").write_text("")
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        nodes.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(other)})
        nodes.wait_for_nodes()
        address = nodes.address
        result = run("--address", address, "--out", tmp_path / "run")
    finally:
        nodes.shutdown()
    assert result.returncode == 2
    host = address.partition(":")[0]
    said = f"error: the Ray cluster at {address} runs another version of fusesearch on {host}; "
    assert result.stderr.strip() == f"{said}install this one there"
