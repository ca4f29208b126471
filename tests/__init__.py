"""Tests of OxyWatch, one folder per room."""
