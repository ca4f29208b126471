"""What the pages show, worked out of rows by pure functions: the same texts in a first page and a live event."""
