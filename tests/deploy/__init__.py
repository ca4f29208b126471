"""Tests of what is shipped for running OxyWatch in containers."""
