"""Real flights as a source: the data, its events in order, and an oracle that shares no code with them."""
