"""Admission of gateways: one-time codes, certificates, and what the broker is to let in."""
