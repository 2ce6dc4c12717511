"""The result of a run for people and for CI.

words -- the texts and numbers of a result, the same everywhere; table -- the terminal
page, parts, tables -- the HTML page; figures, timeline, pictures, theme -- what is drawn
checks, junit -- what was checked; views, files -- what is kept of a run, and read back
"""

from rig.report.page import render, write_page
from rig.report.table import print_summary, summary
from rig.report.views import Run, run_of

__all__ = ["Run", "print_summary", "render", "run_of", "summary", "write_page"]
