"""The files that `ray up` takes: valid for Ray, closed, without credentials, and installing what is pinned. Offline."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from searchspace import machines

ROOT = Path(__file__).parents[2]
CLOUDS = ["cluster.yaml", "docs/clusters/gcp.yaml"]
FILES = [*CLOUDS, "docs/clusters/own-machines.yaml"]
SECRET = re.compile(r"AKIA|aws_secret|private_key:|BEGIN |password|gcp_credentials|(?<![0-9a-f])[0-9a-f]{40,}", re.I)
DOCUMENT = ROOT / "docs" / "cluster.md"


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text()))


def commands(config: dict[str, Any], what: str) -> str:
    return "\n".join(config.get(f"{what}_commands", []))


def starts(config: dict[str, Any]) -> list[str]:
    lines = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    return [line for line in lines if "ray start" in line]


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_the_file(name):
    prepared = prepare_config(read(name))
    validate_config(prepared)
    assert prepared["cluster_name"] == "fusesearch"


@pytest.mark.parametrize("name", FILES)
def test_nobody_joins_without_the_token_and_the_dashboard_is_not_open(name):
    config = read(name)
    assert len(starts(config)) == 2
    assert all(line.startswith("export RAY_AUTH_MODE=token ") for line in starts(config))
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 600 ~/.ray/auth_token" in commands(config, "setup")
    assert [line for line in starts(config) if "--dashboard-host=127.0.0.1" in line] == starts(config)[:1]
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in commands(config, "head_start_ray")
    assert "0.0.0.0" not in (ROOT / name).read_text().replace("to 0.0.0.0/0", "")


@pytest.mark.parametrize("name", CLOUDS)
def test_the_head_takes_drivers_only_and_gpu_machines_start_from_none_with_spot_first(name):
    config = read(name)
    types = config["available_node_types"]
    head, *workers = types.values()
    assert config["head_node_type"] == next(iter(types)) == "head"
    assert head["resources"] == {"CPU": 0}
    assert "--num-cpus=0" in commands(config, "head_start_ray")
    assert [worker["min_workers"] for worker in workers] == [0, 0]
    assert all(worker["resources"]["GPU"] == 1 for worker in workers)
    spot = [name for name, kind in types.items() if "spot" in str(kind["node_config"]).lower()]
    assert spot == ["gpu-spot"] == sorted(types, key=lambda kind: -types[kind].get("priority", -1))[:1]


@pytest.mark.parametrize("name", FILES)
def test_machines_install_the_checkout_with_the_pinned_versions(name):
    config = read(name)
    installs = [line for line in config["setup_commands"] if "pip install" in line]
    assert len(installs) == 1
    assert "-c ~/fusesearch/constraints.txt -e ~/fusesearch" in installs[0]
    assert not re.search(r"\bray\b|==", installs[0].replace("fusesearch", ""))  # its version comes from the constraints
    assert config["file_mounts"]["~/fusesearch"] == "."
    assert {"**/.git", "**/.venv", "**/runs"} <= set(config["rsync_exclude"])


@pytest.mark.parametrize("name", [*FILES, "docs/cluster.md"])
def test_no_credential_is_in_the_file(name):
    text = (ROOT / name).read_text()
    assert not SECRET.search(text.replace("ssh_private_key: ~/.ssh/", ""))


@pytest.mark.parametrize("name", FILES)
def test_what_must_be_changed_is_marked_and_what_it_costs_is_said(name):
    text = (ROOT / name).read_text()
    mine = re.compile(
        r"my-bucket|my-project|ami-0+\b|fusesearch-(head|worker)[}@]|192\.168|/mnt/shared|region:|ssh_private"
    )
    settings = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in settings if mine.search(line) and "# CHANGE" not in line] == []
    assert sum("# CHANGE" in line for line in settings) >= 4
    assert re.search(r"[Ii]t costs", text)
    if name in CLOUDS:
        assert re.search(r"\$\d\.\d\d an hour", text)
        assert re.search(r"list prices as of \w+ 20\d\d", text)


def test_the_document_names_every_file_and_the_pinned_ray():
    text = DOCUMENT.read_text()
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned
    assert f'rayVersion: "{pinned[1]}"' in text
    for name in FILES:
        assert name in text


def test_the_snippets_for_slurm_and_kubernetes_ask_for_the_token_too():
    text = DOCUMENT.read_text()
    assert "export RAY_AUTH_MODE=token" in text
    kubernetes = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.S)[0])
    assert kubernetes["spec"]["authOptions"] == {"mode": "token"}
    groups = [kubernetes["spec"]["headGroupSpec"], *kubernetes["spec"]["workerGroupSpecs"]]
    assert groups[0]["rayStartParams"] == {"num-cpus": "0", "dashboard-host": "127.0.0.1"}
    assert groups[1]["minReplicas"] == 0
    limits = groups[1]["template"]["spec"]["containers"][0]["resources"]["limits"]
    told = machines.workers_of(yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.S)[1]))
    assert told == {machines.Node(float(limits["cpu"]), float(limits["nvidia.com/gpu"])): groups[1]["maxReplicas"]}
