"""Every file of a report as bytes, and the folder they are written to.

`report.html` the page, `tables/` every table in every format, `figures/` every figure as SVG and PDF. A list of them is
kept, so that the next report removes what is no longer made, and nothing else.
"""

import csv
import io
import re
from collections.abc import Mapping

from analysis.errors import AnalysisError
from analysis.ledger.storage import Storage
from analysis.report.page import AS_IT_IS, PAGE, ReportOptions, page
from analysis.report.sections import figures_of
from analysis.run import Run
from analysis.tables import render_all
from analysis.tables.renderers.wide import plain

WRITTEN = ".report"
"""Lists the files of the last report in a folder."""
ABANDONED = 3600.0
"""Seconds after which a file that was being written belongs to no living writer."""


def report_files(run: Run, options: ReportOptions = AS_IT_IS) -> dict[str, bytes]:
    """Return all files of the report by name: the page, every table in every format, every figure as SVG and PDF.

    Raises:
        AnalysisError: a table or a figure does not fit the run, or two would write the same file.
    """
    tables = render_all(run.tables)
    figures = figures_of(run, images=options.images)
    files = _in_folder(tables) | _left_out(run)
    for figure in figures:
        if f"figures/{figure.name}.svg" in files:
            raise AnalysisError(f"two figures are named {figure.name}")
        files |= {f"figures/{figure.name}.svg": figure.svg, f"figures/{figure.name}.pdf": figure.pdf}
    return {PAGE: page(run, options, tables, figures), **files}


def table_files(run: Run) -> dict[str, bytes]:
    """Return the files of the tables alone, by name.

    Raises:
        AnalysisError: a table does not fit the run, or two would write the same file.
    """
    return _in_folder(render_all(run.tables)) | _left_out(run)


def write_report(files: Mapping[str, bytes], storage: Storage) -> None:
    """Write files into a folder, and remove those of an earlier report there that are no longer made.

    What a report that was killed left half-written aside is removed too, once it is an hour old.

    Raises:
        AnalysisError: a file cannot be written or removed.
    """
    earlier = (storage.read(WRITTEN) or b"").decode(errors="replace").splitlines()
    for name, content in sorted(files.items()):
        storage.write(name, content)
    for name in sorted(set(earlier) - set(files)):
        if (name == PAGE or name.startswith(("tables/", "figures/"))) and ".." not in name.split("/"):
            storage.remove(name)
    storage.write(WRITTEN, "\n".join(sorted(files)).encode())
    for folder, of in (
        ("", rf"{re.escape(PAGE)}|{re.escape(WRITTEN)}|\.?probe.*"),
        ("tables", ".*"),
        ("figures", ".*"),
    ):
        storage.remove_leftovers(folder, of=re.compile(of), seconds=ABANDONED)


def _in_folder(tables: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"tables/{name}": content for name, content in tables.items()}


def _left_out(run: Run) -> dict[str, bytes]:
    """Return the file that names every sample that was left out, if any was."""
    problems = dict.fromkeys(problem for part in run.parts for problem in part.planned.left_out)
    if not problems:
        return {}
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["sample", "problem"])
    writer.writerows((plain(sample), plain(problem)) for sample, problem in problems)
    return {"tables/left_out.csv": rows.getvalue().encode()}
