"""Reads the results of `zelitrio bench` and shows them as an HTML page."""

from __future__ import annotations

from zelitrio.bench_report.report import report_html
from zelitrio.bench_report.runs import Run, read_run

__all__ = ["Run", "read_run", "report_html"]
