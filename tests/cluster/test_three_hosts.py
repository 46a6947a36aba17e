"""Three machines on this one: a study over them, and what happens to them. Skipped where they cannot be made."""

import sys
from pathlib import Path

import pytest
from cluster.hosts import ROOT, three_hosts, why_not
from cluster.three_hosts import checked, main

pytestmark = [pytest.mark.cluster, pytest.mark.skipif(bool(why_not()), reason=f"no machines of their own: {why_not()}")]

ALIVE = """
import ray
ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
print(*sorted({node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}))
"""


def test_a_study_over_three_hosts_gives_the_tables_of_one(capfd):
    main([])
    log = capfd.readouterr().out
    assert "45 of 45 fold fits done" in log
    assert "are the same as those of `--executor inline`" in log
    assert "nothing is left: no process, network interface or mount" in log


def test_hosts_die_come_back_and_lose_their_network(tmp_path):
    with three_hosts(tmp_path / "net") as hosts:
        (hosts.network / "alive.py").write_text(ALIVE)

        def alive() -> list[str]:
            return hosts.head.run(f"python {hosts.network}/alive.py").stdout.split()

        first, second = hosts.workers
        assert alive() == ["head", "worker-1", "worker-2"]
        first.kill()
        hosts.wait_for(2)
        assert alive() == ["head", "worker-2"]
        first.restart()
        assert alive() == ["head", "worker-1", "worker-2"]
        second.cut()
        hosts.wait_for(2)
        assert alive() == ["head", "worker-1"]
        second.heal()
        second.join()
        hosts.wait_for(3)
        hosts.head.kill()
        hosts.head.restart()
        assert alive() == ["head", "worker-1", "worker-2"]
    assert not any(host.alive for host in [hosts.laptop, *hosts.all])


def test_signals_reach_a_command_inside(tmp_path):
    with three_hosts(tmp_path / "net", up=False) as hosts:
        program = (
            "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print(1, flush=True); input()"
        )
        inside = hosts.head.start(f'python3 -c "{program}"')
        assert inside.stdout.readline() == "1\n"
        inside.send_signal(2)
        assert inside.wait(timeout=10) == 7
        assert hosts.head.run("hostname; ls ~/.ray", check=False).stdout == "head\n"  # a home of its own
        assert "OpenSSH" in hosts.laptop.run("head -c 30 </dev/tcp/10.77.0.1/22").stdout


def test_where_machines_cannot_be_made_three_nodes_do():
    command = [sys.executable, "-m", "cluster.three_hosts", "--simulated", "--set", "training.epochs=20"]
    log = checked(command, PYTHONPATH=str(Path(ROOT) / "tests")).stdout
    assert "Not on machines of their own (asked for): on three Ray nodes" in log
    assert "are the same as those of `--executor inline`" in log
