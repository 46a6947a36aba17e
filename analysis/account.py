"""The command: `python -m analysis.account`.

    python -m analysis.account runs/ham10000-screen
    python -m analysis.account s3://bucket/ledger --study fusion-shootout --json

Exit codes: 0 every planned fold fit is done, failed with its reason or pruned with its evidence; 1 one is open, or
something is not as it must be; 2 bad input; 70 a fault of the program; 130 interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from analysis.accounting import Account, account
from analysis.accounting.findings import STATES
from analysis.errors import AnalysisError, fault_line


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m analysis.account`."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.account",
        description="Say what became of every planned fold fit of a run: done, diverged, failed, pruned or open; and "
        "what is not as it must be. Needs neither Ray nor torch, and writes nothing.",
    )
    parser.add_argument("location", metavar="FOLDER|URI", help="the folder of a run, or a ledger")
    parser.add_argument("--study", metavar="NAME", help="which study of a ledger")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    return parser


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        options = build_parser().parse_args(arguments)
        if not options.location or options.study == "":
            raise AnalysisError("the folder or the study is empty; give its name, or leave --study out")
        found = account(options.location, options.study)
        print(_as_json(found) if options.json else "\n".join(_lines(found)), flush=True)
        return 0 if found.accounted else 1
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; run the same command again", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("FUSESEARCH_DEBUG"):
            raise
        print(fault_line(error), file=sys.stderr)
        print("FUSESEARCH_DEBUG=1 shows where it happened", file=sys.stderr)
        return 70


def _lines(found: Account) -> Iterator[str]:
    yield f"study {found.study}, {found.location}"
    parts = {fit.part: [other.state for other in found.fits if other.part == fit.part] for fit in found.fits}
    width = max(map(len, ("part", "total", *parts)))
    yield f"{'part':{width}}  planned  " + "  ".join(f"{state:>8}" for state in STATES)
    rows = {**parts, **({"total": [fit.state for fit in found.fits]} if len(parts) != 1 else {})}
    for name, states in rows.items():
        counts = "  ".join(f"{states.count(state):>8,}" for state in STATES)
        yield f"{name or 'grid':{width}}  {len(states):>7,}  {counts}"
    yield from (f"violation: {one.text}" for one in found.violations)
    yield from (f"left by a crash: {one.text}; the next start of the run mends it" for one in found.remains)
    yield _verdict(found)


def _verdict(found: Account) -> str:
    if found.accounted:
        return "every planned fold fit is accounted for"
    if found.open:
        return f"{len(found.open):,} open; run the same command as before to continue"
    return "the search has not ended; run the same command as before to continue" if found.searching else "not sound"


def _as_json(found: Account) -> str:
    return json.dumps(asdict(found) | {"counts": found.counts, "accounted": found.accounted}, indent=1)


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:]))
