"""Every fault of the infrastructure several times, at random moments, on three machines of this computer.

    PYTHONPATH=.:tests python benchmarks/fault_table.py --times 3 [--only driver]      Linux, root; about 1 minute each

Prints the table of docs/reliability.md: what was done, how often, fold fits lost, settled fold fits trained again,
whether the tables were those of a run without the fault, to the byte, and the seconds of the whole run.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cluster.hosts import why_not
from faults.arena import Arena, Fault, Found, arena
from faults.injected import FAULTS


def row(fault: Fault, found: Sequence[Found]) -> str:
    """Return the line of one fault."""
    same = sum(one.identical for one in found)
    seconds = sorted(one.seconds for one in found)
    cells = (
        fault.name,
        f"{fault.how} (`{fault.executor}`)",
        str(len(found)),
        str(sum(one.lost for one in found)),
        str(sum(one.repeated for one in found)),
        f"{same} of {len(found)}",
        f"{seconds[0]:.0f} to {seconds[-1]:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def tried(place: Arena, fault: Fault, times: int, seed: int) -> list[Found]:
    """Try a fault several times; what went wrong is printed as it happens."""
    found = []
    for time in range(times):
        one = place.play(fault, random.Random(f"{seed} {fault.name} {time}"))
        found.append(one)
        if not one.sound:
            print(f"  {fault.name}, try {time}: {one} {one.output[-1500:]}", file=sys.stderr, flush=True)
    return found


def main(times: int, only: Sequence[str], seed: int) -> None:
    """Print the table."""
    if reason := why_not():
        sys.exit(f"no machines of our own here: {reason}")
    print("| fault | how | tried | lost | trained again | same tables | seconds |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, arena(Path(folder) / "arena") as place:
        nothing = Fault(name="none", how="for comparison", inject=lambda place, moment: None)
        for fault in (nothing, *FAULTS.values()):
            if not only or any(text in fault.name for text in only):
                print(row(fault, tried(place, fault, times, seed)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="faults whose name holds this text; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.times, given.only, given.seed)
