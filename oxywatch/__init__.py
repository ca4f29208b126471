"""The composition root: command line, settings and supervision."""
