"""The report of a run: one HTML file that needs no network and no script, with its tables and figures beside it.

python -m analysis.report runs/ham10000-screen         # writes report.html, tables/ and figures/ there

files = report_files(load_run("runs/ham10000-screen"), ReportOptions())      # {"report.html": bytes, "tables/...": ...}
"""

from analysis.report.files import report_files, table_files, write_report
from analysis.report.page import PAGE, ReportOptions

__all__ = ["PAGE", "ReportOptions", "report_files", "table_files", "write_report"]
