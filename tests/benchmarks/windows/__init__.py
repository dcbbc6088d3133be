"""What windows cost: the engine with and without them, and the windows service by its number of partials."""
