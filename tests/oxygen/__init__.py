"""Tests of the shared language: physics, readings, wire and decisions."""
