"""Backups of the records: a portable dump of every table, and what is known of the runs."""

from __future__ import annotations
