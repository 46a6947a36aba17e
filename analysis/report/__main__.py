"""`python -m analysis.report`; see `analysis.report.command_line`."""

import sys

from analysis.report.command_line import run_command

sys.exit(run_command(sys.argv[1:]))
