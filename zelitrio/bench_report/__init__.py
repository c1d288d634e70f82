"""The results of `zelitrio bench`, read again and shown."""

from __future__ import annotations

from zelitrio.bench_report.report import report_html
from zelitrio.bench_report.runs import Run, read_run

__all__ = ["Run", "read_run", "report_html"]
