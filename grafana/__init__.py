"""Dashboards as functions, their built JSON, and provisioning."""
