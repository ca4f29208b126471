"""What the pages show, by pure functions of rows; a first page and a live event have the same texts."""
