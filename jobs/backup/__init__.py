"""Backups of records and time series: made while everything runs, checked, restored, proven."""

from __future__ import annotations
