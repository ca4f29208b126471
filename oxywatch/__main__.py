"""`python -m oxywatch` is the command `oxywatch`."""

from oxywatch.cli import app

app()
