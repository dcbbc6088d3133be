"""Files that are too big for one process: read once, in their order, to be cut at rows; then landed by many tasks."""
