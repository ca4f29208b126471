"""Versions of daily facility reports."""

from __future__ import annotations

from policy.daily_figures import Correction, ReportVersion
from records.reports.services import report_versions, reports, save_report

__all__ = ["Correction", "ReportVersion", "report_versions", "reports", "save_report"]
