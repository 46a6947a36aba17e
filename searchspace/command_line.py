"""The command line: its options, `list`, and the mapping of errors to one line and an exit code.

Exit codes: 0 the study is complete; 1 a fold fit failed, or one of a grid diverged; 2 bad input, nothing was started;
70 a fault of the program; 74 it had to stop because a disk or a store gave out; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from analysis.errors import AnalysisError, fault_line
from models.errors import InputError
from searchspace.halted import EXIT_CODE, Halted
from searchspace.study_files import built_in_studies

EXECUTORS = ("warm", "train", "inline")
FILE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m searchspace.run`."""
    parser = argparse.ArgumentParser(
        prog="python -m searchspace.run",
        description="Run a study: train every configuration over its folds, and fill the study's tables.",
        epilog="Without a study: `quickstart`, on generated pictures, which needs no data. `list` names the built-in "
        "studies. Starting a run again continues it: a fold fit that is in the ledger is never trained twice.",
    )
    parser.add_argument(
        "study", nargs="?", help="a built-in study, a study file (.yaml), or `list`; default: quickstart"
    )
    parser.add_argument("--data", metavar="FOLDER|URI", help="the cohort's folder")
    parser.add_argument(
        "--weights", metavar="PATH|URI", help="a weights file for the backbone, or a folder of files named by backbone"
    )
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a setting, e.g. training.epochs=5"
    )
    parser.add_argument("--out", metavar="FOLDER|URI", help="the run folder; default: runs/<study>")
    parser.add_argument(
        "--ledger", metavar="FOLDER|URI", help="a ledger to share with other runs; default: <out>/ledger"
    )
    parser.add_argument(
        "--executor",
        choices=EXECUTORS,
        help="train: a Ray Train run per trial (default when backbones are fine-tuned); warm: reused processes "
        "(default otherwise); inline: this process, no Ray",
    )
    parser.add_argument(
        "--address",
        metavar="ADDRESS",
        help="a Ray cluster, `auto` (announced here) or `local`; default: auto, else local",
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="leave faulty samples out and say which, instead of stopping"
    )
    parser.add_argument(
        "--replay",
        metavar="FOLDER|URI",
        help="run the suggestions of the search in that run folder again, and check them",
    )
    parser.add_argument(
        "--no-report",
        action="store_true",
        help="write the tables, but neither page nor figures; `python -m analysis.report <run folder>` does it later",
    )
    parser.add_argument("--resume", action="store_true", help="continue the run in --out exactly as it was asked for")
    parser.add_argument(
        "--dry-run", action="store_true", help="show trials, fold fits in the ledger and an estimate; train nothing"
    )
    return parser


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    try:
        options = build_parser().parse_args(arguments)
        if options.study == "list":
            _list(console)
            return 0
        from searchspace.execution import run_study
        from searchspace.options import Options

        return run_study(Options.of(options, Path.cwd()), console)
    except Halted as error:
        print(
            f"stopped: {error}; what is finished is kept: mend that, then run the same command again", file=sys.stderr
        )
        return EXIT_CODE
    except (InputError, AnalysisError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("FUSESEARCH_DEBUG"):
            raise
        print(fault_line(error), file=sys.stderr)
        print("what is finished is kept; FUSESEARCH_DEBUG=1 shows where it happened", file=sys.stderr)
        return 70


def _list(console: Console) -> None:
    table = Table(box=None, pad_edge=False, title="built-in studies", title_justify="left")
    for heading in ("study", "question", "source", "cost"):
        table.add_column(heading, overflow="fold")
    for name, text in built_in_studies().items():
        document = yaml.safe_load(text)
        table.add_row(name, document["question"], document.get("source", ""), document.get("cost", ""))
    console.print(table)
