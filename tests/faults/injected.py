"""The faults of the infrastructure, each in a few lines: every one has to end in the table of a run without it."""

import time
from random import Random

from faults.arena import Arena, Fault

FAULTS: dict[str, Fault] = {}
"""By name. Tests and `benchmarks/fault_table.py` walk it."""
DRAIN = """
import sys, time, ray
from ray.core.generated import autoscaler_pb2
ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
node = next(n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeManagerAddress"] == sys.argv[1])
reason = autoscaler_pb2.DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION
gcs = ray._private.worker.global_worker.gcs_client
print(gcs.drain_node(node, reason, "spot notice", int((time.time() + float(sys.argv[2])) * 1000)))
"""


def fault(name: str, how: str, *, executor: str = "warm", resumed: bool = False, damages: int = 0):
    """Register what is decorated."""

    def register(inject):
        FAULTS[name] = Fault(name=name, how=how, inject=inject, executor=executor, resumed=resumed, damages=damages)
        return inject

    return register


@fault("a warm process killed", "kill -9 of a Tune actor that trains")
def kill_warm_process(place: Arena, moment: Random) -> None:
    place.kill_process("ray::ResourceTrainable", moment)


@fault("a rank killed", "kill -9 of a Ray Train worker", executor="train")
def kill_rank(place: Arena, moment: Random) -> None:
    place.kill_process("ray::RayTrainWorker", moment)


@fault("a Train controller killed", "kill -9 of the controller of a nested run", executor="train")
def kill_controller(place: Arena, moment: Random) -> None:
    place.kill_process("ray::TrainController", moment)


@fault("a Tune driver of a nested run killed", "kill -9 of the actor that launched it", executor="train")
def kill_trial_driver(place: Arena, moment: Random) -> None:
    place.kill_process("ray::ImplicitFunc", moment)


@fault("the driver killed", "kill -9 of python -m searchspace.run; the same command again", resumed=True)
def kill_driver(place: Arena, moment: Random) -> None:
    place.kill_process("[^ ]*python[0-9.]* -m searchspace.run", moment)


@fault(
    "the driver of nested runs killed",
    "kill -9 of python -m searchspace.run; the same command again",
    executor="train",
    resumed=True,
)
def kill_driver_of_nested_runs(place: Arena, moment: Random) -> None:
    kill_driver(place, moment)


@fault("a machine lost", "kill -9 of everything on a worker machine, which stays away")
def lose_machine(place: Arena, moment: Random) -> None:
    moment.choice(place.hosts.workers).kill()


@fault("a machine lost and back", "the same; it comes back after 5 to 20 s", executor="train")
def lose_machine_for_a_while(place: Arena, moment: Random) -> None:
    worker = moment.choice(place.hosts.workers)
    worker.kill()
    time.sleep(moment.uniform(5.0, 20.0))
    worker.restart()


@fault("the head lost", "kill -9 of everything on the head, then a new head; the same command again", resumed=True)
def lose_head(place: Arena, moment: Random) -> None:
    place.hosts.head.kill()
    time.sleep(moment.uniform(0.0, 5.0))
    place.hosts.head.restart()
    place.hosts.wait_for(len(place.hosts.all))


@fault("a network cut that heals soon", "the link of a worker machine down for 2 to 15 s")
def cut_for_a_moment(place: Arena, moment: Random) -> None:
    worker = moment.choice(place.hosts.workers)
    worker.cut()
    time.sleep(moment.uniform(2.0, 15.0))
    worker.heal()


@fault("a network cut that heals late", "the same for 40 to 60 s: the head gives the machine up; it joins again")
def cut_for_long(place: Arena, moment: Random) -> None:
    worker = moment.choice(place.hosts.workers)
    worker.cut()
    time.sleep(moment.uniform(40.0, 60.0))
    worker.heal()
    time.sleep(2.0)
    worker.run("ray stop --force", check=False)
    worker.join()


def preempt(place: Arena, moment: Random) -> None:
    """Tell the cluster that a worker machine goes in some seconds, and take it then."""
    worker, seconds = moment.choice(place.hosts.workers), 15.0
    script = place.hosts.shared / "drain.py"
    script.write_text(DRAIN)
    place.hosts.head.run(f"RAY_AUTH_MODE=token python {script} {worker.address} {seconds:g}")
    time.sleep(seconds)
    worker.kill()


@fault("a preemption notice", "a worker machine drained by Ray's notice and killed 15 s later")
def preempt_warm(place: Arena, moment: Random) -> None:
    preempt(place, moment)


@fault("a preemption notice to nested runs", "the same", executor="train")
def preempt_nested(place: Arena, moment: Random) -> None:
    preempt(place, moment)


@fault(
    "a record cut short",
    "the driver killed, then a record and a table of predictions truncated",
    resumed=True,
    damages=2,
)
def truncate(place: Arena, moment: Random) -> None:
    kill_driver(place, moment)
    place.end()
    for folder in ("fits", "predictions"):
        path = moment.choice(sorted((place.out / "ledger" / folder).glob("[!.]*")))
        content = path.read_bytes()
        path.write_bytes(content[: moment.randrange(len(content))])
