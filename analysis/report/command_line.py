"""The command: `python -m analysis.report`.

    python -m analysis.report runs/ham10000-screen
    python -m analysis.report shared-ledger --study fusion-shootout --out reports/fusion-shootout
    python -m analysis.report s3://bucket/runs/a --study my-tables.yaml --replicates 0

Exit codes: 0 the report is written; 2 bad input; 70 a fault of the program; 130 interrupted.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence

from analysis.errors import AnalysisError, fault_line
from analysis.ledger.storage import Storage
from analysis.loading import check_replicates, existing, load_run
from analysis.manifest import IN_RUN
from analysis.report.files import report_files, write_report
from analysis.report.page import PAGE, ReportOptions
from analysis.resampling import REPLICATES
from analysis.run import Run
from analysis.study_file import check_study_name


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m analysis.report`."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Write the report of a run: report.html, its tables and its figures. Needs neither Ray nor torch.",
        epilog="The report of a run goes into its folder, that of a ledger, or with the tables of a study file, to "
        "<folder>/reports/<study>.",
    )
    parser.add_argument("location", metavar="FOLDER|URI", help="the folder of a run, or a ledger")
    parser.add_argument(
        "--study", metavar="NAME|FILE", help="which study of a ledger; or a study file (.yaml) whose tables are wanted"
    )
    parser.add_argument("--out", metavar="FOLDER|URI", help="where the report is written")
    parser.add_argument(
        "--replicates",
        metavar="N",
        type=_count,
        default=REPLICATES,
        help=f"bootstrap replicates, 100 or more; 0: no bootstrap (default: {REPLICATES:,})",
    )
    parser.add_argument("--title", help="the heading; default: the name of the study")
    parser.add_argument("--date", help="a date to print, as it is given; none is printed otherwise")
    parser.add_argument(
        "--without-images", action="store_true", help="leave figures out that show images of the data set"
    )
    return parser


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    try:
        return _report(build_parser().parse_args(arguments))
    except AnalysisError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; run the same command again", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("FUSESEARCH_DEBUG"):
            raise
        print(fault_line(error), file=sys.stderr)
        print("FUSESEARCH_DEBUG=1 shows where it happened", file=sys.stderr)
        return 70


def _report(options: argparse.Namespace) -> int:
    for name in ("location", "study", "out"):
        if getattr(options, name) == "":
            raise AnalysisError(f"{name} is empty; give a folder, a URI or a name, or leave it out")
    location = existing(options.location)
    given = Storage(options.out) if options.out else None
    if given is not None:
        given.require_writable()  # before minutes of work
    run = load_run(options.location, options.study, replicates=options.replicates)
    _require_fold_fits(run)
    out = given or _place(location, options.study, run.manifest.study)
    if given is None:
        out.require_writable()
    wanted = ReportOptions(title=options.title, date=options.date, images=not options.without_images)
    files = report_files(run, wanted)
    write_report(files, out)
    _say(files, out)
    return 0


def _require_fold_fits(run: Run) -> None:
    """Refuse a run of which nothing is known: its report would take the place of one that was made before."""
    if any(part.context is not None for part in run.parts):
        return
    damaged = next((f"; {len(run.damaged)} are damaged, the first: {reason}" for reason in run.damaged.values()), "")
    place = run.ledger.storage.location if run.ledger else run.location
    raise AnalysisError(
        f"study {run.manifest.study}: no fold fit is done yet in the ledger {place}{damaged}; "
        "wait for the first one, or copy the ledger beside its study.json"
    )


def _say(files: Mapping[str, bytes], out: Storage) -> None:
    """Print what was written where; a full or closed standard output is told on the other one."""
    tables = len({name.rpartition(".")[0] for name in files if name.endswith(".md")})
    figures = sum(name.endswith(".svg") for name in files)
    lines = (
        f"report   {out.location}/{PAGE}",
        f"tables   {out.location}/tables/  ({tables}, each as .md .tex .html .json .csv and _long.csv)",
        f"figures  {out.location}/figures/  ({figures}, each as .svg and .pdf)",
    )
    try:
        print("\n".join(lines), flush=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes what is left at its end
        print(f"the report is in {out.location}; standard output failed ({error.strerror})", file=sys.stderr)


def _place(location: Storage, asked: str | None, study: str) -> Storage:
    """Return the folder for a report that goes nowhere else: of a run its own, unless it shows other tables."""
    if location.read(IN_RUN) is not None and asked in (None, study):
        return location
    return location.folder("reports").folder(check_study_name(study, "its folder is named by the study"))


def _count(text: str) -> int:
    count = int(text)
    try:
        check_replicates(count)
    except AnalysisError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return count
