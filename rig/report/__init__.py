"""The result of a run for people: one HTML page (`page`) and one table for the terminal."""

from rig.report.page import Run, render, write_page
from rig.report.table import print_summary, summary

__all__ = ["Run", "print_summary", "render", "summary", "write_page"]
