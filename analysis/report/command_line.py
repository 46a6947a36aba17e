"""The command: `python -m analysis.report`.

    python -m analysis.report runs/ham10000-screen
    python -m analysis.report shared-ledger --study fusion-shootout --out reports/fusion-shootout
    python -m analysis.report s3://bucket/runs/a --study my-tables.yaml --replicates 0

Exit codes: 0 the report is written; 2 bad input; 70 a fault of the program; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from analysis.errors import AnalysisError
from analysis.ledger.storage import Storage
from analysis.loading import load_run
from analysis.manifest import IN_RUN
from analysis.report.files import report_files, write_report
from analysis.report.page import PAGE, ReportOptions
from analysis.resampling import REPLICATES


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
        help=f"bootstrap replicates; 0: no bootstrap (default: {REPLICATES:,})",
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
        print("interrupted; nothing was changed unless `written` was printed", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("FUSESEARCH_DEBUG"):
            raise
        said = " ".join(str(error).split())[:300]
        print(f"fault of fusesearch, please report it: {type(error).__name__}: {said}", file=sys.stderr)
        print("FUSESEARCH_DEBUG=1 shows where it happened", file=sys.stderr)
        return 70


def _report(options: argparse.Namespace) -> int:
    for name in ("location", "study", "out"):
        if getattr(options, name) == "":
            raise AnalysisError(f"{name} is empty; give a folder, a URI or a name, or leave it out")
    run = load_run(options.location, options.study, replicates=options.replicates)
    wanted = ReportOptions(title=options.title, date=options.date, images=not options.without_images)
    files = report_files(run, wanted)
    out = _place(options, run.manifest.study)
    write_report(files, out)
    tables = len({name.rpartition(".")[0] for name in files if name.endswith(".md")})
    figures = sum(name.endswith(".svg") for name in files)
    print(f"report   {out.location}/{PAGE}")
    print(f"tables   {out.location}/tables/  ({tables}, each as .md .tex .html .json .csv and _long.csv)")
    print(f"figures  {out.location}/figures/  ({figures}, each as .svg and .pdf)")
    return 0


def _place(options: argparse.Namespace, study: str) -> Storage:
    """Return the folder for a report: of a run its own folder, unless it is told otherwise or shows other tables."""
    if options.out:
        return Storage(options.out)
    storage = Storage(options.location)
    is_its_own = storage.read(IN_RUN) is not None and options.study in (None, study)
    return storage if is_its_own else storage.folder("reports").folder(study)


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{count} is not between 0 and 1,000,000")
    return count
