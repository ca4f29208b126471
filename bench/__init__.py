"""Benchmarks that anyone can run, each printing figures against its goals."""
