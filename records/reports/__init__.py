"""Versions of daily facility reports."""

from __future__ import annotations

from records.reports.models import Correction
from records.reports.services import ReportVersion, report_versions, reports, save_report

__all__ = ["Correction", "ReportVersion", "report_versions", "reports", "save_report"]
